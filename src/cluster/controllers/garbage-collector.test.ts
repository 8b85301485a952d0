import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject, OwnerReference } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { deployment, key, pods, replicaSets, service, start } from "./controllers.fixture.ts";

function configMap(name: string, owners: readonly OwnerReference[] = [], namespace = "default"): KubeObject {
  const metadata = { name, namespace, ...(owners.length > 0 ? { ownerReferences: [...owners] } : {}) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata };
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "", ...more };
}

async function configMapNamed(world: World, name: string): Promise<KubeObject | null> {
  return world.get(resources.configMaps, { ...key, name });
}

/** An owner in the store, with its uid. */
async function owner(world: World, name = "owner"): Promise<KubeObject> {
  await world.apply(configMap(name));
  return (await configMapNamed(world, name))!;
}

test("K8S-203 what its only owner left behind is deleted", async () => {
  const world = await start();
  const reference = referenceTo(await owner(world));
  await world.apply(configMap("child", [reference]));
  await world.settle();
  assert.ok(await configMapNamed(world, "child"));
  await world.client.delete(resources.configMaps, { ...key, name: "owner" });
  await world.settle();
  assert.equal(await configMapNamed(world, "child"), null);
});

test("K8S-203 an owner of another uid is no owner", async () => {
  const world = await start();
  const reference = referenceTo(await owner(world));
  await world.apply(configMap("child", [{ ...reference, uid: "00000000-0000-4000-8000-000000000000" }]));
  await world.settle();
  assert.equal(await configMapNamed(world, "child"), null);
});

test("K8S-203 of several owners only the references to the absent go", async () => {
  const world = await start();
  const references = [referenceTo(await owner(world, "one")), referenceTo(await owner(world, "two"))];
  await world.apply(configMap("child", references));
  await world.client.delete(resources.configMaps, { ...key, name: "one" });
  await world.settle();
  assert.deepEqual((await configMapNamed(world, "child"))?.metadata.ownerReferences, [references[1]]);
  await checkFixpoint(world);
});

test("K8S-203 an owner in another namespace does not count and is told of", async () => {
  const world = await start();
  const reference = referenceTo(await owner(world));
  await world.apply(configMap("child", [reference], "kube-public"));
  await world.settle();
  assert.equal(await world.get(resources.configMaps, { namespace: "kube-public", name: "child" }), null);
  const told = (await world.list(resources.events, "kube-public")).map((event) => event["reason"]);
  assert.deepEqual(told, ["OwnerRefInvalidNamespace"]);
});

test("K8S-203 an owner of a kind that is not served keeps what it owns", async () => {
  const world = await start();
  const reference = { apiVersion: "ex.io/v1", kind: "Widget", name: "w", uid: "u" };
  await world.apply(configMap("child", [reference]));
  await world.settle();
  assert.ok(await configMapNamed(world, "child"));
});

test("K8S-203 a lagging cache deletes nothing whose owner is merely new to it", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = await start({ seed, faults: { staleMs: 2000 } });
    await world.apply(configMap("child", [referenceTo(await owner(world))]));
    await world.settle();
    assert.ok(await configMapNamed(world, "child"), `seed ${seed}`);
    await world.stop();
  }
});

test("K8S-204 in the background the owner goes first, then its dependents down to the pods", async () => {
  const world = await start();
  await world.apply([deployment("x:1", { replicas: 2 }), service]);
  await world.settle();
  await world.client.delete(resources.deployments, key);
  assert.equal(await world.get(resources.deployments, key), null);
  await world.settle();
  assert.deepEqual([(await replicaSets(world)).length, (await pods(world)).length], [0, 0]);
});

test("K8S-204 in the foreground the owner stays until the last pod is gone", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 2 }));
  await world.settle();
  await world.client.delete(resources.deployments, key, { propagationPolicy: "Foreground" });
  const counts: string[] = [];
  do {
    const deployments = (await world.list(resources.deployments)).length;
    const count = `${deployments} ${(await replicaSets(world)).length} ${(await pods(world)).length}`;
    if (counts.at(-1) !== count) counts.push(count);
  } while (await world.step());
  assert.equal(counts[0], "1 1 2");
  assert.equal(counts.at(-1), "0 0 0");
  assert.ok(!counts.some((count) => /^0 .* [12]$/.test(count)), counts.join(", "));
});

test("K8S-204 orphans lose the reference and stay", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 2 }));
  await world.settle();
  await world.client.delete(resources.deployments, key, { propagationPolicy: "Orphan" });
  await world.settle();
  assert.equal(await world.get(resources.deployments, key), null);
  assert.equal((await replicaSets(world))[0]?.metadata.ownerReferences, undefined);
  assert.equal((await pods(world)).length, 2);
  await checkFixpoint(world);
});

test("K8S-203 custom objects are owners and dependents like any other", async () => {
  const world = await start();
  const crd: KubeObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.ex.io" },
    spec: {
      group: "ex.io",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
  await world.apply(crd);
  await world.settle();
  await world.apply({ apiVersion: "ex.io/v1", kind: "Widget", metadata: { name: "w", namespace: "default" } });
  await world.settle();
  const widgets = world.types().find(({ plural }) => plural === "widgets")!;
  const widget = (await world.get(widgets, { ...key, name: "w" }))!;
  await world.apply(configMap("child", [referenceTo(widget)]));
  await world.settle();
  assert.ok(await configMapNamed(world, "child"));
  await world.client.delete(widgets, { ...key, name: "w" });
  await world.settle();
  assert.equal(await configMapNamed(world, "child"), null);
});

test("K8S-204 deletions survive a crash after each write", () =>
  checkCrashAtEachWrite({
    start,
    play: async (world) => {
      await world.apply([deployment("x:1", { replicas: 2 }), service]);
      await world.settle();
      await world.client.delete(resources.deployments, key, { propagationPolicy: "Foreground" });
      await world.settle();
    },
  }));
