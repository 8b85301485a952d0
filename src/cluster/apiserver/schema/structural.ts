import { isRecord } from "../../../base/json.ts";
import type { FieldProblem, Schema } from "../resource.ts";
import { compilePattern } from "./patterns.ts";
import { forbidden, invalid, notSupported, required } from "./problems.ts";
import { applySchemaDefaults, pruneUnknown } from "./prune.ts";
import { validateSchema } from "./validate.ts";
import { mapMemberPathOf } from "./walk.ts";

/**
 * Whether a CRD's schema is structural (K8S-150): every value has a type, lists say what they hold, no references,
 * defaults fit. `path` is where the schema stands in the CRD, e.g. `spec.versions[0].schema.openAPIV3Schema`. The
 * input comes from a user, so nothing about its shape is trusted.
 */
export function validateStructural(schema: Schema, path: string): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (schema.type === undefined) problems.push(required(`${path}.type`, "must not be empty at the root"));
  else if (schema.type !== "object") problems.push(invalid(`${path}.type`, schema.type, "must be object at the root"));
  if (schema.nullable) problems.push(forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  problems.push(...problemsOf(schema, path, "the root"));
  return problems;
}

const TYPES: readonly unknown[] = ["array", "boolean", "integer", "number", "object", "string"];

function problemsOf(schema: Schema, path: string, place: string): readonly FieldProblem[] {
  if (!isRecord(schema)) return [invalid(path, schema, "must be a schema")];
  return [
    ...checkType(schema, path, place),
    ...checkUnsupported(schema, path),
    ...checkParts(schema, path),
    ...checkExtensions(schema, path),
    ...checkPattern(schema, path),
    ...checkDefault(schema, path),
  ];
}

function checkType(schema: Schema, path: string, place: string): readonly FieldProblem[] {
  const { type } = schema;
  if (type !== undefined) return TYPES.includes(type) ? [] : [notSupported(`${path}.type`, type, TYPES)];
  const mayBeAnything = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (mayBeAnything || place === "the root") return [];
  return [required(`${path}.type`, `must not be empty for specified ${place}`)];
}

function checkUnsupported(schema: Schema, path: string): readonly FieldProblem[] {
  const members = schema as Record<string, unknown>;
  const problems: FieldProblem[] = [];
  for (const key of ["definitions", "dependencies", "patternProperties", "id", "additionalItems"]) {
    if (members[key] !== undefined) problems.push(forbidden(`${path}.${key}`, `${key} is not supported`));
  }
  if (members["$ref"] !== undefined) problems.push(forbidden(`${path}.$ref`, "$ref is not supported"));
  if (schema.uniqueItems) {
    const detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    problems.push(forbidden(`${path}.uniqueItems`, detail));
  }
  return problems;
}

function checkParts(schema: Schema, path: string): readonly FieldProblem[] {
  const { properties, additionalProperties, items, type } = schema;
  const problems: FieldProblem[] = [];
  if (type === "array" && items === undefined) problems.push(required(`${path}.items`, "must be specified"));
  if (additionalProperties === false) {
    problems.push(forbidden(`${path}.additionalProperties`, "additionalProperties cannot be set to false"));
  } else if (additionalProperties !== undefined && properties !== undefined) {
    problems.push(
      forbidden(`${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive"),
    );
  }
  for (const [key, property] of Object.entries(properties ?? {})) {
    // apiVersion, kind and metadata of a resource are the server's; what a schema says of them hardly counts.
    problems.push(...problemsOf(property, mapMemberPathOf(`${path}.properties`, key), "object fields"));
  }
  if (typeof additionalProperties === "object") {
    problems.push(...problemsOf(additionalProperties, `${path}.additionalProperties`, "object fields"));
  }
  if (items !== undefined) problems.push(...problemsOf(items, `${path}.items`, "array items"));
  return problems;
}

function checkExtensions(schema: Schema, path: string): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { type } = schema;
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    problems.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
  }
  if (schema["x-kubernetes-int-or-string"] && type !== undefined) {
    problems.push(forbidden(`${path}.type`, "must be empty if x-kubernetes-int-or-string is true"));
  }
  if (schema["x-kubernetes-embedded-resource"] && type !== "object") {
    problems.push(invalid(`${path}.type`, type ?? "", "must be object if x-kubernetes-embedded-resource is true"));
  }
  return [...problems, ...checkListType(schema, path)];
}

const LIST_TYPES: readonly unknown[] = ["atomic", "map", "set"];

function checkListType(schema: Schema, path: string): readonly FieldProblem[] {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (listType === undefined) {
    return keys.length > 0 ? [forbidden(keysPath, "may not be set without x-kubernetes-list-type map")] : [];
  }
  if (!LIST_TYPES.includes(listType)) return [notSupported(`${path}.x-kubernetes-list-type`, listType, LIST_TYPES)];
  if (schema.type !== "array") {
    return [invalid(`${path}.type`, schema.type ?? "", "must be array if x-kubernetes-list-type is specified")];
  }
  if (listType !== "map") return [];
  if (keys.length === 0) return [required(keysPath, "must not be empty if x-kubernetes-list-type is map")];
  const properties = schema.items?.properties ?? {};
  return keys
    .map((key, index) => ({ key, index }))
    .filter(({ key }) => !Object.hasOwn(properties, key))
    .map(({ key, index }) => invalid(`${keysPath}[${index}]`, key, "entries must all be names of item properties"));
}

function checkPattern({ pattern }: Schema, path: string): readonly FieldProblem[] {
  if (pattern === undefined) return [];
  const compiled = compilePattern(pattern);
  if (!("problem" in compiled)) return [];
  const detail = `must be a valid regular expression, but isn't: error parsing regexp: ${compiled.problem}`;
  return [invalid(`${path}.pattern`, pattern, detail)];
}

/** A default is pruned and valid: it would otherwise make every object that leaves the field out invalid. */
function checkDefault(schema: Schema, path: string): readonly FieldProblem[] {
  const value = schema.default;
  if (value === undefined || value === null) return [];
  const defaultPath = `${path}.default`;
  const wrapper: Schema = { type: "object", properties: { default: schema } };
  const { unknownFields } = pruneUnknown(wrapper, { default: value });
  if (unknownFields.length > 0) {
    return [invalid(defaultPath, value, `must not have unknown fields: ${unknownFields.join(", ")}`)];
  }
  const filled = applySchemaDefaults(wrapper, { default: value });
  return validateSchema(wrapper, filled, null).map(({ field, reason, message }) => ({
    field: field === "<nil>" ? defaultPath : `${path}.${field}`,
    reason,
    message,
  }));
}
