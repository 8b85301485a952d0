import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMilli, parseMilli } from "./quantity.ts";

test("K8S-242 amounts of resources in thousandths", () => {
  const cases: [string | number, number | null][] = [
    ["100m", 100],
    ["1", 1000],
    [2, 2000],
    ["0.5", 500],
    ["1500000n", 2],
    ["64Mi", 64 * 2 ** 20 * 1000],
    ["1e3", 1_000_000],
    ["-1500000n", -2],
    ["much", null],
  ];
  for (const [text, expected] of cases) assert.equal(parseMilli(text), expected, String(text));
});

test("K8S-242 thousandths as the original writes them", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [60, "60m"],
    [1000, "1"],
    [1500, "1500m"],
    [20_971_520_000, "20971520"],
    [2_000_000_000, "2M"],
  ];
  for (const [milli, expected] of cases) assert.equal(formatMilli(milli), expected);
});
