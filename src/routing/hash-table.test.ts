import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { randomInt, seededRandom } from "../base/random.ts";
import { HashTable, type HashTableShape } from "./hash-table.ts";

const KEYS = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
const all = () => true;

function tableOf(names: readonly string[], shape: HashTableShape): HashTable<string> {
  return HashTable.of(names, (name) => name, shape);
}

function ownersOf(names: readonly string[], shape: HashTableShape): readonly string[] {
  const table = tableOf(names, shape);
  return KEYS.map((key) => table.find(key, all)!);
}

function names(count: number, seed = 0): string[] {
  return Array.from({ length: count }, (_, index) => `127.64.${seed % 256}.${index + 1}:8080`);
}

/** How far the fullest and the emptiest may be from an equal share, and how many keys move besides those that must. */
const shapes: readonly (HashTableShape & { readonly spread: number; readonly extraMoves: number })[] = [
  { kind: "ring", size: 1_024, spread: 0.25, extraMoves: 0 },
  { kind: "ring", size: 64, spread: 0.25, extraMoves: 0 },
  { kind: "maglev", size: 65_537, spread: 0.2, extraMoves: 0.05 },
];

for (const { spread, extraMoves, ...shape } of shapes) {
  describe(`${shape.kind} of ${shape.size}`, () => {
    test("MESH-183 the same key has the same owner, in whatever order the endpoints come", () => {
      const endpoints = names(7);
      assert.deepEqual(ownersOf(endpoints, shape), ownersOf([...endpoints].reverse(), shape));
    });

    test("MESH-183 every endpoint has about its share of the keys", () => {
      for (let seed = 0; seed < 10; seed++) {
        const count = 2 + randomInt(seededRandom(seed), 9);
        const loads = new Map<string, number>();
        for (const owner of ownersOf(names(count, seed), shape)) loads.set(owner, (loads.get(owner) ?? 0) + 1);
        const fair = KEYS.length / count;
        for (const load of loads.values()) {
          assert.ok(Math.abs(load - fair) / fair < spread, `seed ${seed}: ${load} of ${fair}`);
        }
        assert.equal(loads.size, count);
      }
    });

    test("MESH-183 an endpoint that comes or goes moves about 1/N of the keys, and hardly any other", () => {
      for (let seed = 0; seed < 10; seed++) {
        const endpoints = names(2 + randomInt(seededRandom(seed), 9), seed);
        const added = endpoints.at(-1)!;
        const before = ownersOf(endpoints.slice(0, -1), shape);
        const after = ownersOf(endpoints, shape);
        const moved = KEYS.filter((_, index) => before[index] !== after[index]).length / KEYS.length;
        const toNew = after.filter((owner) => owner === added).length / KEYS.length;
        const others = moved - toNew;
        assert.ok(Math.abs(toNew * endpoints.length - 1) < spread, `seed ${seed}: ${toNew} of 1/${endpoints.length}`);
        assert.ok(others >= 0 && others <= extraMoves, `seed ${seed}: ${others} moved between others`);
      }
    });

    test("an endpoint that may not be used leaves its keys to all others, and theirs stay", () => {
      const endpoints = names(4);
      const table = tableOf(endpoints, shape);
      const out = endpoints[0]!;
      const heirs = new Set<string>();
      for (const key of KEYS) {
        const owner = table.find(key, all)!;
        const other = table.find(key, (name) => name !== out)!;
        if (owner === out) heirs.add(other);
        else assert.equal(other, owner);
      }
      assert.equal(heirs.size, 3);
    });
  });
}

test("nobody may be used, or nobody is there: nobody is found", () => {
  for (const shape of shapes) {
    assert.equal(
      tableOf(names(3), shape).find("k", () => false),
      null,
    );
    assert.equal(tableOf([], shape).find("k", all), null);
    assert.equal(tableOf(["a"], shape).find("k", all), "a");
  }
});

for (const [count, size] of [
  [200, 1],
  [3, 65_537],
] as const) {
  test(`MESH-183 ${count} endpoints on a ring of ${size}: each has keys`, () => {
    assert.equal(new Set(ownersOf(names(count), { kind: "ring", size })).size, count);
  });
}
