import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import { annotations } from "./keys.ts";
import type { Pass } from "./pass.ts";
import { aService } from "./rollout.fixture.ts";
import { mayReceive } from "./services.ts";

const aReplicaSet = (replicas: number, availableReplicas: number, observedGeneration = 3): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "web-1", generation: 3 },
  spec: { replicas, selector: {}, template: { spec: {} } },
  status: { replicas, availableReplicas, observedGeneration },
});

const aPod = (ready: "True" | "False", metadata: Partial<KubeObject["metadata"]> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1-a", ...metadata },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] },
});

const leaving = { deletionTimestamp: "2030-01-01T00:00:00Z" };
const managed = { annotations: { [annotations.managedBy]: "web" } };

interface Case {
  readonly name: string;
  readonly service?: Partial<KubeObject["metadata"]>;
  readonly replicaSet: ReplicaSet;
  readonly pods: readonly KubeObject[];
  readonly may: boolean;
  /** It is looked at again without being woken. */
  readonly looksAgain?: boolean;
}

const cases: readonly Case[] = [
  { name: "one pod of several, later on", replicaSet: aReplicaSet(3, 1), pods: [aPod("True")], may: true },
  {
    name: "one pod of several, the first time",
    service: {},
    replicaSet: aReplicaSet(3, 1),
    pods: [aPod("True")],
    may: false,
  },
  { name: "no pod", replicaSet: aReplicaSet(1, 0), pods: [], may: false },
  {
    name: "a pod on its way out that the status still counts",
    replicaSet: aReplicaSet(1, 1),
    pods: [aPod("False", leaving)],
    may: false,
    looksAgain: true,
  },
  {
    name: "a pod that was told to go, and that neither the status nor the cache shows on its way out",
    replicaSet: aReplicaSet(0, 1),
    pods: [aPod("True")],
    may: false,
  },
  {
    name: "the same after a pod was asked for again, which the status does not tell of yet",
    replicaSet: aReplicaSet(1, 1, 2),
    pods: [aPod("True")],
    may: false,
  },
  {
    name: "a pod that the cache does not show yet",
    replicaSet: aReplicaSet(1, 1),
    pods: [],
    may: false,
    looksAgain: true,
  },
];

for (const { name, service = managed, replicaSet, pods, may, looksAgain = false } of cases) {
  test(`ARC-201 INV-07 may a Service turn to a version: ${name}`, () => {
    const wakes: Instant[] = [];
    const view = { pods: new Map([["web-1", pods]]) };
    const pass = { view, now: 0, wakeAt: (at: Instant) => wakes.push(at) } as unknown as Pass;
    const given = aService("web");
    assert.equal(mayReceive(pass, { ...given, metadata: { ...given.metadata, ...service } }, replicaSet), may);
    assert.equal(wakes.length > 0, looksAgain);
  });
}
