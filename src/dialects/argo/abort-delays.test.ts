import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { parseTime } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import { DATA_PLANE_KEY } from "../../traffic/data-plane.ts";
import {
  aRollout,
  deployed,
  HASH,
  patchStatus,
  promote,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "./rollout.fixture.ts";
import type { CanaryStrategy, Rollout, Step } from "./types.ts";

/** What an aborted canary with a router keeps, and for how long (ARC-134, ARC-908, ARC-931, ARC-932). */

const QUIET = { quietMs: 15_000 };
const half: Step[] = [{ setWeight: 50 }, { pause: {} }];

async function paused(canary: Partial<CanaryStrategy> = {}, spec: Partial<Rollout["spec"]> = {}): Promise<World> {
  const world = await deployed(await startArgo(), aRollout({ steps: half, ...canary }, { replicas: 4, ...spec }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  return world;
}

for (const [abortScaleDownDelaySeconds, keptSeconds] of [
  [undefined, 30],
  [120, 120],
  [900, 900],
  [2000, 2000],
] as const) {
  test(`ARC-134 ARC-871 ARC-931 abortScaleDownDelaySeconds ${abortScaleDownDelaySeconds} keeps the canary's pods for ${keptSeconds} s`, async () => {
    const world = await paused(abortScaleDownDelaySeconds === undefined ? {} : { abortScaleDownDelaySeconds });
    await patchStatus(world, { abort: true });
    await world.advance((keptSeconds - 2) * 1000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 2 });
    assert.deepEqual(await weights(world), [100, 0]);
    await world.advance(8000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
    assert.equal((await statusOf(world)).phase, "Degraded");
    await checkFixpoint(world);
    await world.stop();
  });
}

for (const [name, steps, index, kept] of [
  ["setWeight first", half, 1, 2],
  ["setCanaryScale first", [{ setCanaryScale: { replicas: 3 } }, { setWeight: 10 }, { pause: {} }], 2, 3],
  ["setCanaryScale later", [{ setWeight: 25 }, { setCanaryScale: { replicas: 4 } }, { pause: {} }], 2, 4],
] as const) {
  test(`ARC-908 abortScaleDownDelaySeconds 0 keeps the canary at its size for ever: ${name}`, async () => {
    const world = await paused({ steps: [...steps], abortScaleDownDelaySeconds: 0 });
    assert.equal((await statusOf(world)).currentStepIndex, index);
    await patchStatus(world, { abort: true });
    await world.advance(7200_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: kept });
    assert.deepEqual(await weights(world), [100, 0]);
    await checkFixpoint(world);
    // A retry starts with what is there.
    await patchStatus(world, { abort: false });
    await world.settle(QUIET);
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    await world.stop();
  });
}

test("ARC-932 the delay begins when the mesh runs weight 0, not when it is written", async () => {
  const world = await startArgo({ hasMesh: false });
  const acknowledge = (revision: string) =>
    world.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...DATA_PLANE_KEY },
      data: { "virtualservices.networking.istio.io": revision },
    } as KubeObject);
  const deadline = async () => {
    const list = await world.list<ReplicaSet>(resources.replicaSets);
    return parseTime(
      list.map(({ metadata }) => metadata.annotations?.["scale-down-deadline"]).find((text) => text !== undefined),
    );
  };
  await acknowledge("1000000");
  await deployed(world, aRollout({ steps: half }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [50, 50]);
  await acknowledge("1");
  await patchStatus(world, { abort: true });
  await world.advance(100_000);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.equal(await deadline(), null);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 1 });
  const before = world.clock.now();
  await acknowledge("1000000");
  await world.advance(2000);
  const at = await deadline();
  assert.ok(at !== null && at >= before + 29_000, "30 s after the mesh said so");
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await world.stop();
});

test("ARC-903 the canary's Service goes to stable once, and stays there as long as the abort lasts", async () => {
  const world = await paused({ abortScaleDownDelaySeconds: 60 });
  const seen: string[] = [];
  world.client.watch(
    resources.services,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        if (object.metadata.name !== "istio-rollout-canary") return;
        const { selector } = object["spec"] as { selector: Record<string, string> };
        const hash = selector["rollouts-pod-template-hash"] ?? "";
        if (seen.at(-1) !== hash) seen.push(hash);
      },
      onEnd: () => {},
    },
  );
  await world.advance(100);
  seen.length = 0;
  await patchStatus(world, { abort: true });
  await world.advance(120_000);
  assert.deepEqual(seen, [HASH.blue]);
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
  await world.stop();
});

test("ARC-909 an abort while stable lacks pods moves what stable can carry, and the rest as it recovers", async () => {
  const sick = new Set<string>();
  const world = await deployed(
    await startArgo({
      kubelet: { behaviourOf: ({ metadata }) => (sick.has(metadata.labels?.["gone"] ?? "") ? { readyMs: null } : {}) },
    }),
    aRollout({ steps: [{ setWeight: 75 }, { pause: {} }] }, { replicas: 4 }),
  );
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [25, 75]);
  // Replacements of stable's pods do not get ready until they are told to.
  sick.add("yes");
  const set = { namespace: "default", name: `istio-rollout-${HASH.blue}` };
  await world.patch(resources.replicaSets, set, { spec: { template: { metadata: { labels: { gone: "yes" } } } } });
  const stable = (await world.list(resources.pods)).filter(
    ({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === HASH.blue,
  );
  for (const { metadata } of stable.slice(0, 2)) {
    await world.client.delete(resources.pods, { namespace: "default", name: metadata.name });
  }
  await world.advance(3000);
  await patchStatus(world, { abort: true });
  await world.advance(20_000);
  assert.deepEqual(await weights(world), [50, 50], "two of four pods carry half");
  const status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 3 });
  await checkFixpoint(world);
  await world.patch(resources.replicaSets, set, { spec: { template: { metadata: { labels: { gone: null } } } } });
  for (const { metadata } of await world.list(resources.pods)) {
    if (metadata.labels?.["gone"]) {
      await world.client.delete(resources.pods, { namespace: "default", name: metadata.name });
    }
  }
  await world.advance(10_000);
  assert.deepEqual(await weights(world), [100, 0]);
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
  await world.stop();
});

test("ARC-135 without a router an abort goes back within surge and availability", async () => {
  const rollout = aRollout({ steps: [{ setWeight: 50 }, { pause: {} }] }, { replicas: 4 });
  delete rollout.spec.strategy?.canary?.trafficRouting;
  const world = await deployed(await startArgo(), rollout);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 2 });
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.yellow);
  await patchStatus(world, { abort: true });
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
  await checkFixpoint(world);
  await world.stop();
});

for (const [scaleDownDelaySeconds, keptSeconds] of [
  [undefined, 30],
  [0, 0],
  [90, 90],
] as const) {
  test(`ARC-150 ARC-151 ARC-907 after a promotion scaleDownDelaySeconds ${scaleDownDelaySeconds} keeps the old version for ${keptSeconds} s`, async () => {
    const world = await paused(scaleDownDelaySeconds === undefined ? {} : { scaleDownDelaySeconds });
    await promote(world);
    await world.advance(15_000);
    assert.equal((await statusOf(world)).stableRS, HASH.yellow);
    const size = async () => (await sizes(world))[HASH.blue];
    assert.equal(await size(), keptSeconds === 0 ? 0 : 4);
    await world.advance((keptSeconds + 5) * 1000);
    assert.equal(await size(), 0);
    await checkFixpoint(world);
    await world.stop();
  });
}
