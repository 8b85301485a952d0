import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
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
import { selectedHash } from "../traffic/services.ts";
import type { BlueGreenStrategy } from "../types.ts";
import { post, release, startBlueGreen } from "./blue-green.fixture.ts";

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

/** The smallest size that the version had while the active Service selected it. */
async function fewestActive(world: World, hash: string, play: () => Promise<void>): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  let size = 0;
  let active: string | undefined = "";
  const look = () => {
    if (active === hash) fewest = Math.min(fewest, size);
  };
  const from = { namespace: "default", resourceVersion: "0" };
  const onEnd = () => {};
  const stops = [
    world.client.watch(resources.replicaSets, from, {
      onEvent: ({ object }) => {
        if (object.metadata.labels?.["rollouts-pod-template-hash"] === hash)
          size = (object as ReplicaSet).spec.replicas ?? 1;
        look();
      },
      onEnd,
    }),
    world.client.watch(resources.services, from, {
      onEvent: ({ object }) => {
        if (object.metadata.name === "active") active = selectedHash(object);
        look();
      },
      onEnd,
    }),
  ];
  await play();
  for (const watch of stops) watch.stop();
  return fewest;
}

test("INV-17 ARC-501 ARC-505 back at a version that shrinks to its preview the switch waits until it has grown again", async () => {
  const world = await startBlueGreen({ previewReplicaCount: 1, postPromotionAnalysis: post });
  await release(world, "yellow");
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  await release(world, "green");
  assert.notEqual(await selectorHash(world, "active"), HASH.yellow);
  const fewest = await fewestActive(world, HASH.yellow, () => release(world, "yellow"));
  assert.equal(await selectorHash(world, "active"), HASH.yellow);
  assert.equal(fewest, 2);
  await world.stop();
});

test("INV-17 ARC-511 the way back keeps the pods that it leads to, whatever the preview's size", async () => {
  const world = await start({ previewReplicaCount: 1 });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  const fewest = await fewestActive(world, HASH.blue, async () => {
    await setImage(world, "blue");
    await world.advance(500);
  });
  assert.equal(await selectorHash(world, "active"), HASH.blue, "at once");
  assert.equal(fewest, 2);
  await world.stop();
});
