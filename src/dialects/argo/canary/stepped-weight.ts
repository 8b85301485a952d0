import type { Pass } from "../pass.ts";
import { podsForWeight, withMinimum } from "../replica-sets/counts.ts";
import { availableOf } from "../replica-sets/replica-sets.ts";

/** With dynamicStableScale traffic goes back only as fast as the stable version grows again (INV-18). */

/**
 * ARC-083: the share that the steps give the canary while stable comes back. Each is less than what the canary's pods
 * stand for now, so that it ends at 0; pods that stay on purpose, for any delay given, do not count (ARC-908, ARC-933).
 */
export function abortScaleWeight({ steps, replicas, maxWeight, newRS, stableRS, canary }: Pass): number {
  const missing = replicas - availableOf(stableRS);
  const staysOnPurpose = canary?.abortScaleDownDelaySeconds !== undefined;
  const enough = staysOnPurpose ? missing : Math.max(missing, availableOf(newRS));
  for (let index = steps.length - 1; index >= 0; index--) {
    const weight = steps[index]?.setWeight;
    if (weight === undefined) continue;
    const pods = withMinimum(podsForWeight(weight, replicas, maxWeight), canary?.minPodsPerReplicaSet, replicas);
    if (pods < enough) return weight;
  }
  return 0;
}

/** ARC-226. */
export function steppedAbortWeight(pass: Pass): number {
  const { replicas, maxWeight, stableRS, status, canary } = pass;
  if (!canary?.dynamicStableScale || replicas === 0) return 0;
  const given = abortScaleWeight(pass);
  const carried = (maxWeight * availableOf(stableRS)) / replicas;
  const lacking = Math.max(0, Math.floor(maxWeight - carried));
  const current = status.canary?.weights?.canary.weight;
  if (current === undefined) return Math.max(lacking, given);
  if (given <= 0) return Math.min(lacking, current);
  if (carried < maxWeight - given) return current;
  return Math.min(given, current);
}
