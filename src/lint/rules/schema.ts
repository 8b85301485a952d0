import type { KubeObject } from "../../api/meta.ts";
import type { Schema } from "../../cluster/apiserver/resource.ts";
import {
  applySchemaDefaults,
  checkTypes,
  dropNulls,
  pruneUnknown,
  validateSchema,
} from "../../cluster/apiserver/schema/index.ts";
import type { Finding } from "../finding.ts";
import type { Manifest } from "../manifest.ts";
import { nearestName } from "../near.ts";
import { at, type Rule } from "../rule.ts";
import { packGroups, servedVersions } from "../served-kinds.ts";
import { nameOf } from "../workloads.ts";

/**
 * What the API server refuses before any controller sees the object: a kind or version that is not there (K8S-79), a field
 * that nobody knows (K8S-81), a value of the wrong type or range (K8S-80, K8S-155). Kinds of others are not looked at.
 */
export const schemaRefused: Rule = (manifests) => manifests.flatMap(schemaFindings);

export function schemaFindings(manifest: Manifest): readonly Finding[] {
  const { apiVersion, kind } = manifest.object;
  const [group, version] = apiVersion.includes("/") ? (apiVersion.split("/", 2) as [string, string]) : ["", apiVersion];
  const ofGroup = servedVersions.filter((served) => served.group === group);
  const ofKind = ofGroup.filter((served) => served.kind === kind);
  const served = ofKind.find((candidate) => candidate.version === version);
  if (served) return [...unknownFields(manifest, served.schema), ...wrongValues(manifest, served)];
  const message =
    ofKind.length > 0
      ? `${kind} ${nameOf(manifest)}: there is no ${kind} in ${apiVersion}; it is in ${ofKind.map(apiVersionOf).join(", ")}`
      : unknownKind(
          manifest,
          group,
          ofGroup.map((candidate) => candidate.kind),
        );
  if (message === null) return [];
  return [at(manifest, [ofKind.length > 0 ? "apiVersion" : "kind"], { code: "K8S-79", level: "error", message })];
}

/** Null: the kind may be one that another cluster serves. */
function unknownKind(manifest: Manifest, group: string, known: readonly string[]): string | null {
  const { apiVersion, kind } = manifest.object;
  const similar = nearestName(kind, known);
  if (similar !== undefined) return `there is no kind ${kind} in ${apiVersion}; did you mean ${similar}?`;
  if (!packGroups.has(group)) return null;
  return `there is no kind ${kind} in ${apiVersion}; there are: ${[...new Set(known)].join(", ")}`;
}

function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}

function unknownFields(manifest: Manifest, schema: Schema): readonly Finding[] {
  return pruneUnknown(schema, content(manifest.object)).unknownFields.map((field) => {
    const path = pathOf(field);
    const similar = nearestName(
      String(path.at(-1)),
      Object.keys(schemaAt(schema, path.slice(0, -1))?.properties ?? {}),
    );
    const hint = similar === undefined ? "" : `; did you mean ${similar}?`;
    const message = `${manifest.object.kind} ${nameOf(manifest)}: unknown field "${field}"${hint}`;
    return at(manifest, path, { code: "K8S-81", level: "error", message });
  });
}

function wrongValues(
  manifest: Manifest,
  { schema, isCustom }: { readonly schema: Schema; readonly isCustom: boolean },
): readonly Finding[] {
  const { kind } = manifest.object;
  const object = content(manifest.object);
  const found = (path: readonly (string | number)[], code: string, text: string) =>
    at(manifest, path, { code, level: "error", message: `${kind} ${nameOf(manifest)}: ${text}` });
  if (!isCustom) {
    const problem = checkTypes(schema, object, kind);
    return problem === null ? [] : [found(["spec"], "K8S-80", problem)];
  }
  const decoded = applySchemaDefaults(schema, dropNulls(schema, pruneUnknown(schema, object).object));
  return validateSchema(schema, decoded, null).map(({ field, message }) =>
    found(pathOf(field), "K8S-155", `${field}: ${message}`),
  );
}

/** The metadata is the same for every kind and not a schema's business. */
function content({ metadata: _, ...rest }: KubeObject): object {
  return rest;
}

/** `spec.steps[0].pause` → the way to it. */
function pathOf(field: string): readonly (string | number)[] {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part));
}

function schemaAt(schema: Schema, path: readonly (string | number)[]): Schema | undefined {
  let current: Schema | undefined = schema;
  for (const part of path) current = current && memberOf(current, part);
  return current;
}

function memberOf({ items, properties, additionalProperties }: Schema, part: string | number): Schema | undefined {
  const found = typeof part === "number" ? items : (properties?.[part] ?? additionalProperties);
  return typeof found === "object" ? found : undefined;
}
