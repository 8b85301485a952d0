import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import { startWorld, type World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { istioPack } from "../../packs/istio.ts";
import { lanesPack } from "../../packs/lanes.ts";
import { DATA_PLANE_KEY } from "../../traffic/data-plane.ts";
import { aGroup, aLane, rootNamespace } from "./fixture.ts";
import { asmControllers } from "./index.ts";

/** The controllers against the real API server, its schemas and admission, on virtual time. */

const RULE_A = { namespace: rootNamespace, name: "trafficlabel-dr-rollout-default-mocka" };
const cluster = (name: string) => ({ namespace: "", name });

function fresh<Kind extends KubeObject>(object: Kind): Kind {
  const { name, labels } = object.metadata;
  return { ...object, metadata: { name, ...(labels ? { labels } : {}) } };
}

function workload(app: string): KubeObject[] {
  const labels = { app, ASM_TRAFFIC_TAG: "base" };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: app },
      spec: { ports: [{ port: 8000, name: "http" }], selector: { app } },
    },
    deployment(app, app, labels),
  ];
}

function deployment(name: string, app: string, labels: Record<string, string>): KubeObject {
  const containers = [{ name: "default", image: "go-http-sample:1.0" }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app, ...labels } },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

const seed = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: rootNamespace } },
  ...["mocka", "mockb", "mockc"].flatMap(workload),
  fresh(aGroup()),
  fresh(aLane("base")),
  fresh(aLane("canary")),
];

const canary = deployment("mocka-canary", "mocka", { app: "mocka", ASM_TRAFFIC_TAG: "canary" });

function start(): Promise<World> {
  return startWorld({ packs: [istioPack, lanesPack], controllers: asmControllers({ rootNamespace }) });
}

async function started(): Promise<World> {
  const world = await start();
  await world.apply(seed);
  await world.settle();
  return world;
}

async function subsets(world: World): Promise<string[]> {
  const rule = await world.get(resources.destinationRules, RULE_A);
  return ((rule?.["spec"] as { subsets?: { name: string }[] })?.subsets ?? []).map(({ name }) => name);
}

test("LANE-100 LANE-130 INV-33 the seed's group settles, follows a canary, and comes to rest", async () => {
  const world = await started();
  assert.equal((await world.list(resources.virtualServices)).length, 5);
  assert.deepEqual(await subsets(world), ["base"]);
  await world.apply(canary);
  await checkFixpoint(world);
  assert.deepEqual(await subsets(world), ["base", "canary"]);
  await world.client.delete(resources.deployments, { namespace: "default", name: "mocka-canary" });
  await checkFixpoint(world);
  assert.deepEqual(await subsets(world), ["base"]);
  await world.stop();
});

test("LANE-285 the API server keeps the generated routes unpruned", async () => {
  const world = await started();
  const key = { namespace: rootNamespace, name: "swimlane-ingress-vs-rollout-canary" };
  const route = await world.get(resources.virtualServices, key);
  const { http } = route!["spec"] as { http: { route: { fallback: unknown }[] }[] };
  assert.deepEqual(http[0]!.route[0]!.fallback, {
    target: { host: "mocka.default.svc.cluster.local", subset: "base" },
  });
  await world.stop();
});

test("LANE-115 INV-03 the rules of a group outlive its routes as long as the mesh says that it runs these, and no longer", async () => {
  const world = await started();
  const tell = (revision: string) =>
    world.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...DATA_PLANE_KEY },
      data: { "virtualservices.networking.istio.io": revision },
    } as KubeObject);
  const { resourceVersion } = await world.client.list(resources.virtualServices, {});
  await tell(resourceVersion);
  await world.client.delete(resources.swimLaneGroups, cluster("rollout"));
  await world.advance(10_000);
  assert.deepEqual(await world.list(resources.virtualServices), []);
  assert.equal((await world.list(resources.destinationRules)).length, 3, "the mesh lags");
  await tell((await world.client.list(resources.virtualServices, {})).resourceVersion);
  await world.advance(0);
  assert.deepEqual(await world.list(resources.destinationRules), []);
  assert.equal(await world.get(resources.swimLaneGroups, cluster("rollout")), null);
  await world.stop();
});

test("LANE-058 the fallback lane cannot be deleted while its group lives, other lanes can", async () => {
  const world = await started();
  await assert.rejects(
    world.client.delete(resources.swimLanes, cluster("base")),
    /lane base is the fallbackTarget of swim lane group rollout/,
  );
  await world.client.delete(resources.swimLanes, cluster("canary"));
  await world.settle();
  assert.equal(await world.get(resources.swimLanes, cluster("canary")), null);
  await world.stop();
});

test("LANE-115 a deleted group leaves nothing behind", async () => {
  const world = await started();
  await world.client.delete(resources.swimLaneGroups, cluster("rollout"));
  await world.settle();
  for (const type of [
    resources.swimLaneGroups,
    resources.swimLanes,
    resources.virtualServices,
    resources.destinationRules,
  ]) {
    assert.deepEqual(await world.list(type), [], type.kind);
  }
  await world.stop();
});

/** What holds `since` differs by the moments of the crash. */
async function routing(world: World): Promise<unknown[]> {
  const kinds = [resources.virtualServices, resources.destinationRules, resources.swimLaneGroups, resources.swimLanes];
  const objects = (await Promise.all(kinds.map((type) => world.list(type)))).flat();
  return objects.map(({ kind, metadata, ["spec"]: spec }) => [kind, metadata.name, metadata.labels, spec]);
}

test("LANE-115 LANE-116 a crash after a write, and then a restart, ends in the same routes: release and lane deletion", () =>
  checkCrashAtEachWrite({
    start,
    play: async (world) => {
      await world.apply(seed);
      await world.settle();
      await world.apply(canary);
      await world.settle();
      await world.client.delete(resources.swimLanes, cluster("canary"));
      await world.settle();
    },
    project: routing,
    every: 5,
  }));

test("LANE-114 INV-29 stale caches, conflicts and lost answers end in the same routes", async () => {
  const calm = await started();
  await calm.apply(canary);
  await calm.settle();
  const expected = await routing(calm);
  await calm.stop();
  for (const seedNumber of [1, 2, 3]) {
    const world = await startWorld({
      seed: seedNumber,
      packs: [istioPack, lanesPack],
      controllers: asmControllers({ rootNamespace }),
      faults: { staleMs: 500, conflict: 0.2, failedWrite: 0.1, lostAnswer: 0.1, droppedWatch: 0.05 },
    });
    await world.apply([...seed, canary]);
    await world.settle();
    world.setFaults({});
    await world.settle();
    assert.deepEqual(await routing(world), expected, `seed ${seedNumber}`);
    await world.stop();
  }
});
