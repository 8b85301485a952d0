import type { KubeObject, ObjectMeta } from "../../api/meta.ts";
import { deepEqual, isRecord } from "../../base/json.ts";
import {
  dns1035LabelProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  labelValueProblems,
  type NameRule,
  pathSegmentProblems,
  qualifiedNameProblems,
} from "../../kube/names.ts";
import type { FieldProblem, ResourceDefinition } from "./resource.ts";
import { badRequest } from "./statuses.ts";

/** Go types of ObjectMeta, as they stand in decoding errors (K8S-80). `map` and `list` have text members. */
const fields: Record<string, "string" | "int64" | "map" | "list" | "owners" | "managed" | "dropped"> = {
  name: "string",
  generateName: "string",
  namespace: "string",
  selfLink: "dropped",
  uid: "string",
  resourceVersion: "string",
  generation: "int64",
  creationTimestamp: "string",
  deletionTimestamp: "string",
  deletionGracePeriodSeconds: "int64",
  labels: "map",
  annotations: "map",
  ownerReferences: "owners",
  finalizers: "list",
  managedFields: "managed",
};

const ownerFields = new Set(["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]);

/** Metadata of a request body, pruned to ObjectMeta; nulls and empty collections count as absent. */
export function decodeMetadata(
  raw: unknown,
  definition: ResourceDefinition,
): { metadata: ObjectMeta; unknownFields: string[] } {
  const metadata: Record<string, unknown> = {};
  const unknownFields: string[] = [];
  if (raw === undefined || raw === null) return { metadata: metadata as unknown as ObjectMeta, unknownFields };
  if (!isRecord(raw)) throw wrongType(definition, "metadata", raw, "v1.ObjectMeta");
  for (const [field, value] of Object.entries(raw)) {
    const type = fields[field];
    if (type === undefined) unknownFields.push(`metadata.${field}`);
    else if (value !== null && value !== undefined && type !== "dropped") {
      const decoded = decodeField(field, type, value, definition, unknownFields);
      if (decoded !== undefined) metadata[field] = decoded;
    }
  }
  return { metadata: metadata as unknown as ObjectMeta, unknownFields };
}

function decodeField(
  field: string,
  type: "string" | "int64" | "map" | "list" | "owners" | "managed",
  value: unknown,
  definition: ResourceDefinition,
  unknownFields: string[],
): unknown {
  const path = `metadata.${field}`;
  switch (type) {
    case "string":
      if (typeof value !== "string") throw wrongType(definition, path, value, "string");
      return value === "" ? undefined : value;
    case "int64":
      if (!Number.isInteger(value)) throw wrongType(definition, path, value, "int64");
      return value;
    case "map":
      return decodeMap(path, value, definition);
    case "list":
      if (!Array.isArray(value)) throw wrongType(definition, path, value, "[]string");
      for (const item of value) if (typeof item !== "string") throw wrongType(definition, path, item, "string");
      return value.length === 0 ? undefined : value;
    case "owners":
      return decodeOwners(path, value, definition, unknownFields);
    case "managed":
      // An empty list is kept: it throws the ownership away (K8S-146).
      if (!Array.isArray(value)) throw wrongType(definition, path, value, "[]v1.ManagedFieldsEntry");
      for (const entry of value) {
        if (!isRecord(entry)) throw wrongType(definition, path, entry, "v1.ManagedFieldsEntry");
      }
      return value;
  }
}

/** A null value decodes to the empty string, as Go does it (K8S-108). */
function decodeMap(path: string, value: unknown, definition: ResourceDefinition): Record<string, string> | undefined {
  if (!isRecord(value)) throw wrongType(definition, path, value, "map[string]string");
  const map: Record<string, string> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== null && typeof member !== "string") throw wrongType(definition, path, member, "string");
    map[key] = member ?? "";
  }
  return Object.keys(map).length === 0 ? undefined : map;
}

function decodeOwners(path: string, value: unknown, definition: ResourceDefinition, unknownFields: string[]): unknown {
  if (!Array.isArray(value)) throw wrongType(definition, path, value, "[]v1.OwnerReference");
  if (value.length === 0) return undefined;
  return value.map((owner, index) => {
    if (!isRecord(owner)) throw wrongType(definition, path, owner, "v1.OwnerReference");
    const kept: Record<string, unknown> = {};
    for (const [field, member] of Object.entries(owner)) {
      if (!ownerFields.has(field)) unknownFields.push(`${path}[${index}].${field}`);
      else if (member !== null) kept[field] = member;
    }
    return kept;
  });
}

function wrongType(definition: ResourceDefinition, path: string, value: unknown, expected: string) {
  const { group, version, kind } = definition.type;
  const found = Array.isArray(value) ? "array" : value === null ? "null" : isRecord(value) ? "object" : goName(value);
  const text = `json: cannot unmarshal ${found} into Go struct field ${kind}.${path} of type ${expected}`;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return badRequest(`${kind} in version "${apiVersion}" cannot be handled as a ${kind}: ${text}`);
}

function goName(value: unknown): string {
  return typeof value === "boolean" ? "bool" : typeof value;
}

const nameRules: Record<ResourceDefinition["nameRule"], NameRule> = {
  "dns-subdomain": dnsSubdomainProblems,
  "dns-label": dnsLabelProblems,
  "dns1035-label": dns1035LabelProblems,
  "path-segment": pathSegmentProblems,
};

function invalidValue(field: string, value: unknown, detail: string): FieldProblem {
  return { field, reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${detail}` };
}

function invalidTexts(field: string, text: string, rule: NameRule): FieldProblem[] {
  return rule(text).map((problem) => invalidValue(field, text, problem));
}

/** Total of keys and values (K8S-108). */
export const ANNOTATION_BYTES_MAX = 262_144;

/** K8S-109; the last is what the server itself puts on CustomResourceDefinitions (K8S-152). */
const standardFinalizers = new Set([
  "orphan",
  "foregroundDeletion",
  "kubernetes",
  "customresourcecleanup.apiextensions.k8s.io",
]);

/** Problems of the metadata alone, for a new (`old` null) or changed object. */
export function validateMetadata(
  definition: ResourceDefinition,
  object: KubeObject,
  old: KubeObject | null,
): readonly FieldProblem[] {
  const { metadata } = object;
  const problems: FieldProblem[] = [];
  if (old === null) {
    problems.push(...invalidTexts("metadata.name", metadata.name, nameRules[definition.nameRule]));
  }
  // What is unchanged was accepted once; looking again would only refuse objects stored under older rules.
  if (!deepEqual(metadata.labels, old?.metadata.labels)) problems.push(...labelProblems(metadata));
  if (!deepEqual(metadata.annotations, old?.metadata.annotations)) problems.push(...annotationProblems(metadata));
  problems.push(...finalizerProblems(metadata, old?.metadata ?? null), ...ownerProblems(metadata));
  return problems;
}

function labelProblems(metadata: ObjectMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    problems.push(...invalidTexts("metadata.labels", key, qualifiedNameProblems));
    problems.push(...invalidTexts("metadata.labels", value, labelValueProblems));
  }
  return problems;
}

export function annotationBytes(annotations: Readonly<Record<string, string>>): number {
  return Object.entries(annotations).reduce(
    (bytes, [key, value]) => bytes + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}

function annotationProblems({ annotations = {} }: ObjectMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const key of Object.keys(annotations)) {
    problems.push(...invalidTexts("metadata.annotations", key, (text) => qualifiedNameProblems(text.toLowerCase())));
  }
  if (annotationBytes(annotations) > ANNOTATION_BYTES_MAX) {
    const message = `Too long: may not be more than ${ANNOTATION_BYTES_MAX} bytes`;
    problems.push({ field: "metadata.annotations", reason: "FieldValueTooLong", message });
  }
  return problems;
}

function finalizerProblems(metadata: ObjectMeta, old: ObjectMeta | null): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const finalizers = metadata.finalizers ?? [];
  finalizers.forEach((finalizer, index) => {
    const field = `metadata.finalizers[${index}]`;
    const badNames = invalidTexts(field, finalizer, qualifiedNameProblems);
    problems.push(...badNames);
    if (badNames.length === 0 && !finalizer.includes("/") && !standardFinalizers.has(finalizer)) {
      const detail = "name is neither a standard finalizer name nor is it fully qualified";
      problems.push(invalidValue(field, finalizer, detail));
    }
  });
  if (old?.deletionTimestamp !== undefined) {
    const added = finalizers.filter((finalizer) => !(old.finalizers ?? []).includes(finalizer));
    if (added.length > 0) {
      const list = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
      const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      problems.push({ field: "metadata.finalizers", reason: "FieldValueForbidden", message });
    }
  }
  return problems;
}

function ownerProblems(metadata: ObjectMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const owners = metadata.ownerReferences ?? [];
  owners.forEach((owner, index) => {
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field]) continue;
      const path = `metadata.ownerReferences[${index}].${field}`;
      problems.push(
        invalidValue(path, owner[field] ?? "", `${field === "apiVersion" ? "version" : field} must not be empty`),
      );
    }
  });
  const controllers = owners.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]!.name} and ${controllers[1]!.name}`;
    problems.push(invalidValue("metadata.ownerReferences", owners, detail));
  }
  return problems;
}

/**
 * Server-owned metadata comes from the stored object (K8S-105): what a client sends of it is dropped, except that
 * another uid or deletion time is refused. Returns those refusals.
 */
export function carryMetadata(object: KubeObject, current: KubeObject): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { metadata } = object;
  for (const field of ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    const sent = metadata[field];
    if (sent !== undefined && sent !== current.metadata[field]) {
      problems.push(invalidValue(`metadata.${field}`, sent, "field is immutable"));
    }
  }
  for (const field of ["uid", "creationTimestamp", "generation", "deletionTimestamp"] as const) {
    carry(metadata, current.metadata, field);
  }
  carry(metadata, current.metadata, "deletionGracePeriodSeconds");
  carry(metadata, current.metadata, "resourceVersion");
  return problems;
}

function carry<Field extends keyof ObjectMeta>(to: ObjectMeta, from: ObjectMeta, field: Field): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}

/** K8S-111: whether the change between two states counts for metadata.generation. */
export function changesGeneration(definition: ResourceDefinition, next: KubeObject, current: KubeObject): boolean {
  if (definition.generation === "none") return false;
  if (definition.isCustom) {
    const ignored = new Set(["metadata", "apiVersion", "kind", ...(definition.hasStatus ? ["status"] : [])]);
    const keys = new Set([...Object.keys(next), ...Object.keys(current)]);
    return [...keys].some((key) => !ignored.has(key) && !deepEqual(next[key], current[key]));
  }
  if (!deepEqual(next["spec"], current["spec"])) return true;
  return (
    definition.generation === "spec-and-annotations" &&
    !deepEqual(next.metadata.annotations, current.metadata.annotations)
  );
}
