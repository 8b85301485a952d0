import { isRecord } from "../../../base/json.ts";
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

/** The value without the fields of the set. An object or list that loses all that it had goes as well. */
export function removeFields(place: Place, value: unknown, gone: FieldSet): unknown {
  if (isEmpty(gone)) return value;
  if (isGranularObject(place, value)) return removeMembers(place, value, gone);
  if (isGranularList(place, value)) return removeItems(place, value, gone);
  return value;
}

function removeMembers(place: Place, value: Readonly<Record<string, unknown>>, gone: FieldSet): unknown {
  const rest: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const inside = below(gone, fieldElement(key));
    if (inside.isMember) continue;
    const left = removeFields(memberPlace(place, key), member, inside);
    if (left !== undefined) setMember(rest, key, left);
  }
  return Object.keys(rest).length === 0 && Object.keys(value).length > 0 ? undefined : rest;
}

function removeItems(place: Place, items: readonly unknown[], gone: FieldSet): unknown {
  const rest: unknown[] = [];
  for (const item of items) {
    const result = elementOf(place, item);
    const inside = "problem" in result ? undefined : below(gone, result.element);
    if (inside?.isMember) continue;
    const left = inside ? removeFields(itemPlace(place), item, inside) : item;
    rest.push(left === undefined && isRecord(item) ? {} : left);
  }
  return rest.length === 0 && items.length > 0 ? undefined : rest;
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
