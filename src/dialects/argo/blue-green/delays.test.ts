import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import { resources } from "../../../kube/resource.ts";
import {
  events,
  HASH,
  KEY,
  lasting,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
} from "../rollout.fixture.ts";
import { blueGreenObjects, post, QUIET, release, runs, selected, startBlueGreen } from "./blue-green.fixture.ts";

/** When a blue-green release pauses, how long it keeps pods, and how fast it goes back (ARC-504, ARC-509…511). */

const BOTH = { [HASH.blue]: 2, [HASH.yellow]: 2 };

test("ARC-504 ARC-884 ARC-886 autoPromotionSeconds switches by itself, and a resume does so earlier", async () => {
  for (const isResumed of [false, true]) {
    const world = await startBlueGreen({ autoPromotionSeconds: 60 });
    await release(world, "yellow");
    assert.equal((await statusOf(world)).message, "BlueGreenPause");
    await world.advance(30_000);
    assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
    if (isResumed) await promote(world);
    await world.advance(isResumed ? 1000 : 40_000);
    assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
    assert.equal((await statusOf(world)).phase, "Healthy");
    await checkFixpoint(world);
    await world.stop();
  }
});

test("ARC-505 ARC-920 a resume that meets a pod short is not lost", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false });
  await release(world, "yellow");
  const pods = await world.list(resources.pods);
  const lost = pods.find(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow);
  await world.client.delete(resources.pods, { namespace: "default", name: lost?.metadata.name ?? "" });
  await world.advance(200);
  await promote(world);
  await world.advance(500);
  const status = await statusOf(world);
  assert.equal(status.controllerPause, true);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.advance(10_000);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await world.stop();
});

for (const [scaleDownDelaySeconds, keptSeconds] of [
  [undefined, 30],
  [0, 0],
  [120, 120],
] as const) {
  test(`ARC-150 ARC-889 ARC-907 scaleDownDelaySeconds ${scaleDownDelaySeconds} keeps the old version for ${keptSeconds} s`, async () => {
    const world = await startBlueGreen(scaleDownDelaySeconds === undefined ? {} : { scaleDownDelaySeconds });
    await setImage(world, "yellow");
    await world.advance(5000);
    assert.equal((await statusOf(world)).stableRS, HASH.yellow);
    if (keptSeconds > 0) {
      await world.advance((keptSeconds - 10) * 1000);
      assert.deepEqual(await sizes(world), BOTH);
      await world.advance(15_000);
    }
    assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
    const status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-150 beyond scaleDownDelayRevisionLimit the older versions go at once", async () => {
  const world = await startBlueGreen({ scaleDownDelaySeconds: 600, scaleDownDelayRevisionLimit: 1 });
  await release(world, "yellow");
  await world.advance(20_000);
  assert.deepEqual(await sizes(world), BOTH);
  await release(world, "orange");
  const { currentPodHash = "", stableRS } = await statusOf(world);
  assert.equal(stableRS, currentPodHash);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2, [currentPodHash]: 2 });
  await world.stop();
});

for (const [abortScaleDownDelaySeconds, keptSeconds] of [
  [undefined, 30],
  [90, 90],
  [1000, 1000],
] as const) {
  test(`ARC-134 ARC-510 ARC-931 abortScaleDownDelaySeconds ${abortScaleDownDelaySeconds} keeps the aborted version for ${keptSeconds} s`, async () => {
    const delay = abortScaleDownDelaySeconds === undefined ? {} : { abortScaleDownDelaySeconds };
    const world = await startBlueGreen({ autoPromotionEnabled: false, ...delay });
    await release(world, "yellow");
    await patchStatus(world, { abort: true });
    await world.advance((keptSeconds - 5) * 1000);
    assert.deepEqual(await sizes(world), BOTH);
    await world.advance(10_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
    await world.stop();
  });
}

test("ARC-908 abortScaleDownDelaySeconds 0 never takes the aborted version away", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false, abortScaleDownDelaySeconds: 0 });
  await release(world, "yellow");
  await patchStatus(world, { abort: true });
  await world.advance(3600_000);
  assert.deepEqual(await sizes(world), BOTH);
  assert.equal((await statusOf(world)).phase, "Degraded");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-062 INV-20 an abort and a new size that are seen at once both happen", async () => {
  const world = await startBlueGreen({ postPromotionAnalysis: post });
  await release(world, "yellow");
  assert.deepEqual(await runs(world), [`${HASH.yellow}-2-post Running`]);
  await world.runner.stop();
  await patchStatus(world, { abort: true });
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 3 } });
  await world.restartControllers();
  await world.advance(5000);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 3, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-141 ARC-511 ARC-892 undo within the delay switches back at once, without pause and analysis", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false, scaleDownDelaySeconds: 300 });
  await release(world, "yellow");
  await promote(world);
  await world.advance(10_000);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await setImage(world, "blue");
  await world.advance(1000);
  const status = await statusOf(world);
  assert.equal(status.stableRS, HASH.blue);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.blue });
  const told = (await events(world)).map(({ message }) => message);
  assert.ok(told.includes(`Rollout completed update to revision 3 (${HASH.blue}): Fast rollback`));
  await world.advance(310_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-511 undo after the delay is a release like any other", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false, scaleDownDelaySeconds: 20 });
  await release(world, "yellow");
  await promote(world);
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await release(world, "blue");
  assert.equal((await statusOf(world)).message, "BlueGreenPause");
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.blue });
  await world.stop();
});

test("ARC-140 a rollback window lets even a version without pods skip the pause", async () => {
  const world = await startBlueGreen(
    { autoPromotionEnabled: false, scaleDownDelaySeconds: 20 },
    { spec: { rollbackWindow: { revisions: 1 } } },
  );
  await release(world, "yellow");
  await promote(world);
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await release(world, "blue");
  assert.equal((await statusOf(world)).stableRS, HASH.blue);
  const told = (await events(world)).map(({ message }) => message);
  assert.ok(told.some((text) => text.endsWith("Rollback within window")));
  await world.stop();
});

test("ARC-120 ARC-500 spec.paused keeps the Services as they are, and the pods come nevertheless", async () => {
  const world = await startBlueGreen();
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: true } });
  await release(world, "yellow");
  assert.equal((await statusOf(world)).message, "manually paused");
  assert.deepEqual(await sizes(world), BOTH);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.blue });
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
  await world.settle(QUIET);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  await world.stop();
});

test("ARC-512 a small preview keeps its size when the Rollout grows, and only the active version counts for an HPA", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false, previewReplicaCount: 1 });
  await release(world, "yellow");
  const scale = { kind: "merge", body: { spec: { replicas: 4 } } } as const;
  await world.client.patch(resources.argoRollouts, KEY, scale, { subresource: "scale" });
  await world.advance(10_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 1 });
  const status = await statusOf(world);
  assert.equal(status.HPAReplicas, 4);
  assert.equal(status.selector, `app=istio-rollout,rollouts-pod-template-hash=${HASH.blue}`);
  await checkFixpoint(world);
  await world.stop();
});

test("INV-33 a crash after each write of a switch, its abort and the way back ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 4,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply(blueGreenObjects({ postPromotionAnalysis: post, abortScaleDownDelaySeconds: 5 }));
      await world.settle();
      await setImage(world, "yellow");
      await world.settle();
      await patchStatus(world, { abort: true });
      await world.settle();
    },
    project: lasting,
  }));
