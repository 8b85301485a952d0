import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { HttpRouteSpec, VirtualService } from "../../../api/istio.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { ObjectKey } from "../../../kube/resource.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  aService,
  aVirtualService,
  deployed,
  events,
  HASH,
  patchStatus,
  promote,
  setImage,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
  weights,
} from "../rollout.fixture.ts";
import type { CanaryStrategy, Rollout, Step } from "../types.ts";

/** Header and mirror routes through whole releases (ARC-312…315); several VirtualServices: virtual-services.test.ts. */

const QUIET = { quietMs: 15_000 };
const header: Step = {
  setHeaderRoute: { name: "beta", match: [{ headerName: "x-beta", headerValue: { exact: "1" } }] },
};
const mirror: Step = {
  setMirrorRoute: { name: "copy", percentage: 35, match: [{ method: { exact: "GET" }, path: { prefix: "/" } }] },
};

function withRoutes(steps: Step[], more: Partial<CanaryStrategy> = {}, spec: Partial<Rollout["spec"]> = {}): Rollout {
  const istio = { virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] } };
  const managedRoutes = [{ name: "copy" }, { name: "beta" }];
  return aRollout({ trafficRouting: { managedRoutes, istio }, steps, ...more }, spec);
}

async function routes(world: World, key: ObjectKey = VIRTUAL_SERVICE): Promise<readonly HttpRouteSpec[]> {
  return (await world.get<VirtualService>(resources.virtualServices, key))?.spec?.http ?? [];
}

async function names(world: World, key?: ObjectKey): Promise<(string | undefined)[]> {
  return (await routes(world, key)).map(({ name }) => name);
}

async function told(world: World): Promise<string[]> {
  return (await events(world))
    .map(({ message }) => message)
    .filter((text) => /^VirtualService .*(Route|routes)/.test(text));
}

test("ARC-313 ARC-315 INV-09 a header route comes at its step and goes with the release", async () => {
  const world = await deployed(
    await startArgo(),
    withRoutes([{ setCanaryScale: { replicas: 1 } }, header, { pause: {} }]),
  );
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  const [first, ...others] = await routes(world);
  assert.deepEqual(first, {
    name: "beta",
    match: [{ headers: { "x-beta": { exact: "1" } } }],
    route: [{ destination: { host: "istio-rollout-canary" }, weight: 100 }],
  });
  assert.deepEqual(
    others.map(({ name }) => name),
    ["primary"],
  );
  assert.deepEqual(await weights(world), [100, undefined]);
  await checkFixpoint(world);
  await promote(world);
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.deepEqual(await names(world), ["primary"]);
  assert.deepEqual(await told(world), [
    "VirtualService `istio-rollout-vsvc` set headerRoute 'beta'",
    "VirtualService `istio-rollout-vsvc` removed all managed routes.",
  ]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-312 ARC-314 ARC-921 a mirror route's weights follow each later setWeight, and the main route's too", async () => {
  const steps: Step[] = [{ setWeight: 10 }, mirror, header, { pause: {} }, { setWeight: 40 }, { pause: {} }];
  // Without `routes`: the only route that is not managed is meant.
  const rollout = withRoutes(steps);
  const { trafficRouting } = rollout.spec.strategy?.canary ?? {};
  delete trafficRouting?.istio?.virtualService?.routes;
  const world = await deployed(await startArgo(), rollout);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await names(world), ["copy", "beta", "primary"], "in the order of managedRoutes");
  const [copy] = await routes(world);
  const share = (canary: number) => [
    { destination: { host: "istio-rollout-stable" }, weight: 100 - canary },
    { destination: { host: "istio-rollout-canary" }, weight: canary },
  ];
  assert.deepEqual(copy, {
    name: "copy",
    match: [{ method: { exact: "GET" }, uri: { prefix: "/" } }],
    route: share(10),
    mirror: { host: "istio-rollout-canary" },
    mirrorPercentage: { value: 35 },
  });
  await promote(world);
  await world.settle(QUIET);
  assert.deepEqual((await routes(world))[0]?.route, share(40));
  assert.deepEqual(await weights(world), [60, 40]);
  assert.deepEqual(await names(world), ["copy", "beta", "primary"]);
  await checkFixpoint(world);
  await promote(world);
  await world.settle();
  assert.deepEqual(await names(world), ["primary"]);
  await world.stop();
});

test("ARC-313 ARC-314 a step without match takes its route away again", async () => {
  const off: Step[] = [{ setHeaderRoute: { name: "beta" } }, { setMirrorRoute: { name: "copy" } }];
  const steps: Step[] = [{ setWeight: 10 }, mirror, header, { pause: {} }, ...off, { pause: {} }];
  const world = await deployed(await startArgo(), withRoutes(steps));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await names(world), ["copy", "beta", "primary"]);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).currentStepIndex, 6);
  assert.deepEqual(await names(world), ["primary"]);
  await world.stop();
});

test("ARC-904 a header route that precedes the first pods comes as soon as there are pods", async () => {
  const world = await deployed(await startArgo(), withRoutes([header, { setWeight: 10 }, { pause: {} }]));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  assert.deepEqual(await names(world), ["beta", "primary"]);
  assert.deepEqual(await weights(world), [90, 10]);
  await world.stop();
});

test("ARC-904 a header route returns after the canary has been without pods for a moment", async () => {
  const steps: Step[] = [{ setWeight: 10 }, header, { pause: {} }];
  const world = await deployed(await startArgo(), withRoutes(steps));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const pods = await world.list(resources.pods);
  const canary = pods.find(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow);
  await world.client.delete(resources.pods, { namespace: "default", name: canary?.metadata.name ?? "" });
  await world.advance(700);
  assert.deepEqual(await names(world), ["primary"]);
  assert.deepEqual(await weights(world), [100, 0]);
  await world.advance(10_000);
  assert.deepEqual(await names(world), ["beta", "primary"]);
  assert.deepEqual(await weights(world), [90, 10]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-923 ARC-922 an aborted release has no managed routes, and nothing is written about it again", async () => {
  const world = await deployed(await startArgo(), withRoutes([header, mirror, { setWeight: 10 }, { pause: {} }]));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await names(world), ["copy", "beta", "primary"]);
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  assert.deepEqual(await names(world), ["primary"]);
  assert.equal((await statusOf(world)).currentStepIndex, 0);
  const before = (await world.get(resources.virtualServices, VIRTUAL_SERVICE))?.metadata.resourceVersion;
  await world.advance(120_000);
  await checkFixpoint(world);
  assert.equal((await world.get(resources.virtualServices, VIRTUAL_SERVICE))?.metadata.resourceVersion, before);
  await world.stop();
});

test("ARC-105 the first revision has no managed routes", async () => {
  const world = await deployed(await startArgo(), withRoutes([header, { pause: {} }]));
  assert.deepEqual(await names(world), ["primary"]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-313 with subsets a header route names the rule's host, the canary's subset and the route's port", async () => {
  const istio = {
    virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
  };
  const trafficRouting = { managedRoutes: [{ name: "beta" }], istio };
  const rollout = aRollout({ trafficRouting, steps: [{ setWeight: 10 }, header, { pause: {} }] });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  const destination = (subset: string) => ({ host: "app.default.svc.cluster.local", subset, port: { number: 80 } });
  const route = [
    { destination: destination("stable"), weight: 100 },
    { destination: destination("canary"), weight: 0 },
  ];
  const world = await startArgo();
  await world.apply([
    aService("app"),
    { ...aVirtualService, spec: { hosts: ["app"], http: [{ name: "primary", route }] } } as KubeObject,
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "DestinationRule",
      metadata: { name: "app" },
      spec: { host: "app", subsets: [{ name: "stable" }, { name: "canary" }] },
    } as KubeObject,
    rollout,
  ]);
  await world.settle();
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const [first] = await routes(world);
  assert.equal(first?.name, "beta");
  assert.deepEqual(first?.route, [
    { destination: { host: "app", subset: "canary", port: { number: 80 } }, weight: 100 },
  ]);
  await world.stop();
});
