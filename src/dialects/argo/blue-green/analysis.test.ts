import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import { resources } from "../../../kube/resource.ts";
import {
  events,
  HASH,
  lasting,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
} from "../rollout.fixture.ts";
import type { AnalysisRun } from "../types.ts";
import {
  blueGreenObjects,
  judge,
  post,
  pre,
  QUIET,
  release,
  runs,
  selected,
  startBlueGreen,
} from "./blue-green.fixture.ts";

/** Blue-green releases that are analysed before and after the switch (ARC-508, table 15.2). */

const PRE = `${HASH.yellow}-2-pre`;
const POST = `${HASH.yellow}-2-post`;
const BOTH = { [HASH.blue]: 2, [HASH.yellow]: 2 };

test("ARC-883 ARC-884 ARC-886 ARC-887 ARC-888 ARC-889 analysis before the switch, the switch, analysis after it, promotion", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre, postPromotionAnalysis: post });
  await release(world, "yellow");
  assert.deepEqual(await runs(world), [`${PRE} Running`]);
  let status = await statusOf(world);
  assert.equal(status.message, "active service cutover pending");
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  assert.equal(status.blueGreen?.prePromotionAnalysisRunStatus?.status, "Running");
  await checkFixpoint(world);

  await judge(world, PRE, "Successful");
  status = await statusOf(world);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  assert.deepEqual(await runs(world), [`${POST} Running`, `${PRE} Successful`]);
  assert.equal(status.stableRS, HASH.blue);
  assert.deepEqual([status.phase, status.message], ["Progressing", "waiting for analysis to complete"]);
  await world.advance(600_000);
  assert.deepEqual(await sizes(world), BOTH, "the way back stays open until there is a verdict");

  await judge(world, POST, "Successful");
  status = await statusOf(world);
  assert.equal(status.stableRS, HASH.yellow);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.blueGreen?.postPromotionAnalysisRunStatus?.status, "Successful", "ARC-650");
  await world.advance(20_000);
  assert.deepEqual(await sizes(world), BOTH);
  await world.advance(20_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-506 the first deployment is neither paused nor analysed", async () => {
  const world = await startBlueGreen({
    prePromotionAnalysis: pre,
    postPromotionAnalysis: post,
    autoPromotionEnabled: false,
  });
  assert.deepEqual(await runs(world), []);
  await world.stop();
});

test("ARC-890 ARC-132 a failure before the switch aborts, and the active version stays", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre });
  await release(world, "yellow");
  await judge(world, PRE, "Failed", "too slow");
  const status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.equal(
    status.message,
    "RolloutAborted: Rollout aborted update to revision 2: Blue/green pre-promotion analysis phase error/failed: too slow",
  );
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-136 SU-007 a retry is analysed anew, and only once its pods are there", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre });
  await release(world, "yellow");
  await judge(world, PRE, "Failed");
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await patchStatus(world, { abort: false });
  await world.advance(500);
  assert.deepEqual(await runs(world), [`${PRE} Failed`], "the pods have not started yet");
  await world.advance(10_000);
  assert.deepEqual(await runs(world), [`${PRE} Failed`, `${PRE}.1 Running`]);
  await judge(world, `${PRE}.1`, "Successful");
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-891 ARC-906 a failure after the switch goes back, also when the new version has lost its pods", async () => {
  const world = await startBlueGreen(
    { postPromotionAnalysis: post },
    // Replacements of yellow never get ready: what is switched away from is broken.
    { kubelet: { behaviourOf: (pod) => (pod.metadata.labels?.["sick"] ? { readyMs: null } : {}) } },
  );
  await release(world, "yellow");
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  const pods = await world.list(resources.pods);
  const lost = pods.find(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow);
  const set = { namespace: "default", name: `istio-rollout-${HASH.yellow}` };
  await world.patch(resources.replicaSets, set, { spec: { template: { metadata: { labels: { sick: "yes" } } } } });
  await world.client.delete(resources.pods, { namespace: "default", name: lost?.metadata.name ?? "" });
  await world.advance(5000);
  await judge(world, POST, "Failed");
  const status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.match(status.message ?? "", /Blue\/green post-promotion analysis phase error\/failed$/);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  assert.equal(status.stableRS, HASH.blue);
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-509 a scaleDownDelaySeconds of its own counts from the promotion, not from the switch", async () => {
  const world = await startBlueGreen({ postPromotionAnalysis: post, scaleDownDelaySeconds: 60 });
  await release(world, "yellow");
  await world.advance(300_000);
  assert.deepEqual(await sizes(world), BOTH);
  await judge(world, POST, "Successful");
  await world.advance(50_000);
  assert.deepEqual(await sizes(world), BOTH);
  await world.advance(10_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await world.stop();
});

for (const [delay, kept] of [
  [undefined, 2],
  [20, 0],
] as const) {
  const which = delay === undefined ? "no delay of its own keeps" : "a delay of its own ends";
  test(`ARC-509 during the analysis after the switch ${which} the pods of a superseded version`, async () => {
    const world = await startBlueGreen({
      postPromotionAnalysis: post,
      autoPromotionSeconds: 5,
      ...(delay === undefined ? {} : { scaleDownDelaySeconds: delay }),
    });
    await setImage(world, "yellow");
    await world.advance(4000);
    await setImage(world, "orange");
    await world.advance(15_000);
    const { currentPodHash = "", blueGreen } = await statusOf(world);
    assert.equal(blueGreen?.activeSelector, currentPodHash);
    await world.advance(120_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: kept, [currentPodHash]: 2 });
    await judge(world, `${currentPodHash}-3-post`, "Successful");
    await world.advance(60_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 0, [currentPodHash]: 2 });
    await world.stop();
  });
}

test("ARC-508 ARC-502 ARC-885 a small preview is analysed, approved, grown, and only then active", async () => {
  const world = await startBlueGreen({
    prePromotionAnalysis: pre,
    previewReplicaCount: 1,
    autoPromotionEnabled: false,
  });
  await release(world, "yellow");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 1 });
  assert.deepEqual(await runs(world), [`${PRE} Running`]);
  assert.equal((await statusOf(world)).pauseConditions, undefined, "ARC-503 no pause before the verdict");
  await judge(world, PRE, "Successful");
  assert.equal((await statusOf(world)).message, "BlueGreenPause");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 1 });
  await promote(world);
  await world.advance(1000);
  assert.equal((await statusOf(world)).blueGreen?.scaleUpPreviewCheckPoint, true);
  assert.deepEqual(await sizes(world), BOTH);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.settle(QUIET);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  const status = await statusOf(world);
  assert.equal(status.blueGreen?.scaleUpPreviewCheckPoint, undefined);
  assert.equal(status.phase, "Healthy");
  await world.stop();
});

test("ARC-654 a resume after a run without verdict starts another run and approves nothing", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre, autoPromotionEnabled: false });
  await release(world, "yellow");
  await judge(world, PRE, "Inconclusive");
  assert.equal((await statusOf(world)).message, "InconclusiveAnalysisRun");
  await promote(world);
  await world.advance(5000);
  assert.deepEqual(await runs(world), [`${PRE} Inconclusive`, `${PRE}.1 Running`]);
  await judge(world, `${PRE}.1`, "Successful");
  assert.equal((await statusOf(world)).message, "BlueGreenPause");
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await promote(world);
  await world.advance(5000);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await world.stop();
});

test("ARC-507 ARC-650 promote --full leaves out what is left of the analysis", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre, postPromotionAnalysis: post });
  await release(world, "yellow");
  await patchStatus(world, { promoteFull: true });
  await world.advance(5000);
  const status = await statusOf(world);
  assert.equal(status.stableRS, HASH.yellow);
  assert.equal(status.promoteFull, undefined);
  assert.deepEqual(await runs(world), [`${PRE} Successful`], "ended, not judged");
  const told = (await events(world)).map(({ message }) => message);
  assert.ok(told.some((text) => text.endsWith("Full promotion requested")));
  await world.stop();
});

test("ARC-916 SU-006 a run before the switch that somebody ends is no verdict: the release pauses, and a resume judges anew", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre });
  await release(world, "yellow");
  const key = { namespace: "default", name: `istio-rollout-${PRE}` };
  await world.patch(resources.analysisRuns, key, { spec: { terminate: true } });
  await world.advance(5000);
  assert.deepEqual(await runs(world), [`${PRE} Successful`]);
  const status = await statusOf(world);
  assert.equal(status.message, "InconclusiveAnalysisRun");
  assert.deepEqual(status.blueGreen?.prePromotionAnalysisRunStatus, {
    name: key.name,
    status: "Inconclusive",
    message: "Run Terminated",
  });
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await checkFixpoint(world);
  await promote(world);
  await world.advance(5000);
  assert.deepEqual(await runs(world), [`${PRE} Successful`, `${PRE}.1 Running`]);
  await judge(world, `${PRE}.1`, "Successful");
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  await world.stop();
});

test("ARC-508 ARC-916 pods that come and go do not end a run before the switch", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre });
  await release(world, "yellow");
  const pods = await world.list(resources.pods);
  for (const { metadata } of pods.filter(
    (pod) => pod.metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow,
  )) {
    await world.client.delete(resources.pods, { namespace: "default", name: metadata.name });
  }
  await world.advance(10_000);
  assert.deepEqual(await runs(world), [`${PRE} Running`]);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.stop();
});

test("ARC-130 a user's abort ends the run before the switch", async () => {
  const world = await startBlueGreen({ prePromotionAnalysis: pre });
  await release(world, "yellow");
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns);
  assert.equal(run?.spec.terminate, true);
  assert.deepEqual(await runs(world), [`${PRE} Successful`]);
  assert.equal((await statusOf(world)).phase, "Degraded");
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  await world.stop();
});

test("INV-33 a crash after each write of an analysed blue-green release ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 3,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply(blueGreenObjects({ prePromotionAnalysis: pre, scaleDownDelaySeconds: 5 }));
      await world.settle();
      await setImage(world, "yellow");
      await world.settle();
      const key = { namespace: "default", name: `istio-rollout-${PRE}` };
      await world.patch(resources.analysisRuns, key, { status: { phase: "Successful" } });
      await world.settle();
    },
    project: lasting,
  }));
