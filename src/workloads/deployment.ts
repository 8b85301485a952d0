import type { Deployment, PodTemplate, ReplicaSet } from "../api/apps.ts";
import { desiredReplicas, maxUnavailable } from "./replicas.ts";
import { POD_TEMPLATE_HASH, sameTemplate } from "./template.ts";

const REVISION_ANNOTATION = "deployment.kubernetes.io/revision";

/** The number that the Deployment controller gave to this ReplicaSet's template; higher is newer. */
export function revisionNumber(replicaSet: ReplicaSet): number {
  return Number(replicaSet.metadata.annotations?.[REVISION_ANNOTATION] ?? 0) || 0;
}

/** Oldest revision first; ReplicaSets without a number by age, then by name, so that the order never wavers. */
export function byRevision(left: ReplicaSet, right: ReplicaSet): number {
  return (
    revisionNumber(left) - revisionNumber(right) ||
    compare(left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? "") ||
    compare(left.metadata.name, right.metadata.name)
  );
}

/** The ReplicaSets that want pods, oldest first. Callers pass only those owned by uid, never by selector (INV-43). */
export function activeReplicaSets(owned: readonly ReplicaSet[]): ReplicaSet[] {
  return owned
    .filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && (spec.replicas ?? 1) > 0)
    .sort(byRevision);
}

export function replicaSetOf(owned: readonly ReplicaSet[], template: PodTemplate): ReplicaSet | null {
  return owned.find(({ spec }) => sameTemplate(spec.template, template)) ?? null;
}

export function templateHash(replicaSet: ReplicaSet | null): string {
  return replicaSet?.metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
}

/** False while the Deployment controller has not yet seen the newest spec: its status then speaks of another one. */
export function isObserved(deployment: Deployment): boolean {
  return (deployment.status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
}

/**
 * The rolling update is over: every pod is of the newest template and enough of them serve. At least one must serve
 * whatever maxUnavailable says, since others are taken away once this holds (KRUISE-216, INV-13).
 */
export function isCompletelyUpdated(deployment: Deployment): boolean {
  const { status } = deployment;
  const desired = desiredReplicas(deployment);
  const updated = status?.updatedReplicas ?? 0;
  const needed = Math.max(desired - maxUnavailable(deployment), Math.min(1, desired));
  return (
    isObserved(deployment) &&
    deployment.spec.paused !== true &&
    updated >= desired &&
    (status?.replicas ?? 0) === updated &&
    (status?.availableReplicas ?? 0) >= needed
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
