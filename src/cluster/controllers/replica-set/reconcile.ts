import type { ReplicaSet, ReplicaSetStatus } from "../../../api/apps.ts";
import type { Condition, KubeObject } from "../../../api/meta.ts";
import { addSeconds, type Instant, parseTime } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { conditionsOf, findCondition, isPodActive, isPodReady, setCondition } from "../../../kube/pods.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Plan, StatusWrite, Write } from "../../../runtime/plan.ts";
import { claim } from "../ownership.ts";
import { newPodNames } from "../pod-names.ts";
import { createPods, deletePods, PODS_PER_PASS_MAX, type PodWrites, refusalEvents } from "../pod-writes.ts";
import { inDeletionOrder } from "./deletion-order.ts";

export interface ReplicaSetView {
  readonly replicaSet: ReplicaSet;
  /** Ours, and those without controller that the selector matches. Any state. */
  readonly candidates: readonly KubeObject[];
  /** Active pods of all ReplicaSets of the same Deployment. */
  readonly related: readonly KubeObject[];
  /** Free names for the pods that may have to be made. */
  readonly names: readonly string[];
  readonly now: Instant;
}

export function gather(key: ObjectKey, cache: CacheReader, now: Instant): ReplicaSetView | null {
  const replicaSet = cache.get<ReplicaSet>(resources.replicaSets, key);
  if (!replicaSet) return null;
  const uid = replicaSet.metadata.uid ?? "";
  const owned = cache.ownedBy(resources.pods, uid);
  const orphans = cache
    .selectedBy(resources.pods, key.namespace, replicaSet.spec.selector)
    .filter((pod) => controllerOf(pod) === undefined);
  const missing = Math.max(0, (replicaSet.spec.replicas ?? 1) - owned.filter(isPodActive).length);
  const isTaken = (name: string) => cache.get(resources.pods, { namespace: key.namespace, name }) !== null;
  return {
    replicaSet,
    candidates: [...owned, ...orphans],
    related: relatedPods(replicaSet, cache),
    names: newPodNames(replicaSet, owned, Math.min(missing, PODS_PER_PASS_MAX), isTaken),
    now,
  };
}

function relatedPods(replicaSet: ReplicaSet, cache: CacheReader): readonly KubeObject[] {
  const owner = controllerOf(replicaSet);
  const siblings = owner ? cache.ownedBy(resources.replicaSets, owner.uid) : [replicaSet];
  return siblings.flatMap(({ metadata }) => cache.ownedBy(resources.pods, metadata.uid ?? "").filter(isPodActive));
}

/** Makes or removes pods until there are as many as asked for (K8S-230…232). Finished and terminating pods are none. */
export function reconcile(view: ReplicaSetView): Plan {
  const { replicaSet, now } = view;
  const owner = { type: resources.replicaSets, object: replicaSet, selector: replicaSet.spec.selector };
  const { claimed, writes: claims } = claim(owner, resources.pods, view.candidates.filter(isPodActive));
  const { writes, events } = replicaSet.metadata.deletionTimestamp ? { writes: [], events: [] } : resize(view, claimed);
  return {
    writes: [...claims, ...writes],
    status: statusWrite(replicaSet, statusOf(view, claimed, null)),
    events,
    requeueAt: nextAvailableAt(replicaSet, claimed, now),
    onRefusal: (write, error) => ({
      status: statusWrite(replicaSet, statusOf(view, claimed, failureOf(write, error.message))),
      events: refusalEvents(replicaSet, write, error.message),
    }),
  };
}

function resize(view: ReplicaSetView, active: readonly KubeObject[]): PodWrites {
  const { replicaSet, related, names, now } = view;
  const missing = (replicaSet.spec.replicas ?? 1) - active.length;
  if (missing > 0) return createPods(resources.replicaSets, replicaSet, names.slice(0, missing));
  return deletePods(replicaSet, inDeletionOrder(active, related, now).slice(0, Math.min(-missing, PODS_PER_PASS_MAX)));
}

function statusOf(view: ReplicaSetView, active: readonly KubeObject[], failed: Condition | null): ReplicaSetStatus {
  const { replicaSet, now } = view;
  const templateLabels = { matchLabels: replicaSet.spec.template.metadata?.labels ?? {} };
  const others = (replicaSet.status?.conditions ?? []).filter(({ type }) => type !== "ReplicaFailure");
  const conditions = failed ? setCondition(replicaSet.status?.conditions, failed, now) : others;
  return {
    replicas: active.length,
    ...count(
      "fullyLabeledReplicas",
      active.filter((pod) => matchesLabelSelector(templateLabels, pod.metadata.labels)),
    ),
    ...count("readyReplicas", active.filter(isPodReady)),
    ...count(
      "availableReplicas",
      active.filter((pod) => isAvailable(replicaSet, pod, now)),
    ),
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...(conditions.length > 0 ? { conditions: [...conditions] } : {}),
  };
}

function isAvailable(replicaSet: ReplicaSet, pod: KubeObject, now: Instant): boolean {
  const at = availableAt(replicaSet, pod);
  return at !== null && at <= now;
}

/** When the pod has been ready for minReadySeconds; null when it is not ready. */
function availableAt(replicaSet: ReplicaSet, pod: KubeObject): Instant | null {
  if (!isPodReady(pod)) return null;
  const since = parseTime(findCondition(conditionsOf({ status: pod["status"] }), "Ready")?.lastTransitionTime) ?? 0;
  const { minReadySeconds = 0 } = replicaSet.spec;
  return minReadySeconds === 0 ? Number.NEGATIVE_INFINITY : addSeconds(since, minReadySeconds);
}

function nextAvailableAt(replicaSet: ReplicaSet, active: readonly KubeObject[], now: Instant): Instant | null {
  const times = active.map((pod) => availableAt(replicaSet, pod)).filter((at) => at !== null && at > now);
  return times.length === 0 ? null : Math.min(...(times as Instant[]));
}

function failureOf(write: Write, message: string): Condition {
  const reason = write.op === "delete" ? "FailedDelete" : "FailedCreate";
  return { type: "ReplicaFailure", status: "True", reason, message };
}

function statusWrite(object: ReplicaSet, status: ReplicaSetStatus): StatusWrite {
  return { type: resources.replicaSets, object, status };
}

function count<Name extends keyof ReplicaSetStatus>(name: Name, pods: readonly KubeObject[]) {
  return (pods.length === 0 ? {} : { [name]: pods.length }) as { [name in Name]?: number };
}
