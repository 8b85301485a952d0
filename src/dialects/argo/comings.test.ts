import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import {
  aRollout,
  aService,
  deployed,
  events,
  KEY,
  patchStatus,
  promote,
  setImage,
  startArgo,
} from "./rollout.fixture.ts";

test("ARC-640 ARC-645 a Rollout that comes and goes is told, with the original's texts", async () => {
  const world = await deployed(await startArgo({ hasMesh: false }), aRollout({ steps: [] }));
  assert.deepEqual((await events(world))[0], {
    reason: "RolloutAddedToInformer",
    message: "Rollout resource added to informer: default/istio-rollout",
  });
  await world.client.delete(resources.argoRollouts, KEY);
  await world.settle();
  assert.deepEqual((await events(world)).at(-1), {
    reason: "RolloutDeleted",
    message: "Rollout istio-rollout/default is deleted.",
  });
  await world.stop();
});

test("ARC-640 a new life of the controller comes to know every Rollout again", async () => {
  const world = await deployed(await startArgo({ hasMesh: false }), aRollout({ steps: [] }));
  await world.restartControllers();
  await world.settle();
  const told = (await events(world)).filter(({ reason }) => reason === "RolloutAddedToInformer");
  assert.equal(told.length, 2);
  await world.stop();
});

test("ARC-647 a basic canary that is aborted and tried again tells the original's events in its order", async () => {
  const told: string[] = [];
  const onEvent = (component: string, { reason }: { reason: string }) => {
    if (component === "rollouts-controller") told.push(reason);
  };
  const since = () => told.splice(0);
  const world = await startArgo({ hasMesh: false, observer: { onEvent } });
  const steps = [{ setWeight: 50 }, { pause: { duration: "3s" } }];
  const basic = aRollout({ steps });
  const { trafficRouting: _, canaryService: __, stableService: ___, ...canary } = basic.spec.strategy?.canary ?? {};
  await deployed(world, { ...basic, spec: { ...basic.spec, strategy: { canary } } });
  const begun = ["RolloutUpdated", "NewReplicaSetCreated", "RolloutNotCompleted", "ScalingReplicaSet"];
  assert.deepEqual(since(), ["RolloutAddedToInformer", ...begun, "RolloutCompleted"]);
  await setImage(world, "yellow");
  await world.settle({ quietMs: 1000 });
  assert.deepEqual(since(), [...begun, "RolloutStepCompleted", "RolloutPaused"]);
  await patchStatus(world, { abort: true });
  await world.settle();
  assert.deepEqual(since(), ["ScalingReplicaSet", "RolloutAborted"]);
  await patchStatus(world, { abort: false });
  await world.settle();
  assert.deepEqual(since(), [
    ...["ScalingReplicaSet", "RolloutStepCompleted", "RolloutPaused", "RolloutStepCompleted", "RolloutResumed"],
    ...["ScalingReplicaSet", "RolloutCompleted"],
  ]);
  await world.stop();
});

test("ARC-647 blue-green tells the original's events in its order", async () => {
  const told: string[] = [];
  const onEvent = (component: string, { reason }: { reason: string }) => {
    if (component === "rollouts-controller") told.push(reason);
  };
  const since = () => told.splice(0);
  const world = await startArgo({ hasMesh: false, observer: { onEvent } });
  const rollout = aRollout();
  await world.apply(aService("active"));
  await world.apply({ ...rollout, spec: { ...rollout.spec, strategy: { blueGreen: { activeService: "active" } } } });
  await world.settle();
  assert.deepEqual(since(), [
    ...["RolloutAddedToInformer", "RolloutUpdated", "NewReplicaSetCreated"],
    ...["ScalingReplicaSet", "RolloutCompleted", "SwitchService"],
  ]);
  await setImage(world, "yellow");
  await world.advance(10_000);
  assert.deepEqual(since(), [
    ...["RolloutUpdated", "NewReplicaSetCreated", "RolloutNotCompleted"],
    ...["ScalingReplicaSet", "SwitchService", "RolloutCompleted"],
  ]);
  await world.stop();
});

test("ARC-103 ARC-641 a manual resume tells no RolloutResumed, a pause is told once", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps: [{ setWeight: 50 }, { pause: {} }] }));
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  await promote(world);
  await world.settle();
  const told = (await events(world)).filter(({ reason }) => reason === "RolloutPaused" || reason === "RolloutResumed");
  assert.deepEqual(told, [{ reason: "RolloutPaused", message: "Rollout is paused (CanaryPauseStep)" }]);
  await world.stop();
});
