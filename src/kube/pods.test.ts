import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "../api/meta.ts";
import { isPodActive, isPodReady, isTerminating, setCondition } from "./pods.ts";

const now = Date.UTC(2030, 0, 1, 0, 0, 5);
const earlier = "2030-01-01T00:00:00Z";
const ready: Condition = { type: "Ready", status: "True", reason: "A", lastTransitionTime: earlier };

test("a pod is ready by its Ready condition alone", () => {
  const pod = (conditions?: Condition[]) => ({ metadata: { name: "p" }, status: { conditions } });
  assert.equal(isPodReady(pod([ready])), true);
  assert.equal(isPodReady(pod([{ ...ready, status: "False" }])), false);
  assert.equal(isPodReady(pod()), false);
  assert.equal(isPodReady({ metadata: { name: "p" } }), false);
});

test("K8S-232 finished and terminating pods are not active", () => {
  const metadata = { name: "p" };
  assert.equal(isPodActive({ metadata, status: { phase: "Running" } }), true);
  assert.equal(isPodActive({ metadata }), true);
  assert.equal(isPodActive({ metadata, status: { phase: "Failed" } }), false);
  assert.equal(isPodActive({ metadata, status: { phase: "Succeeded" } }), false);
  const leaving = { metadata: { ...metadata, deletionTimestamp: earlier }, status: { phase: "Running" } };
  assert.equal(isPodActive(leaving), false);
  assert.equal(isTerminating(leaving), true);
});

test("a condition's transition time moves only with its status", () => {
  assert.deepEqual(setCondition([ready], { type: "Ready", status: "True", reason: "B" }, now), [
    { type: "Ready", status: "True", reason: "B", lastTransitionTime: earlier },
  ]);
  assert.deepEqual(setCondition([ready], { type: "Ready", status: "False" }, now), [
    { type: "Ready", status: "False", lastTransitionTime: "2030-01-01T00:00:05Z" },
  ]);
});

test("a condition that says nothing new leaves the list as it is", () => {
  const list = [ready];
  assert.equal(setCondition(list, { type: "Ready", status: "True", reason: "A" }, now), list);
});

test("a new condition goes to the end", () => {
  assert.deepEqual(
    setCondition([ready], { type: "X", status: "True" }, now).map(({ type }) => type),
    ["Ready", "X"],
  );
});
