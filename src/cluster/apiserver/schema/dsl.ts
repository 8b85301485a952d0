import type { Schema } from "../resource.ts";

/**
 * Short notation for hand-written schemas of built-in kinds. Null means what Go's decoder makes of it (K8S-108): the
 * zero value inside lists and string maps, absence everywhere else; the `default`s of items and map values say so.
 */

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const str: Schema = { type: "string" };
export const bool: Schema = { type: "boolean" };
export const int: Schema = { type: "integer", format: "int32" };
export const long: Schema = { type: "integer", format: "int64" };
export const double: Schema = { type: "number", format: "double" };
export const time: Schema = { type: "string", format: "date-time" };
export const bytes: Schema = { type: "string", format: "byte" };
export const intOrString: Schema = { "x-kubernetes-int-or-string": true };
/** resource.Quantity: text, or a bare number. */
export const quantity: Schema = { "x-kubernetes-int-or-string": true };
/** Any JSON: RawExtension, and the parts of kinds that we store without knowing them. */
export const any: Schema = { "x-kubernetes-preserve-unknown-fields": true };
/** An object with members that we do not list. */
export const open: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function obj(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return required.length > 0 ? { type: "object", properties, required } : { type: "object", properties };
}

export function list(items: Schema): Schema {
  return { type: "array", items: withZero(items) };
}

/** A list whose elements have owners of their own (K8S-310): told apart by these fields. */
export function listByKey(items: Schema, ...keys: readonly string[]): Schema {
  return { ...list(items), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
}

/** A list that is a set: each of its values has an owner of its own. */
export function setOf(items: Schema): Schema {
  return { ...list(items), "x-kubernetes-list-type": "set" };
}

/** An object that has one owner, whatever is inside (K8S-310). */
export function atomic(schema: Schema): Schema {
  const copy: Schema = { ...schema, "x-kubernetes-map-type": "atomic" };
  const name = goNames.get(schema);
  return name === undefined ? copy : named(name, copy);
}

export function map(values: Schema): Schema {
  return { type: "object", additionalProperties: withZero(values) };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

/** Go's type name of each named schema; the texts of type errors hold it (K8S-80). */
const goNames = new WeakMap<Schema, string>();

export function struct(
  name: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema {
  return named(name, obj(properties, required));
}

export function named(name: string, schema: Schema): Schema {
  goNames.set(schema, name);
  return schema;
}

export function goNameOf(schema: Schema): string | undefined {
  return goNames.get(schema);
}

function withZero(schema: Schema): Schema {
  const zero = zeroOf(schema);
  if (zero === undefined || schema.default !== undefined) return schema;
  const copy: Mutable<Schema> = { ...schema, default: zero };
  const name = goNames.get(schema);
  return name === undefined ? copy : named(name, copy);
}

function zeroOf({ type, format }: Schema): unknown {
  if (format === "date-time") return undefined;
  if (type === "string") return "";
  if (type === "integer" || type === "number") return 0;
  return type === "object" ? {} : undefined;
}
