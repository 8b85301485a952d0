import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { approximatePair, nextBasicPair, resolveBound } from "./counts.ts";

const pairs: readonly [replicas: number, weight: number, surge: number, canary: number, stable: number][] = [
  [1, 49, 0, 0, 1],
  [1, 50, 0, 1, 0],
  [1, 50, 1, 1, 1],
  [2, 1, 0, 1, 1],
  [2, 50, 1, 1, 1],
  [2, 99, 1, 2, 1],
  [3, 50, 0, 2, 1],
  [3, 49, 1, 2, 2],
  [3, 25, 1, 1, 3],
  [5, 20, 2, 1, 4],
  [5, 50, 2, 3, 3],
  [10, 14, 0, 1, 9],
  [10, 15, 0, 2, 8],
  [10, 24, 1, 3, 8],
  [10, 99, 1, 10, 1],
  [10, 100, 1, 10, 0],
];

for (const [replicas, weight, surge, canary, stable] of pairs) {
  test(`ARC-075 ${replicas} pods at ${weight} % with surge ${surge}: ${canary} and ${stable}`, () => {
    assert.deepEqual(approximatePair(replicas, weight, surge), { canary, stable });
  });
}

test("ARC-918 a tie at the top gives the canary all pods but one", () => {
  assert.deepEqual(approximatePair(2, 75, 0), { canary: 1, stable: 1 });
});

const moves: readonly [
  replicas: number,
  weight: number,
  canary: number,
  stable: number,
  surge: number,
  unavailable: number,
  next: [number, number],
][] = [
  [10, 10, 0, 10, 1, 1, [1, 9]],
  [10, 30, 0, 10, 3, 0, [3, 10]],
  [10, 30, 0, 10, 0, 5, [0, 7]],
  [1, 5, 0, 1, 1, 0, [1, 1]],
  [10, 5, 0, 10, 1, 1, [1, 10]],
];

for (const [replicas, weight, canary, stable, surge, unavailable, next] of moves) {
  test(`ARC-079 from ${canary}/${stable} towards ${weight} % of ${replicas}: ${next.join("/")}`, () => {
    const pods = (count: number) => ({ wanted: count, available: count });
    const desired = approximatePair(replicas, weight, surge);
    const pair = nextBasicPair({
      replicas,
      desired,
      surge,
      unavailable,
      canary: pods(canary),
      stable: pods(stable),
      others: 0,
    });
    assert.deepEqual([pair.canary, pair.stable], next);
  });
}

test("ARC-071 a text is a percentage with or without its sign", () => {
  assert.equal(resolveBound("5", 100, "up"), 5);
  assert.equal(resolveBound("25%", 10, "up"), 3);
  assert.equal(resolveBound("25%", 10, "down"), 2);
  assert.equal(resolveBound(4, 10, "up"), 4);
});

test("INV-17 no move takes available pods below the minimum, or all pods above the surge", () => {
  const count = fc.integer({ min: 0, max: 12 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      count,
      count,
      (replicas, weight, surge, asked, canary, stable) => {
        const unavailable = Math.min(replicas, surge === 0 && asked === 0 ? 1 : asked);
        fc.pre(canary + stable <= replicas + surge && canary + stable >= replicas - unavailable);
        const pods = (wanted: number) => ({ wanted, available: wanted });
        const next = nextBasicPair({
          replicas,
          desired: approximatePair(replicas, weight, surge),
          surge,
          unavailable,
          canary: pods(canary),
          stable: pods(stable),
          others: 0,
        });
        assert.ok(next.canary >= 0 && next.stable >= 0);
        assert.ok(next.canary + next.stable <= replicas + surge, JSON.stringify(next));
        const still = Math.min(canary, next.canary) + Math.min(stable, next.stable);
        assert.ok(still >= Math.min(replicas - unavailable, canary + stable), JSON.stringify(next));
      },
    ),
  );
});
