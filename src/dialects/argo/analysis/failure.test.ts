import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { post, pre, release, runs as runLines, selected, startBlueGreen } from "../blue-green/blue-green.fixture.ts";
import {
  aRollout,
  deployed,
  events,
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
import type { AnalysisRun, CanaryStrategy, ExperimentStep, Rollout, Step } from "../types.ts";

/** EC-022: a failed analysis that pauses the Rollout, or is only told of. Verdicts are written by hand. */

const QUIET = { quietMs: 15_000 };
const RUN = `istio-rollout-${HASH.yellow}-2`;
const ANNOTATION = "argo.fairway.dev/on-failure";

/** Runs of it wait so long that only the test gives a verdict. */
function aTemplate(name: string): KubeObject {
  const provider = { web: { url: "http://nobody/" } };
  const metrics = [{ name, initialDelay: "10h", count: 1, provider }];
  return { apiVersion: "argoproj.io/v1alpha1", kind: "AnalysisTemplate", metadata: { name }, spec: { metrics } };
}

const background = { templates: [{ templateName: "rate" }] };
const step: Step = { analysis: { templates: [{ templateName: "rate" }] } };

function policed(policy: string | null, canary: Partial<CanaryStrategy>): Rollout {
  const rollout = aRollout(canary);
  const notes = policy === null ? {} : { annotations: { [ANNOTATION]: policy } };
  return { ...rollout, metadata: { ...rollout.metadata, ...notes } };
}

async function releasing(policy: string | null, canary: Partial<CanaryStrategy>): Promise<World> {
  const world = await startArgo();
  await world.apply(aTemplate("rate"));
  await deployed(world, policed(policy, canary));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

async function finish(world: World, name: string, phase: string, message?: string): Promise<void> {
  const status = { phase, ...(message ? { message } : {}) };
  await world.patch(resources.analysisRuns, { namespace: "default", name }, { status });
  await world.settle(QUIET);
}

async function failureOf(world: World, name: string): Promise<string | undefined> {
  const run = await world.get<AnalysisRun>(resources.analysisRuns, { namespace: "default", name });
  return run?.metadata.annotations?.["argo.fairway.dev/failure"];
}

async function told(world: World): Promise<string[]> {
  const all = await events(world);
  return all.filter(({ reason }) => reason.startsWith("AnalysisFailure")).map(({ message }) => message);
}

const paused: Step[] = [{ setWeight: 50 }, { pause: {} }, { setWeight: 80 }, { pause: {} }];

test("EC-022 SU-007 pause: a failed background run holds step, weight and pods; a promotion goes on and is watched anew", async () => {
  const world = await releasing("pause", { steps: paused, analysis: background });
  await finish(world, RUN, "Failed", "too slow");
  let status = await statusOf(world);
  assert.deepEqual(
    [status.phase, status.message],
    ["Paused", `FailedAnalysisRun: analysis run '${RUN}' Failed: too slow`],
  );
  assert.deepEqual([status.abort, status.currentStepIndex, await weights(world)], [undefined, 1, [50, 50]]);
  assert.deepEqual(await told(world), [
    `Background analysis phase error/failed: too slow; ${ANNOTATION} is pause: promote the Rollout to go on, or abort it`,
  ]);
  await checkFixpoint(world);

  await promote(world);
  await world.settle(QUIET);
  status = await statusOf(world);
  assert.deepEqual([status.message, status.currentStepIndex, await weights(world)], ["CanaryPauseStep", 3, [20, 80]]);
  assert.equal(await failureOf(world, RUN), "accepted");
  assert.deepEqual(status.canary?.currentBackgroundAnalysisRunStatus, { name: `${RUN}.1`, status: "Running" });
  await checkFixpoint(world);

  await finish(world, `${RUN}.1`, "Error", "again");
  assert.match((await statusOf(world)).message ?? "", /^FailedAnalysisRun: .*\.1' Error: again$/);
  await world.stop();
});

test("EC-022 pause: an abort of what is held goes back at once", async () => {
  const world = await releasing("pause", { steps: paused, analysis: background });
  await finish(world, RUN, "Failed");
  await patchStatus(world, { abort: true });
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.phase, status.pauseConditions, await weights(world)], ["Degraded", undefined, [100, 0]]);
  await checkFixpoint(world);
  await world.stop();
});

test("EC-022 pause: a new version starts over, without the old failure", async () => {
  const world = await releasing("pause", { steps: paused, analysis: background });
  await finish(world, RUN, "Failed");
  await setImage(world, "orange");
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.message, status.currentStepIndex], ["CanaryPauseStep", 1]);
  assert.equal(status.canary?.currentBackgroundAnalysisRunStatus?.status, "Running");
  await world.stop();
});

test("EC-022 SU-006 pause: a failed step waits, and a promotion takes it for done", async () => {
  const world = await releasing("pause", { steps: [{ setWeight: 50 }, step, { setWeight: 80 }, { pause: {} }] });
  await finish(world, `${RUN}-1`, "Failed", "too slow");
  assert.deepEqual([(await statusOf(world)).currentStepIndex, await weights(world)], [1, [50, 50]]);
  await world.advance(3_600_000);
  assert.equal((await statusOf(world)).phase, "Paused", "no deadline ends it");
  await promote(world);
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.currentStepIndex, status.message, await weights(world)], [3, "CanaryPauseStep", [20, 80]]);
  assert.equal((await world.list(resources.analysisRuns)).length, 1, "no second run of the step");
  await checkFixpoint(world);
  await world.stop();
});

test("EC-022 pause: the promotion of a pause that meets a new failure does not accept it", async () => {
  const world = await releasing("pause", { steps: paused, analysis: background });
  await world.runner.stop();
  await world.patch(resources.analysisRuns, { namespace: "default", name: RUN }, { status: { phase: "Failed" } });
  await promote(world);
  await world.restartControllers();
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.match(status.message ?? "", /^FailedAnalysisRun/);
  assert.equal(await failureOf(world, RUN), "held");
  await world.stop();
});

test("EC-022 pause: a held run that somebody deletes does not hold for ever", async () => {
  const world = await releasing("pause", { steps: paused, analysis: background });
  await finish(world, RUN, "Failed");
  await world.client.delete(resources.analysisRuns, { namespace: "default", name: RUN });
  await world.settle(QUIET);
  assert.match((await statusOf(world)).message ?? "", /^FailedAnalysisRun/);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus?.status, "Running");
  await world.stop();
});

test("EC-022 notify: the release goes on after a failed step and under a failed background run, which is told once", async () => {
  const steps = [{ setWeight: 50 }, step, { setWeight: 80 }, { pause: {} }];
  const world = await releasing("notify", { steps, analysis: background });
  await finish(world, RUN, "Failed", "too slow");
  await finish(world, `${RUN}-1`, "Error", "no such host");
  const status = await statusOf(world);
  assert.deepEqual([status.message, status.currentStepIndex], ["CanaryPauseStep", 3]);
  assert.deepEqual(await told(world), [
    `Background analysis phase error/failed: too slow; the release goes on, since ${ANNOTATION} is notify`,
    `Step-based analysis phase error/failed: no such host; the release goes on, since ${ANNOTATION} is notify`,
  ]);
  assert.equal((await world.list(resources.analysisRuns)).length, 2);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

for (const policy of [null, "abort"]) {
  test(`EC-022 ARC-652 ${policy ?? "nothing said"}: a failed run aborts, and its object stays as it is`, async () => {
    const world = await releasing(policy, { steps: paused, analysis: background });
    await finish(world, RUN, "Failed", "too slow");
    const { phase, message } = await statusOf(world);
    assert.deepEqual(
      [phase, message],
      [
        "Degraded",
        "RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: too slow",
      ],
    );
    assert.deepEqual([await failureOf(world, RUN), await told(world)], [undefined, []]);
    await world.stop();
  });
}

test("EC-022 an unknown policy is refused, not guessed", async () => {
  const world = await startArgo();
  await world.apply(seedObjects);
  await world.apply(policed("ignore", { steps: paused }));
  await world.settle();
  assert.equal(
    (await statusOf(world)).message,
    `InvalidSpec: The Rollout "istio-rollout" is invalid: metadata.annotations[${ANNOTATION}]: Invalid value: "ignore": must be one of abort, pause, notify`,
  );
  await world.stop();
});

test("EC-022 pause, blue-green: a promotion accepts the failure before the switch, and the pause of the switch still comes", async () => {
  const world = await startBlueGreen({
    prePromotionAnalysis: pre,
    postPromotionAnalysis: post,
    autoPromotionEnabled: false,
  });
  await world.patch(resources.argoRollouts, KEY, { metadata: { annotations: { [ANNOTATION]: "pause" } } });
  await release(world, "yellow");
  await finish(world, `${RUN}-pre`, "Failed", "too slow");
  assert.match((await statusOf(world)).message ?? "", /^FailedAnalysisRun: .*-pre' Failed: too slow$/);
  assert.equal((await selected(world))["active"], HASH.blue);
  await checkFixpoint(world);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "BlueGreenPause");
  assert.equal((await selected(world))["active"], HASH.blue);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await selected(world))["active"], HASH.yellow);

  await finish(world, `${RUN}-post`, "Failed");
  assert.match((await statusOf(world)).message ?? "", /^FailedAnalysisRun: .*-post' Failed/);
  await world.advance(600_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 2 }, "the way back stays open");
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  assert.deepEqual(await runLines(world), [`${HASH.yellow}-2-post Failed`, `${HASH.yellow}-2-pre Failed`]);
  await world.advance(60_000);
  await checkFixpoint(world);
  await world.stop();
});

test("EC-022 pause: a failed experiment waits, and a promotion takes it for done", async () => {
  const experiment: ExperimentStep = { templates: [{ name: "new", specRef: "canary" }] };
  const world = await releasing("pause", { steps: [{ setWeight: 50 }, { experiment }, { pause: {} }] });
  const key = { namespace: "default", name: `${RUN}-1` };
  await world.patch(resources.experiments, key, { status: { phase: "Failed", message: "worse" } });
  await world.settle(QUIET);
  assert.deepEqual([(await statusOf(world)).message, await weights(world)], ["FailedExperiment", [50, 50]]);
  assert.match((await told(world)).join(), /^Experiment analysis phase is error\/failed: worse; /);
  await checkFixpoint(world);
  await promote(world);
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.currentStepIndex, status.message], [2, "CanaryPauseStep"]);
  await checkFixpoint(world);
  await world.stop();
});

const ofStep = { steps: [{ setWeight: 50 }, step, { setWeight: 80 }, { pause: {} }] };
const inBackground = { steps: paused, analysis: background };
for (const [policy, canary, run] of [
  ["pause", ofStep, `${RUN}-1`],
  ["pause", inBackground, RUN],
  ["notify", ofStep, `${RUN}-1`],
] as const) {
  test(`EC-022 ${policy}, ${run === RUN ? "background" : "step"}: a crash after any write changes nothing in the end`, () =>
    checkCrashAtEachWrite({
      every: 2,
      start: () => startArgo(),
      play: async (world) => {
        await world.apply(seedObjects);
        await world.apply(aTemplate("rate"));
        await world.apply(policed(policy, canary));
        await world.settle();
        await setImage(world, "yellow");
        await world.settle();
        const status = { phase: "Failed", message: "too slow" };
        await world.patch(resources.analysisRuns, { namespace: "default", name: run }, { status });
        await world.settle();
        if (policy === "pause") await promote(world);
        await world.settle();
      },
      project: lasting,
    }));
}
