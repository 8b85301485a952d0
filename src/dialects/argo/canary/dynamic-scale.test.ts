import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import { isPodReady } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  lasting,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";
import type { CanaryStrategy, Rollout, Step } from "../types.ts";

/** dynamicStableScale: the stable version has the pods that its share of the traffic needs (ARC-083, ARC-226). */

const QUIET = { quietMs: 15_000 };
const quarters: Step[] = [25, 50, 75].flatMap((setWeight): Step[] => [{ setWeight }, { pause: {} }]);

function dynamic(canary: Partial<CanaryStrategy> = {}, spec: Partial<Rollout["spec"]> = {}): Rollout {
  return aRollout({ steps: quarters, dynamicStableScale: true, ...canary }, { replicas: 4, ...spec });
}

/** Lets time pass; at every moment each version must have the ready pods for its share (INV-18). */
async function watchCapacity(world: World, milliseconds: number, replicas = 4): Promise<void> {
  const until = world.clock.now() + milliseconds;
  for (;;) {
    for (let turn = 0; turn < 6; turn++) await world.advance(0);
    const shares = await weights(world);
    assert.ok(
      shares.every((weight = 0) => weight >= 0 && weight <= 100),
      `weights ${shares}`,
    );
    const pods = (await world.list(resources.pods)).filter(isPodReady);
    const behind = (hash: string) =>
      pods.filter(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === hash).length;
    const { stableRS = "", currentPodHash = "" } = await statusOf(world);
    const hashes = [stableRS, currentPodHash];
    if (stableRS !== currentPodHash) {
      shares.forEach((weight = 0, index) => {
        const needed = Math.floor((weight * replicas) / 100);
        const ready = behind(hashes[index] ?? "");
        assert.ok(ready >= needed, `${hashes[index]} has ${ready} ready pods for ${weight} % of ${replicas}`);
      });
    }
    const next = world.clock.nextWakeAt();
    if (next === null || next > until) break;
    world.clock.advanceTo(next);
  }
  await world.advance(until - world.clock.now());
}

async function atStep(world: World, index: number): Promise<World> {
  await setImage(world, "yellow");
  for (;;) {
    await watchCapacity(world, 15_000);
    const { currentStepIndex = 0, message } = await statusOf(world);
    assert.equal(message, "CanaryPauseStep");
    if (currentStepIndex === index) return world;
    await promote(world);
  }
}

test("ARC-083 ARC-084 INV-18 stable shrinks behind the traffic, step by step, to the end", async () => {
  const world = await deployed(await startArgo(), dynamic());
  await setImage(world, "yellow");
  for (const canary of [1, 2, 3]) {
    await watchCapacity(world, 15_000);
    assert.deepEqual(await weights(world), [100 - 25 * canary, 25 * canary]);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 4 - canary, [HASH.yellow]: canary });
    await checkFixpoint(world);
    await promote(world);
  }
  await watchCapacity(world, 30_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 4 });
  await checkFixpoint(world);
  await world.stop();
});

for (const [abortScaleDownDelaySeconds, kept] of [
  [undefined, 0],
  [60, 0],
  [0, 3],
] as const) {
  test(`ARC-083 ARC-226 ARC-908 ARC-933 an abort grows stable before the traffic, delay ${abortScaleDownDelaySeconds}`, async () => {
    const delay = abortScaleDownDelaySeconds === undefined ? {} : { abortScaleDownDelaySeconds };
    const world = await atStep(await deployed(await startArgo(), dynamic(delay)), 5);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 3 });
    await patchStatus(world, { abort: true });
    await watchCapacity(world, 30_000);
    assert.deepEqual(await weights(world), [100, 0]);
    const status = await statusOf(world);
    assert.equal(status.phase, "Degraded");
    assert.equal((await sizes(world))[HASH.blue], 4);
    if (abortScaleDownDelaySeconds !== undefined) assert.equal((await sizes(world))[HASH.yellow], 3);
    await watchCapacity(world, 70_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: kept });
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-910 promote --full while setCanaryScale asks for more pods than the Rollout has", async () => {
  const steps: Step[] = [{ setCanaryScale: { replicas: 8 } }, { setWeight: 25 }, { pause: {} }];
  const world = await atStep(await deployed(await startArgo(), dynamic({ steps })), 2);
  assert.equal((await sizes(world))[HASH.yellow], 8);
  await patchStatus(world, { promoteFull: true });
  await watchCapacity(world, 30_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 4 });
  assert.deepEqual(await weights(world), [100, 0]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-118 promote --full moves traffic as the new pods come", async () => {
  const world = await atStep(await deployed(await startArgo(), dynamic()), 1);
  await patchStatus(world, { promoteFull: true });
  await watchCapacity(world, 30_000);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-910 an aborted canary does not grow again with the Rollout", async () => {
  for (const waitMs of [0, 1000, 30_000]) {
    const world = await atStep(await deployed(await startArgo(), dynamic()), 1);
    await patchStatus(world, { abort: true });
    await world.advance(waitMs);
    await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 12 } });
    let most = 0;
    for (let second = 0; second < 40; second++) {
      await world.advance(1000);
      most = Math.max(most, (await sizes(world))[HASH.yellow] ?? 0);
      // What the canary still serves may need as many pods as its share of the new size.
      const share = (await statusOf(world)).canary?.weights?.canary.weight ?? 0;
      assert.ok(((await sizes(world))[HASH.yellow] ?? 0) <= Math.max(1, Math.ceil((share * 12) / 100)));
    }
    assert.deepEqual(await sizes(world), { [HASH.blue]: 12, [HASH.yellow]: 0 });
    assert.deepEqual(await weights(world), [100, 0]);
    assert.ok(waitMs < 30_000 || most === 0, "one that is gone stays so");
    await checkFixpoint(world);
    await world.stop();
  }
});

test("ARC-203 ARC-226 undo in mid-release: the canary keeps its share until stable has all its pods", async () => {
  const world = await atStep(await deployed(await startArgo(), dynamic()), 5);
  await setImage(world, "blue");
  const hashes = { [HASH.blue]: 4, [HASH.yellow]: 0 };
  const until = world.clock.now() + 40_000;
  while (world.clock.now() < until) {
    await world.advance(200);
    const [stable = 0, canary = 0] = await weights(world);
    const pods = (await world.list(resources.pods)).filter(isPodReady);
    const ready = (hash: string) =>
      pods.filter(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === hash).length;
    assert.ok(ready(HASH.blue) >= Math.floor((stable * 4) / 100), `${ready(HASH.blue)} pods for ${stable} %`);
    if (canary > 0) assert.ok(ready(HASH.yellow) + ready(HASH.blue) >= 4);
  }
  assert.deepEqual(await sizes(world), hashes);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-082 minPodsPerReplicaSet holds for both versions, and never for one without any share", async () => {
  const steps: Step[] = [{ setWeight: 10 }, { pause: {} }, { setWeight: 90 }, { pause: {} }];
  const world = await atStep(await deployed(await startArgo(), dynamic({ steps, minPodsPerReplicaSet: 2 })), 3);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 4 });
  await patchStatus(world, { abort: true });
  await watchCapacity(world, 60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-062 a new size in mid-release keeps the shares", async () => {
  const world = await atStep(await deployed(await startArgo(), dynamic()), 3);
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 8 } });
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 4 });
  assert.deepEqual(await weights(world), [50, 50]);
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 2 } });
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 1 });
  await checkFixpoint(world);
  await world.stop();
});

test("INV-33 a crash after each write of an abort with dynamicStableScale ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 5,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply(seedObjects);
      await world.apply(dynamic({ steps: [{ setWeight: 50 }, { pause: {} }] }));
      await world.settle();
      await setImage(world, "yellow");
      await world.settle();
      await patchStatus(world, { abort: true });
      await world.settle();
    },
    project: lasting,
  }));
