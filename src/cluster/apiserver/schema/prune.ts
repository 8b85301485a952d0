import { isRecord } from "../../../base/json.ts";
import { setMember } from "../../../kube/patch.ts";
import type { Schema } from "../resource.ts";
import { isEmbeddedResource, memberPathOf, memberSchema } from "./walk.ts";

/**
 * Pure changes of an object by its schema, before validation (K8S-153). The object given is never changed; parts that
 * stay as they are are shared with the result, which is the object itself when nothing changes.
 */

type Members = Record<string, unknown>;

/** The object without fields that the schema does not know, and their paths: `spec.foo`, `spec.items[0].x`. */
export function pruneUnknown<T extends object>(
  schema: Schema,
  object: T,
): { readonly object: T; readonly unknownFields: readonly string[] } {
  const unknownFields: string[] = [];
  const pruned = prune({ schema, isResource: true }, object, "", unknownFields);
  return { object: pruned as T, unknownFields };
}

interface Place {
  readonly schema: Schema;
  readonly isResource: boolean;
}

function prune(place: Place, value: unknown, path: string, unknownFields: string[]): unknown {
  const { schema, isResource } = place;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const next = { schema: items, isResource: isEmbeddedResource(items) };
    return mapItems(value, (item, index) => prune(next, item, `${path}[${index}]`, unknownFields));
  }
  if (!isRecord(value)) return value;
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true;
  return mapMembers(value, (member, key) => {
    const next = memberSchema(schema, key, isResource);
    if (next) {
      const nextPlace = { schema: next, isResource: isEmbeddedResource(next) };
      return prune(nextPlace, member, memberPathOf(path, key), unknownFields);
    }
    if (keepsUnknown) return member;
    unknownFields.push(memberPathOf(path, key));
    return undefined;
  });
}

/**
 * Nulls where the schema does not allow them: replaced by the default where there is one, else dropped (K8S-153). A
 * nullable field keeps its null; a list item without default keeps it too, and validation refuses it.
 */
export function dropNulls<T extends object>(schema: Schema, object: T): T {
  return withoutNulls({ schema, isResource: true }, object) as T;
}

function withoutNulls({ schema, isResource }: Place, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const place = { schema: items, isResource: isEmbeddedResource(items) };
    return mapItems(value, (item) => {
      if (item !== null) return withoutNulls(place, item);
      return items.nullable || items.default === undefined ? null : items.default;
    });
  }
  if (!isRecord(value)) return value;
  return mapMembers(value, (member, key) => {
    const next = memberSchema(schema, key, isResource);
    if (!next) return member;
    if (member !== null) return withoutNulls({ schema: next, isResource: isEmbeddedResource(next) }, member);
    if (next.nullable || isAnything(next)) return null;
    return next.default;
  });
}

/** A field of any type may hold a null as it may hold anything else. */
function isAnything(schema: Schema): boolean {
  return schema.type === undefined && schema["x-kubernetes-preserve-unknown-fields"] === true;
}

/** Missing fields that have a default, at every level that is there or is itself a default. */
export function applySchemaDefaults<T extends object>(schema: Schema, object: T): T {
  return withDefaults({ schema, isResource: true }, object) as T;
}

function withDefaults({ schema, isResource }: Place, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? mapItems(value, (item) => withDefaults({ schema: items, isResource: false }, item)) : value;
  }
  if (!isRecord(value)) return value;
  const filled = mapMembers(value, (member, key) => {
    // Metadata is the server's own: no default of a schema reaches into it.
    if (isResource && key === "metadata") return member;
    const next = memberSchema(schema, key, isResource);
    return next ? withDefaults({ schema: next, isResource: isEmbeddedResource(next) }, member) : member;
  });
  const missing = Object.entries(schema.properties ?? {}).filter(
    ([key, property]) =>
      property.default !== undefined && value[key] === undefined && !(isResource && key === "metadata"),
  );
  if (missing.length === 0) return filled;
  const result: Members = { ...filled };
  for (const [key, property] of missing) {
    setMember(result, key, withDefaults({ schema: property, isResource: false }, structuredClone(property.default)));
  }
  return result;
}

function mapItems(items: readonly unknown[], change: (item: unknown, index: number) => unknown): readonly unknown[] {
  let result: unknown[] | null = null;
  items.forEach((item, index) => {
    const next = change(item, index);
    if (next === item) return;
    result ??= [...items];
    result[index] = next;
  });
  return result ?? items;
}

/** `change` answers undefined for a member to leave out. */
function mapMembers(members: Members, change: (member: unknown, key: string) => unknown): Members {
  const changes = new Map<string, unknown>();
  for (const [key, member] of Object.entries(members)) {
    const next = change(member, key);
    if (next !== member) changes.set(key, next);
  }
  if (changes.size === 0) return members;
  const result: Members = {};
  for (const [key, member] of Object.entries(members)) {
    const next = changes.has(key) ? changes.get(key) : member;
    if (next !== undefined) setMember(result, key, next);
  }
  return result;
}
