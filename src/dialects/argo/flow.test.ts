import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint, snapshot } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import { resources } from "../../kube/resource.ts";
import type { Plan } from "../../runtime/plan.ts";
import { hashesBehind, watchInvariants } from "./invariants.fixture.ts";
import {
  aRollout,
  deployed,
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
  VIRTUAL_SERVICE,
  weights,
} from "./rollout.fixture.ts";

const QUIET = { quietMs: 15_000 };

/** The second version waits at the pause after 10 %. */
async function atFirstPause(world: World): Promise<World> {
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  assert.deepEqual(await weights(world), [90, 10]);
  return world;
}

for (const hasMesh of [true, false]) {
  const mesh = hasMesh ? "with a mesh that tells what it runs" : "with a mesh that tells nothing";
  test(`ARC-850…868 the seed's canary from first deployment to promotion, ${mesh}`, async () => {
    const world = await deployed(await startArgo({ hasMesh }));
    let status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.stableRS, HASH.blue);
    assert.equal(status.currentStepIndex, 18);
    assert.equal(status.canary?.weights?.canary.weight, 0);
    assert.equal(await selectorHash(world, "istio-rollout-stable"), HASH.blue);
    assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
    const watch = watchInvariants(world, { minimum: 1 });
    await setImage(world, "yellow");
    await watch.advance(15_000);
    status = await statusOf(world);
    assert.equal(status.message, "CanaryPauseStep");
    assert.deepEqual(await weights(world), [90, 10]);
    assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.yellow);
    assert.equal(await selectorHash(world, "istio-rollout-stable"), HASH.blue);
    await promote(world);
    await watch.advance(240_000);
    await world.settle();
    status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.stableRS, HASH.yellow);
    assert.deepEqual(await weights(world), [100, 0]);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 1 });
    assert.deepEqual(watch.weights, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 0], "INV-06");
    await checkFixpoint(world);
    await world.stop();
  });
}

test("INV-03 INV-04 INV-06 weights move only when the names lead to the right pods", async () => {
  const moves: { canary: string[]; stable: string[] }[] = [];
  let world: World | null = null;
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    const isMove = plan.writes.some((write) => write.op === "update" && write.type === resources.virtualServices);
    if (controller !== "argo-rollout" || !isMove || !world) return;
    moves.push({
      canary: hashesBehind(world, "istio-rollout-canary"),
      stable: hashesBehind(world, "istio-rollout-stable"),
    });
  };
  world = await deployed(await startArgo({ onPlan }), aRollout({ steps: [{ setWeight: 50 }] }));
  await setImage(world, "yellow");
  await world.settle();
  assert.deepEqual(moves, [
    { canary: [HASH.yellow], stable: [HASH.blue] },
    { canary: [HASH.yellow], stable: [HASH.blue] },
    { canary: [HASH.yellow], stable: [HASH.yellow] },
  ]);
  await world.stop();
});

test("ARC-641 ARC-647 events of a release come in the original's order", async () => {
  const told: string[] = [];
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    if (controller === "argo-rollout") told.push(...plan.events.map(({ reason }) => reason));
  };
  const world = await startArgo({ onPlan });
  await deployed(world, aRollout({ steps: [{ setWeight: 50 }, { pause: { duration: 3 } }] }));
  assert.deepEqual(told, [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "RolloutCompleted",
    "SwitchService",
    "SwitchService",
    "TrafficWeightUpdated",
  ]);
  told.length = 0;
  await setImage(world, "yellow");
  await world.settle();
  await world.advance(40_000);
  assert.deepEqual(told, [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "SwitchService",
    "Updated VirtualService",
    "TrafficWeightUpdated",
    "RolloutStepCompleted",
    "RolloutPaused",
    "RolloutStepCompleted",
    "RolloutResumed",
    "Updated VirtualService",
    "TrafficWeightUpdated",
    "RolloutCompleted",
    "SwitchService",
    "Updated VirtualService",
    "TrafficWeightUpdated",
    "ScalingReplicaSet",
  ]);
  await world.stop();
});

for (const steps of [0, 1, 2, 3, 8]) {
  test(`INV-11 INV-20 INV-22 ARC-870 an abort after ${steps} timed pauses gives all traffic back, then the pods go`, async () => {
    const world = await atFirstPause(await deployed(await startArgo()));
    const watch = watchInvariants(world, { minimum: 1 });
    if (steps > 0) {
      await promote(world);
      await watch.advance(steps * 20_000 - 5000);
    }
    await patchStatus(world, { abort: true });
    await watch.advance(5000);
    let status = await statusOf(world);
    assert.equal(status.phase, "Degraded");
    assert.equal(status.message, "RolloutAborted: Rollout aborted update to revision 2");
    assert.equal(status.currentStepIndex, 0);
    assert.deepEqual(await weights(world), [100, 0]);
    assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 1 });
    await watch.advance(40_000);
    await checkFixpoint(world);
    status = await statusOf(world);
    assert.equal(status.phase, "Degraded");
    assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0 });
    await world.stop();
  });
}

test("ARC-136 a retry after an abort starts again at the first step", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  assert.equal(status.currentStepIndex, 1);
  assert.equal(status.abortedAt, undefined);
  assert.deepEqual(await weights(world), [90, 10]);
  await world.stop();
});

test("ARC-117 ARC-872 undo in mid-release goes straight back to the stable version", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  const watch = watchInvariants(world, { minimum: 1 });
  await setImage(world, "blue");
  await watch.advance(5000);
  let status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.currentStepIndex, 18);
  assert.deepEqual(await weights(world), [100, 0]);
  await watch.advance(60_000);
  await checkFixpoint(world);
  status = await statusOf(world);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0 });
  assert.equal((await stored(world)).metadata.annotations?.["rollout.argoproj.io/revision"], "3");
  await world.stop();
});

test("ARC-116 INV-26 a third version in mid-release supersedes the second, which loses traffic before pods", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  const watch = watchInvariants(world, { minimum: 1 });
  await setImage(world, "orange");
  await watch.advance(10_000);
  const status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  assert.deepEqual(await weights(world), [90, 10]);
  assert.deepEqual(watch.weights, [0, 10]);
  const counts = await sizes(world);
  assert.equal(counts[HASH.yellow], 0);
  assert.equal(counts[status.currentPodHash ?? ""], 1);
  await world.stop();
});

test("ARC-062 INV-19 scaling in mid-release resizes both versions and keeps the step", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  const watch = watchInvariants(world, { minimum: 1 });
  await world.client.patch(
    resources.argoRollouts,
    KEY,
    { kind: "merge", body: { spec: { replicas: 5 } } },
    { subresource: "scale" },
  );
  await watch.advance(10_000);
  const status = await statusOf(world);
  assert.equal(status.currentStepIndex, 1);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 5, [HASH.yellow]: 1 });
  assert.deepEqual(await weights(world), [90, 10]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-062 INV-20 a size that changes while an aborted canary keeps its pods does not keep them for ever", async () => {
  const world = await atFirstPause(await deployed(await startArgo(), aRollout({}, { replicas: 3 })));
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 2 } });
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await world.stop();
});

test("INV-07 with a dynamic size the stable version keeps a pod until another one is stable", async () => {
  const steps = [{ setCanaryScale: { weight: 50 } }, { setWeight: 100 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps, dynamicStableScale: true }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [0, 100]);
  assert.equal((await sizes(world))[HASH.blue], 1);
  await promote(world);
  await world.settle();
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await world.stop();
});

test("ARC-118 promote --full skips the rest, and the stable version serves all at once", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  const watch = watchInvariants(world, { minimum: 1 });
  await patchStatus(world, { promoteFull: true });
  await watch.advance(10_000);
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.stableRS, HASH.yellow);
  assert.equal(status.promoteFull, undefined);
  await watch.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 1 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-120 spec.paused holds the steps, and clearing it lets them go on", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  await promote(world);
  await world.settle(QUIET);
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: true } });
  await world.advance(60_000);
  let status = await statusOf(world);
  assert.equal(status.message, "manually paused");
  assert.equal(status.currentStepIndex, 3);
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
  await world.settle(QUIET);
  status = await statusOf(world);
  assert.ok((status.currentStepIndex ?? 0) > 3);
  await world.stop();
});

test("ARC-311 INV-39 weights edited by hand are repaired", async () => {
  const world = await atFirstPause(await deployed(await startArgo()));
  const [virtualService] = await world.list(resources.virtualServices, "default");
  const spec = structuredClone(virtualService?.["spec"]) as { http: { route: { weight?: number }[] }[] };
  for (const destination of spec.http[0]?.route ?? []) destination.weight = 50;
  await world.patch(resources.virtualServices, VIRTUAL_SERVICE, { spec });
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [90, 10]);
  await world.stop();
});

test("ARC-613 ARC-614 an image that never starts is told after the deadline, and aborted when the user wants it", async () => {
  const rollout = aRollout({}, { progressDeadlineSeconds: 60, progressDeadlineAbort: true });
  const world = await deployed(
    await startArgo({ kubelet: { behaviourOf: (pod) => (imageOf(pod).includes("broken") ? { readyMs: null } : {}) } }),
    rollout,
  );
  await setImage(world, "broken");
  await world.advance(70_000);
  const status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  const { currentPodHash } = status;
  assert.equal(
    status.message,
    "RolloutAborted: Rollout aborted update to revision 2: " +
      `ReplicaSet "istio-rollout-${currentPodHash}" has timed out progressing.`,
  );
  await world.stop();
});

function imageOf(pod: { spec?: unknown }): string {
  return String((pod.spec as { containers?: { image?: string }[] })?.containers?.[0]?.image);
}

test("INV-33 a crash after each write of a whole release ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 3,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply(seedObjects);
      await world.apply(aRollout({ steps: [{ setWeight: 50 }, { pause: { duration: 2 } }], scaleDownDelaySeconds: 5 }));
      await world.settle();
      await setImage(world, "yellow");
      await world.settle();
    },
    project: async (world) => (await snapshot(world)).filter((line) => !/^(pods|configmaps) /.test(line)),
  }));
