import type { KubeObject } from "../../../api/meta.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import { conditionsOf, findCondition, isPodReady } from "../../../kube/pods.ts";

const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const PHASE_ORDER = ["Pending", "Unknown", "Running"];

interface Ranked {
  readonly pod: KubeObject;
  /** Smaller goes first, compared from left to right. */
  readonly rank: readonly number[];
}

/**
 * The pods in the order in which a shrinking ReplicaSet gives them up (K8S-231): what serves least, costs least and is
 * youngest goes first. `related` are all pods of the owner's ReplicaSets: crowded nodes are thinned first.
 */
export function inDeletionOrder(
  pods: readonly KubeObject[],
  related: readonly KubeObject[],
  now: Instant,
): readonly KubeObject[] {
  const ranked: Ranked[] = pods.map((pod) => ({ pod, rank: rankOf(pod, related, now) }));
  return ranked.sort(compareRanked).map(({ pod }) => pod);
}

function rankOf(pod: KubeObject, related: readonly KubeObject[], now: Instant): readonly number[] {
  const node = nodeOf(pod);
  const isReady = isPodReady(pod);
  return [
    node === "" ? 0 : 1,
    PHASE_ORDER.indexOf(statusOf(pod).phase ?? "Unknown"),
    isReady ? 1 : 0,
    deletionCost(pod),
    -related.filter((other) => nodeOf(other) === node).length,
    isReady ? ageBucket(findCondition(conditionsOf({ status: pod["status"] }), "Ready")?.lastTransitionTime, now) : 0,
    -restarts(pod),
    ageBucket(pod.metadata.creationTimestamp, now),
  ];
}

function compareRanked(left: Ranked, right: Ranked): number {
  for (const [index, rank] of left.rank.entries()) {
    const difference = rank - (right.rank[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return (left.pod.metadata.uid ?? "") < (right.pod.metadata.uid ?? "") ? -1 : 1;
}

/** log₂ of the age in seconds: pods of about the same age count as equal, so that chance spreads the losses. */
function ageBucket(time: string | undefined, now: Instant): number {
  const since = parseTime(time);
  if (since === null) return 0;
  return Math.floor(Math.log2(Math.max(1, (now - since) / 1000)));
}

function deletionCost(pod: KubeObject): number {
  const text = pod.metadata.annotations?.[DELETION_COST] ?? "";
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

function restarts(pod: KubeObject): number {
  const counts = (statusOf(pod).containerStatuses ?? []).map(({ restartCount = 0 }) => restartCount);
  return Math.max(0, ...counts);
}

function nodeOf(pod: KubeObject): string {
  return ((pod["spec"] ?? {}) as { nodeName?: string }).nodeName ?? "";
}

function statusOf(pod: KubeObject) {
  return (pod["status"] ?? {}) as { phase?: string; containerStatuses?: { restartCount?: number }[] };
}
