import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  aService,
  HASH,
  KEY,
  patchStatus,
  promote,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
} from "../rollout.fixture.ts";
import type { BlueGreenStrategy } from "../types.ts";

async function start(blueGreen: Partial<BlueGreenStrategy> = {}): Promise<World> {
  const world = await startArgo();
  const rollout = aRollout({}, { replicas: 2 });
  rollout.spec.strategy = { blueGreen: { activeService: "active", previewService: "preview", ...blueGreen } };
  await world.apply([aService("active"), aService("preview"), rollout]);
  await world.settle();
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.stableRS, HASH.blue);
  assert.equal(await selectorHash(world, "active"), HASH.blue);
  return world;
}

test("ARC-880…889 a new version is previewed, takes over once all its pods serve, and the old one goes later", async () => {
  const world = await start();
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  let status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.stableRS, HASH.yellow);
  assert.equal(status.blueGreen?.activeSelector, HASH.yellow);
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 2 });
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
  await checkFixpoint(world);
  status = await statusOf(world);
  assert.equal(status.HPAReplicas, 2);
  await world.stop();
});

test("ARC-503 ARC-504 without auto-promotion the switch waits until the user resumes", async () => {
  const world = await start({ autoPromotionEnabled: false });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  let status = await statusOf(world);
  assert.equal(status.phase, "Paused");
  assert.equal(status.message, "BlueGreenPause");
  assert.equal(await selectorHash(world, "preview"), HASH.yellow);
  assert.equal(await selectorHash(world, "active"), HASH.blue);
  await promote(world);
  await world.settle({ quietMs: 15_000 });
  status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  await world.stop();
});

test("ARC-501 ARC-502 ARC-885 a small preview grows to full size after the approval", async () => {
  const world = await start({ autoPromotionSeconds: 20, previewReplicaCount: 1 });
  await setImage(world, "yellow");
  await world.advance(10_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 1 });
  assert.equal((await statusOf(world)).message, "BlueGreenPause");
  await world.advance(30_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  await world.stop();
});

test("ARC-510 ARC-890 an abort before the switch leaves the active version, and the new one goes", async () => {
  const world = await start({ autoPromotionEnabled: false });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  assert.equal((await statusOf(world)).phase, "Degraded");
  assert.equal(await selectorHash(world, "active"), HASH.blue);
  assert.equal(await selectorHash(world, "preview"), HASH.yellow);
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-511 ARC-892 going back while the old version still has its pods is immediate", async () => {
  const world = await start({ autoPromotionEnabled: false });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  await promote(world);
  await world.settle({ quietMs: 15_000 });
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  await setImage(world, "blue");
  await world.settle({ quietMs: 15_000 });
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.stableRS, HASH.blue);
  assert.equal(await selectorHash(world, "active"), HASH.blue);
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-512 scaling resizes active and new version alike", async () => {
  const world = await start({ autoPromotionEnabled: false });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 3 } });
  await world.settle({ quietMs: 15_000 });
  assert.deepEqual(await sizes(world), { [HASH.blue]: 3, [HASH.yellow]: 3 });
  await world.stop();
});
