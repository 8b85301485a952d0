import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import { seededRandom } from "../../base/random.ts";
import { resources } from "../../kube/resource.ts";
import { watchInvariants } from "./invariants.fixture.ts";
import {
  aRollout,
  deployed,
  KEY,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "./rollout.fixture.ts";
import type { CanaryStrategy, Step } from "./types.ts";

/** Whole histories by chance: what users do at any moment, with a network and controllers that misbehave. */

const steps: Step[] = [
  { setWeight: 10 },
  { pause: { duration: 5 } },
  { setCanaryScale: { weight: 50 } },
  { setWeight: 40 },
  { pause: {} },
  { setWeight: 80 },
  { pause: { duration: 5 } },
];

const actions: readonly ((world: World, number: number) => Promise<void>)[] = [
  (world, number) => setImage(world, ["blue", "yellow", "orange", "green"][number % 4] ?? "blue"),
  (world, number) => setImage(world, ["blue", "yellow", "orange", "green"][number % 4] ?? "blue"),
  (world) => promote(world),
  (world) => promote(world),
  (world) => patchStatus(world, { abort: true }),
  (world) => patchStatus(world, { abort: false }),
  (world) => patchStatus(world, { promoteFull: true }),
  (world, number) => world.patch(resources.argoRollouts, KEY, { spec: { replicas: 2 + (number % 4) } }),
  (world) => world.patch(resources.argoRollouts, KEY, { spec: { paused: true } }),
  (world) => world.patch(resources.argoRollouts, KEY, { spec: { paused: false } }),
  (world) => world.restartControllers(),
  (world) =>
    world.patch(resources.argoRollouts, KEY, {
      spec: { strategy: { canary: { steps: [{ setWeight: 30 }, { pause: {} }] } } },
    }),
];

const FAULTS = { staleMs: 200, conflict: 0.1, failedWrite: 0.05, lostAnswer: 0.05, droppedWatch: 0.02 };

const strategies: readonly [name: string, canary: Partial<CanaryStrategy>][] = [
  ["a fixed stable size", { steps }],
  ["a dynamic stable size", { steps, dynamicStableScale: true }],
];

for (const [name, canary] of strategies) {
  for (let seed = 1; seed <= 6; seed++) {
    test(`INV-01 INV-05 INV-17 INV-26 INV-29 INV-30 INV-32 history ${seed} with ${name} keeps its promises`, async () => {
      const random = seededRandom(seed);
      const draw = (below: number) => Math.floor(random.next() * below);
      const world = await deployed(
        await startArgo({ seed, hasMesh: seed % 3 !== 0 }),
        aRollout(canary, { replicas: 2 }),
      );
      const watch = watchInvariants(world, { minimum: 2 });
      world.setFaults(FAULTS);
      for (let turn = 0; turn < 12; turn++) {
        await actions[draw(actions.length)]?.(world, draw(4));
        await watch.advance(500 + draw(12_000));
      }
      world.setFaults({});
      await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
      await patchStatus(world, { abort: false, pauseConditions: null });
      await watch.advance(15_000);
      await patchStatus(world, { promoteFull: true });
      await watch.advance(120_000);
      await world.settle();
      const status = await statusOf(world);
      assert.equal(status.phase, "Healthy", JSON.stringify(status));
      assert.deepEqual(
        (await weights(world)).map((weight = 0) => weight),
        [100, 0],
      );
      const left = Object.entries(await sizes(world)).filter(([, count]) => count > 0);
      assert.deepEqual(left, [[status.stableRS, status.replicas]]);
      await checkFixpoint(world);
      await world.stop();
    });
  }
}
