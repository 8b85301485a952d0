import { setMember } from "../../../kube/patch.ts";
import { below, type FieldSet, isEmpty } from "./field-set.ts";
import { fieldElement, type PathElement } from "./path-element.ts";
import {
  elementOf,
  isGranularList,
  isGranularObject,
  isNamedField,
  itemPlace,
  itemsByElement,
  memberPlace,
  type Place,
} from "./topology.ts";

/**
 * Putting a configuration over a live value, and taking fields out. Neither changes what it is given; what stays as it
 * is is shared with the result.
 */

/** The live value with every field of the configuration. */
export function mergeConfiguration(place: Place, live: unknown, config: unknown): unknown {
  if (config === undefined || live === undefined) return config ?? live;
  if (isGranularObject(place, live) && isGranularObject(place, config)) return mergeObjects(place, live, config);
  if (isGranularList(place, live) && isGranularList(place, config)) return mergeLists(place, live, config);
  return config;
}

function mergeObjects(
  place: Place,
  live: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...live };
  for (const [key, value] of Object.entries(config)) {
    const old = Object.hasOwn(live, key) ? live[key] : undefined;
    setMember(merged, key, mergeConfiguration(memberPlace(place, key), old, value));
  }
  return merged;
}

/**
 * The configuration's order rules: its elements follow one another as it has them. Elements that only the live list has
 * keep their place between those that both have; new ones come before the next that both have.
 */
function mergeLists(place: Place, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const liveItems = itemsByElement(place, live);
  const configItems = itemsByElement(place, config);
  if (!liveItems || !configItems) return config;
  const merged: unknown[] = [];
  const waiting = [...configItems.keys()];
  let nextShared = waiting.find((element) => liveItems.has(element));
  const takeUpTo = (last: PathElement | undefined) => {
    for (let element = waiting.shift(); element !== undefined; element = waiting.shift()) {
      const same = liveItems.get(element);
      merged.push(
        mergeConfiguration(itemPlace(place), same?.length === 1 ? same[0] : undefined, configItems.get(element)![0]),
      );
      if (element === last) return;
    }
  };
  for (const item of live) {
    const result = elementOf(place, item);
    if ("problem" in result) continue;
    if (!configItems.has(result.element)) merged.push(item);
    else if (result.element === nextShared) {
      takeUpTo(nextShared);
      nextShared = waiting.find((element) => liveItems.has(element));
    }
  }
  takeUpTo(undefined);
  return merged;
}

/** What to take out of a value, and which objects and lists stay though nothing is left inside. */
export interface Removal {
  readonly gone: FieldSet;
  readonly kept: FieldSet;
}

/** The value without these fields. An object or list that loses all that it had goes as well, unless it is kept. */
export function removeFields(place: Place, value: unknown, removal: Removal): unknown {
  if (isEmpty(removal.gone)) return value;
  if (isGranularObject(place, value)) return removeMembers(place, value, removal);
  if (isGranularList(place, value)) return removeItems(place, value, removal);
  return value;
}

function inside({ gone, kept }: Removal, element: PathElement): Removal {
  return { gone: below(gone, element), kept: below(kept, element) };
}

function removeMembers(place: Place, value: Readonly<Record<string, unknown>>, removal: Removal): unknown {
  const rest: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const part = inside(removal, fieldElement(key));
    if (part.gone.isMember) continue;
    const left = removeFields(memberPlace(place, key), member, part);
    if (left !== undefined) setMember(rest, key, left);
  }
  const isEmptied = Object.keys(rest).length === 0 && Object.keys(value).length > 0;
  return isEmptied && !removal.kept.isMember ? undefined : rest;
}

function removeItems(place: Place, items: readonly unknown[], removal: Removal): unknown {
  const rest: unknown[] = [];
  for (const item of items) {
    const result = elementOf(place, item);
    if ("problem" in result) {
      rest.push(item);
      continue;
    }
    const part = inside(removal, result.element);
    if (!part.gone.isMember) rest.push(removeFields(itemPlace(place), item, part) ?? {});
  }
  const isEmptied = rest.length === 0 && items.length > 0;
  return isEmptied && !removal.kept.isMember ? undefined : rest;
}

/**
 * The set with the structs that lead to its fields: who takes out all that is in `spec.strategy` takes `strategy` out,
 * whereas the key of a map, or an element of a list, has to be owned itself to go.
 */
export function withNamedFields(place: Place, set: FieldSet): FieldSet {
  if (set.children.size === 0) return set;
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const key = element.startsWith("f:") ? element.slice(2) : null;
    const inner = key === null ? itemPlace(place) : memberPlace(place, key);
    const named = withNamedFields(inner, child);
    const isNamed = key !== null && isNamedField(place, key);
    children.set(element, isNamed && !named.isMember ? { isMember: true, children: named.children } : named);
  }
  return { isMember: set.isMember, children };
}
