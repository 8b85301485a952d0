import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeenRequests } from "./provider.ts";
import { reasonText } from "./reason.ts";

const both = { successCondition: "result[0] > 0.9", failureCondition: "result[0] < 0.5" };
const success = { successCondition: both.successCondition };
const failure = { failureCondition: both.failureCondition };
const seen = (total: number, codes: SeenRequests["codes"] = [], isOfLastTwo = false): SeenRequests => {
  return { windowMs: 90_000, total, codes, isOfLastTwo };
};

const cases: readonly (readonly [
  phase: "Failed" | "Inconclusive",
  conditions: Partial<typeof both>,
  seen: SeenRequests | null,
  windowMs: number | undefined,
  expected: string,
])[] = [
  ["Failed", success, null, undefined, 'measured [0.4]: successCondition "result[0] > 0.9" does not hold'],
  ["Failed", failure, null, 40_000, 'measured [0.4]: failureCondition "result[0] < 0.5" holds; in a window of 40s'],
  [
    "Failed",
    both,
    seen(37, [
      ["503", 30],
      ["200", 7],
    ]),
    90_000,
    'measured [0.4]: failureCondition "result[0] < 0.5" holds; about 37 requests in 1m30s: 30 × 503, 7 × 200',
  ],
  [
    "Failed",
    success,
    seen(8, [["200", 8]], true),
    90_000,
    'measured [0.4]: successCondition "result[0] > 0.9" does not hold; about 8 requests in 1m30s: 8 × 200; irate looks only at the last two scrapes of them',
  ],
  [
    "Failed",
    success,
    seen(0, [], true),
    90_000,
    'measured [0.4]: successCondition "result[0] > 0.9" does not hold; about 0 requests in 1m30s',
  ],
  [
    "Inconclusive",
    both,
    seen(1),
    undefined,
    'measured [0.4]: neither successCondition "result[0] > 0.9" nor failureCondition "result[0] < 0.5" holds; about 1 request in 1m30s',
  ],
];
for (const [phase, conditions, requests, windowMs, expected] of cases) {
  test(`EC-020 ${expected}`, () => {
    const metric = { name: "m", provider: {}, ...conditions };
    assert.equal(reasonText(metric, { phase, text: "[0.4]", windowMs, seen: requests }), expected);
  });
}
