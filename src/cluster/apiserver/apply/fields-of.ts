import { EMPTY, type FieldSet, fieldSet, isEmpty, MEMBER } from "./field-set.ts";
import { fieldElement, type PathElement } from "./path-element.ts";
import {
  isGranularList,
  isGranularObject,
  isNamedField,
  itemPlace,
  itemsByElement,
  memberPlace,
  type Place,
} from "./topology.ts";

/**
 * The fields that a value has, which are those that applying it claims: leaves, elements of lists, keys of maps, and
 * objects and lists that are empty. A struct is not claimed for what is inside.
 */
export function fieldsOf(place: Place, value: unknown): FieldSet {
  if (isGranularObject(place, value)) return fieldsOfObject(place, value);
  if (isGranularList(place, value)) return fieldsOfList(place, value);
  return MEMBER;
}

function fieldsOfObject(place: Place, value: Readonly<Record<string, unknown>>): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const below = fieldsOf(memberPlace(place, key), member);
    const isClaimed = below.isMember || !isNamedField(place, key) || isEmpty(below);
    const set = fieldSet(isClaimed, below.children);
    if (!isEmpty(set)) children.set(fieldElement(key), set);
  }
  return fieldSet(false, children);
}

function fieldsOfList(place: Place, items: readonly unknown[]): FieldSet {
  const byElement = itemsByElement(place, items);
  if (!byElement) return MEMBER;
  const children = new Map<PathElement, FieldSet>();
  for (const [element, same] of byElement) {
    const below = same.length === 1 ? fieldsOf(itemPlace(place), same[0]) : EMPTY;
    children.set(element, fieldSet(true, below.children));
  }
  return fieldSet(false, children);
}
