import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChain, shortChain } from "./chain.ts";

const cases = [
  {
    name: "SEED-030 a whole chain",
    answer:
      "-> mocka(version: v1, ip: 127.64.0.2)-> mockb(version: v2, ip: 127.64.0.9)-> mockc(version: v1, ip: 127.64.0.4)",
    short: "a1 b2 c1",
  },
  { name: "a chain that broke off", answer: "-> mocka(version: v1, ip: 127.64.0.2) upstream failed", short: "a1" },
  { name: "no chain at all", answer: "no healthy upstream", short: "" },
];

for (const { name, answer, short } of cases) {
  test(`shortChain() ${name}`, () => assert.equal(shortChain(parseChain(answer)), short));
}

test("parseChain() keeps the address of each hop", () => {
  assert.deepEqual(parseChain("-> mocka(version: v1, ip: 127.64.0.2)"), [
    { service: "mocka", version: "v1", ip: "127.64.0.2" },
  ]);
});
