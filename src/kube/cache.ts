import type { KubeObject, LabelSelector } from "../api/meta.ts";
import { assert } from "../base/assert.ts";
import { formatKey, keyOf, type ObjectKey, qualifiedPlural, type ResourceType } from "./resource.ts";
import { matchesLabelSelector } from "./selector.ts";

/** Read-only view of the watched objects. All reads are synchronous and see one consistent moment per pass. */
export interface CacheReader {
  get<T extends KubeObject = KubeObject>(type: ResourceType, key: ObjectKey): T | null;
  /** All objects of the type, sorted by namespace and name; with a namespace only its own. */
  list<T extends KubeObject = KubeObject>(type: ResourceType, namespace?: string): readonly T[];
  /** The objects whose controller ownerReference names this uid. */
  ownedBy<T extends KubeObject = KubeObject>(type: ResourceType, uid: string): readonly T[];
  /** The objects of a namespace that match; indexed by label, so cheap for `matchLabels`. */
  selectedBy<T extends KubeObject = KubeObject>(
    type: ResourceType,
    namespace: string,
    selector: LabelSelector,
  ): readonly T[];
  /** The objects that have this entry in the index, which is made at its first use and kept from then on. */
  indexedBy<T extends KubeObject = KubeObject>(type: ResourceType, index: Index<T>, entry: string): readonly T[];
  /** Objects of every watched kind with any ownerReference to this uid. */
  dependentsOf(uid: string): readonly Located[];
  /** Every watched kind. */
  types(): readonly ResourceType[];
  /** The newest store revision of the kind that is seen here: also of what is gone. */
  revision(type: ResourceType): number;
}

/**
 * What objects of one kind are looked up by, e.g. the names of the Services that they mention. A pure function of the object,
 * and a constant: its identity names the index.
 */
export type Index<T extends KubeObject = KubeObject> = (object: T) => readonly string[];

export interface Located {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

/** A change as the cache saw it: `before` null on add, `after` null on delete. A relist may skip states in between. */
export interface Change {
  readonly type: ResourceType;
  readonly before: KubeObject | null;
  readonly after: KubeObject | null;
}

export type ChangeListener = (change: Change) => void;

const typeKeys = new WeakMap<ResourceType, string>();

/** Our map key of a kind: two versions of one resource are two caches, since their objects differ in shape. */
export function typeKey(type: ResourceType): string {
  let key = typeKeys.get(type);
  if (key === undefined) {
    key = `${qualifiedPlural(type)}/${type.version}`;
    typeKeys.set(type, key);
  }
  return key;
}

/** Revisions are decimal and ordered (K8S-110); real clusters keep them far below 2^53 as well. */
export function revisionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? 0);
}

/**
 * The objects of one kind as last seen, with the indexes that reconcilers ask for. A reflector feeds it; nobody else
 * writes. `revision` is the newest store revision that it is known to reflect.
 */
export class TypeCache {
  readonly type: ResourceType;
  #objects = new Map<string, KubeObject>();
  #byNamespace = new Map<string, Set<string>>();
  #byLabel = new Map<string, Set<string>>();
  #byOwner = new Map<string, Set<string>>();
  /** Made for those who asked. */
  #indexes = new Map<Index, Map<string, Set<string>>>();
  /** Sorted lists by namespace ("" of a namespaced kind: all), made when asked for and dropped at the next change. */
  #sorted = new Map<string, readonly KubeObject[]>();
  #listeners = new Set<ChangeListener>();
  #revision = 0;
  #isSynced = false;

  constructor(type: ResourceType) {
    this.type = type;
  }

  get revision(): number {
    return this.#revision;
  }

  /** True after the first complete list (or once the server said that it does not serve the kind). */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  get size(): number {
    return this.#objects.size;
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The whole content at a revision: the answer to a list. Tells listeners only of differences. */
  replace(items: readonly KubeObject[], revision: number): void {
    const changes: Change[] = [];
    const seen = new Set<string>();
    for (const item of items) {
      const key = formatKey(keyOf(item));
      seen.add(key);
      const before = this.#objects.get(key) ?? null;
      if (before !== null && isSameState(before, item)) continue;
      this.#put(key, item);
      changes.push(...replaced(this.type, before, item));
    }
    for (const [key, before] of [...this.#objects]) {
      if (seen.has(key)) continue;
      this.#remove(key, before);
      changes.push({ type: this.type, before, after: null });
    }
    this.#revision = Math.max(this.#revision, revision);
    this.#isSynced = true;
    this.#sorted.clear();
    for (const change of changes) this.#notify(change);
  }

  put(object: KubeObject): void {
    const key = formatKey(keyOf(object));
    const before = this.#objects.get(key) ?? null;
    this.#put(key, object);
    this.#revision = Math.max(this.#revision, revisionOf(object));
    this.#sorted.clear();
    for (const change of replaced(this.type, before, object)) this.#notify(change);
  }

  /** `object` carries the revision of the deletion (K8S-125). */
  remove(object: KubeObject): void {
    const key = formatKey(keyOf(object));
    const before = this.#objects.get(key);
    this.#revision = Math.max(this.#revision, revisionOf(object));
    if (!before) return;
    this.#remove(key, before);
    this.#sorted.clear();
    this.#notify({ type: this.type, before, after: null });
  }

  /** Nothing of this kind changed up to `revision` (a bookmark). */
  advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  get(key: ObjectKey): KubeObject | null {
    return this.#objects.get(formatKey(key)) ?? null;
  }

  list(namespace = ""): readonly KubeObject[] {
    let sorted = this.#sorted.get(namespace);
    if (!sorted) {
      const keys = namespace === "" ? [...this.#objects.keys()] : [...(this.#byNamespace.get(namespace) ?? [])];
      sorted = this.#sortedObjects(keys);
      this.#sorted.set(namespace, sorted);
    }
    return sorted;
  }

  /** Objects with any ownerReference to the uid. */
  referring(uid: string): readonly KubeObject[] {
    const keys = this.#byOwner.get(uid);
    return keys ? this.#sortedObjects([...keys]) : [];
  }

  ownedBy(uid: string): readonly KubeObject[] {
    return this.referring(uid).filter((object) =>
      (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid && owner.controller === true),
    );
  }

  indexedBy(index: Index, entry: string): readonly KubeObject[] {
    const keys = (this.#indexes.get(index) ?? this.#makeIndex(index)).get(entry);
    return keys ? this.#sortedObjects([...keys]) : [];
  }

  #makeIndex(index: Index): ReadonlyMap<string, Set<string>> {
    const entries = new Map<string, Set<string>>();
    for (const [key, object] of this.#objects) for (const entry of index(object)) addKey(entries, entry, key);
    this.#indexes.set(index, entries);
    return entries;
  }

  selectedBy(namespace: string, selector: LabelSelector): readonly KubeObject[] {
    return this.#candidates(namespace, selector).filter((object) =>
      matchesLabelSelector(selector, object.metadata.labels ?? {}),
    );
  }

  /** The smallest indexed set that contains every match. */
  #candidates(namespace: string, selector: LabelSelector): readonly KubeObject[] {
    let smallest: Set<string> | null = null;
    for (const [label, value] of Object.entries(selector.matchLabels ?? {})) {
      const keys = this.#byLabel.get(labelIndexKey(namespace, label, value));
      if (!keys) return [];
      if (smallest === null || keys.size < smallest.size) smallest = keys;
    }
    return smallest === null ? this.list(namespace) : this.#sortedObjects([...smallest]);
  }

  #sortedObjects(keys: string[]): readonly KubeObject[] {
    return keys.sort(compareKeys).map((key) => this.#objects.get(key)!);
  }

  #put(key: string, object: KubeObject): void {
    const before = this.#objects.get(key);
    if (before) this.#unindex(key, before);
    this.#objects.set(key, object);
    for (const [index, entry] of this.#indexEntries(object)) addKey(index, entry, key);
  }

  #remove(key: string, object: KubeObject): void {
    this.#unindex(key, object);
    this.#objects.delete(key);
  }

  #unindex(key: string, object: KubeObject): void {
    for (const [index, entry] of this.#indexEntries(object)) {
      const keys = index.get(entry);
      keys?.delete(key);
      if (keys?.size === 0) index.delete(entry);
    }
  }

  *#indexEntries(object: KubeObject): Iterable<readonly [Map<string, Set<string>>, string]> {
    const { namespace = "", labels, ownerReferences } = object.metadata;
    yield [this.#byNamespace, namespace];
    for (const [label, value] of Object.entries(labels ?? {})) {
      yield [this.#byLabel, labelIndexKey(namespace, label, value)];
    }
    for (const owner of ownerReferences ?? []) yield [this.#byOwner, owner.uid];
    for (const [index, entries] of this.#indexes) for (const entry of index(object)) yield [entries, entry];
  }

  #notify(change: Change): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** An object deleted and made again under one name is two changes, so that nobody mistakes it for an update. */
function replaced(type: ResourceType, before: KubeObject | null, after: KubeObject): readonly Change[] {
  if (before === null || before.metadata.uid === after.metadata.uid) return [{ type, before, after }];
  return [
    { type, before, after: null },
    { type, before: null, after },
  ];
}

function isSameState({ metadata: before }: KubeObject, { metadata: after }: KubeObject): boolean {
  return before.uid === after.uid && before.resourceVersion === after.resourceVersion;
}

function addKey(index: Map<string, Set<string>>, entry: string, key: string): void {
  const keys = index.get(entry);
  if (keys) keys.add(key);
  else index.set(entry, new Set([key]));
}

function labelIndexKey(namespace: string, label: string, value: string): string {
  return `${namespace}\0${label}\0${value}`;
}

/** By namespace, then name, in code unit order: "/" must sort before every other character of a name. */
function compareKeys(left: string, right: string): number {
  const leftSlash = left.indexOf("/");
  const rightSlash = right.indexOf("/");
  const leftNamespace = left.slice(0, Math.max(0, leftSlash));
  const rightNamespace = right.slice(0, Math.max(0, rightSlash));
  if (leftNamespace !== rightNamespace) return leftNamespace < rightNamespace ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The caches of several kinds, read as one. */
export class CacheSet implements CacheReader {
  readonly #caches = new Map<string, TypeCache>();
  /** By `plural.group`: the caches of all watched versions. */
  #byResource = new Map<string, readonly TypeCache[]>();

  /** The cache of the kind, made empty when there was none. */
  add(type: ResourceType): TypeCache {
    const existing = this.#caches.get(typeKey(type));
    if (existing) return existing;
    const cache = new TypeCache(type);
    this.#caches.set(typeKey(type), cache);
    this.#indexResources();
    return cache;
  }

  delete(type: ResourceType): void {
    this.#caches.delete(typeKey(type));
    this.#indexResources();
  }

  /** The caches of a `plural.group` in whatever versions are watched. */
  ofResource(resource: string): readonly TypeCache[] {
    return this.#byResource.get(resource) ?? [];
  }

  /** Null when the kind is not watched. */
  of(type: ResourceType): TypeCache | null {
    return this.#caches.get(typeKey(type)) ?? null;
  }

  all(): readonly TypeCache[] {
    return [...this.#caches.values()];
  }

  types(): readonly ResourceType[] {
    return this.all().map((cache) => cache.type);
  }

  revision(type: ResourceType): number {
    return this.#watched(type).revision;
  }

  get<T extends KubeObject = KubeObject>(type: ResourceType, key: ObjectKey): T | null {
    return this.#watched(type).get(key) as T | null;
  }

  list<T extends KubeObject = KubeObject>(type: ResourceType, namespace?: string): readonly T[] {
    return this.#watched(type).list(namespace) as readonly T[];
  }

  ownedBy<T extends KubeObject = KubeObject>(type: ResourceType, uid: string): readonly T[] {
    return this.#watched(type).ownedBy(uid) as readonly T[];
  }

  selectedBy<T extends KubeObject = KubeObject>(
    type: ResourceType,
    namespace: string,
    selector: LabelSelector,
  ): readonly T[] {
    return this.#watched(type).selectedBy(namespace, selector) as readonly T[];
  }

  indexedBy<T extends KubeObject = KubeObject>(type: ResourceType, index: Index<T>, entry: string): readonly T[] {
    return this.#watched(type).indexedBy(index as Index, entry) as readonly T[];
  }

  dependentsOf(uid: string): readonly Located[] {
    const located: Located[] = [];
    for (const cache of this.#caches.values()) {
      for (const object of cache.referring(uid)) located.push({ type: cache.type, object });
    }
    return located;
  }

  #indexResources(): void {
    this.#byResource = Map.groupBy(this.#caches.values(), ({ type }) => qualifiedPlural(type));
  }

  #watched(type: ResourceType): TypeCache {
    const cache = this.#caches.get(typeKey(type));
    assert(cache, `${typeKey(type)} is read but not watched: add it to the controller's watches or reads`);
    return cache;
  }
}
