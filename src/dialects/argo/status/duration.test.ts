import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import { formatTime } from "../../../base/time.ts";
import { resources } from "../../../kube/resource.ts";
import { aRollout, deployed, KEY, patchStatus, promote, setImage, startArgo, statusOf } from "../rollout.fixture.ts";
import type { RolloutDuration, Step } from "../types.ts";

const QUIET = { quietMs: 15_000 };

async function start(steps: Step[]): Promise<World> {
  return deployed(await startArgo(), aRollout({ steps, scaleDownDelaySeconds: 1 }));
}

async function durationOf(world: World): Promise<RolloutDuration> {
  const { duration } = await statusOf(world);
  assert.ok(duration, "an attempt is noted");
  return duration;
}

/** The second version waits at its first pause. */
async function waiting(steps: Step[] = [{ setWeight: 10 }, { pause: {} }]): Promise<World> {
  const world = await start(steps);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  return world;
}

test("ARC-802 the first deployment is an attempt that ends promoted, once all pods are there", async () => {
  const world = await start([{ setWeight: 10 }]);
  const { rolloutStartedAt, finishedAt, completionStatus, ...others } = await durationOf(world);
  assert.ok(rolloutStartedAt !== undefined && finishedAt !== undefined && finishedAt >= rolloutStartedAt);
  assert.equal(completionStatus, "Promoted");
  assert.deepEqual(others, {});
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-802 a pause that only a person ends counts as manual, until the release goes on", async () => {
  const world = await waiting();
  const begun = await durationOf(world);
  assert.equal(begun.finishedAt, undefined);
  assert.ok(begun.manualPauseStartedAt !== undefined);
  await world.advance(60_000);
  assert.deepEqual(await durationOf(world), begun, "waiting writes nothing");
  const waitedMs = world.clock.now() - Date.parse(begun.manualPauseStartedAt);
  await promote(world);
  await world.settle();
  const ended = await durationOf(world);
  assert.equal(ended.manualPauseStartedAt, undefined);
  assert.equal(ended.totalManualPauseDurationSeconds, Math.floor(waitedMs / 1000));
  assert.equal(ended.completionStatus, "Promoted");
  await world.stop();
});

test("ARC-802 a pause with a length is no manual pause", async () => {
  const world = await waiting([{ setWeight: 10 }, { pause: { duration: "20s" } }]);
  assert.equal((await durationOf(world)).manualPauseStartedAt, undefined);
  await world.advance(60_000);
  const { totalManualPauseDurationSeconds, completionStatus } = await durationOf(world);
  assert.equal(totalManualPauseDurationSeconds, undefined);
  assert.equal(completionStatus, "Promoted");
  await world.stop();
});

test("ARC-802 a full promotion is told apart", async () => {
  const world = await waiting();
  await patchStatus(world, { promoteFull: true });
  await world.settle();
  assert.equal((await durationOf(world)).completionStatus, "FastPromoted");
  await world.stop();
});

test("ARC-802 an abort ends the attempt, and a retry begins another", async () => {
  const world = await waiting();
  await world.advance(5000);
  await patchStatus(world, { abort: true });
  await world.settle();
  const aborted = await durationOf(world);
  assert.equal(aborted.completionStatus, "Aborted");
  assert.ok((aborted.totalManualPauseDurationSeconds ?? 0) >= 5, "the pause that it ended counts");
  await world.advance(60_000);
  assert.deepEqual(await durationOf(world), aborted);
  const now = world.clock.now();
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  const retried = await durationOf(world);
  assert.equal(retried.rolloutStartedAt, formatTime(now));
  assert.equal(retried.completionStatus, undefined);
  await world.stop();
});

test("ARC-802 a newer template supersedes: another attempt begins in the same write", async () => {
  const world = await waiting();
  const { rolloutStartedAt: before } = await durationOf(world);
  await world.advance(30_000);
  await setImage(world, "red");
  await world.settle(QUIET);
  const { rolloutStartedAt, finishedAt } = await durationOf(world);
  assert.ok(rolloutStartedAt !== undefined && before !== undefined && rolloutStartedAt > before);
  assert.equal(finishedAt, undefined);
  await world.stop();
});

test("ARC-802 going back to stable in mid-release ends the same attempt as a fast rollback", async () => {
  const world = await waiting();
  const { rolloutStartedAt } = await durationOf(world);
  await world.advance(30_000);
  await setImage(world, "blue");
  await world.settle();
  const duration = await durationOf(world);
  assert.equal(duration.completionStatus, "FastRolledBack");
  assert.equal(duration.rolloutStartedAt, rolloutStartedAt);
  assert.ok(duration.finishedAt !== undefined);
  await world.stop();
});

test("ARC-802 a change of size alone is no attempt", async () => {
  const world = await start([{ setWeight: 10 }]);
  const before = await durationOf(world);
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 3 } });
  await world.settle();
  assert.equal((await statusOf(world)).availableReplicas, 3);
  assert.deepEqual(await durationOf(world), before);
  await world.stop();
});
