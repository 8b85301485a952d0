import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { DATA_PLANE_KEY } from "../../../traffic/data-plane.ts";
import {
  aRollout,
  aService,
  HASH,
  patchStatus,
  setImage,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
  weights,
} from "../rollout.fixture.ts";
import type { CanaryStrategy, Step } from "../types.ts";

/** Versions as subsets of one Service, before a mesh that knows routes at once and pods when the test says so. */

const HOST = "istio-rollout";
const ROUTES = ["virtualservices.networking.istio.io", "destinationrules.networking.istio.io"];
const PODS = ["endpointslices.discovery.k8s.io", "pods"];
const ALL = "1000000";
const steps: Step[] = [{ setWeight: 50 }, { pause: {} }];

const rule: KubeObject = {
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "DestinationRule",
  metadata: { name: HOST },
  spec: { host: HOST, subsets: ["stable", "canary"].map((name) => ({ name, labels: { app: HOST } })) },
};

const virtualService: KubeObject = {
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "VirtualService",
  metadata: { name: VIRTUAL_SERVICE.name },
  spec: {
    hosts: ["example.com"],
    http: [
      {
        name: "primary",
        route: [
          { destination: { host: HOST, subset: "stable" }, weight: 100 },
          { destination: { host: HOST, subset: "canary" }, weight: 0 },
        ],
      },
    ],
  },
};

async function tell(world: World, kinds: readonly string[], revision: string): Promise<void> {
  const data = Object.fromEntries(kinds.map((kind) => [kind, revision]));
  await world.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data } as KubeObject);
}

/** The revision of the newest object so far. */
async function revision(world: World): Promise<string> {
  return (await world.client.list(resources.namespaces, {})).resourceVersion;
}

async function start(canary: Partial<CanaryStrategy> = {}): Promise<World> {
  const world = await startArgo({ hasMesh: false });
  await tell(world, [...ROUTES, ...PODS], ALL);
  await world.apply([aService(HOST), rule, virtualService]);
  const { canaryService: _, stableService: __, ...given } = aRollout({ steps, ...canary }).spec.strategy!.canary!;
  const destinationRule = { name: HOST, canarySubsetName: "canary", stableSubsetName: "stable" };
  const istio = { virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] }, destinationRule };
  const rollout = aRollout({}, { replicas: 2 });
  rollout.spec.strategy = { canary: { ...given, trafficRouting: { istio } } };
  await world.apply(rollout);
  await world.settle();
  assert.deepEqual([(await statusOf(world)).phase, await subsets(world)], ["Healthy", [HASH.blue, HASH.blue]]);
  return world;
}

/** The versions of the stable and of the canary subset. */
async function subsets(world: World): Promise<(string | undefined)[]> {
  const object = await world.get(resources.destinationRules, { namespace: "default", name: HOST });
  const { subsets = [] } = (object?.["spec"] ?? {}) as { subsets?: { labels: Record<string, string> }[] };
  return subsets.map(({ labels }) => labels["rollouts-pod-template-hash"]);
}

for (const kind of PODS) {
  test(`INV-01 a canary gets its share once the mesh knows its pods: ${kind}`, async () => {
    const world = await start();
    await tell(world, [kind], await revision(world));
    await setImage(world, "yellow");
    await world.advance(20_000);
    assert.deepEqual(
      [await subsets(world), await weights(world)],
      [
        [HASH.blue, HASH.yellow],
        [100, 0],
      ],
    );
    await tell(world, [kind], ALL);
    await world.advance(1000);
    assert.deepEqual([(await statusOf(world)).message, await weights(world)], ["CanaryPauseStep", [50, 50]]);
    await world.stop();
  });
}

test("INV-01 the stable subset, which has traffic, moves on only to pods that the mesh knows", async () => {
  const world = await start();
  await tell(world, PODS, await revision(world));
  await setImage(world, "yellow");
  await world.advance(20_000);
  await patchStatus(world, { promoteFull: true });
  await world.advance(20_000);
  assert.deepEqual([(await statusOf(world)).stableRS, await subsets(world)], [HASH.yellow, [HASH.blue, HASH.yellow]]);
  const { phase, message } = await statusOf(world);
  assert.deepEqual([phase, message], ["Progressing", "waiting for data plane"]);
  await tell(world, PODS, ALL);
  await world.advance(1000);
  assert.deepEqual(await subsets(world), [HASH.yellow, HASH.yellow]);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await world.stop();
});

test("a Service that does not list the canary's pods is named as what the release waits for", async () => {
  const world = await start();
  const selector = { "rollouts-pod-template-hash": HASH.blue };
  await world.patch(resources.services, { namespace: "default", name: HOST }, { spec: { selector } });
  await setImage(world, "yellow");
  await world.advance(1000);
  await patchStatus(world, { promoteFull: true });
  await world.advance(20_000);
  const waited = `waiting for a ready pod of version ${HASH.yellow} to become an endpoint of its Service`;
  const { phase, message } = await statusOf(world);
  assert.deepEqual([phase, message, await weights(world)], ["Progressing", waited, [100, 0]]);
  await world.stop();
});

test("INV-04 the share of a superseded version goes to zero before the subset moves on, though the next asks for less", async () => {
  const world = await start({
    dynamicStableScale: true,
    steps: [{ setWeight: 20 }, { pause: { duration: 5 } }, { setWeight: 50 }, { pause: {} }],
  });
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  assert.deepEqual(await weights(world), [50, 50]);
  await setImage(world, "orange");
  await world.advance(10);
  // The pods of both versions come up in one moment for those who look.
  await world.runner.stop();
  await world.advance(5000);
  await world.restartControllers();
  await world.settle({ quietMs: 15_000 });
  const { currentPodHash, message } = await statusOf(world);
  assert.deepEqual(
    [await subsets(world), await weights(world)],
    [
      [HASH.blue, currentPodHash],
      [50, 50],
    ],
  );
  assert.equal(message, "CanaryPauseStep");
  await world.stop();
});
