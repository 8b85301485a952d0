import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  deployed,
  events,
  HASH,
  KEY,
  patchStatus,
  promote,
  setImage,
  startArgo,
  statusOf,
  stored,
  weights,
} from "../rollout.fixture.ts";
import type { AnalysisRun, CanaryStrategy, Step } from "../types.ts";

/** Runs that a canary starts (section 7 of the analysis part). Their verdicts are written by hand here. */

// Analysis without end never settles further.
const QUIET = { quietMs: 15_000 };
const RUN = `istio-rollout-${HASH.yellow}-2`;

function aTemplate(name: string, metric: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name },
    spec: {
      metrics: [
        { name, interval: "20s", successCondition: "result > 0.9", provider: { web: { url: "http://x/" } }, ...metric },
      ],
    },
  };
}

const background = { templates: [{ templateName: "rate" }] };
const stepOf = (templateName = "once"): Step => ({ analysis: { templates: [{ templateName }] } });

async function releasing(canary: Partial<CanaryStrategy>, spec: Parameters<typeof aRollout>[1] = {}): Promise<World> {
  const world = await startArgo();
  await world.apply([aTemplate("rate"), aTemplate("once", { count: 1 })]);
  await deployed(world, aRollout(canary, spec));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

async function runs(world: World): Promise<Map<string, AnalysisRun>> {
  const list = await world.list<AnalysisRun>(resources.analysisRuns, "default");
  return new Map(list.map((run) => [run.metadata.name, run]));
}

async function finish(world: World, name: string, phase: string, message?: string): Promise<void> {
  const status = { phase, ...(message ? { message } : {}) };
  await world.patch(resources.analysisRuns, { namespace: "default", name }, { status });
  await world.settle(QUIET);
}

const paused: Step[] = [{ setWeight: 50 }, { pause: {} }, { setWeight: 80 }, { pause: {} }];

test("RA-001 RA-002 RA-003 names, labels, owner and summaries of background and step runs", async () => {
  const analysis = { ...background, analysisRunMetadata: { labels: { team: "a" }, annotations: { note: "b" } } };
  const world = await releasing({ steps: [{ setWeight: 50 }, stepOf()], analysis });
  const all = await runs(world);
  assert.deepEqual([...all.keys()], [RUN, `${RUN}-1`]);
  const own = { "rollouts-pod-template-hash": HASH.yellow, app: "istio-rollout" };
  assert.deepEqual(all.get(RUN)?.metadata.labels, { ...own, "rollout-type": "Background", team: "a" });
  assert.deepEqual(all.get(`${RUN}-1`)?.metadata.labels, { ...own, "rollout-type": "Step", "step-index": "1" });
  assert.deepEqual(all.get(RUN)?.metadata.annotations, { note: "b", "rollout.argoproj.io/revision": "2" });
  const { metadata } = await stored(world);
  const [owner] = all.get(RUN)?.metadata.ownerReferences ?? [];
  assert.deepEqual([owner?.uid, owner?.controller, owner?.kind], [metadata.uid, true, "Rollout"]);
  const { canary } = await statusOf(world);
  assert.deepEqual(canary?.currentBackgroundAnalysisRunStatus, { name: RUN, status: "Running" });
  assert.deepEqual(canary?.currentStepAnalysisRunStatus, { name: `${RUN}-1`, status: "Running" });
  await world.stop();
});

test("RA-001 a name that is taken gets a number behind it", async () => {
  const world = await startArgo();
  await world.apply([aTemplate("rate")]);
  await deployed(world, aRollout({ steps: paused, analysis: background }));
  const foreign = { metrics: [{ name: "other", provider: { web: { url: "http://y/" } } }] };
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: { name: RUN },
    spec: foreign,
  });
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus?.name, `${RUN}.1`);
  assert.equal((await runs(world)).get(RUN)?.spec.metrics?.[0]?.name, "other");
  await world.stop();
});

test("RA-004 the background run waits for its starting step, and is terminated when the release is over", async () => {
  const world = await releasing({ steps: paused, analysis: { ...background, startingStep: 2 } });
  assert.equal((await runs(world)).size, 0);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await runs(world)).get(RUN)?.status?.phase, "Running");
  await promote(world);
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.equal((await runs(world)).get(RUN)?.spec.terminate, true);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus, undefined);
  await world.stop();
});

test("RA-005 ARC-653 a step's run holds step and weight until it is Successful", async () => {
  const world = await releasing({ steps: [{ setWeight: 50 }, stepOf(), { setWeight: 80 }, { pause: {} }] });
  assert.equal((await statusOf(world)).currentStepIndex, 1);
  assert.deepEqual(await weights(world), [50, 50]);
  await finish(world, `${RUN}-1`, "Successful");
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  assert.deepEqual(await weights(world), [20, 80]);
  assert.equal((await statusOf(world)).canary?.currentStepAnalysisRunStatus, undefined);
  await world.stop();
});

test("RA-005 no step run is made while the Rollout is paused", async () => {
  const world = await startArgo();
  await world.apply(aTemplate("once", { count: 1 }));
  await deployed(world, aRollout({ steps: [{ setWeight: 50 }, { pause: { duration: "1m" } }, stepOf()] }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await runs(world)).size, 0);
  await world.advance(61_000);
  assert.deepEqual([...(await runs(world)).keys()], [`${RUN}-2`]);
  await world.stop();
});

test("RA-006 SU-007 nothing is analysed at the first deployment, on the way back, or when promoted fully", async () => {
  const world = await startArgo();
  await world.apply([aTemplate("rate")]);
  const canary = { steps: paused, analysis: background };
  await deployed(world, aRollout(canary));
  assert.equal((await runs(world)).size, 0, "the first deployment");
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual([...(await runs(world)).keys()], [RUN]);
  await setImage(world, "blue");
  await world.settle();
  assert.deepEqual([...(await runs(world)).keys()], [RUN], "the way back");
  assert.equal((await runs(world)).get(RUN)?.spec.terminate, true);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await patchStatus(world, { promoteFull: true });
  await world.settle();
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  const last = [...(await runs(world)).values()];
  assert.ok(
    last.every(({ spec }) => spec.terminate === true),
    "promoted fully",
  );
  await world.stop();
});

test("RA-007 a background run without verdict pauses, and promoting makes a new one", async () => {
  const steps: Step[] = [{ setWeight: 50 }, { pause: { duration: "10m" } }, { setWeight: 80 }, { pause: {} }];
  const world = await releasing({ steps, analysis: background });
  await finish(world, RUN, "Inconclusive", "who knows");
  const { phase, pauseConditions = [] } = await statusOf(world);
  const reasons = pauseConditions.map(({ reason }) => reason);
  assert.deepEqual([phase, reasons], ["Paused", ["CanaryPauseStep", "InconclusiveAnalysisRun"]]);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus?.name, `${RUN}.1`);
  await world.stop();
});

test("RA-007 a step run without verdict: what the plugin's promote writes goes to the next step", async () => {
  const world = await releasing({ steps: [{ setWeight: 50 }, stepOf(), { setWeight: 80 }, { pause: {} }] });
  await finish(world, `${RUN}-1`, "Inconclusive");
  assert.equal((await statusOf(world)).message, "InconclusiveAnalysisRun");
  await patchStatus(world, { pauseConditions: null, controllerPause: false, currentStepIndex: 2 });
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  assert.deepEqual([...(await runs(world)).keys()], [`${RUN}-1`]);
  await world.stop();
});

test("RA-008 a bounded background run that succeeded is not made again", async () => {
  const world = await releasing({ steps: paused, analysis: { templates: [{ templateName: "once" }] } });
  await finish(world, RUN, "Successful");
  await promote(world);
  await world.settle(QUIET);
  assert.deepEqual([...(await runs(world)).keys()], [RUN]);
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  await world.stop();
});

const endings: readonly (readonly [what: string, act: (world: World) => Promise<void>])[] = [
  ["a third version", (world) => setImage(world, "green")],
  ["an abort", (world) => patchStatus(world, { abort: true })],
  ["a full promotion", (world) => patchStatus(world, { promoteFull: true })],
  ["going back to stable", (world) => setImage(world, "blue")],
];

for (const [what, act] of endings) {
  test(`RA-009 ${what} terminates the runs of the version before`, async () => {
    const world = await releasing({ steps: [{ setWeight: 50 }, stepOf()], analysis: background });
    await act(world);
    await world.settle(QUIET);
    const all = await runs(world);
    assert.deepEqual([all.get(RUN)?.spec.terminate, all.get(`${RUN}-1`)?.spec.terminate], [true, true]);
    await world.stop();
  });
}

test("RA-009 a retry after an abort makes new runs", async () => {
  const world = await releasing({ steps: [stepOf(), { pause: {} }], analysis: background });
  await patchStatus(world, { abort: true });
  await world.settle();
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  const { canary } = await statusOf(world);
  assert.equal(canary?.currentBackgroundAnalysisRunStatus?.name, `${RUN}.1`);
  assert.equal(canary?.currentStepAnalysisRunStatus?.name, `${RUN}-0.1`);
  await world.stop();
});

test("RA-011 a template that changes does not touch the run under way", async () => {
  const world = await releasing({ steps: paused, analysis: background });
  const before = (await runs(world)).get(RUN);
  await world.apply(aTemplate("rate", { successCondition: "result > 0.1" }));
  await world.settle(QUIET);
  const all = await runs(world);
  assert.deepEqual([...all.keys()], [RUN]);
  assert.deepEqual(all.get(RUN)?.spec, before?.spec);
  await world.stop();
});

test("RA-012 ARC-655 ended runs are kept up to the limits, those of a version that is gone not at all", async () => {
  const limits = { successfulRunHistoryLimit: 1, unsuccessfulRunHistoryLimit: 0 };
  const spec = { analysis: limits, revisionHistoryLimit: 1 };
  const world = await releasing({ steps: [{ setWeight: 50 }, stepOf()] }, spec);
  await finish(world, `${RUN}-1`, "Successful");
  await world.settle();
  assert.deepEqual([...(await runs(world)).keys()], [`${RUN}-1`], "within the limit");
  await setImage(world, "green");
  await world.settle(QUIET);
  const failing = [...(await runs(world)).keys()].find((name) => name !== `${RUN}-1`) ?? "";
  await finish(world, failing, "Failed");
  assert.deepEqual([...(await runs(world)).keys()], [`${RUN}-1`], "no unsuccessful one is kept");
  await world.stop();
});

test("RA-020 RA-023 ARC-131 a failed run aborts once: traffic to stable, step 0, Degraded with its text", async () => {
  const world = await releasing({ steps: paused, analysis: background });
  await finish(world, RUN, "Failed", "too slow");
  await world.settle();
  const { status } = await stored(world);
  const text = "Rollout aborted update to revision 2: Background analysis phase error/failed: too slow";
  assert.deepEqual([status?.phase, status?.message], ["Degraded", `RolloutAborted: ${text}`]);
  assert.deepEqual([status?.abort, status?.currentStepIndex, typeof status?.abortedAt], [true, 0, "string"]);
  const progressing = status?.conditions?.find(({ type }) => type === "Progressing");
  assert.deepEqual([progressing?.status, progressing?.reason, progressing?.message], ["False", "RolloutAborted", text]);
  assert.deepEqual(await weights(world), [100, 0]);
  const told = (await events(world)).filter(({ reason }) => reason === "RolloutAborted");
  assert.deepEqual(told, [{ reason: "RolloutAborted", message: text }]);
  const again = await stored(world);
  assert.equal(
    again.metadata.generation,
    again.status?.observedGeneration === undefined ? 0 : Number(again.status.observedGeneration),
  );
  await world.stop();
});

const changes: readonly (readonly [canary: Partial<CanaryStrategy>, name: string, kind: string])[] = [
  [{ steps: paused, analysis: background }, RUN, "Background"],
  [{ steps: [stepOf()] }, `${RUN}-0`, "Step"],
];

for (const [canary, name, kind] of changes) {
  test(`RA-030 each status change of a ${kind} run is an event of the Rollout`, async () => {
    const world = await releasing(canary);
    await finish(world, name, "Error", "no answer");
    const told = (await events(world)).filter(({ reason }) => reason.startsWith("AnalysisRun"));
    assert.deepEqual(told, [
      {
        reason: "AnalysisRunRunning",
        message: `${kind} Analysis Run '${name}' Status New: 'Running' Previous: 'NoPreviousStatus'`,
      },
      { reason: "AnalysisRunError", message: `${kind} Analysis Run '${name}' Status New: 'Error' Previous: 'Running'` },
    ]);
    await world.stop();
  });
}

test("AN-051 a run that is deleted in mid-release is made again", async () => {
  const world = await releasing({ steps: paused, analysis: background });
  await world.client.delete(resources.analysisRuns, { namespace: KEY.namespace, name: RUN });
  await world.settle(QUIET);
  const all = await runs(world);
  assert.deepEqual([...all.keys()], [RUN]);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus?.name, RUN);
  await world.stop();
});

test("EC-021 a run takes over its templates' policy, the Rollout's own metadata first; a bad one is refused", async () => {
  const world = await startArgo();
  const key = "argo.fairway.dev/on-no-data";
  const annotated = (name: string, policy: string) => {
    const template = aTemplate(name);
    return { ...template, metadata: { ...template.metadata, annotations: { [key]: policy, other: "x" } } };
  };
  await world.apply([annotated("rate", "wait"), annotated("own", "fail")]);
  const analysis = { templates: [{ templateName: "rate" }, { templateName: "own" }] };
  await deployed(world, aRollout({ steps: paused, analysis }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const policyOf = async (name: string) => (await runs(world)).get(name)?.metadata.annotations;
  assert.deepEqual(await policyOf(RUN), { [key]: "rate=wait, own=fail", "rollout.argoproj.io/revision": "2" });
  const analysisRunMetadata = { annotations: { [key]: "pause" } };
  await world.patch(resources.argoRollouts, KEY, {
    spec: { strategy: { canary: { analysis: { ...analysis, analysisRunMetadata } } } },
  });
  await setImage(world, "orange");
  await world.settle(QUIET);
  const latest = [...(await runs(world)).keys()].find((name) => name.endsWith("-3")) ?? "";
  assert.equal((await policyOf(latest))?.[key], "pause");
  await world.apply(annotated("rate", "ignore"));
  await setImage(world, "red");
  await world.settle(QUIET);
  assert.match(
    (await statusOf(world)).message ?? "",
    /^InvalidSpec: .*: rate: annotation argo.fairway.dev\/on-no-data: "ignore" is none of error, fail, pass, pause, wait$/,
  );
  await world.stop();
});
