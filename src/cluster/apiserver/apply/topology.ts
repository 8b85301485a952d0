import { isRecord } from "../../../base/json.ts";
import type { Schema } from "../resource.ts";
import { isEmbeddedResource, memberSchema } from "../schema/walk.ts";
import { keyElement, type PathElement, valueElement } from "./path-element.ts";

/**
 * How a schema divides values into fields that can have different owners (K8S-156, K8S-310): objects by their members,
 * lists by keys or values where the schema says so. What is atomic is one field, whatever is inside.
 */
export interface Place {
  /** Undefined below fields that the schema leaves open. */
  readonly schema: Schema | undefined;
  readonly isResource: boolean;
}

export function rootPlace(schema: Schema): Place {
  return { schema, isResource: true };
}

export function memberPlace({ schema, isResource }: Place, key: string): Place {
  return placeOf(schema ? memberSchema(schema, key, isResource) : undefined);
}

export function itemPlace({ schema }: Place): Place {
  return placeOf(schema?.items);
}

function placeOf(schema: Schema | undefined): Place {
  return { schema, isResource: schema !== undefined && isEmbeddedResource(schema) };
}

type Members = Readonly<Record<string, unknown>>;

/** An object whose members are fields of their own. */
export function isGranularObject({ schema }: Place, value: unknown): value is Members {
  return isRecord(value) && schema?.["x-kubernetes-map-type"] !== "atomic";
}

/** A list whose elements are fields of their own. An open list is atomic. */
export function isGranularList({ schema }: Place, value: unknown): value is readonly unknown[] {
  if (!Array.isArray(value)) return false;
  const type = schema?.["x-kubernetes-list-type"];
  return type === "map" || type === "set";
}

/** Members that the schema names, unlike the keys of a map. */
export function isNamedField({ schema, isResource }: Place, key: string): boolean {
  if (isResource && (key === "metadata" || key === "apiVersion" || key === "kind")) return true;
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
}

/** How an element of a granular list is found again, or why it cannot be. */
export function elementOf(
  { schema }: Place,
  item: unknown,
): { readonly element: PathElement } | { readonly problem: string } {
  if (schema?.["x-kubernetes-list-type"] === "set") return setElement(item);
  if (item === null) return { problem: "associative list with keys may not have a null element" };
  if (!isRecord(item)) return { problem: "associative list with keys may not have non-map elements" };
  const names = schema?.["x-kubernetes-list-map-keys"] ?? [];
  const keys: Record<string, unknown> = {};
  for (const name of names) {
    const value = item[name] ?? schema?.items?.properties?.[name]?.default;
    if (value !== undefined) keys[name] = value;
  }
  if (Object.keys(keys).length > 0) return { element: keyElement(keys) };
  const list = names.map((name) => JSON.stringify(name)).join(" ");
  const detail = `omits all key fields [${list}] (and doesn't have default values for any key fields)`;
  return { problem: `associative list with keys has an element that ${detail}` };
}

function setElement(item: unknown): { readonly element: PathElement } | { readonly problem: string } {
  if (item === null) return { problem: "associative list without keys has an element that's an explicit null" };
  if (Array.isArray(item)) return { problem: "not supported: associative list with lists as elements" };
  if (isRecord(item)) return { problem: "associative list without keys has an element that's a map type" };
  return { element: valueElement(item) };
}

/**
 * The items of a granular list by their elements, in their order. Elements that were stored twice are kept together:
 * nobody can own one of them. Null when an item cannot be told apart: then the list is one field.
 */
export function itemsByElement(place: Place, items: readonly unknown[]): Map<PathElement, readonly unknown[]> | null {
  const found = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const result = elementOf(place, item);
    if ("problem" in result) return null;
    const same = found.get(result.element);
    if (same) same.push(item);
    else found.set(result.element, [item]);
  }
  return found;
}
