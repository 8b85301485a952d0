import { deepEqual } from "../../../base/json.ts";
import { EMPTY, type FieldSet, fieldSet, isEmpty, MEMBER } from "./field-set.ts";
import { fieldElement, type PathElement } from "./path-element.ts";
import { isGranularList, isGranularObject, itemPlace, itemsByElement, memberPlace, type Place } from "./topology.ts";

/** What became of the fields between two states. No path is in two of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const SAME: Comparison = { added: EMPTY, modified: EMPTY, removed: EMPTY };
const MODIFIED: Comparison = { ...SAME, modified: MEMBER };

/** Undefined stands for a value that is not there. */
export function compare(place: Place, old: unknown, next: unknown): Comparison {
  if (old === next) return SAME;
  if (old === undefined) return { ...SAME, added: everything(place, next) };
  if (next === undefined) return { ...SAME, removed: everything(place, old) };
  if (isGranularObject(place, old) && isGranularObject(place, next)) return compareObjects(place, old, next);
  if (isGranularList(place, old) && isGranularList(place, next)) return compareLists(place, old, next);
  return deepEqual(old, next) ? SAME : changedKind(place, old, next);
}

/** An object that became a text, or the other way round: the field changed, and what was or is inside came or went. */
function changedKind(place: Place, old: unknown, next: unknown): Comparison {
  const gone = everything(place, old);
  const come = everything(place, next);
  return { ...MODIFIED, added: fieldSet(false, come.children), removed: fieldSet(false, gone.children) };
}

function compareObjects(
  place: Place,
  old: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
): Comparison {
  const gathered = new Gathered();
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (old[key] === next[key]) continue;
    gathered.add(fieldElement(key), compare(memberPlace(place, key), old[key], next[key]));
  }
  return gathered.comparison();
}

function compareLists(place: Place, old: readonly unknown[], next: readonly unknown[]): Comparison {
  const oldItems = itemsByElement(place, old);
  const nextItems = itemsByElement(place, next);
  if (!oldItems || !nextItems) return deepEqual(old, next) ? SAME : MODIFIED;
  const gathered = new Gathered();
  for (const element of new Set([...oldItems.keys(), ...nextItems.keys()])) {
    gathered.add(element, compareItems(itemPlace(place), oldItems.get(element) ?? [], nextItems.get(element) ?? []));
  }
  return gathered.comparison();
}

/** Elements that are there twice are one field; of one that is there once the parts are compared. */
function compareItems(place: Place, old: readonly unknown[], next: readonly unknown[]): Comparison {
  if (old.length <= 1 && next.length <= 1) return compare(place, old[0], next[0]);
  if (old.length > 1 && next.length > 1) return deepEqual(old, next) ? SAME : MODIFIED;
  if (old.length > 1) {
    const added = next.length === 1 ? everything(place, next[0]) : EMPTY;
    return { ...SAME, added: fieldSet(false, added.children), removed: next.length === 0 ? MEMBER : EMPTY };
  }
  const removed = old.length === 1 ? everything(place, old[0]) : EMPTY;
  return { ...SAME, removed: fieldSet(false, removed.children), added: old.length === 0 ? MEMBER : EMPTY };
}

/** The value's own path and all paths inside: what comes or goes with it. */
function everything(place: Place, value: unknown): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  if (isGranularObject(place, value)) {
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) children.set(fieldElement(key), everything(memberPlace(place, key), member));
    }
  } else if (isGranularList(place, value)) {
    for (const [element, same] of itemsByElement(place, value) ?? []) {
      children.set(element, same.length === 1 ? everything(itemPlace(place), same[0]) : MEMBER);
    }
  }
  return fieldSet(true, children);
}

/** The comparisons of the parts of a value, put together. */
class Gathered {
  readonly #added = new Map<PathElement, FieldSet>();
  readonly #modified = new Map<PathElement, FieldSet>();
  readonly #removed = new Map<PathElement, FieldSet>();

  add(element: PathElement, { added, modified, removed }: Comparison): void {
    if (!isEmpty(added)) this.#added.set(element, added);
    if (!isEmpty(modified)) this.#modified.set(element, modified);
    if (!isEmpty(removed)) this.#removed.set(element, removed);
  }

  comparison(): Comparison {
    return {
      added: fieldSet(false, this.#added),
      modified: fieldSet(false, this.#modified),
      removed: fieldSet(false, this.#removed),
    };
  }
}
