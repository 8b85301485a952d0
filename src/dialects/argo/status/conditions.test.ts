import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import { resources } from "../../../kube/resource.ts";
import type { Plan } from "../../../runtime/plan.ts";
import {
  aRollout,
  deployed,
  HASH,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  startArgo,
  statusOf,
  stored,
} from "../rollout.fixture.ts";
import type { RolloutStatus } from "../types.ts";

/** What the conditions say along a release (section 8.1), and how the status is written. */

const steps = [{ setWeight: 50 }, { pause: {} }];

/** `type: status reason message`, without those that are asked elsewhere. */
function texts({ conditions = [] }: RolloutStatus): Record<string, string> {
  return Object.fromEntries(
    conditions.map(({ type, status, reason, message }) => [type, `${status} ${reason} ${message}`]),
  );
}

/** Every status that was stored, in order. */
async function recorded(): Promise<{ world: World; history: RolloutStatus[] }> {
  const history: RolloutStatus[] = [];
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    if (controller === "argo-rollout" && plan.status)
      history.push(structuredClone(plan.status.status) as RolloutStatus);
  };
  return { world: await startArgo({ onPlan }), history };
}

test("ARC-601 ARC-603 ARC-604 from the first ReplicaSet to a healthy Rollout", async () => {
  const { world, history } = await recorded();
  await deployed(world, aRollout({ steps }));
  const progressing = [...new Set(history.map((status) => texts(status)["Progressing"]))];
  const name = `istio-rollout-${HASH.blue}`;
  assert.deepEqual(progressing, [
    `True NewReplicaSetCreated Created new replica set "${name}"`,
    `True ReplicaSetUpdated ReplicaSet "${name}" is progressing.`,
    `True NewReplicaSetAvailable ReplicaSet "${name}" has successfully progressed.`,
  ]);
  const healthy = history.map((status) => texts(status)["Healthy"]);
  assert.equal(healthy[0], undefined, "Healthy=False is said only of what was healthy");
  assert.equal(healthy.at(-1), "True RolloutHealthy Rollout is healthy");
  const completed = [...new Set(history.map((status) => texts(status)["Completed"]))];
  assert.deepEqual(completed, [
    undefined,
    "False RolloutCompleted RolloutCompleted",
    "True RolloutCompleted RolloutCompleted",
  ]);
  await world.stop();
});

test("ARC-601 ARC-602 ARC-603 ARC-604 at a pause, after it, and after a release", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle();
  const name = `istio-rollout-${HASH.yellow}`;
  const paused = texts(await statusOf(world));
  assert.equal(paused["Progressing"], "Unknown RolloutPaused Rollout is paused");
  assert.equal(paused["Paused"], "True RolloutPaused Rollout is paused");
  assert.equal(paused["Healthy"], "False RolloutHealthy Rollout is not healthy");
  assert.equal(paused["Completed"], "False RolloutCompleted RolloutCompleted");
  assert.equal(paused["Available"], "True AvailableReason Rollout has minimum availability");
  await promote(world);
  await world.settle();
  const done = texts(await statusOf(world));
  assert.equal(done["Progressing"], `True NewReplicaSetAvailable ReplicaSet "${name}" has successfully progressed.`);
  assert.equal(done["Paused"], "False RolloutPaused Rollout is paused");
  assert.equal(done["Healthy"], "True RolloutHealthy Rollout is healthy");
  assert.equal(done["Completed"], "True RolloutCompleted RolloutCompleted");
  await world.stop();
});

test("ARC-601 ARC-136 after a retry", async () => {
  const { world, history } = await recorded();
  await deployed(world, aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle();
  await patchStatus(world, { abort: true });
  await world.settle();
  const aborted = "False RolloutAborted Rollout aborted update to revision 2";
  assert.equal(texts(await statusOf(world))["Progressing"], aborted);
  history.length = 0;
  await patchStatus(world, { abort: false });
  await world.settle();
  const said = [...new Set(history.map((status) => texts(status)["Progressing"]))];
  assert.equal(said[0], "Unknown RolloutRetry Retrying Rollout after abort");
  assert.equal(said.at(-1), "Unknown RolloutPaused Rollout is paused");
  await world.stop();
});

test("ARC-008 ARC-009 both strategies' statuses always stand there, and only differences are written", async () => {
  const { world } = await recorded();
  await deployed(world, aRollout({ steps }));
  const { status, metadata } = await stored(world);
  assert.deepEqual(status?.blueGreen, {});
  assert.ok(status?.canary);
  await world.advance(3_600_000);
  assert.equal((await stored(world)).metadata.resourceVersion, metadata.resourceVersion, "at rest nothing is written");
  await setImage(world, "yellow");
  await world.settle();
  assert.equal((await stored(world)).metadata.generation, (metadata.generation ?? 0) + 1);
  await world.stop();
});

test("ARC-222 before the first version serves no name and no weight is touched", async () => {
  const world = await startArgo({ kubelet: { behaviourOf: () => ({ readyMs: 60_000 }) } });
  await world.apply(seedObjects);
  const before = await world.list(resources.services, "default");
  await world.apply(aRollout({ steps }));
  await world.advance(30_000);
  const services = await world.list(resources.services, "default");
  const selectors = services.map(({ metadata, spec }) => [metadata.name, (spec as { selector?: unknown }).selector]);
  assert.deepEqual(
    selectors,
    before.map(({ metadata, spec }) => [metadata.name, (spec as { selector?: unknown }).selector]),
  );
  assert.equal((await statusOf(world)).canary?.weights, undefined);
  await world.advance(60_000);
  const { canary } = await statusOf(world);
  assert.deepEqual([canary?.weights?.canary.weight, canary?.weights?.stable.weight], [0, 100]);
  await world.stop();
});
