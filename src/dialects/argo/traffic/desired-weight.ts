import type { Router } from "../../../traffic/router.ts";
import { isAtDesired } from "../canary-counts.ts";
import { meetsThreshold } from "../counts.ts";
import { isAvailable, type Pass } from "../pass.ts";
import { availableOf } from "../replica-sets.ts";
import { rolesInUse } from "../roles.ts";
import { selectedHash, servesOnly, serviceOf } from "../services.ts";
import { steppedAbortWeight } from "../stepped-weight.ts";
import { weightAt } from "../steps.ts";

/** Which share of the requests the canary should have now, whatever router brings it about. */

/** ARC-220. */
export function desiredWeight(pass: Pass, routers: readonly Router[]): number {
  const { steps, stepIndex, maxWeight, replicas, newRS, canary, status } = pass;
  const current = status.canary?.weights?.canary.weight ?? 0;
  const isDynamic = canary?.dynamicStableScale === true;
  if (pass.isFullyPromoted) {
    if (isDynamic && availableOf(newRS) < replicas) return steppedAbortWeight(pass);
    // The canary's name keeps the traffic until the stable one leads to the same pods.
    return current > 0 && isAvailable(newRS) && !isStableSwitched(pass, routers) ? current : 0;
  }
  if (pass.isAborted) return isDynamic ? steppedAbortWeight(pass) : 0;
  if (!isAvailable(newRS)) return 0;
  if (status.promoteFull) {
    return isDynamic
      ? Math.min(maxWeight, Math.floor((maxWeight * availableOf(newRS)) / Math.max(1, replicas)))
      : current;
  }
  if (stepIndex === null) return 0;
  if (!isAtDesired(pass)) return weightAt(steps, stepIndex - 1);
  return stepIndex === steps.length ? maxWeight : weightAt(steps, stepIndex);
}

function isStableSwitched(pass: Pass, routers: readonly Router[]): boolean {
  const { newHash } = pass;
  if (routers.some((router) => router.leadsStableTo?.(newHash) === false)) return false;
  if (routers.every(({ usesServices }) => !usesServices)) return true;
  return rolesInUse(pass).every((roles) => {
    const stable = serviceOf(pass, roles.stable);
    return !stable || (selectedHash(stable.service) === newHash && servesOnly(stable, newHash));
  });
}

/** ARC-221 and ARC-909: null while stable cannot take its share; when going back, what it can take is moved. */
export function bearableWeight(pass: Pass, wanted: number): number | null {
  const { maxWeight, replicas, stableRS, newRS, canary, status } = pass;
  const available = availableOf(stableRS);
  if (available >= Math.floor(((maxWeight - wanted) * replicas) / maxWeight)) return wanted;
  if (meetsThreshold(available, replicas, canary?.replicaProgressThreshold)) return wanted;
  const current = status.canary?.weights?.canary.weight ?? 0;
  const isGoingBack = pass.isAborted || pass.isFullyPromoted;
  if (!isGoingBack || current === 0) return null;
  if (!newRS || newRS === stableRS || !isAvailable(newRS)) return wanted;
  const carried = Math.floor((maxWeight * available) / Math.max(1, replicas));
  return Math.max(wanted, Math.min(current, maxWeight - carried));
}

/** Behind the canary's Service are the new version's pods only. */
export function isCanaryReady(pass: Pass, routers: readonly Router[]): boolean {
  if (routers.every(({ usesServices }) => !usesServices)) return true;
  return rolesInUse(pass).every((roles) => {
    const service = serviceOf(pass, roles.canary);
    return !service || servesOnly(service, pass.newHash);
  });
}
