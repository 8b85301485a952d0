import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import type { Plan } from "../../../runtime/plan.ts";
import {
  aRollout,
  aService,
  deployed,
  events,
  HASH,
  KEY,
  patchStatus,
  promote,
  seedObjects,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
  stored,
  weights,
} from "../rollout.fixture.ts";
import type { AnalysisRun, CanaryStrategy, RolloutStatus, Step } from "../types.ts";

/** How a canary goes from step to step (section 5), starts over, and switches its Services (section 6.1). */

const QUIET = { quietMs: 15_000 };
const pause: Step = { pause: {} };

async function released(canary: Partial<CanaryStrategy>, replicas = 2): Promise<World> {
  const world = await deployed(await startArgo(), aRollout(canary, { replicas }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

test("ARC-100 ARC-101 ARC-104 each step is told when it is done, one in a pass", async () => {
  const indices: (number | undefined)[] = [];
  const told: string[] = [];
  const onPlan = (controller: string, _key: string, { status, events: planned }: Plan) => {
    if (controller !== "argo-rollout" || !status) return;
    told.push(...planned.filter(({ reason }) => reason === "RolloutStepCompleted").map(({ message }) => message));
    const { currentStepIndex } = status.status as RolloutStatus;
    if (indices.at(-1) !== currentStepIndex) indices.push(currentStepIndex);
  };
  const world = await startArgo({ onPlan });
  const steps: Step[] = [
    { setCanaryScale: { weight: 25 } },
    { setCanaryScale: { replicas: 3 } },
    { setCanaryScale: { matchTrafficWeight: true } },
    { setWeight: 10 },
    { pause: { duration: "20s" } },
    { pause: {} },
  ];
  await deployed(world, aRollout({ steps }, { replicas: 4 }));
  await setImage(world, "yellow");
  indices.length = 0;
  await world.advance(60_000);
  await promote(world);
  await world.settle();
  assert.deepEqual(indices, [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(told, [
    "Rollout step 1/6 completed (setCanaryScale{weight: 25})",
    "Rollout step 2/6 completed (setCanaryScale{replicas: 3})",
    "Rollout step 3/6 completed (setCanaryScale{matchTrafficWeight: true})",
    "Rollout step 4/6 completed (setWeight: 10)",
    "Rollout step 5/6 completed (pause: 20s)",
    "Rollout step 6/6 completed (pause)",
  ]);
  await world.stop();
});

for (const [duration, seconds] of [
  ["20s", 20],
  ["1m", 60],
  [30, 30],
  ["0s", 0],
  [0, 0],
] as const) {
  test(`ARC-102 a pause of ${JSON.stringify(duration)} lasts ${seconds} s`, async () => {
    const world = await deployed(await startArgo(), aRollout({ steps: [{ pause: { duration } }, pause] }));
    const start = world.clock.now();
    await setImage(world, "yellow");
    while (((await statusOf(world)).currentStepIndex ?? 0) !== 1) await world.advance(250);
    const took = (world.clock.now() - start) / 1000;
    assert.ok(took >= seconds && took <= seconds + 2, `${took} s`);
    await world.stop();
  });
}

test("ARC-102 a pause without duration waits for a person, and keeps when it began", async () => {
  const world = await released({ steps: [{ setWeight: 50 }, pause] });
  const { pauseConditions, controllerPause, message } = await statusOf(world);
  assert.deepEqual(
    [pauseConditions?.[0]?.reason, controllerPause, message],
    ["CanaryPauseStep", true, "CanaryPauseStep"],
  );
  await world.advance(7200_000);
  assert.deepEqual((await statusOf(world)).pauseConditions, pauseConditions);
  await promote(world);
  await world.settle();
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.controllerPause, undefined);
  await world.stop();
});

test("ARC-106 a step of analysis holds until its run is Successful", async () => {
  const world = await startArgo();
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name: "rate" },
    spec: { metrics: [{ name: "rate", count: 1, initialDelay: "10h", provider: { web: { url: "http://x/" } } }] },
  } as KubeObject);
  await deployed(world, aRollout({ steps: [{ analysis: { templates: [{ templateName: "rate" }] } }, pause] }));
  await setImage(world, "yellow");
  await world.advance(600_000);
  assert.equal((await statusOf(world)).currentStepIndex, 0);
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns);
  const key = { namespace: "default", name: run?.metadata.name ?? "" };
  await world.patch(resources.analysisRuns, key, { status: { phase: "Successful" } });
  await world.advance(5000);
  const status = await statusOf(world);
  assert.equal(status.currentStepIndex, 1);
  assert.equal(status.canary?.currentStepAnalysisRunStatus, undefined);
  await world.stop();
});

test("ARC-110 ARC-112 other steps in mid-release start it over; other settings do not", async () => {
  const world = await released({ steps: [{ setWeight: 20 }, pause, { setWeight: 60 }, pause] });
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  const canary = (change: Record<string, unknown>) =>
    world.patch(resources.argoRollouts, KEY, { spec: { strategy: { canary: change } } });
  await canary({ maxSurge: 2, scaleDownDelaySeconds: 50 });
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  await canary({ steps: [{ setWeight: 40 }, pause] });
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.currentStepIndex, status.message], [1, "CanaryPauseStep"]);
  assert.deepEqual(await weights(world), [60, 40]);
  const { [HASH.yellow]: pods } = await sizes(world);
  assert.equal(pods, 1);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-110 ARC-112 a change of steps takes an abort back", async () => {
  const world = await released({ steps: [{ setWeight: 20 }, pause] });
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  await world.patch(resources.argoRollouts, KEY, {
    spec: { strategy: { canary: { steps: [{ setWeight: 30 }, pause] } } },
  });
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.deepEqual([status.abort, status.abortedAt, status.message], [undefined, undefined, "CanaryPauseStep"]);
  assert.deepEqual(await weights(world), [70, 30]);
  await world.stop();
});

test("ARC-111 other steps of a Rollout at rest start nothing", async () => {
  const world = await deployed(await startArgo());
  await world.patch(resources.argoRollouts, KEY, { spec: { strategy: { canary: { steps: [pause, pause] } } } });
  await world.settle();
  const status = await statusOf(world);
  assert.deepEqual([status.phase, status.currentStepIndex, status.stableRS], ["Healthy", 2, HASH.blue]);
  assert.ok((await events(world)).some(({ message }) => message === "Rollback to stable ReplicaSets"));
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-060 ARC-113 without a size one pod is meant, and the first version is promoted before its pods are there", async () => {
  const world = await startArgo({ kubelet: { behaviourOf: () => ({ readyMs: null }) } });
  await world.apply(seedObjects);
  await world.apply(aRollout({}));
  await world.advance(5000);
  const { spec } = await stored(world);
  assert.equal(spec.replicas, 1);
  const status = await statusOf(world);
  assert.deepEqual([status.stableRS, status.currentStepIndex], [HASH.blue, 18]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1 });
  assert.equal(await selectorHash(world, "istio-rollout-stable"), undefined, "ARC-201 not before its pods serve");
  assert.equal(status.canary?.weights, undefined);
  await world.stop();
});

test("ARC-065 ARC-110 a new template's first pass writes the reset and nothing else", async () => {
  const passes: string[][] = [];
  const onPlan = (controller: string, _key: string, { writes, status }: Plan) => {
    if (controller !== "argo-rollout" || (writes.length === 0 && !status)) return;
    passes.push([...writes.map(({ type }) => type.plural), ...(status ? ["status"] : [])]);
  };
  const world = await startArgo({ onPlan });
  await deployed(world);
  passes.length = 0;
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(passes.slice(0, 2), [["replicasets", "rollouts", "status"], ["status"]]);
  await world.stop();
});

test("ARC-200 ARC-201 ARC-202 a Service moves with its annotation, when the pods are there and not before", async () => {
  const slow = { kubelet: { behaviourOf: () => ({ readyMs: 10_000 }) } };
  const world = await startArgo(slow);
  await world.apply(seedObjects);
  await world.apply({
    ...aService("istio-rollout-stable"),
    metadata: { name: "istio-rollout-stable", labels: { mine: "1" } },
  });
  await world.apply(aRollout({ steps: [{ setWeight: 50 }, pause] }, { replicas: 2 }));
  await world.advance(8000);
  assert.equal(await selectorHash(world, "istio-rollout-stable"), undefined);
  await world.advance(10_000);
  const stable = await world.get(resources.services, { namespace: "default", name: "istio-rollout-stable" });
  assert.deepEqual((stable?.["spec"] as { selector?: object } | undefined)?.selector, {
    app: "istio-rollout",
    "rollouts-pod-template-hash": HASH.blue,
  });
  assert.equal(stable?.metadata.annotations?.["argo-rollouts.argoproj.io/managed-by-rollouts"], "istio-rollout");
  assert.equal(stable?.metadata.labels?.["mine"], "1");
  await setImage(world, "yellow");
  await world.advance(8000);
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue, "its pods are not ready yet");
  await world.advance(10_000);
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.yellow);
  const told = (await events(world)).filter(({ reason }) => reason === "SwitchService").map(({ message }) => message);
  assert.deepEqual(
    told.at(-1),
    `Switched selector for service 'istio-rollout-canary' from '${HASH.blue}' to '${HASH.yellow}'`,
  );
  assert.ok(told.includes(`Switched selector for service 'istio-rollout-stable' from '' to '${HASH.blue}'`));
  await world.stop();
});
