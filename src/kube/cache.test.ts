import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { CacheSet, type Change, TypeCache } from "./cache.ts";
import { resources } from "./resource.ts";

function pod(name: string, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
  const filled = { name, namespace: "a", uid: `uid-${name}`, resourceVersion: "1", ...metadata };
  return { apiVersion: "v1", kind: "Pod", metadata: filled };
}

const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name);
const owner = (uid: string, controller: boolean) => ({ apiVersion: "v1", kind: "Owner", name: uid, uid, controller });

function filled(...objects: readonly KubeObject[]): TypeCache {
  const cache = new TypeCache(resources.pods);
  for (const object of objects) cache.put(object);
  return cache;
}

test("lists are sorted by namespace, then name", () => {
  const cache = filled(pod("b"), pod("a-1"), pod("a"), pod("z", { namespace: "a-b" }), pod("y", { namespace: "0" }));
  assert.deepEqual(names(cache.list()), ["y", "a", "a-1", "b", "z"]);
  assert.deepEqual(names(cache.list("a")), ["a", "a-1", "b"]);
  assert.deepEqual(cache.list("none"), []);
});

test("an index forgets what an object no longer has", () => {
  const cache = filled(pod("a", { labels: { app: "web" }, ownerReferences: [owner("o", true)] }));
  assert.deepEqual(names(cache.selectedBy("a", { matchLabels: { app: "web" } })), ["a"]);
  assert.deepEqual(names(cache.ownedBy("o")), ["a"]);
  cache.put(pod("a", { labels: { app: "db" }, resourceVersion: "2" }));
  assert.deepEqual(cache.selectedBy("a", { matchLabels: { app: "web" } }), []);
  assert.deepEqual(names(cache.selectedBy("a", { matchLabels: { app: "db" } })), ["a"]);
  assert.deepEqual(cache.ownedBy("o"), []);
  cache.remove(pod("a", { resourceVersion: "3" }));
  assert.deepEqual(cache.selectedBy("a", { matchLabels: { app: "db" } }), []);
});

test("an index of one's own is made from what is there and follows every change", () => {
  const images = ({ metadata }: KubeObject) => Object.values(metadata.annotations ?? {});
  const cache = filled(pod("b", { annotations: { x: "one", y: "two" } }), pod("a", { annotations: { x: "one" } }));
  assert.deepEqual(names(cache.indexedBy(images, "one")), ["a", "b"]);
  cache.put(pod("a", { annotations: { x: "three" }, resourceVersion: "2" }));
  cache.put(pod("c", { annotations: { x: "one" } }));
  assert.deepEqual(names(cache.indexedBy(images, "one")), ["b", "c"]);
  assert.deepEqual(names(cache.indexedBy(images, "three")), ["a"]);
  cache.remove(pod("b", { resourceVersion: "3" }));
  assert.deepEqual(names(cache.indexedBy(images, "one")), ["c"]);
  assert.deepEqual(cache.indexedBy(images, "two"), []);
});

test("a selector sees only its namespace, and expressions count", () => {
  const cache = filled(
    pod("a", { labels: { app: "web", tier: "1" } }),
    pod("b", { labels: { app: "web", tier: "2" } }),
    pod("c", { labels: { app: "web" }, namespace: "other" }),
  );
  const tier = { key: "tier", operator: "NotIn", values: ["2"] } as const;
  assert.deepEqual(
    names(cache.selectedBy("a", { matchLabels: { app: "web" }, matchExpressions: [{ ...tier, values: ["2"] }] })),
    ["a"],
  );
  assert.deepEqual(names(cache.selectedBy("a", {})), ["a", "b"]);
});

test("only a controller reference makes an object owned; any reference makes it a dependent", () => {
  const set = new CacheSet();
  set.add(resources.pods).put(pod("a", { ownerReferences: [owner("o", false)] }));
  set.add(resources.pods).put(pod("b", { ownerReferences: [owner("o", true)] }));
  assert.deepEqual(names(set.ownedBy(resources.pods, "o")), ["b"]);
  assert.deepEqual(names(set.dependentsOf("o").map(({ object }) => object)), ["a", "b"]);
});

test("a relist tells only of differences and never goes back in time", () => {
  const cache = filled(pod("same"), pod("changed"), pod("gone"), pod("replaced"));
  cache.advance(9);
  const changes: string[] = [];
  cache.onChange(({ before, after }: Change) => {
    changes.push(`${before ? before.metadata.uid : "-"} → ${after ? after.metadata.uid : "-"}`);
  });
  const items = [pod("same"), pod("changed", { resourceVersion: "2" }), pod("replaced", { uid: "new" }), pod("added")];
  cache.replace(items, 7);
  assert.deepEqual(changes, [
    "uid-changed → uid-changed",
    "uid-replaced → -",
    "- → new",
    "- → uid-added",
    "uid-gone → -",
  ]);
  assert.equal(cache.revision, 9);
});

test("a deletion moves the revision on although the object is not known", () => {
  const cache = filled();
  cache.remove(pod("a", { resourceVersion: "12" }));
  assert.equal(cache.revision, 12);
});

test("reading a kind that is not watched is our own mistake and names the kind", () => {
  assert.throws(() => new CacheSet().list(resources.pods), /pods\/v1 is read but not watched/);
});
