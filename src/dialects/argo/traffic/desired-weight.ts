import type { Knowledge } from "../../../traffic/known-pods.ts";
import type { Router } from "../../../traffic/router.ts";
import { isAtDesired } from "../canary/sizes.ts";
import { steppedAbortWeight } from "../canary/stepped-weight.ts";
import { weightAt } from "../canary/steps.ts";
import { isAvailable, type Pass } from "../pass.ts";
import { meetsThreshold } from "../replica-sets/counts.ts";
import { availableOf } from "../replica-sets/replica-sets.ts";
import { awaitVersion, isKnown, serviceKnowledge } from "./known-versions.ts";
import { rolesInUse } from "./roles.ts";
import { selectedHash, serviceOf } from "./services.ts";

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
  if (!isAvailable(newRS) || isShareElsewhere(pass, routers)) return 0;
  if (status.promoteFull) {
    return isDynamic
      ? Math.min(maxWeight, Math.floor((maxWeight * availableOf(newRS)) / Math.max(1, replicas)))
      : current;
  }
  if (stepIndex === null) return 0;
  const goal = stepIndex === steps.length ? maxWeight : weightAt(steps, stepIndex);
  // Pods that come or go with the Rollout's size take nothing back of what the step has reached (INV-06).
  const reached = Math.min(goal, Math.max(...routers.map(({ share }) => share)));
  return isAtDesired(pass) ? goal : Math.max(reached, weightAt(steps, stepIndex - 1));
}

/** What share there is belongs to an older version: the canary's name must be free of it before it moves on (INV-04). */
function isShareElsewhere(pass: Pass, routers: readonly Router[]): boolean {
  const { newHash } = pass;
  if (routers.every(({ share }) => share === 0)) return false;
  if (routers.some((router) => router.leadsCanaryTo?.(newHash) === false)) return true;
  if (routers.every(({ usesServices }) => !usesServices)) return false;
  return rolesInUse(pass).some((roles) => {
    const canary = serviceOf(pass, roles.canary);
    return canary !== null && selectedHash(canary.service) !== newHash;
  });
}

function isStableSwitched(pass: Pass, routers: readonly Router[]): boolean {
  const { newHash } = pass;
  if (routers.some((router) => router.leadsStableTo?.(newHash) === false)) return false;
  if (routers.every(({ usesServices }) => !usesServices)) return true;
  return rolesInUse(pass).every((roles) => {
    const stable = serviceOf(pass, roles.stable);
    if (!stable) return true;
    if (selectedHash(stable.service) !== newHash) return false;
    const knowledge = serviceKnowledge(pass, stable, newHash);
    awaitVersion(pass, newHash, knowledge);
    return isKnown(knowledge);
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

/** What keeps requests by the canary's name from the new version's pods alone; null or "known": nothing does. */
export function canaryKnowledge(pass: Pass, routers: readonly Router[]): Knowledge | null {
  const { newHash } = pass;
  const all = routers.map((router) => router.knowledgeOf?.(newHash) ?? null);
  if (routers.some(({ usesServices }) => usesServices)) {
    const services = rolesInUse(pass).flatMap((roles) => serviceOf(pass, roles.canary) ?? []);
    all.push(...services.map((service) => serviceKnowledge(pass, service, newHash)));
  }
  return all.find((knowledge) => !isKnown(knowledge)) ?? null;
}
