import { isRecord } from "../../../base/json.ts";
import type { Schema } from "../resource.ts";
import { goNameOf } from "./dsl.ts";
import { isEmbeddedResource, memberSchema } from "./walk.ts";

/**
 * The first value whose type does not fit a built-in kind, as Go's decoder words it (K8S-80):
 * `json: cannot unmarshal number into Go struct field ConfigMap.data of type string`. Null fits everywhere.
 */
export function checkTypes(schema: Schema, object: object, kind: string): string | null {
  return check({ schema, struct: kind, path: [], isResource: true }, object);
}

interface Place {
  readonly schema: Schema;
  /** Name of the innermost Go struct around the value. */
  readonly struct: string;
  /** Field names from the root, list indexes and map keys left out. */
  readonly path: readonly string[];
  readonly isResource: boolean;
}

function check(place: Place, value: unknown): string | null {
  const { schema } = place;
  if (value === null || value === undefined) return null;
  if (schema["x-kubernetes-int-or-string"]) {
    return typeof value === "string" || typeof value === "number" ? null : mismatch(place, value);
  }
  if (schema.type !== undefined && !fits(schema, value)) return mismatch(place, value);
  if (Array.isArray(value)) return schema.items ? checkItems({ ...place, schema: schema.items }, value) : null;
  return isRecord(value) ? checkMembers(place, value) : null;
}

function fits({ type }: Schema, value: unknown): boolean {
  switch (type) {
    case "object":
      return isRecord(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function checkItems(place: Place, items: readonly unknown[]): string | null {
  for (const item of items) {
    const problem = check(place, item);
    if (problem) return problem;
  }
  return null;
}

function checkMembers(place: Place, members: Record<string, unknown>): string | null {
  const { schema, path, isResource } = place;
  const struct = goNameOf(schema) ?? place.struct;
  const isMap = !schema.properties;
  for (const [key, member] of Object.entries(members)) {
    const next = memberSchema(schema, key, isResource);
    if (!next) continue;
    const nextPath = isMap && !isResource ? path : [...path, key];
    const problem = check({ schema: next, struct, path: nextPath, isResource: isEmbeddedResource(next) }, member);
    if (problem) return problem;
  }
  return null;
}

function mismatch({ schema, struct, path }: Place, value: unknown): string {
  return `json: cannot unmarshal ${jsonTypeName(schema, value)} into Go struct field ${struct}.${path.join(".")} of type ${goType(schema)}`;
}

function jsonTypeName(schema: Schema, value: unknown): string {
  if (typeof value === "number") return schema.type === "integer" ? `number ${value}` : "number";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

const scalarTypes: Readonly<Record<string, string>> = { boolean: "bool", number: "float64", string: "string" };

function goType(schema: Schema): string {
  if (schema["x-kubernetes-int-or-string"]) return "intstr.IntOrString";
  if (schema.format === "byte") return "[]uint8";
  if (schema.format === "date-time") return "string";
  if (schema.type === "integer") return schema.format ?? "int64";
  if (schema.type === "array") return `[]${schema.items ? goType(schema.items) : "interface {}"}`;
  if (schema.type !== "object") return scalarTypes[schema.type ?? ""] ?? "interface {}";
  if (typeof schema.additionalProperties === "object") return `map[string]${goType(schema.additionalProperties)}`;
  const name = goNameOf(schema);
  return name ? `v1.${name}` : "map[string]interface {}";
}
