import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import { resources } from "../../kube/resource.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
  stored,
  template,
  VIRTUAL_SERVICE,
  weights,
} from "./rollout.fixture.ts";
import type { CanaryStrategy, Step } from "./types.ts";

/** What an abort does and leaves alone (section 5.1). */

const paused: Step[] = [{ setWeight: 50 }, { pause: {} }];

async function atPause(canary: Partial<CanaryStrategy> = {}, replicas = 4): Promise<World> {
  const world = await deployed(await startArgo(), aRollout({ steps: paused, ...canary }, { replicas }));
  await setImage(world, "yellow");
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Paused");
  return world;
}

test("ARC-133 traffic, names and managed routes go back to stable at once, the pods later", async () => {
  const steps: Step[] = [
    { setWeight: 50 },
    { setHeaderRoute: { name: "beta", match: [{ headerName: "x", headerValue: { exact: "1" } }] } },
    { pause: {} },
  ];
  const istio = { virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] } };
  const world = await atPause({ steps, trafficRouting: { istio, managedRoutes: [{ name: "beta" }] } });
  await patchStatus(world, { abort: true });
  await world.settle({ quietMs: 5000 });
  assert.deepEqual(await weights(world), [100, 0]);
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
  const object = await world.get(resources.virtualServices, VIRTUAL_SERVICE);
  const { http } = object!["spec"] as { http: { name?: string }[] };
  assert.deepEqual(
    http.map(({ name }) => name),
    ["primary"],
  );
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 2 });
  await world.advance(31_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
  await world.stop();
});

test("ARC-135 a canary without a router goes back pod by pod, its Service at once", async () => {
  const world = await atPause({ trafficRouting: undefined as never });
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 2 });
  await patchStatus(world, { abort: true });
  let least = 4;
  for (let second = 0; second < 60; second++) {
    await world.advance(1000);
    least = Math.min(least, (await stored(world)).status?.availableReplicas ?? 0);
  }
  assert.ok(least >= 3, `at most a quarter is missing on the way, but only ${least} of 4 pods served`);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 0 });
  assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
  await world.stop();
});

test("ARC-137 an abort leaves the spec alone, and the Rollout Degraded until the template is the stable one", async () => {
  const world = await atPause();
  const { spec, metadata } = await stored(world);
  await patchStatus(world, { abort: true });
  await world.settle();
  await world.advance(3_600_000);
  const after = await stored(world);
  assert.deepEqual([after.spec, after.metadata.generation], [spec, metadata.generation]);
  assert.equal(after.status?.phase, "Degraded");
  await world.patch(resources.argoRollouts, KEY, { spec: { template: template("blue") } });
  await world.settle();
  assert.deepEqual([(await statusOf(world)).phase, (await statusOf(world)).abort ?? false], ["Healthy", false]);
  await world.stop();
});

test("ARC-152 a version that is wanted again loses its date of departure", async () => {
  const world = await atPause();
  await patchStatus(world, { abort: true });
  await world.settle({ quietMs: 5000 });
  const deadline = async () => {
    const name = `${KEY.name}-${HASH.yellow}`;
    const replicaSet = await world.get(resources.replicaSets, { namespace: "default", name });
    return replicaSet?.metadata.annotations?.["scale-down-deadline"];
  };
  assert.match((await deadline()) ?? "", /^\d{4}-\d\d-\d\dT/);
  await patchStatus(world, { abort: false });
  await world.settle();
  assert.equal(await deadline(), undefined);
  assert.deepEqual(await weights(world), [50, 50]);
  await world.stop();
});
