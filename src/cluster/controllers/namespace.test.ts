import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { findCondition } from "../../kube/pods.ts";
import { resources } from "../../kube/resource.ts";
import { deployment, start } from "./controllers.fixture.ts";

const shop: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
const shopKey = { namespace: "", name: "shop" };

function inShop(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace: "shop" } };
}

const map = (metadata: Partial<KubeObject["metadata"]> = {}): KubeObject =>
  inShop({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", ...metadata } });

async function fill(world: World): Promise<void> {
  await world.apply(shop);
  await world.settle();
  await world.apply([inShop(deployment("x:1", { replicas: 2 })), map()]);
  await world.settle();
}

test("K8S-202 every namespace has its service account and CA, made again when deleted", async () => {
  const world = await start();
  await world.apply(shop);
  await world.settle();
  const account = { namespace: "shop", name: "default" };
  const certificate = { namespace: "shop", name: "kube-root-ca.crt" };
  assert.ok(await world.get(resources.serviceAccounts, account));
  assert.ok(await world.get(resources.configMaps, certificate));
  await world.client.delete(resources.serviceAccounts, account);
  await world.patch(resources.configMaps, certificate, { data: { "ca.crt": "mine" } });
  await world.settle();
  assert.ok(await world.get(resources.serviceAccounts, account));
  const data = (await world.get(resources.configMaps, certificate))?.["data"] as Record<string, string>;
  assert.match(data["ca.crt"] ?? "", /BEGIN CERTIFICATE/);
  await checkFixpoint(world);
});

test("K8S-201 a deleted namespace loses all its content, then goes", async () => {
  const world = await start();
  await fill(world);
  await world.client.delete(resources.namespaces, shopKey);
  await world.settle();
  assert.equal(await world.get(resources.namespaces, shopKey), null);
  for (const type of world.types().filter(({ namespaced }) => namespaced)) {
    assert.deepEqual(await world.list(type, "shop"), [], type.plural);
  }
});

test("K8S-201 an empty namespace is gone within a second", async () => {
  const world = await start();
  await world.apply(shop);
  await world.settle();
  const since = world.clock.now();
  await world.client.delete(resources.namespaces, shopKey);
  await world.settle();
  assert.equal(await world.get(resources.namespaces, shopKey), null);
  assert.ok(world.clock.now() - since < 1000);
});

test("K8S-201 content with a finalizer holds the namespace and is named in its conditions", async () => {
  const world = await start();
  await world.apply(shop);
  await world.settle();
  await world.apply(map({ finalizers: ["ex.io/f"] }));
  await world.client.delete(resources.namespaces, shopKey);
  await world.settle();
  const namespace = await world.get(resources.namespaces, shopKey);
  const { phase, conditions } = namespace!["status"] as {
    phase: string;
    conditions: { type: string; message: string }[];
  };
  assert.equal(phase, "Terminating");
  assert.equal(
    findCondition(conditions, "NamespaceContentRemaining")?.message,
    "Some resources are remaining: configmaps. has 1 resource instances",
  );
  assert.equal(
    findCondition(conditions, "NamespaceFinalizersRemaining")?.message,
    "Some content in the namespace has finalizers remaining: ex.io/f in 1 resource instances",
  );
  await world.patch(resources.configMaps, { namespace: "shop", name: "m" }, { metadata: { finalizers: null } });
  await world.settle();
  assert.equal(await world.get(resources.namespaces, shopKey), null);
});

test("K8S-201 with lagging caches nothing is left without a namespace", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = await start({ seed, faults: { staleMs: 2000 } });
    await world.apply(shop);
    await world.apply(map());
    await world.client.delete(resources.namespaces, shopKey);
    await world.settle();
    assert.equal(await world.get(resources.namespaces, shopKey), null);
    assert.deepEqual(await world.list(resources.configMaps, "shop"), []);
    await world.stop();
  }
});

test("K8S-201 a namespace's end survives a crash after each write", () =>
  checkCrashAtEachWrite({
    start,
    play: async (world) => {
      await fill(world);
      await world.client.delete(resources.namespaces, shopKey);
      await world.settle();
    },
    every: 3,
  }));

test("K8S-200 the priority classes of every cluster are there, made again when deleted", async () => {
  const world = await start();
  const key = { namespace: "", name: "system-node-critical" };
  assert.equal((await world.get(resources.priorityClasses, key))?.["value"], 2_000_001_000);
  await world.client.delete(resources.priorityClasses, key);
  await world.settle();
  assert.ok(await world.get(resources.priorityClasses, key));
});
