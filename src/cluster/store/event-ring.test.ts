import assert from "node:assert/strict";
import { test } from "node:test";
import { EventRing } from "./event-ring.ts";
import type { StoreEvent } from "./store.ts";

function write(revision: number, text: string): StoreEvent {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { text } };
  return { revision, resource: "configmaps", namespace: "t", name: "a", deleted: false, object, old: null, at: 0 };
}

test("K8S-131 large states shorten the window, whatever their age and number", () => {
  const ring = new EventRing(0, 10_000);
  const large = "x".repeat(4000);
  for (let revision = 1; revision <= 2; revision++) ring.push(write(revision, large));
  assert.equal(ring.startRevision, 0);
  ring.push(write(3, large));
  assert.equal(ring.startRevision, 1);
  assert.deepEqual(
    ring.after(1).map(({ revision }) => revision),
    [2, 3],
  );
  ring.push(write(4, "x".repeat(20_000)));
  assert.deepEqual([ring.startRevision, ring.after(4)], [4, []]);
  ring.push(write(5, ""));
  assert.deepEqual([ring.startRevision, ring.after(4).length], [4, 1]);
});

test("K8S-290 small states keep the window at its full length", () => {
  const ring = new EventRing(0);
  for (let revision = 1; revision <= 30_000; revision++) ring.push(write(revision, ""));
  assert.deepEqual([ring.startRevision, ring.after(0).length, ring.after(29_990).length], [0, 30_000, 10]);
});
