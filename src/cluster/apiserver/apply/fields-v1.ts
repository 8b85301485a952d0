import { isRecord } from "../../../base/json.ts";
import { EMPTY, type FieldSet, fieldSet, isEmpty, MEMBER, sortedElements } from "./field-set.ts";
import { parsePathElement } from "./path-element.ts";

/**
 * Field sets as managedFields holds them (K8S-143). An element whose object is empty is in the set; one with members is
 * a way to them, and in the set only when `.` is among them:
 *
 *   {"f:data":{".":{},"f:a":{}}}     data and data.a
 */
export type FieldsV1 = Readonly<Record<string, unknown>>;

export function encodeFields(set: FieldSet): FieldsV1 {
  const encoded: Record<string, unknown> = {};
  if (set.isMember && set.children.size > 0) encoded["."] = {};
  for (const element of sortedElements(set)) encoded[element] = encodeFields(set.children.get(element)!);
  return encoded;
}

/** Stored sets are frozen: what one says is worked out once. */
const decoded = new WeakMap<object, FieldSet>();

/** Null when the value is no field set. */
export function decodeFields(value: unknown): FieldSet | null {
  if (!isRecord(value)) return null;
  const known = decoded.get(value);
  if (known) return known;
  const set = Object.keys(value).length === 0 ? EMPTY : decodeNode(value);
  if (set && Object.isFrozen(value)) decoded.set(value, set);
  return set;
}

function decodeNode(value: unknown): FieldSet | null {
  if (!isRecord(value)) return null;
  const entries = Object.entries(value);
  if (entries.length === 0) return MEMBER;
  const children = new Map<string, FieldSet>();
  let isMember = false;
  for (const [text, below] of entries) {
    if (text === ".") {
      isMember = true;
      continue;
    }
    const element = parsePathElement(text);
    const child = decodeNode(below);
    if (element === null || child === null) return null;
    if (!isEmpty(child)) children.set(element, child);
  }
  return fieldSet(isMember, children);
}
