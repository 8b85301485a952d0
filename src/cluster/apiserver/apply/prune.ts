import type { KubeObject } from "../../../api/meta.ts";
import { difference, EMPTY, type FieldSet, intersection, isEmpty, union } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { type Removal, removeFields, withNamedFields } from "./merge.ts";
import type { Owner, Owners } from "./owners.ts";
import type { KindVersion, KindVersions } from "./versions.ts";

/**
 * Takes out what a manager applied last time and leaves out now (K8S-144): only what it owned itself and nobody,
 * itself included, owns now. `owners` holds what it applies now, `last` what it did before.
 *
 *   all that it had goes ─▶ what anyone owns comes back ─▶ what it never had itself comes back
 */
export function pruneLeftOut(
  merged: KubeObject,
  options: { readonly versions: KindVersions; readonly owners: Owners; readonly last: Owner | undefined },
): KubeObject {
  const { versions, owners, last } = options;
  if (!last || isEmpty(last.fields)) return merged;
  const version = versions.find(last.apiVersion);
  if (!version) return merged;
  const whole = version.convert(merged);
  const mine = withNamedFields(version.place, last.fields);
  const bare = remove(version, whole, { gone: mine, kept: EMPTY });
  const restored = version.convert(addBackOwned(whole, bare, version, { versions, owners }));
  const kept = allFields(version, restored);
  const gone = intersection(difference(allFields(version, whole), kept), mine);
  return versions.current.convert(remove(version, whole, { gone, kept }));
}

function addBackOwned(
  whole: KubeObject,
  bare: KubeObject,
  first: KindVersion,
  { versions, owners }: { readonly versions: KindVersions; readonly owners: Owners },
): KubeObject {
  const ownedIn = new Map<string, FieldSet>([[first.apiVersion, EMPTY]]);
  for (const { apiVersion, fields } of owners.values()) {
    ownedIn.set(apiVersion, union(ownedIn.get(apiVersion) ?? EMPTY, fields));
  }
  let rest = bare;
  for (const [apiVersion, owned] of ownedIn) {
    const version = versions.find(apiVersion);
    if (!version) continue;
    const wholeHere = version.convert(whole);
    const kept = union(allFields(version, version.convert(rest)), withNamedFields(version.place, owned));
    rest = remove(version, wholeHere, { gone: difference(allFields(version, wholeHere), kept), kept });
  }
  return rest;
}

function allFields({ place }: KindVersion, object: KubeObject): FieldSet {
  return withNamedFields(place, fieldsOf(place, object));
}

function remove({ place, apiVersion }: KindVersion, object: KubeObject, removal: Removal): KubeObject {
  const { apiVersion: _version, kind, metadata, ...rest } = object;
  const left = removeFields(place, { ...rest, metadata }, removal) as KubeObject | undefined;
  return { ...left, apiVersion, kind, metadata: { ...left?.metadata, name: metadata.name } };
}
