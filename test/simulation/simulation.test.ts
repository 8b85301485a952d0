import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulation.ts";

/** In groups, so that a failure names few seeds and the runner shows progress. */
const GROUPS = 8;
const SEEDS_PER_GROUP = 25;

for (let group = 0; group < GROUPS; group++) {
  const first = 1 + group * SEEDS_PER_GROUP;
  const last = first + SEEDS_PER_GROUP - 1;
  test(`INV-01 INV-02 INV-03 INV-14 INV-15 INV-20 INV-28 INV-29 INV-33 hold in seeds ${first} to ${last}`, async () => {
    const failed: string[] = [];
    for (let seed = first; seed <= last; seed++) {
      const { problems, workload } = await simulate(seed);
      if (problems.length > 0) failed.push(`seed ${seed} (${workload}): ${problems.join("; ")}`);
    }
    assert.deepEqual(failed, [], "again with: npm run simulate -- --seeds 1 --seed <seed>");
  });
}

test("one seed gives one history", async () => {
  const { problems: _first, ...first } = await simulate(4);
  const { problems: _second, ...second } = await simulate(4);
  assert.deepEqual(first, second);
});
