import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import { aRollout, deployed, events, KEY, promote, setImage, startArgo } from "./rollout.fixture.ts";

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
