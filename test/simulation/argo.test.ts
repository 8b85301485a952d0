import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateArgo } from "./argo.ts";

const SEEDS_PER_GROUP = 25;
/** By two Services, or by two subsets of one. */
const GROUPS = { services: 4, subsets: 2 } as const;
const HELD = "INV-01 INV-02 INV-03 INV-04 INV-05 INV-07 INV-11 INV-20 INV-22 INV-26 INV-28 INV-29 INV-33";

for (const names of ["services", "subsets"] as const) {
  const kind = names === "subsets" ? "argo-subsets" : "argo";
  for (let group = 0; group < GROUPS[names]; group++) {
    const first = 1 + group * SEEDS_PER_GROUP;
    const last = first + SEEDS_PER_GROUP - 1;
    test(`${HELD} hold for an Argo Rollout by ${names} in seeds ${first} to ${last}`, async () => {
      const failed: string[] = [];
      for (let seed = first; seed <= last; seed++) {
        const { problems, workload } = await simulateArgo(seed, names);
        if (problems.length > 0) failed.push(`seed ${seed} (${workload}): ${problems.join("; ")}`);
      }
      assert.deepEqual(failed, [], `again with: npm run simulate -- --only ${kind} --seeds 1 --seed <seed>`);
    });
  }
}
