import type { ReplicaSet } from "../../../api/apps.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";

/** What a ReplicaSet of a Rollout tells. */

export function hashOf(replicaSet: ReplicaSet | null): string {
  return replicaSet?.metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
}

export function revisionOf(replicaSet: ReplicaSet | null): number {
  const text = replicaSet?.metadata.annotations?.[annotations.revision] ?? "";
  // Anything else would make the next number none, or the same again.
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function wantedOf(replicaSet: ReplicaSet | null): number {
  return replicaSet ? (replicaSet.spec.replicas ?? 1) : 0;
}

/** Pods of an older size of the ReplicaSet still count until its controller has seen the newest. */
export function availableOf(replicaSet: ReplicaSet | null): number {
  return replicaSet?.status?.availableReplicas ?? 0;
}

export function readyOf(replicaSet: ReplicaSet | null): number {
  return replicaSet?.status?.readyReplicas ?? 0;
}

export function presentOf(replicaSet: ReplicaSet | null): number {
  return replicaSet?.status?.replicas ?? 0;
}

export function sumOf(replicaSets: readonly (ReplicaSet | null)[], count: (one: ReplicaSet | null) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + count(replicaSet), 0);
}

/** Its counts are of the size that it was told last. */
export function isCounted({ metadata, status }: ReplicaSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

export function isFullyAvailable(replicaSet: ReplicaSet): boolean {
  return wantedOf(replicaSet) > 0 && availableOf(replicaSet) >= wantedOf(replicaSet);
}

/** The size of the Rollout that the ReplicaSet was last scaled for (ARC-062). */
export function desiredAnnotation(replicaSet: ReplicaSet): number | null {
  const text = replicaSet.metadata.annotations?.[annotations.desiredReplicas];
  return text === undefined ? null : Number(text);
}

export function scaleDownDeadline(replicaSet: ReplicaSet | null): Instant | null {
  return parseTime(replicaSet?.metadata.annotations?.[annotations.scaleDownDeadline]);
}

/** Oldest first. Names decide between two of the same second, so that the order never wavers. */
export function byAge(left: ReplicaSet, right: ReplicaSet): number {
  const [a, b] = [left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? ""];
  if (a !== b) return a < b ? -1 : 1;
  return revisionOf(left) - revisionOf(right) || (left.metadata.name < right.metadata.name ? -1 : 1);
}

/** Newest revision first. */
export function byRevisionDescending(left: ReplicaSet, right: ReplicaSet): number {
  return revisionOf(right) - revisionOf(left) || byAge(right, left);
}
