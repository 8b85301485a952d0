import type { PathElement } from "./path-element.ts";

/**
 * A set of field paths as a tree that is never changed: a node says whether the path that leads to it is in the set,
 * and which longer paths are. A path may be in the set without the paths below it, and the other way round.
 */
export interface FieldSet {
  readonly isMember: boolean;
  readonly children: ReadonlyMap<PathElement, FieldSet>;
}

const NO_CHILDREN: ReadonlyMap<PathElement, FieldSet> = new Map();

export const EMPTY: FieldSet = { isMember: false, children: NO_CHILDREN };
/** Just the path itself. */
export const MEMBER: FieldSet = { isMember: true, children: NO_CHILDREN };

export function fieldSet(isMember: boolean, children: ReadonlyMap<PathElement, FieldSet>): FieldSet {
  if (children.size > 0) return { isMember, children };
  return isMember ? MEMBER : EMPTY;
}

/** The set of these paths, each a list of elements. */
export function setOfPaths(paths: readonly (readonly PathElement[])[]): FieldSet {
  return paths.reduce((set, path) => union(set, pathSet(path)), EMPTY);
}

function pathSet(path: readonly PathElement[]): FieldSet {
  return path.reduceRight<FieldSet>((below, element) => fieldSet(false, new Map([[element, below]])), MEMBER);
}

/** Nothing in it: no node without members below is ever kept, so the root tells. */
export function isEmpty({ isMember, children }: FieldSet): boolean {
  return !isMember && children.size === 0;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right || isEmpty(right)) return left;
  if (isEmpty(left)) return right;
  const children = new Map(left.children);
  for (const [element, child] of right.children) {
    const other = children.get(element);
    children.set(element, other ? union(other, child) : child);
  }
  return fieldSet(left.isMember || right.isMember, children);
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of left.children) {
    const other = right.children.get(element);
    const both = other ? intersection(child, other) : EMPTY;
    if (!isEmpty(both)) children.set(element, both);
  }
  return fieldSet(left.isMember && right.isMember, children);
}

/** What is only in `left`. A path goes, those below it stay; the set itself when nothing goes. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return without(left, right, false);
}

/** As `difference`, but whatever is below a path of `right` goes with it. */
export function differenceWithBelow(left: FieldSet, right: FieldSet): FieldSet {
  return without(left, right, true);
}

function without(left: FieldSet, right: FieldSet, isDeep: boolean): FieldSet {
  if (isEmpty(right)) return left;
  let children: Map<PathElement, FieldSet> | null = null;
  for (const [element, other] of right.children) {
    const child = left.children.get(element);
    if (!child) continue;
    const rest = isDeep && other.isMember ? EMPTY : without(child, other, isDeep);
    if (rest === child) continue;
    children ??= new Map(left.children);
    if (isEmpty(rest)) children.delete(element);
    else children.set(element, rest);
  }
  const isMember = left.isMember && !right.isMember;
  return children === null && isMember === left.isMember ? left : fieldSet(isMember, children ?? left.children);
}

/** The set below an element; empty when there is none. */
export function below(set: FieldSet, element: PathElement): FieldSet {
  return set.children.get(element) ?? EMPTY;
}

export function hasPath(set: FieldSet, path: readonly PathElement[]): boolean {
  return path.reduce(below, set).isMember;
}

export function equalSets(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true;
  if (left.isMember !== right.isMember || left.children.size !== right.children.size) return false;
  for (const [element, child] of left.children) {
    const other = right.children.get(element);
    if (!other || !equalSets(child, other)) return false;
  }
  return true;
}

/** Elements in the order in which sets are written and listed: fields, then keys, then values. */
export function sortedElements({ children }: FieldSet): PathElement[] {
  return [...children.keys()].sort();
}

/** Every path of the set, in order. */
export function* pathsOf(set: FieldSet, prefix: readonly PathElement[] = []): Generator<readonly PathElement[]> {
  if (set.isMember && prefix.length > 0) yield prefix;
  for (const element of sortedElements(set)) yield* pathsOf(below(set, element), [...prefix, element]);
}
