import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import type { CacheReader } from "../../kube/cache.ts";
import { findCondition, isPodActive, isTerminating, setCondition } from "../../kube/pods.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { findMisfit } from "./node-fit.ts";
import type { Node, Pod } from "./pod.ts";

/** A pod without a node, and the nodes that it may go to. */
export interface SchedulingView {
  readonly pod: Pod;
  readonly nodes: readonly NodeLoad[];
  readonly now: Instant;
}

export interface NodeLoad {
  readonly node: Node;
  /** Pods bound to the node that have not ended. */
  readonly podCount: number;
}

const SCHEDULER_NAME = "default-scheduler";

/** Binds pods to nodes (K8S-251). The kubelet of the node does the rest. */
export const schedulerController: Controller<SchedulingView> = {
  name: "scheduler",
  component: SCHEDULER_NAME,
  watches: [
    {
      type: resources.pods,
      keysOf: (pod, cache) => {
        if (isPending(pod as Pod)) return [formatKey(keyOf(pod))];
        // A pod that ends or leaves makes room for others.
        return isPodActive(pod) ? [] : pendingKeys(cache);
      },
    },
    { type: resources.nodes, keysOf: (_node, cache) => pendingKeys(cache) },
  ],
  gather,
  reconcile,
};

function gather(key: ObjectKey, cache: CacheReader, now: Instant): SchedulingView | null {
  const pod = cache.get<Pod>(resources.pods, key);
  if (pod === null || !isPending(pod)) return null;
  const podCounts = new Map<string, number>();
  for (const other of cache.list<Pod>(resources.pods)) {
    const { nodeName } = other.spec;
    if (nodeName && other.status?.phase !== "Succeeded" && other.status?.phase !== "Failed") {
      podCounts.set(nodeName, (podCounts.get(nodeName) ?? 0) + 1);
    }
  }
  const nodes = cache
    .list<Node>(resources.nodes)
    .map((node) => ({ node, podCount: podCounts.get(node.metadata.name) ?? 0 }));
  return { pod, nodes, now };
}

function isPending(pod: Pod): boolean {
  const { nodeName, schedulerName = SCHEDULER_NAME } = pod.spec;
  return !nodeName && schedulerName === SCHEDULER_NAME && !isTerminating(pod);
}

function pendingKeys(cache: CacheReader): readonly string[] {
  return cache
    .list<Pod>(resources.pods)
    .filter(isPending)
    .map((pod) => formatKey(keyOf(pod)));
}

function reconcile(view: SchedulingView): Plan {
  const { pod, nodes, now } = view;
  if (pod.spec.schedulingGates?.length) {
    const message = "Scheduling is blocked due to non-empty scheduling gates";
    return { ...emptyPlan, status: unscheduled(pod, "SchedulingGated", message, now) };
  }
  const misfits = nodes.map((load) => ({ load, misfit: findMisfit(pod, load) }));
  const fitting = misfits.filter(({ misfit }) => misfit === null).map(({ load }) => load);
  if (fitting.length > 0) return bind(pod, leastLoaded(fitting));

  const message = renderMisfits(misfits.map(({ misfit }) => misfit!));
  return {
    ...emptyPlan,
    status: unscheduled(pod, "Unschedulable", message, now),
    // Told once for each reason, not at each look.
    events: isKnown(pod, message) ? [] : [{ regarding: pod, type: "Warning", reason: "FailedScheduling", message }],
  };
}

function leastLoaded(loads: readonly NodeLoad[]): Node {
  return loads.reduce((best, load) => (load.podCount < best.podCount ? load : best)).node;
}

/** The API server sets spec.nodeName and the condition PodScheduled in one write. */
function bind(pod: Pod, { metadata: { name: nodeName } }: Node): Plan {
  const { name, namespace = "", uid = "" } = pod.metadata;
  const binding = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name, namespace, uid },
    target: { kind: "Node", name: nodeName },
  };
  const message = `Successfully assigned ${formatKey(keyOf(pod))} to ${nodeName}`;
  return {
    ...emptyPlan,
    writes: [{ op: "update", type: resources.pods, object: binding, subresource: "binding" }],
    events: [{ regarding: pod, type: "Normal", reason: "Scheduled", message }],
  };
}

function unscheduled(pod: Pod, reason: string, message: string, now: Instant) {
  const condition = { type: "PodScheduled", status: "False", reason, message } as const;
  const conditions = setCondition(pod.status?.conditions, condition, now);
  return { type: resources.pods, object: pod as KubeObject, status: { ...pod.status, conditions } };
}

function isKnown(pod: Pod, message: string): boolean {
  return findCondition(pod.status?.conditions, "PodScheduled")?.message === message;
}

/** `0/2 nodes are available: 1 Too many pods, 1 node(s) were unschedulable. preemption: …` */
function renderMisfits(misfits: readonly string[]): string {
  if (misfits.length === 0) return "no nodes available to schedule pods";
  const counts = new Map<string, number>();
  for (const misfit of misfits) counts.set(misfit, (counts.get(misfit) ?? 0) + 1);
  const reasons = [...counts].map(([misfit, count]) => `${count} ${misfit}`).sort();
  const available = `0/${misfits.length} nodes are available:`;
  // No pod is ever pushed out for another.
  const preemption = `preemption: ${available} ${misfits.length} Preemption is not helpful for scheduling.`;
  return `${available} ${reasons.join(", ")}. ${preemption}`;
}
