import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { workloadOf } from "./source.ts";

const rows: readonly {
  case: string;
  owner?: [kind: string, name: string];
  labels?: Record<string, string>;
  workload: string;
}[] = [
  { case: "a pod without owner", workload: "pod" },
  { case: "a StatefulSet's pod", owner: ["StatefulSet", "db"], workload: "db" },
  {
    case: "a Deployment's pod",
    owner: ["ReplicaSet", "web-5d9c7bb9f4"],
    labels: { "pod-template-hash": "5d9c7bb9f4" },
    workload: "web",
  },
  {
    case: "MC-317 a Rollout's stable pod",
    owner: ["ReplicaSet", "web-7f96d86486"],
    labels: { "rollouts-pod-template-hash": "7f96d86486" },
    workload: "web",
  },
  {
    case: "MC-317 a Rollout's canary pod",
    owner: ["ReplicaSet", "web-5fcf5864c4"],
    labels: { "rollouts-pod-template-hash": "5fcf5864c4" },
    workload: "web",
  },
  { case: "a ReplicaSet of its own", owner: ["ReplicaSet", "web-blue"], workload: "web-blue" },
  {
    case: "a pod that says it",
    owner: ["ReplicaSet", "web-blue"],
    labels: { "service.istio.io/workload-name": "shop" },
    workload: "shop",
  },
];

for (const { case: name, owner, labels = {}, workload } of rows) {
  test(`MESH 18.2 ${name} belongs to ${workload}`, () => {
    const ownerReferences = owner
      ? [{ apiVersion: "apps/v1", kind: owner[0], name: owner[1], uid: "u", controller: true }]
      : [];
    const pod: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "pod", labels, ownerReferences } };
    assert.equal(workloadOf(pod), workload);
  });
}
