import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import type { Plan } from "../../runtime/plan.ts";
import { aRollout, aService, patchStatus, setImage, startArgo } from "./rollout.fixture.ts";

/** Orders of events that the original's own end-to-end tests hold it to (section 8.4, ARC-647). */

async function started(): Promise<{ world: World; told: string[] }> {
  const told: string[] = [];
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    if (controller === "argo-rollout") told.push(...plan.events.map(({ reason }) => reason));
  };
  return { world: await startArgo({ onPlan }), told };
}

/** The events since the last call. */
function taken(told: string[]): string[] {
  return told.splice(0);
}

test("ARC-647 basic canary: first deployment, pause, abort, retry", async () => {
  const { world, told } = await started();
  const steps = [{ setWeight: 50 }, { pause: { duration: "3s" } }];
  const { trafficRouting: _, canaryService: _c, stableService: _s, ...canary } = aRollout().spec.strategy?.canary ?? {};
  await world.apply(aRollout({}, { replicas: 1, strategy: { canary: { ...canary, steps } } }));
  await world.settle();
  assert.deepEqual(taken(told), [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "RolloutCompleted",
  ]);
  await setImage(world, "yellow");
  await world.settle({ quietMs: 1500 });
  assert.deepEqual(taken(told), [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "RolloutStepCompleted",
    "RolloutPaused",
  ]);
  await patchStatus(world, { abort: true });
  await world.settle();
  assert.deepEqual(taken(told), ["ScalingReplicaSet", "RolloutAborted"]);
  await patchStatus(world, { abort: false });
  await world.settle();
  assert.deepEqual(taken(told), [
    "ScalingReplicaSet",
    "RolloutStepCompleted",
    "RolloutPaused",
    "RolloutStepCompleted",
    "RolloutResumed",
    "ScalingReplicaSet",
    "RolloutCompleted",
  ]);
  await world.stop();
});

test("ARC-647 blue-green: first deployment and one release", async () => {
  const { world, told } = await started();
  await world.apply(aService("active"));
  await world.apply(aRollout({}, { replicas: 1, strategy: { blueGreen: { activeService: "active" } } }));
  await world.settle();
  assert.deepEqual(taken(told), [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "ScalingReplicaSet",
    "RolloutCompleted",
    "SwitchService",
  ]);
  await setImage(world, "yellow");
  await world.settle({ quietMs: 10_000 });
  assert.deepEqual(taken(told), [
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "SwitchService",
    "RolloutCompleted",
  ]);
  await world.stop();
});
