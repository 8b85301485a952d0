import type { Condition, KubeObject } from "../../api/meta.ts";
import { deepEqual, isRecord } from "../../base/json.ts";
import { setCondition } from "../../kube/pods.ts";
import type { WriteContext } from "./context.ts";
import { rulesEngine } from "./lazy-rules.ts";
import type { FieldProblem, Schema } from "./resource.ts";
import { hasValidationRules, validateStructural } from "./schema/index.ts";

/** What the server checks in and writes into a CustomResourceDefinition (K8S-150, K8S-151). */

export const CRD_TABLE = "customresourcedefinitions.apiextensions.k8s.io";
export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

export interface CrdNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdVersionSpec {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: {
    readonly status?: object;
    readonly scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  readonly additionalPrinterColumns?: readonly object[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export interface CrdSpec {
  readonly group: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly names: CrdNames;
  readonly versions: readonly CrdVersionSpec[];
  conversion?: { strategy: string; [field: string]: unknown };
}

export interface CrdStatus {
  readonly conditions?: readonly Condition[];
  readonly acceptedNames?: CrdNames;
  readonly storedVersions?: readonly string[];
}

export function crdSpecOf(crd: KubeObject): CrdSpec {
  return crd["spec"] as CrdSpec;
}

export function crdStatusOf(crd: KubeObject): CrdStatus {
  return (crd["status"] ?? {}) as CrdStatus;
}

export function isEstablished(crd: KubeObject): boolean {
  return crdStatusOf(crd).conditions?.find(({ type }) => type === "Established")?.status === "True";
}

/** Fills names and status of a private copy; returns what is wrong with it. */
export function prepareCrd(context: WriteContext, crd: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  if (!isRecord(crd["spec"])) return [problem("spec", "FieldValueRequired", "Required value")];
  const spec = crdSpecOf(crd);
  const shapeProblems = validateShape(crd.metadata.name, spec);
  if (shapeProblems.length > 0) return shapeProblems;
  spec.names.singular ||= spec.names.kind.toLowerCase();
  spec.names.listKind ||= `${spec.names.kind}List`;
  spec.conversion ??= { strategy: "None" };
  const own = context.packCrds.get(crd.metadata.name);
  const checked = [old, own].flatMap((known) => (known ? [crdSpecOf(known)] : []));
  const problems = spec.versions.flatMap((version, index) => validateVersion(version, index, checked));
  if (old) problems.push(...validateChange(spec, crdSpecOf(old)));
  if (problems.length > 0) return problems;

  if (!old) crd.metadata.finalizers = [...(crd.metadata.finalizers ?? []), CLEANUP_FINALIZER];
  crd["status"] = statusOf(context, crd, spec);
  return [];
}

/** The parts that everything else relies on; the rest is looked at only when these are in order. */
function validateShape(name: string, spec: CrdSpec): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const requireText = (value: unknown, field: string) => {
    if (typeof value !== "string" || value === "")
      problems.push(problem(field, "FieldValueRequired", "Required value"));
  };
  requireText(spec.group, "spec.group");
  requireText(spec.names?.plural, "spec.names.plural");
  requireText(spec.names?.kind, "spec.names.kind");
  if (spec.scope !== "Namespaced" && spec.scope !== "Cluster") {
    const message = `Unsupported value: ${JSON.stringify(spec.scope ?? "")}: supported values: "Cluster", "Namespaced"`;
    problems.push(problem("spec.scope", "FieldValueNotSupported", message));
  }
  if (!Array.isArray(spec.versions) || spec.versions.length === 0) {
    problems.push(problem("spec.versions", "FieldValueRequired", "Required value: must have at least one version"));
  }
  if (problems.length > 0) return problems;
  const expected = `${spec.names.plural}.${spec.group}`;
  if (name !== expected) {
    const detail = 'must be spec.names.plural+"."+spec.group';
    problems.push(problem("metadata.name", "FieldValueInvalid", `Invalid value: ${JSON.stringify(name)}: ${detail}`));
  }
  if (spec.versions.filter(({ storage }) => storage).length !== 1) {
    const message = "Invalid value: must have exactly one version marked as storage version";
    problems.push(problem("spec.versions", "FieldValueInvalid", message));
  }
  return problems;
}

/** `checked`: definitions whose rules are known to be in order. */
function validateVersion(version: CrdVersionSpec, index: number, checked: readonly CrdSpec[]): readonly FieldProblem[] {
  const path = `spec.versions[${index}]`;
  const schema = version.schema?.openAPIV3Schema;
  const schemaPath = `${path}.schema.openAPIV3Schema`;
  if (!isRecord(schema)) return [problem(schemaPath, "FieldValueRequired", "Required value: schemas are required")];
  const problems = [...validateStructural(schema, schemaPath)];
  const isChecked = () =>
    checked.some(({ versions }) =>
      versions.some(({ name, schema: known }) => name === version.name && deepEqual(known, version.schema)),
    );
  // Rules are compiled against the types of the schema, so that it has to be in order first; once is enough.
  if (problems.length === 0 && hasValidationRules(schema) && !isChecked()) {
    problems.push(...rulesEngine().checkRules(schema, schemaPath));
  }
  const { additionalPrinterColumns = [], selectableFields = [], subresources } = version;
  additionalPrinterColumns.forEach((column, columnIndex) => {
    const columnPath = `${path}.additionalPrinterColumns[${columnIndex}]`;
    problems.push(...requireFields(column, columnPath, ["name", "type", "jsonPath"]));
  });
  selectableFields.forEach((field, fieldIndex) => {
    problems.push(...requireFields(field, `${path}.selectableFields[${fieldIndex}]`, ["jsonPath"]));
  });
  if (subresources?.scale) {
    const scalePath = `${path}.subresources.scale`;
    problems.push(...requireFields(subresources.scale, scalePath, ["specReplicasPath", "statusReplicasPath"]));
  }
  return problems;
}

function requireFields(value: object, path: string, fields: readonly string[]): readonly FieldProblem[] {
  const members = value as Record<string, unknown>;
  return fields
    .filter((field) => typeof members[field] !== "string" || members[field] === "")
    .map((field) => problem(`${path}.${field}`, "FieldValueRequired", "Required value"));
}

function validateChange(spec: CrdSpec, old: CrdSpec): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const requireSame = (field: string, value: string, former: string) => {
    if (value === former) return;
    const message = `Invalid value: ${JSON.stringify(value)}: field is immutable`;
    problems.push(problem(field, "FieldValueInvalid", message));
  };
  requireSame("spec.group", spec.group, old.group);
  requireSame("spec.scope", spec.scope, old.scope);
  requireSame("spec.names.kind", spec.names.kind, old.names.kind);
  requireSame("spec.names.plural", spec.names.plural, old.names.plural);
  return problems;
}

function statusOf({ transaction, registry, clock }: WriteContext, crd: KubeObject, spec: CrdSpec): CrdStatus {
  const now = clock.now();
  const former = crdStatusOf(crd);
  const conflict = findConflict(spec, namesInUse(spec.group, crd.metadata.name, { transaction, registry }));
  const accepted: Condition = conflict
    ? { type: "NamesAccepted", status: "False", ...conflict }
    : { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" };
  const established: Condition = conflict
    ? { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" }
    : {
        type: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
      };
  const storage = spec.versions.find((version) => version.storage)!.name;
  const stored = former.storedVersions ?? [];
  return {
    conditions: setCondition(setCondition(former.conditions, accepted, now), established, now),
    acceptedNames: conflict ? (former.acceptedNames ?? { kind: "", plural: "" }) : spec.names,
    storedVersions: stored.includes(storage) ? stored : [...stored, storage],
  };
}

interface NamesInUse {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** Names are shared by the kinds of one group only: two packs may have the same short name (SEED-090). */
function namesInUse(
  group: string,
  except: string,
  { transaction, registry }: Pick<WriteContext, "transaction" | "registry">,
): NamesInUse {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { type, singular, shortNames, listKind, isCustom } of registry.definitions) {
    if (isCustom || type.group !== group) continue;
    for (const name of [type.plural, singular, ...shortNames]) resources.add(name);
    for (const name of [type.kind, listKind]) kinds.add(name);
  }
  for (const other of transaction.list(CRD_TABLE, null)) {
    const names = crdStatusOf(other).acceptedNames;
    if (other.metadata.name === except || crdSpecOf(other).group !== group || !names?.kind) continue;
    for (const name of [names.plural, names.singular ?? "", ...(names.shortNames ?? [])]) resources.add(name);
    for (const name of [names.kind, names.listKind ?? ""]) kinds.add(name);
  }
  return { resources, kinds };
}

/** Of several conflicts the last one is told, as by the original. */
function findConflict({ names }: CrdSpec, used: NamesInUse): { reason: string; message: string } | null {
  const checks: [reason: string, name: string, taken: ReadonlySet<string>][] = [
    ["PluralConflict", names.plural, used.resources],
    ["SingularConflict", names.singular!, used.resources],
    ...(names.shortNames ?? []).map((name): [string, string, ReadonlySet<string>] => [
      "ShortNamesConflict",
      name,
      used.resources,
    ]),
    ["KindConflict", names.kind, used.kinds],
    ["ListKindConflict", names.listKind!, used.kinds],
  ];
  const conflict = checks.findLast(([, name, taken]) => taken.has(name));
  if (!conflict) return null;
  const [reason, name] = conflict;
  return { reason, message: `${JSON.stringify(name)} is already in use` };
}

function problem(field: string, reason: string, message: string): FieldProblem {
  return { field, reason, message };
}
