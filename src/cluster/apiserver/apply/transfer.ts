import type { KubeObject } from "../../../api/meta.ts";
import { type Comparison, compare } from "./compare.ts";
import { difference, differenceWithBelow, type FieldSet, intersection, isEmpty, union } from "./field-set.ts";
import type { Owner, Owners } from "./owners.ts";
import type { KindVersion, KindVersions } from "./versions.ts";

/** A change of an object, for which its owners have to answer. */
export interface Change {
  readonly versions: KindVersions;
  /** Both in the version of the request. */
  readonly old: KubeObject;
  readonly next: KubeObject;
}

/** Fields that a change gives new values, and whose they are. */
export interface Conflict {
  readonly owner: Owner;
  readonly fields: FieldSet;
}

export interface Transfer {
  /** What the others still own once the change is made. */
  readonly owners: Owners;
  readonly conflicts: readonly Conflict[];
  /** In the version of the request. */
  readonly comparison: Comparison;
}

/**
 * Works out what a change takes from everyone but `self`: who owns a field whose value changes, or that goes, owns it
 * no more. Whoever wrote the same value keeps it.
 */
export function transfer(change: Change, owners: Owners, self: string): Transfer {
  const comparisons = new Map<string, Comparison>();
  const comparisonAt = (version: KindVersion): Comparison => {
    let comparison = comparisons.get(version.apiVersion);
    if (!comparison) {
      comparison = compareAt(version, change);
      comparisons.set(version.apiVersion, comparison);
    }
    return comparison;
  };
  const remaining = new Map<string, Owner>();
  const conflicts: Conflict[] = [];
  for (const [id, owner] of owners) {
    if (id === self) {
      remaining.set(id, owner);
      continue;
    }
    const version = change.versions.find(owner.apiVersion);
    if (!version) continue;
    const { added, modified, removed } = comparisonAt(version);
    const taken = intersection(owner.fields, union(modified, added));
    if (!isEmpty(taken)) conflicts.push({ owner, fields: taken });
    const fields = difference(difference(owner.fields, taken), removed);
    if (fields === owner.fields) remaining.set(id, owner);
    else if (!isEmpty(fields)) remaining.set(id, { ...owner, fields });
  }
  return { owners: remaining, conflicts, comparison: comparisonAt(change.versions.current) };
}

function compareAt(version: KindVersion, { old, next }: Change): Comparison {
  const { place, unwritable } = version;
  const { added, modified, removed } = compare(place, comparable(version, old), comparable(version, next));
  const writable = (set: FieldSet) => differenceWithBelow(set, unwritable);
  return { added: writable(added), modified: writable(modified), removed: writable(removed) };
}

/** Revisions and the ownership itself are not what ownership is about. */
function comparable(version: KindVersion, object: KubeObject): object {
  const { metadata, ...rest } = version.convert(object);
  if (metadata === undefined) return rest;
  const { managedFields: _fields, resourceVersion: _revision, generation: _generation, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

/** Paths of an object's fields, without those that cannot be owned through this endpoint. */
export function writableFields({ unwritable }: KindVersion, fields: FieldSet): FieldSet {
  return differenceWithBelow(fields, unwritable);
}
