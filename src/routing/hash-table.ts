import { fnv1a32 } from "../base/hash.ts";

/**
 * Which item a key belongs to, so that it stays there while the items stay, and few keys move when one comes or goes
 * (MESH-182, MESH-183). Both kinds are a circle of places, each owned by an item: a key has a place, and where its owner
 * may not be used the next place's owner counts.
 *
 * - ring: every item has equally many places at hashes of its name; a key has the first place at or after its hash. A
 *   change moves the keys of the item that comes or goes and no others.
 * - maglev: a table of prime size that items fill in turns; a key has place `hash modulo size`. Better balanced, and a
 *   change moves a few keys more.
 */
export interface HashTableShape {
  readonly kind: "ring" | "maglev";
  /** Ring: places at least. Maglev: places, a prime. */
  readonly size: number;
}

export class HashTable<Item> {
  readonly #items: readonly Item[];
  /** By place: index of the item that owns it. */
  readonly #owners: Uint32Array;
  /** By place: the hash that it stands at; null: a key's place is its hash modulo the size. */
  readonly #hashes: Uint32Array | null;

  private constructor(items: readonly Item[], owners: Uint32Array, hashes: Uint32Array | null) {
    this.#items = items;
    this.#owners = owners;
    this.#hashes = hashes;
  }

  /** `nameOf` gives each item a name of its own; their order does not matter. */
  static of<Item>(items: readonly Item[], nameOf: (item: Item) => string, shape: HashTableShape): HashTable<Item> {
    const named = items.map((item) => ({ item, name: nameOf(item) })).sort((a, b) => (a.name < b.name ? -1 : 1));
    const sorted = named.map(({ item }) => item);
    const names = named.map(({ name }) => name);
    if (items.length === 0) return new HashTable(sorted, new Uint32Array(), null);
    if (shape.kind === "maglev") return new HashTable(sorted, maglevOwners(names, shape.size), null);
    const { owners, hashes } = ringPlaces(names, placesEach(names.length, shape.size));
    return new HashTable(sorted, owners, hashes);
  }

  /** The first owner from the key's place on that may be used; null when there is none. */
  find(key: string, isUsable: (item: Item) => boolean): Item | null {
    const size = this.#owners.length;
    if (size === 0) return null;
    const hash = hashOf(key);
    const start = this.#hashes === null ? hash % size : firstAtOrAfter(this.#hashes, hash) % size;
    for (let step = 0; step < size; step++) {
      const item = this.#items[this.#owners[(start + step) % size] as number] as Item;
      if (isUsable(item)) return item;
    }
    return null;
  }
}

/** What each item gets while all together get no more than the bound: enough for shares within a few percent. Ours. */
const PLACES_EACH = 1_024;
const PLACES_ALL = 65_536;

/**
 * A number that changes with that of the items would move keys between items that stay, so it only does by halves: in
 * very large clusters, and where a very large ring is asked for.
 */
function placesEach(count: number, size: number): number {
  const bounded = 2 ** Math.floor(Math.log2(Math.max(1, PLACES_ALL / count)));
  return Math.max(2 ** Math.ceil(Math.log2(size / count)), Math.min(PLACES_EACH, bounded));
}

/** More than this many items in a sum of hash and index would not be exact any more. */
const OWNERS_MAX = 2 ** 20;

function ringPlaces(names: readonly string[], each: number): { owners: Uint32Array; hashes: Uint32Array } {
  // Hash and owner in one number: typed arrays sort without calling us.
  const places = new Float64Array(names.length * each);
  let at = 0;
  for (const [owner, name] of names.entries()) {
    const base = fnv1a32(name);
    for (let copy = 1; copy <= each; copy++) places[at++] = mix(base ^ mix(copy)) * OWNERS_MAX + owner;
  }
  places.sort();
  const owners = Uint32Array.from(places, (place) => place % OWNERS_MAX);
  return { owners, hashes: Uint32Array.from(places, (place) => Math.floor(place / OWNERS_MAX)) };
}

function firstAtOrAfter(hashes: Uint32Array, hash: number): number {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Each item has its own order of all places, and takes in its turn the first that is free. */
function maglevOwners(names: readonly string[], size: number): Uint32Array {
  const FREE = 0xffffffff;
  const owners = new Uint32Array(size).fill(FREE);
  const orders = names.map((name) => ({
    next: hashOf(name) % size,
    step: size === 1 ? 0 : 1 + (hashOf(`${name}_step`) % (size - 1)),
  }));
  for (let filled = 0; filled < size; ) {
    for (const [owner, order] of orders.entries()) {
      while (owners[order.next] !== FREE) order.next = (order.next + order.step) % size;
      owners[order.next] = owner;
      if (++filled === size) break;
    }
  }
  return owners;
}

function hashOf(text: string): number {
  return mix(fnv1a32(text));
}

/** FNV leaves names that differ in their last digits near each other; the mixing of MurmurHash3 spreads them. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
