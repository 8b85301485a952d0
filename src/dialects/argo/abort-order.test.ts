import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { AdmissionPlugin } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { argoPack } from "../../packs/argo.ts";
import { istioPack } from "../../packs/istio.ts";
import { survivesChange, weighed } from "./abort-order.ts";
import { startBlueGreen } from "./blue-green/blue-green.fixture.ts";
import { annotations } from "./keys.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "./rollout.fixture.ts";
import type { Rollout, RolloutStatus, Step } from "./types.ts";

/** An abort that meets another wish before the controller has acted on either (INV-20). */

const paused: Step[] = [{ setWeight: 50 }, { pause: {} }];

/** What people write while no controller looks. */
async function unseen(world: World, write: () => Promise<void>): Promise<void> {
  await world.runner.stop();
  await write();
  await world.restartControllers();
  await world.settle({ quietMs: 15_000 });
}

async function blue(): Promise<World> {
  return deployed(await startArgo(), aRollout({ steps: paused }, { replicas: 2 }));
}

async function yellowAtPause(): Promise<World> {
  const world = await blue();
  await setImage(world, "yellow");
  await world.settle();
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  return world;
}

const abort = (world: World) => patchStatus(world, { abort: true });

async function expectAborted(world: World, revision: number): Promise<void> {
  const {
    phase,
    message,
    abort: isAborted,
    stableRS,
    currentStepIndex,
    abortedAt,
    promoteFull,
  } = await statusOf(world);
  assert.deepEqual(
    { phase, message, isAborted, stableRS, currentStepIndex, promoteFull, hasTime: abortedAt !== undefined },
    {
      phase: "Degraded",
      message: `RolloutAborted: Rollout aborted update to revision ${revision}`,
      isAborted: true,
      stableRS: HASH.blue,
      currentStepIndex: 0,
      promoteFull: undefined,
      hasTime: true,
    },
  );
  const shares = (await weights(world)).map((weight = 0) => weight);
  assert.deepEqual(shares, [100, 0]);
}

test("INV-20 an abort of a template that nobody has seen yet is not forgotten, and a retry begins it", async () => {
  const world = await blue();
  await unseen(world, async () => {
    await setImage(world, "yellow");
    await abort(world);
  });
  await expectAborted(world, 2);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await patchStatus(world, { abort: false });
  await world.settle();
  assert.deepEqual([(await statusOf(world)).message, await weights(world)], ["CanaryPauseStep", [50, 50]]);
  await world.stop();
});

test("INV-20 an abort of a third template that nobody has seen yet takes the second one's share back too", async () => {
  const world = await yellowAtPause();
  await unseen(world, async () => {
    await setImage(world, "orange");
    await abort(world);
  });
  await expectAborted(world, 3);
  await world.advance(60_000);
  const left = Object.entries(await sizes(world)).filter(([, size]) => size > 0);
  assert.deepEqual(left, [[HASH.blue, 2]]);
  await world.stop();
});

test("ARC-136 a template after an abort ends the abort, although nobody has seen either", async () => {
  const world = await yellowAtPause();
  await unseen(world, async () => {
    await abort(world);
    await setImage(world, "orange");
  });
  const { abort: isAborted, message } = await statusOf(world);
  assert.deepEqual([isAborted, message, await weights(world)], [undefined, "CanaryPauseStep", [50, 50]]);
  const noted = (await world.list(resources.replicaSets)).filter(
    ({ metadata }) => metadata.annotations?.[annotations.abortEndedAt] !== undefined,
  );
  assert.deepEqual(noted, [], "the note is the Rollout's alone");
  await unseen(world, async () => {
    await setImage(world, "green");
    await abort(world);
  });
  await expectAborted(world, 4);
  await world.stop();
});

test("ARC-064 the stable template after an abort leaves nothing to abort", async () => {
  const world = await yellowAtPause();
  await unseen(world, async () => {
    await setImage(world, "blue");
    await abort(world);
  });
  const { abort: isAborted, phase } = await statusOf(world);
  assert.deepEqual([isAborted, phase], [undefined, "Healthy"]);
  await world.stop();
});

const refusing: AdmissionPlugin = {
  name: "no-orange",
  kind: "validating",
  admit({ operation, type, object }) {
    const isRefused = operation === "CREATE" && type.kind === "ReplicaSet" && JSON.stringify(object).includes("orange");
    return isRefused ? { allowed: false, message: "no orange here" } : { allowed: true };
  },
};
const packs = [istioPack, { ...argoPack, admission: [...argoPack.admission, refusing] }];

async function abortRefusedOrange(world: World): Promise<void> {
  await setImage(world, "orange");
  await world.advance(5000);
  await abort(world);
  await world.advance(60_000);
  const { phase, abort: isAborted, stableRS, message } = await statusOf(world);
  assert.deepEqual([phase, isAborted, stableRS], ["Degraded", true, HASH.blue]);
  assert.match(message ?? "", /^RolloutAborted: /);
  await checkFixpoint(world);
}

test("INV-20 an abort of a version whose ReplicaSet is refused takes the share of the one before back", async () => {
  const world = await deployed(await startArgo({ packs }), aRollout({ steps: paused }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.settle();
  assert.deepEqual(await weights(world), [50, 50]);
  await abortRefusedOrange(world);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await setImage(world, "yellow");
  await world.settle();
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await world.stop();
});

test("INV-20 blue-green: an abort of a version whose ReplicaSet is refused keeps the active version", async () => {
  const world = await startBlueGreen({}, { packs });
  await abortRefusedOrange(world);
  assert.equal((await statusOf(world)).blueGreen?.activeSelector, HASH.blue);
  await patchStatus(world, { abort: false });
  await world.advance(5000);
  const { conditions = [] } = await statusOf(world);
  assert.equal(conditions.find(({ type }) => type === "Progressing")?.reason, "ReplicaSetCreateError");
  await world.stop();
});

test("INV-20 an abort ends a full promotion that is under way", async () => {
  const world = await yellowAtPause();
  await unseen(world, async () => {
    await patchStatus(world, { promoteFull: true });
    await abort(world);
  });
  await expectAborted(world, 2);
  await world.stop();
});

test("ARC-118 a full promotion of an aborted release ends the abort", async () => {
  const world = await yellowAtPause();
  await abort(world);
  await world.settle({ quietMs: 15_000 });
  await expectAborted(world, 2);
  await patchStatus(world, { promoteFull: true });
  await world.settle();
  const { phase, stableRS, abort: isAborted } = await statusOf(world);
  assert.deepEqual([phase, stableRS, isAborted], ["Healthy", HASH.yellow, undefined]);
  await world.stop();
});

test("INV-20 an abort ends a rollback within the window, which no step would stop", async () => {
  const rollout = aRollout({ steps: paused }, { replicas: 2, rollbackWindow: { revisions: 3 } });
  const world = await deployed(await startArgo(), rollout);
  for (const color of ["yellow", "orange"]) {
    await world.advance(2000);
    await setImage(world, color);
    await world.settle();
    await patchStatus(world, { promoteFull: true });
    await world.settle();
  }
  const { stableRS } = await statusOf(world);
  await unseen(world, async () => {
    await setImage(world, "yellow");
    await abort(world);
  });
  const status = await statusOf(world);
  assert.deepEqual([status.phase, status.abort, status.stableRS], ["Degraded", true, stableRS]);
  await world.stop();
});

test("INV-20 blue-green: an abort of a template that nobody has seen yet keeps the active version", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: true });
  await unseen(world, async () => {
    await setImage(world, "yellow");
    await abort(world);
  });
  const { phase, stableRS, blueGreen } = await statusOf(world);
  assert.deepEqual([phase, stableRS, blueGreen?.activeSelector], ["Degraded", HASH.blue, HASH.blue]);
  await world.stop();
});

const NEWS: RolloutStatus = { abort: true, stableRS: "a", currentPodHash: "a", observedGeneration: "4" };
const survivals: readonly { name: string; status: RolloutStatus; endedAt?: string; hash?: string; wanted: boolean }[] =
  [
    { name: "an abort that nobody has acted on", status: NEWS, wanted: true },
    { name: "no abort", status: { ...NEWS, abort: false }, wanted: false },
    { name: "one that was acted on", status: { ...NEWS, abortedAt: "2030-01-01T00:00:00Z" }, wanted: false },
    { name: "the first version", status: { ...NEWS, stableRS: "" }, wanted: false },
    { name: "back to stable", status: NEWS, hash: "a", wanted: false },
    { name: "a template that came later", status: NEWS, endedAt: "5", wanted: false },
    { name: "a template that was seen before the abort", status: NEWS, endedAt: "4", wanted: true },
  ];

for (const { name, status, endedAt, hash = "b", wanted } of survivals) {
  test(`INV-20 ARC-136 does an abort outlive a new template: ${name}`, () => {
    const notes = endedAt === undefined ? {} : { annotations: { [annotations.abortEndedAt]: endedAt } };
    const rollout: Rollout = { ...aRollout(), metadata: { name: KEY.name, ...notes }, status };
    assert.equal(survivesChange(rollout, hash), wanted);
  });
}

test("INV-20 of an abort and a full promotion, the one counts that answers the other", () => {
  assert.deepEqual(weighed({ abort: true, promoteFull: true }), { abort: true });
  const answered = { abort: true, abortedAt: "2030-01-01T00:00:00Z", promoteFull: true };
  assert.deepEqual(weighed(answered), answered);
  assert.deepEqual(weighed({ promoteFull: true }), { promoteFull: true });
});
