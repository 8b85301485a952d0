import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import { isRollingUpdate, maxSurge, maxUnavailable } from "./limits.ts";
import { byAge, desiredReplicas, maxReplicas } from "./replica-sets.ts";

/** How large each ReplicaSet should be. Pure arithmetic over what the ReplicaSets report (K8S-213…215). */

/** Target sizes by ReplicaSet; one that is not named keeps its size. */
export type Sizes = ReadonlyMap<ReplicaSet, number>;

export const sizeOf = (replicaSet: ReplicaSet) => replicaSet.spec.replicas ?? 1;
export const availableOf = (replicaSet: ReplicaSet) => replicaSet.status?.availableReplicas ?? 0;

export function sum(replicaSets: readonly ReplicaSet[], count: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + count(replicaSet), 0);
}

/** What the new ReplicaSet may grow (or must shrink) to, with `others` running beside it. */
export function newSize(deployment: Deployment, current: number, others: readonly ReplicaSet[]): number {
  const { replicas = 1 } = deployment.spec;
  if (!isRollingUpdate(deployment) || current >= replicas) return replicas;
  const room = replicas + maxSurge(deployment) - (current + sum(others, sizeOf));
  return room <= 0 ? current : current + Math.min(room, replicas - current);
}

/** Sizes of the old ReplicaSets after as much scaling down as availability allows: sick pods first, oldest first. */
export function shrinkOld(deployment: Deployment, newReplicaSet: ReplicaSet, old: readonly ReplicaSet[]): Sizes {
  const sizes = new Map<ReplicaSet, number>();
  const all = [...old, newReplicaSet];
  const minAvailable = (deployment.spec.replicas ?? 1) - maxUnavailable(deployment);
  const notYetAvailable = sizeOf(newReplicaSet) - availableOf(newReplicaSet);
  const removable = sum(all, sizeOf) - minAvailable - notYetAvailable;
  if (sum(old, sizeOf) === 0 || removable <= 0) return sizes;

  const oldestFirst = [...old].sort(byAge);
  let removed = 0;
  for (const replicaSet of oldestFirst) {
    const sick = Math.min(removable - removed, Math.max(0, sizeOf(replicaSet) - availableOf(replicaSet)));
    if (sick > 0) sizes.set(replicaSet, sizeOf(replicaSet) - sick);
    removed += Math.max(0, sick);
  }

  let surplus = sum(all, availableOf) - minAvailable;
  for (const replicaSet of oldestFirst) {
    const size = sizes.get(replicaSet) ?? sizeOf(replicaSet);
    const remove = Math.min(size, surplus);
    if (remove <= 0) continue;
    sizes.set(replicaSet, size - remove);
    surplus -= remove;
  }
  return sizes;
}

/** True when `spec.replicas` changed since the ReplicaSets were last sized. */
export function isScaling(deployment: Deployment, replicaSets: readonly ReplicaSet[]): boolean {
  return replicaSets.some((replicaSet) => {
    const desired = desiredReplicas(replicaSet);
    return sizeOf(replicaSet) > 0 && desired !== null && desired !== (deployment.spec.replicas ?? 1);
  });
}

/** Sizes after a change of `spec.replicas`, without moving the rollout on (K8S-215). */
export function scale(deployment: Deployment, newReplicaSet: ReplicaSet | null, old: readonly ReplicaSet[]): Sizes {
  const { replicas = 1 } = deployment.spec;
  const only = activeOrLatest(newReplicaSet, old);
  if (only) return new Map([[only, replicas]]);
  if (newReplicaSet && isSaturated(deployment, newReplicaSet)) {
    return new Map(old.filter((replicaSet) => sizeOf(replicaSet) > 0).map((replicaSet) => [replicaSet, 0]));
  }
  return isRollingUpdate(deployment) ? scaleInProportion(deployment, newReplicaSet, old) : new Map();
}

/** The one ReplicaSet that has pods, or the newest when none has; null when several have. */
function activeOrLatest(newReplicaSet: ReplicaSet | null, old: readonly ReplicaSet[]): ReplicaSet | null {
  const all = newReplicaSet ? [...old, newReplicaSet] : old;
  const active = all.filter((replicaSet) => sizeOf(replicaSet) > 0);
  if (active.length > 1) return null;
  return active[0] ?? newReplicaSet ?? [...old].sort(byAge).at(-1) ?? null;
}

function isSaturated(deployment: Deployment, newReplicaSet: ReplicaSet): boolean {
  const { replicas = 1 } = deployment.spec;
  return (
    sizeOf(newReplicaSet) === replicas &&
    desiredReplicas(newReplicaSet) === replicas &&
    availableOf(newReplicaSet) === replicas
  );
}

function scaleInProportion(deployment: Deployment, newest: ReplicaSet | null, old: readonly ReplicaSet[]): Sizes {
  const { replicas = 1 } = deployment.spec;
  const active = (newest ? [...old, newest] : [...old]).filter((replicaSet) => sizeOf(replicaSet) > 0);
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0;
  const missing = allowed - sum(active, sizeOf);
  // The largest takes the remainder; of equals the newest when growing, the oldest when shrinking.
  const ordered = active.sort((left, right) => {
    if (sizeOf(left) !== sizeOf(right)) return sizeOf(right) - sizeOf(left);
    return missing > 0 ? byAge(right, left) : byAge(left, right);
  });
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const replicaSet of ordered) {
    const share = shareOf(deployment, replicaSet, missing, added);
    sizes.set(replicaSet, sizeOf(replicaSet) + share);
    added += share;
  }
  const [largest] = ordered;
  if (largest && missing !== 0) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + missing - added));
  return sizes;
}

/** This ReplicaSet's part of `missing`, of which `added` is given out already. */
function shareOf(deployment: Deployment, replicaSet: ReplicaSet, missing: number, added: number): number {
  if (missing === 0 || missing === added) return 0;
  const { replicas = 1 } = deployment.spec;
  const before = maxReplicas(replicaSet) || deployment.status?.replicas || 1;
  const fraction =
    replicas === 0
      ? -sizeOf(replicaSet)
      : roundHalfAway((sizeOf(replicaSet) * (replicas + maxSurge(deployment))) / before) - sizeOf(replicaSet);
  return missing > 0 ? Math.min(fraction, missing - added) : Math.max(fraction, missing - added);
}

function roundHalfAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}
