import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { formatTime } from "../../../base/time.ts";
import { replicasOf } from "./replicas.ts";

const NOW = Date.UTC(2030, 0, 1);

interface Case {
  readonly name: string;
  /** Of a target of 100 each; a letter: starting, leaving, pending, or missing a sample. */
  readonly pods: readonly (number | "starting" | "leaving" | "pending" | "missing")[];
  readonly current: number;
  readonly expected: number | string;
}

const cases: Case[] = [
  { name: "above", pods: [200, 200], current: 2, expected: 4 },
  { name: "below", pods: [50, 50, 50, 50], current: 4, expected: 2 },
  { name: "within a tenth above", pods: [110, 110], current: 2, expected: 2 },
  { name: "within a tenth below", pods: [90, 90], current: 2, expected: 2 },
  { name: "beyond a tenth", pods: [112, 112], current: 2, expected: 3 },
  { name: "a starting pod counts as idle on the way up", pods: [300, "starting"], current: 2, expected: 3 },
  { name: "and enlarges nothing", pods: [180, "starting"], current: 2, expected: 2 },
  { name: "on the way down it is not there", pods: [50, 50, "starting"], current: 3, expected: 1 },
  { name: "a pending pod counts as idle", pods: [180, "pending"], current: 2, expected: 2 },
  { name: "a pod without a sample counts as idle on the way up", pods: [180, "missing"], current: 2, expected: 2 },
  { name: "and as busy on the way down", pods: [20, 20, "missing"], current: 3, expected: 2 },
  { name: "a change that this turns round does not happen", pods: [95, 80, "missing"], current: 3, expected: 3 },
  { name: "what leaves is no capacity and no demand", pods: [200, "leaving"], current: 1, expected: 2 },
  { name: "all are starting", pods: ["starting"], current: 1, expected: "did not receive metrics for any ready pods" },
  {
    name: "ARC-821 the canary's pods are no part of the size",
    pods: [75, 75, 75, 75, 150, 150],
    current: 4,
    expected: 6,
  },
  {
    name: "ARC-821 noise in a release is within tolerance",
    pods: [70, 70, 70, 70, 70, 70, 64, 64, 64],
    current: 6,
    expected: 6,
  },
];

for (const { name, pods, current, expected } of cases) {
  test(`K8S-242 replicas: ${name}`, () => {
    const samples = new Map(
      pods.flatMap((state, index) => {
        if (state === "pending" || state === "missing") return [];
        return [[`p${index}`, { value: typeof state === "number" ? state : 500, at: NOW, windowMs: 15_000 }]];
      }),
    );
    const answer = replicasOf({
      pods: pods.map((state, index) => aPod(`p${index}`, String(state))),
      samples,
      isCpu: true,
      currentReplicas: current,
      tolerance: { up: 0.1, down: 0.1 },
      now: NOW,
      ratioOf: (values) => [...values.values()].reduce((sum, value) => sum + value, 0) / values.size / 100,
      assumedValue: () => 100,
    });
    assert.equal(typeof answer === "string" ? answer : answer.replicas, expected);
  });
}

function aPod(name: string, state: string): KubeObject {
  const startedAt = formatTime(NOW - 60_000);
  const ready = { type: "Ready", status: state === "starting" ? "False" : "True", lastTransitionTime: startedAt };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...(state === "leaving" ? { deletionTimestamp: startedAt } : {}) },
    status: { phase: state === "pending" ? "Pending" : "Running", startTime: startedAt, conditions: [ready] },
  };
}
