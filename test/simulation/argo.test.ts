import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateArgo } from "./argo.ts";
import { argoKindNames } from "./argo-kinds.ts";

/** One seed for each thing that people do, in groups, so that a failure names few seeds and the runner shows progress. */
const SEEDS_PER_GROUP = 23;
const GROUPS = 2;
const HELD =
  "INV-01 INV-02 INV-03 INV-04 INV-05 INV-06 INV-07 INV-10 INV-11 INV-12 INV-17 INV-19 INV-20 INV-22 INV-26 INV-28 INV-29 INV-33 INV-45 INV-49";

for (const kind of argoKindNames) {
  for (let group = 0; group < GROUPS; group++) {
    const first = 1 + group * SEEDS_PER_GROUP;
    const last = first + SEEDS_PER_GROUP - 1;
    test(`${HELD} hold for ${kind} in seeds ${first} to ${last}`, async () => {
      const failed: string[] = [];
      for (let seed = first; seed <= last; seed++) {
        const { problems, workload } = await simulateArgo(seed, kind);
        if (problems.length > 0) failed.push(`seed ${seed} (${workload}): ${problems.join("; ")}`);
      }
      assert.deepEqual(failed, [], `again with: npm run simulate -- --only ${kind} --seeds 1 --seed <seed>`);
    });
  }
}

test("INV-07 an abort by an analysis takes the canary's Service back before its pods (seed 528)", async () => {
  assert.deepEqual((await simulateArgo(528, "argo-nginx")).problems, []);
});

test("one seed of a release of Argo gives one history", async () => {
  assert.deepEqual(await simulateArgo(20, "argo-several"), await simulateArgo(20, "argo-several"));
});
