import type { Condition, KubeObject } from "../api/meta.ts";
import { formatTime, type Instant } from "../base/time.ts";

/** What controllers, kubelet and mesh ask of a pod. Pure readings of an object, nothing is fetched. */

interface PodLike {
  readonly metadata: KubeObject["metadata"];
  readonly status?: unknown;
}

/** Whether the kubelet reports condition Ready True. Says nothing of termination: see `isTerminating`. */
export function isPodReady(pod: PodLike): boolean {
  return findCondition(conditionsOf(pod), "Ready")?.status === "True";
}

/** A pod that counts as a replica: neither finished nor on its way out (K8S-232). */
export function isPodActive(pod: PodLike): boolean {
  const { phase } = (pod.status ?? {}) as { phase?: string };
  return phase !== "Succeeded" && phase !== "Failed" && !isTerminating(pod);
}

export function isTerminating(object: { readonly metadata: KubeObject["metadata"] }): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

export function conditionsOf(object: { readonly status?: unknown }): readonly Condition[] {
  return ((object.status ?? {}) as { conditions?: readonly Condition[] }).conditions ?? [];
}

export function findCondition<T extends { readonly type: string }>(
  conditions: readonly T[] | undefined,
  type: string,
): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with `condition` in its place, or added at the end. lastTransitionTime is `now` only when the status
 * changed, else it stays as it was. The list given is returned as it is when nothing changes.
 */
export function setCondition<T extends Condition>(
  conditions: readonly T[] | undefined,
  condition: T,
  now: Instant,
): readonly T[] {
  const list = conditions ?? [];
  const index = list.findIndex(({ type }) => type === condition.type);
  const old = list[index];
  const sameStatus = old !== undefined && old.status === condition.status;
  const lastTransitionTime = (sameStatus ? old.lastTransitionTime : undefined) ?? formatTime(now);
  const next: T = { ...condition, lastTransitionTime };
  if (old === undefined) return [...list, next];
  if (sameStatus && isSameCondition(old, next)) return list;
  return list.with(index, next);
}

function isSameCondition(left: Condition, right: Condition): boolean {
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]) as Set<keyof Condition>;
  return [...keys].every((key) => left[key] === right[key]);
}
