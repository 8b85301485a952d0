import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, PodSpec } from "./pod.ts";
import { schedulerController } from "./scheduler.ts";

const now = Date.UTC(2030, 0, 1);

function node(name: string, spec: NonNullable<Node["spec"]> = {}, labels: Record<string, string> = {}): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec, status: { allocatable: { pods: "3" } } };
}

function pod(spec: Partial<PodSpec> = {}): Pod {
  const metadata = { name: "web", namespace: "t", uid: "u1" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], ...spec }, status: {} };
}

function affinity(key: string, operator: "In" | "NotIn" | "Gt" | "Exists", ...values: string[]): PodSpec["affinity"] {
  const nodeSelectorTerms = [{ matchExpressions: [{ key, operator, values }] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

interface Case {
  name: string;
  nodes: Node[];
  podCounts?: number[];
  spec?: Partial<PodSpec>;
  /** The node bound to, or the first sentence of the refusal. */
  expect: { node: string } | { message: string };
}

const cordoned = { unschedulable: true };
const tainted = { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" as const }] };
const preferred = { taints: [{ key: "gpu", effect: "PreferNoSchedule" as const }] };

const cases: Case[] = [
  { name: "K8S-251 a pod goes to the node", nodes: [node("n1")], expect: { node: "n1" } },
  {
    name: "K8S-251 a pod goes to the node with the fewest pods",
    nodes: [node("n1"), node("n2")],
    podCounts: [2, 1],
    expect: { node: "n2" },
  },
  {
    name: "K8S-251 without nodes nothing is scheduled",
    nodes: [],
    expect: { message: "no nodes available to schedule pods" },
  },
  {
    name: "K8S-251 a cordoned node takes no pods",
    nodes: [node("n1", cordoned)],
    expect: { message: "0/1 nodes are available: 1 node(s) were unschedulable" },
  },
  {
    name: "K8S-251 a toleration opens a cordoned node",
    nodes: [node("n1", cordoned)],
    spec: { tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }] },
    expect: { node: "n1" },
  },
  {
    name: "K8S-251 a taint keeps pods away",
    nodes: [node("n1", tainted)],
    expect: { message: "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}" },
  },
  {
    name: "K8S-251 a toleration of another value does not help",
    nodes: [node("n1", tainted)],
    spec: { tolerations: [{ key: "gpu", value: "no", effect: "NoSchedule" }] },
    expect: { message: "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}" },
  },
  {
    name: "K8S-251 the toleration of the taint does",
    nodes: [node("n1", tainted)],
    spec: { tolerations: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] },
    expect: { node: "n1" },
  },
  { name: "K8S-251 a soft taint is no obstacle", nodes: [node("n1", preferred)], expect: { node: "n1" } },
  {
    name: "K8S-251 nodeSelector must match",
    nodes: [node("n1", {}, { disk: "hdd" })],
    spec: { nodeSelector: { disk: "ssd" } },
    expect: { message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector" },
  },
  {
    name: "K8S-251 nodeSelector chooses among nodes",
    nodes: [node("n1", {}, { disk: "hdd" }), node("n2", {}, { disk: "ssd" })],
    spec: { nodeSelector: { disk: "ssd" } },
    expect: { node: "n2" },
  },
  {
    name: "K8S-251 required node affinity must match",
    nodes: [node("n1", {}, { cpus: "4" })],
    spec: { affinity: affinity("cpus", "Gt", "8")! },
    expect: { message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector" },
  },
  {
    name: "K8S-251 required node affinity that matches",
    nodes: [node("n1", {}, { cpus: "4" })],
    spec: { affinity: affinity("cpus", "Gt", "3")! },
    expect: { node: "n1" },
  },
  {
    name: "K8S-251 the last free place is taken",
    nodes: [node("n1")],
    podCounts: [2],
    expect: { node: "n1" },
  },
  {
    name: "K8S-251 a full node takes no more",
    nodes: [node("n1")],
    podCounts: [3],
    expect: { message: "0/1 nodes are available: 1 Too many pods" },
  },
  {
    name: "K8S-251 reasons of several nodes are counted",
    nodes: [node("n1", cordoned), node("n2", cordoned), node("n3")],
    podCounts: [0, 0, 3],
    expect: { message: "0/3 nodes are available: 1 Too many pods, 2 node(s) were unschedulable" },
  },
];

for (const { name, nodes, podCounts = [], spec, expect } of cases) {
  test(name, () => {
    const loads = nodes.map((each, index) => ({ node: each, podCount: podCounts[index] ?? 0 }));
    const plan = schedulerController.reconcile({ pod: pod(spec), nodes: loads, now });
    const [write] = plan.writes;
    if ("node" in expect) {
      assert.equal(plan.events[0]?.message, `Successfully assigned t/web to ${expect.node}`);
      assert.ok(write?.op === "update" && write.subresource === "binding");
      assert.deepEqual(write.object["target"], { kind: "Node", name: expect.node });
      assert.equal(write.object.metadata.uid, "u1", "a namesake made meanwhile is not bound");
    } else {
      const message = plan.events[0]?.message ?? "";
      assert.equal(plan.events[0]?.reason, "FailedScheduling");
      assert.equal(message.split(". preemption")[0], expect.message);
      assert.deepEqual(plan.writes, []);
      const status = plan.status?.status as Pod["status"];
      assert.equal(status?.conditions?.[0]?.reason, "Unschedulable");
    }
  });
}

test("K8S-251 scheduling gates hold a pod back without an event", () => {
  const plan = schedulerController.reconcile({
    pod: pod({ schedulingGates: [{ name: "quota" }] }),
    nodes: [{ node: node("n1"), podCount: 0 }],
    now,
  });
  assert.deepEqual([plan.writes, plan.events], [[], []]);
  const status = plan.status?.status as Pod["status"];
  assert.equal(status?.conditions?.[0]?.reason, "SchedulingGated");
});

test("K8S-251 the same refusal is told once", () => {
  const view = { pod: pod(), nodes: [{ node: node("n1", cordoned), podCount: 0 }], now };
  const first = schedulerController.reconcile(view);
  assert.equal(first.events.length, 1);
  const told = { ...view.pod, status: first.status?.status as NonNullable<Pod["status"]> };
  assert.deepEqual(schedulerController.reconcile({ ...view, pod: told }).events, []);
});
