import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  setImage,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";
import type { CanaryStrategy, Step } from "../types.ts";

/** Which share the canary has in each state of a release (ARC-220), as the VirtualService shows it. */

const pause: Step = { pause: {} };

/** Every share that the canary ever had from the new template on, without repeats. */
async function shares(world: World, play: () => Promise<void>): Promise<(number | undefined)[]> {
  const seen: (number | undefined)[] = [];
  const watch = world.client.watch(
    resources.virtualServices,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ type, object }) => {
        if (type !== "MODIFIED") return;
        const { http } = object["spec"] as { http: { route: { weight?: number }[] }[] };
        const share = http[0]?.route[1]?.weight ?? 0;
        if (seen.at(-1) !== share) seen.push(share);
      },
      onEnd: () => {},
    },
  );
  await setImage(world, "yellow");
  await play();
  watch.stop();
  return seen;
}

interface Case {
  readonly name: string;
  readonly canary: Partial<CanaryStrategy>;
  play(world: World): Promise<void>;
  readonly expected: readonly number[];
  readonly isStable: boolean;
}

const cases: Case[] = [
  {
    name: "without steps the canary gets no share; the stable name changes pods",
    canary: { steps: [] },
    play: (world) => world.advance(20_000),
    expected: [],
    isStable: true,
  },
  {
    name: "before its pods are there the weight before the step holds, and all at the end",
    canary: { steps: [{ setWeight: 20 }, { setWeight: 70 }] },
    play: (world) => world.advance(30_000),
    expected: [20, 70, 100, 0],
    isStable: true,
  },
  {
    name: "promote --full keeps the share until the promotion",
    canary: { steps: [{ setWeight: 30 }, pause, { setWeight: 60 }, pause] },
    play: async (world) => {
      await world.advance(15_000);
      await patchStatus(world, { promoteFull: true });
      await world.advance(20_000);
    },
    expected: [30, 0],
    isStable: true,
  },
  {
    name: "an abort takes it away at once",
    canary: { steps: [{ setWeight: 30 }, pause] },
    play: async (world) => {
      await world.advance(15_000);
      await patchStatus(world, { abort: true });
      await world.advance(20_000);
    },
    expected: [30, 0],
    isStable: false,
  },
  {
    name: "a canary without pods has none, and gets it back",
    canary: { steps: [{ setWeight: 30 }, pause] },
    play: async (world) => {
      await world.advance(15_000);
      const pods = await world.list(resources.pods);
      for (const { metadata } of pods) {
        if (metadata.labels?.["rollouts-pod-template-hash"] !== HASH.yellow) continue;
        await world.client.delete(resources.pods, { namespace: "default", name: metadata.name });
      }
      await world.advance(15_000);
    },
    expected: [30, 0, 30],
    isStable: false,
  },
];

for (const { name, canary, play, expected, isStable } of cases) {
  test(`ARC-220 ${name}`, async () => {
    const world = await deployed(await startArgo(), aRollout(canary, { replicas: 2 }));
    assert.deepEqual(await shares(world, () => play(world)), expected);
    const { stableRS, currentPodHash } = await statusOf(world);
    assert.equal(stableRS === currentPodHash, isStable);
    assert.equal((await weights(world))[1] ?? 0, expected.at(-1) ?? 0);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("INV-06 ARC-220 a change of the Rollout's size takes nothing back of what a step has reached", async () => {
  const steps: Step[] = [{ setWeight: 10 }, pause, { setWeight: 60 }, pause];
  // Without a mesh that tells, a step waits for a while after its share was set.
  const world = await deployed(await startArgo({ hasMesh: false }), aRollout({ steps }, { replicas: 2 }));
  const seen = await shares(world, async () => {
    await world.advance(15_000);
    await patchStatus(world, { pauseConditions: null });
    while ((await weights(world))[1] !== 60) await world.advance(100);
    await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 6 } });
    await world.advance(20_000);
  });
  assert.deepEqual(seen, [10, 60]);
  await world.stop();
});
