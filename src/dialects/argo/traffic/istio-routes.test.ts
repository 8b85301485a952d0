import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { DestinationRule, HttpRouteSpec, VirtualService } from "../../../api/istio.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  aService,
  aVirtualService,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  sizes,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
  weights,
} from "../rollout.fixture.ts";
import type { Rollout, Step } from "../types.ts";

/** Which routes of a VirtualService a Rollout edits, what it leaves alone in them, and who else edits them. */

const QUIET = { quietMs: 15_000 };
const steps: Step[] = [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }, { pause: {} }];

const split = [
  { destination: { host: "istio-rollout-stable" }, weight: 100 },
  { destination: { host: "istio-rollout-canary" }, weight: 0 },
];

async function routes(world: World): Promise<readonly HttpRouteSpec[]> {
  return (await world.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE))?.spec?.http ?? [];
}

function shares({ route = [] }: HttpRouteSpec): (number | undefined)[] {
  return route.map(({ weight }) => weight);
}

function withHttp(http: unknown[]): KubeObject {
  return { ...aVirtualService, spec: { ...(aVirtualService["spec"] as object), http } } as KubeObject;
}

/** Without names of routes. */
function unnamed(annotations: Record<string, string> = {}): Rollout {
  const rollout = aRollout({ steps, trafficRouting: { istio: { virtualService: { name: VIRTUAL_SERVICE.name } } } });
  return { ...rollout, metadata: { ...rollout.metadata, annotations } };
}

const THREE = [
  { name: "a", match: [{ uri: { prefix: "/a" } }], route: split },
  { name: "docs", match: [{ uri: { prefix: "/docs" } }], route: [{ destination: { host: "docs" } }] },
  { match: [{ uri: { prefix: "/" } }], route: split },
];

test("ARC-914 with argo.fairway.dev/istio-routes: all every route that leads to both versions follows", async () => {
  const world = await startArgo();
  await world.apply([...seedObjects, withHttp(THREE)]);
  await world.apply(unnamed({ "argo.fairway.dev/istio-routes": "all" }));
  await world.settle();
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual((await routes(world)).map(shares), [[80, 20], [undefined], [80, 20]]);
  await checkFixpoint(world);
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  assert.deepEqual((await routes(world)).map(shares), [[100, 0], [undefined], [100, 0]]);
  await checkFixpoint(world);
  await world.stop();
});

for (const [name, annotations, http, text] of [
  ["ARC-304 without the option", {}, THREE, /spec\.http\[\] should be set in VirtualService and it must have exactly/],
  ["ARC-914 no such route", { "argo.fairway.dev/istio-routes": "all" }, [THREE[1]], /leads to both sides of the split/],
  [
    "ARC-914 another value",
    { "argo.fairway.dev/istio-routes": "some" },
    THREE,
    /Invalid value: "some": the only value/,
  ],
] as const) {
  test(`${name} is told`, async () => {
    const world = await startArgo();
    await world.apply([...seedObjects, withHttp([...http])]);
    await world.apply(unnamed(annotations));
    await world.settle({ quietMs: 5000 });
    const { phase, message = "" } = await statusOf(world);
    assert.equal(phase, "Degraded");
    assert.match(message, text);
    await world.stop();
  });
}

test("ARC-905 a foreign destination in the edited route keeps its share through the release", async () => {
  const world = await startArgo();
  const foreign = { destination: { host: "shadow" }, weight: 10, headers: { request: { set: { x: "1" } } } };
  const [stable, canary] = split;
  await world.apply([...seedObjects]);
  await world.apply(withHttp([{ name: "primary", route: [{ ...stable, weight: 90 }, canary, foreign] }]));
  await world.apply(aRollout({ steps }));
  await world.settle();
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const sum = async () => (await weights(world)).reduce((total = 0, weight = 0) => total + weight, 0);
  assert.equal((await weights(world))[2], 10);
  assert.equal(await sum(), 100, "INV-05");
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await weights(world))[2], 10);
  assert.equal(await sum(), 100);
  await promote(world);
  await world.settle();
  assert.deepEqual((await routes(world))[0]?.route?.[2], foreign);
  assert.deepEqual(await weights(world), [90, 0, 10]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-926 of two Rollouts that set the same route's weights the younger is told, and the older goes on", async () => {
  const world = await startArgo();
  const others = ["second-stable", "second-canary"].map((host) => ({ destination: { host }, weight: 0 }));
  await world.apply(seedObjects);
  await world.apply([withHttp([{ name: "primary", route: [...split, ...others] }]), aRollout({ steps })]);
  await world.settle();
  const second = aRollout({ steps, canaryService: "second-canary", stableService: "second-stable" });
  await world.advance(2000);
  await world.apply([
    aService("second-canary"),
    aService("second-stable"),
    { ...second, metadata: { name: "second" } } as Rollout,
  ]);
  await world.settle({ quietMs: 5000 });
  const other = await world.get<Rollout>(resources.argoRollouts, { namespace: "default", name: "second" });
  assert.equal(other?.status?.phase, "Degraded");
  assert.match(
    other?.status?.message ?? "",
    /"default\/istio-rollout": the weights of the same VirtualService route are already set by this older Rollout$/,
  );
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [80, 20, 0, 0]);
  await world.stop();
});

test("ARC-912 ARC-913 what somebody else writes into the VirtualService in the meantime is not lost", async () => {
  const world = await deployed(await startArgo({ faults: { staleMs: 400 } }), aRollout({ steps }));
  await setImage(world, "yellow");
  // Each edit comes while the controller still sees the state of before.
  for (let edit = 1; edit <= 40; edit++) {
    await world.advance(150);
    const object = await world.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE);
    const [primary, ...others] = object?.spec?.http ?? [];
    const http = [{ ...primary, timeout: `${edit}s` }, ...others];
    await world.patch(resources.virtualServices, VIRTUAL_SERVICE, { spec: { http, hosts: [`h${edit}`] } });
  }
  await world.settle(QUIET);
  const object = await world.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE);
  assert.equal((object?.spec?.http?.[0] as { timeout?: string } | undefined)?.timeout, "40s");
  assert.deepEqual(object?.spec?.hosts, ["h40"]);
  assert.deepEqual(await weights(world), [80, 20]);
  await world.stop();
});

test("ARC-902 INV-04 a third version takes the subset over only when it has pods and the second has no traffic", async () => {
  const istio = {
    virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
  };
  const rollout = aRollout({ trafficRouting: { istio }, steps });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  const route = (subset: string, weight: number) => ({ destination: { host: "app", subset }, weight });
  const world = await startArgo();
  await world.apply([
    aService("app"),
    withHttp([{ name: "primary", route: [route("stable", 100), route("canary", 0)] }]),
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
  assert.deepEqual(await weights(world), [80, 20]);
  await setImage(world, "orange");
  for (let tick = 0; tick < 150; tick++) {
    await world.advance(100);
    const [rule] = await world.list(resources.destinationRules);
    const { subsets = [] } = (rule as DestinationRule).spec ?? {};
    const hash = subsets.find((subset) => subset?.name === "canary")?.labels?.["rollouts-pod-template-hash"] ?? "";
    const [, canary = 0] = await weights(world);
    const pods = await world.list(resources.pods);
    const ready = pods.filter(
      ({ metadata, status }) =>
        metadata.labels?.["rollouts-pod-template-hash"] === hash &&
        (status as { conditions?: { type: string; status: string }[] }).conditions?.some(
          ({ type, status: state }) => type === "Ready" && state === "True",
        ),
    );
    assert.ok(canary === 0 || ready.length > 0, `subset ${hash} has ${canary} % and no pods`);
  }
  const { currentPodHash = "", message } = await statusOf(world);
  assert.equal(message, "CanaryPauseStep");
  assert.deepEqual(await weights(world), [80, 20]);
  await world.advance(40_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0, [currentPodHash]: 1 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-300 ARC-911 a VirtualService by its whole name is found, and its coming wakes the release", async () => {
  const world = await startArgo();
  const name = "istio-rollout-vsvc.default.svc.cluster.local";
  await world.apply(seedObjects.filter(({ kind }) => kind === "Service"));
  await world.apply(aRollout({ steps, trafficRouting: { istio: { virtualService: { name } } } }));
  await world.settle({ quietMs: 5000 });
  assert.match((await statusOf(world)).message ?? "", /virtualServices?\.name: Invalid value: ".*" not found/);
  await world.apply(aVirtualService);
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.equal((await world.get<Rollout>(resources.argoRollouts, KEY))?.status?.canary?.weights?.stable.weight, 100);
  await world.stop();
});
