import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import { resources } from "../../../kube/resource.ts";
import { isProgressed, nextBasicPair } from "../replica-sets/counts.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";
import type { CanaryStrategy, Rollout, Step } from "../types.ts";

/** How many pods each version of a canary has, step by step (section 4). */

const QUIET = { quietMs: 15_000 };

async function released(canary: Partial<CanaryStrategy>, spec: Partial<Rollout["spec"]> = {}): Promise<World> {
  const world = await deployed(await startArgo(), aRollout(canary, { replicas: 4, ...spec }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

/** Pods of the canary and of stable. */
async function pair(world: World): Promise<(number | undefined)[]> {
  const all = await sizes(world);
  return [all[HASH.yellow], all[HASH.blue]];
}

const pause: Step = { pause: {} };

const scales: { name: string; steps: Step[]; expected: number[]; minimum?: number; weight: number }[] = [
  {
    name: "ARC-081 a weight rounds up, and stable never shrinks",
    steps: [{ setWeight: 30 }, pause],
    expected: [2, 4],
    weight: 30,
  },
  {
    name: "ARC-073 setCanaryScale by replicas",
    steps: [{ setCanaryScale: { replicas: 3 } }, pause],
    expected: [3, 4],
    weight: 0,
  },
  {
    name: "ARC-073 setCanaryScale by weight, more than all",
    steps: [{ setCanaryScale: { weight: 150 } }, pause],
    expected: [6, 4],
    weight: 0,
  },
  {
    name: "ARC-073 setCanaryScale stays in force beside later weights",
    steps: [{ setCanaryScale: { replicas: 1 } }, { setWeight: 75 }, pause],
    expected: [1, 4],
    weight: 75,
  },
  {
    name: "ARC-073 matchTrafficWeight ends it",
    steps: [
      { setCanaryScale: { replicas: 1 } },
      { setWeight: 75 },
      { setCanaryScale: { matchTrafficWeight: true } },
      pause,
    ],
    expected: [3, 4],
    weight: 75,
  },
  {
    name: "ARC-082 a minimum holds for weights",
    steps: [{ setWeight: 1 }, pause],
    minimum: 2,
    expected: [2, 4],
    weight: 1,
  },
  {
    name: "ARC-082 a minimum is no more than the Rollout has",
    steps: [{ setWeight: 1 }, pause],
    minimum: 9,
    expected: [4, 4],
    weight: 1,
  },
  {
    name: "ARC-082 a minimum does not hold for an explicit number",
    steps: [{ setCanaryScale: { replicas: 1 } }, pause],
    minimum: 2,
    expected: [1, 4],
    weight: 0,
  },
  { name: "ARC-072 weight 0 has no pods", steps: [{ setWeight: 0 }, pause], minimum: 2, expected: [0, 4], weight: 0 },
];

for (const { name, steps, expected, minimum, weight } of scales) {
  test(`${name}: ${expected.join(" and ")} pods`, async () => {
    const world = await released({ steps, ...(minimum === undefined ? {} : { minPodsPerReplicaSet: minimum }) });
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    assert.deepEqual(await pair(world), expected);
    assert.equal((await weights(world))[1] ?? 0, weight);
    await checkFixpoint(world);
    await promote(world);
    await world.settle(QUIET);
    assert.equal((await sizes(world))[HASH.yellow], 4, "all at the end");
    await world.stop();
  });
}

test("ARC-070 ARC-120 nothing is resized while the release is halted, and all of it afterwards", async () => {
  const world = await released({ steps: [{ setWeight: 25 }, pause, { setWeight: 75 }, pause] });
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: true } });
  await promote(world);
  await world.advance(30_000);
  assert.deepEqual(await pair(world), [1, 4]);
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
  await world.settle(QUIET);
  assert.deepEqual(await pair(world), [3, 4]);
  await world.stop();
});

for (const [type, value, isEnough] of [
  ["Percent", 50, true],
  ["Percent", 75, false],
  ["Pods", 2, true],
  ["Pods", 3, false],
] as const) {
  test(`ARC-086 with two of four pods available a threshold of ${value} ${type} is ${isEnough ? "" : "not "}met`, async () => {
    let born = 0;
    const order = new Map<string, number>();
    const world = await deployed(
      await startArgo({
        kubelet: {
          behaviourOf: ({ metadata }) => {
            if (metadata.labels?.["rollouts-pod-template-hash"] !== HASH.yellow) return {};
            if (!order.has(metadata.name)) order.set(metadata.name, ++born);
            return (order.get(metadata.name) ?? 0) > 2 ? { readyMs: null } : {};
          },
        },
      }),
      aRollout({ steps: [{ setWeight: 100 }, pause], replicaProgressThreshold: { type, value } }, { replicas: 4 }),
    );
    await setImage(world, "yellow");
    await world.advance(20_000);
    const { currentStepIndex, message } = await statusOf(world);
    assert.deepEqual([currentStepIndex, message === "CanaryPauseStep"], isEnough ? [1, true] : [0, false]);
    assert.equal((await weights(world))[1] ?? 0, isEnough ? 100 : 0);
    await world.stop();
  });
}

test("ARC-086 the exact number counts too, and a negative threshold is none", () => {
  const half = { wanted: 4, available: 2 };
  assert.equal(isProgressed({ wanted: 4, available: 4 }, 4, undefined), true);
  assert.equal(isProgressed(half, 4, undefined), false);
  assert.equal(isProgressed({ wanted: 5, available: 5 }, 4, undefined), false, "one too many");
  assert.equal(isProgressed(half, 4, { type: "Pods", value: -1 }), false);
  assert.equal(isProgressed({ wanted: 0, available: 0 }, 0, { type: "Percent", value: 90 }), true);
});

test("ARC-087 the step waits until stable's pods are made again, ready or not", async () => {
  const world = await released({ steps: [{ setWeight: 25 }, pause, { setWeight: 50 }, pause] });
  const set = { namespace: "default", name: `istio-rollout-${HASH.blue}` };
  await world.runner.stop();
  // By hand, as somebody does who does not know better.
  await world.patch(resources.replicaSets, set, { spec: { replicas: 3 } });
  await promote(world);
  await world.restartControllers();
  await world.settle(QUIET);
  assert.deepEqual(await pair(world), [2, 4]);
  assert.deepEqual(await weights(world), [50, 50]);
  await checkFixpoint(world);
  await world.stop();
});

function basic(steps: Step[], canary: Partial<CanaryStrategy> = {}): Partial<CanaryStrategy> {
  return { steps, ...canary };
}

async function releasedBasic(canary: Partial<CanaryStrategy>, replicas: number): Promise<World> {
  const rollout = aRollout(canary, { replicas });
  for (const field of ["trafficRouting", "canaryService", "stableService"] as const) {
    delete rollout.spec.strategy?.canary?.[field];
  }
  const world = await deployed(await startArgo(), rollout);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

test("ARC-071 ARC-074 ARC-077 without a router pods are swapped within surge and availability", async () => {
  const world = await releasedBasic(basic([{ setWeight: 40 }, pause], { maxSurge: 1, maxUnavailable: 0 }), 5);
  assert.deepEqual(await pair(world), [2, 3]);
  let [fewest, most] = [5, 5];
  await promote(world);
  for (let tick = 0; tick < 200; tick++) {
    await world.advance(100);
    const pods = await world.list(resources.pods);
    const living = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    most = Math.max(most, living.length);
    const { availableReplicas = 0 } = await statusOf(world);
    fewest = Math.min(fewest, availableReplicas);
  }
  assert.deepEqual([fewest, most], [5, 6]);
  assert.deepEqual(await pair(world), [5, 0]);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await world.stop();
});

test("ARC-080 ARC-088 ARC-629 a superseded version goes first, and the step waits until it is gone", async () => {
  const world = await releasedBasic(basic([{ setWeight: 50 }, pause]), 4);
  assert.deepEqual(await pair(world), [2, 2]);
  await setImage(world, "orange");
  await world.settle(QUIET);
  const { currentPodHash = "", message } = await statusOf(world);
  assert.equal(message, "CanaryPauseStep");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0, [currentPodHash]: 2 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-078 while a third version has pods neither of the two shrinks", () => {
  const pods = (count: number) => ({ wanted: count, available: count });
  const input = { replicas: 10, surge: 1, unavailable: 1, desired: { canary: 5, stable: 5 }, canary: pods(5) };
  assert.deepEqual(nextBasicPair({ ...input, stable: pods(6), others: 1 }), { canary: 5, stable: 6 });
  assert.deepEqual(nextBasicPair({ ...input, stable: pods(6), others: 0 }), { canary: 5, stable: 5 });
});

test("ARC-076 without another stable version all pods are of the new one", () => {
  const input = { replicas: 3, surge: 1, unavailable: 0, desired: { canary: 1, stable: 2 }, others: 0 };
  assert.deepEqual(nextBasicPair({ ...input, canary: { wanted: 0, available: 0 }, stable: null }), {
    canary: 3,
    stable: 0,
  });
});

test("ARC-919 maxSurge as a text without sign is a percentage, as in the original", async () => {
  const world = await releasedBasic(basic([{ setWeight: 50 }, pause], { maxSurge: "5", maxUnavailable: 0 }), 4);
  const { replicas = 0 } = await statusOf(world);
  assert.equal(replicas, 4, "5 % of four is one pod more on the way, not five");
  await world.stop();
});

test("ARC-085 a superseded canary with a router goes at once when nothing leads to it, an old stable after its delay", async () => {
  const world = await released({ steps: [{ setWeight: 50 }, pause] });
  await setImage(world, "orange");
  await world.advance(10_000);
  const { currentPodHash: orange = "" } = await statusOf(world);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0, [orange]: 2 });
  await patchStatus(world, { promoteFull: true });
  await world.advance(15_000);
  assert.equal((await statusOf(world)).stableRS, orange);
  assert.equal((await sizes(world))[HASH.blue], 4);
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 0, [orange]: 4 });
  await checkFixpoint(world);
  await world.stop();
});
