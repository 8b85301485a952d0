import type { Pass } from "../pass.ts";
import {
  approximatePair,
  boundsOf,
  isProgressed,
  nextBasicPair,
  type Pair,
  podsForWeight,
  withMinimum,
} from "../replica-sets/counts.ts";
import { availableOf, presentOf, sumOf, wantedOf } from "../replica-sets/replica-sets.ts";
import type { Step } from "../types.ts";
import { abortScaleWeight } from "./stepped-weight.ts";
import { canaryScaleAt, weightAt } from "./steps.ts";

/** How many pods each version should have now (section 4). */

/** ARC-073. */
function canaryScale(pass: Pass): NonNullable<Step["setCanaryScale"]> | null {
  const { stepIndex, steps, canary, isRouted } = pass;
  if (!isRouted || stepIndex === null) return null;
  const hasAbortDelay = (canary?.abortScaleDownDelaySeconds ?? ABORT_DELAY_SECONDS) !== 0;
  if (pass.isAborted && hasAbortDelay) return null;
  return canaryScaleAt(steps, stepIndex);
}

export const ABORT_DELAY_SECONDS = 30; // ARC 1.2

/** ARC-072, without setCanaryScale. */
function scaleWeight(pass: Pass): number {
  const { status, maxWeight, stepIndex, steps, canary } = pass;
  if (status.promoteFull || (status.stableRS ?? "") === "" || pass.isFullyPromoted) return maxWeight;
  if (pass.isAborted) return canary?.dynamicStableScale && pass.isRouted ? abortScaleWeight(pass) : 0;
  if (stepIndex === null || stepIndex === steps.length) return maxWeight;
  return weightAt(steps, stepIndex);
}

/** The sizes that the step asks for. */
export function desiredPair(pass: Pass): Pair {
  return pass.isRouted ? routedPair(pass) : basicDesired(pass);
}

function basicDesired(pass: Pass): Pair {
  const { replicas, canary, maxWeight, newRS, stableRS } = pass;
  if (!stableRS || stableRS === newRS) return { canary: replicas, stable: 0 };
  const { surge } = boundsOf(canary ?? {}, replicas);
  return approximatePair(replicas, scaleWeight(pass), surge, maxWeight);
}

/** ARC-081…084. */
function routedPair(pass: Pass): Pair {
  const { replicas, maxWeight, canary, status, newRS, stableRS } = pass;
  const isDynamic = canary?.dynamicStableScale === true;
  const weight = scaleWeight(pass);
  const isForced = weight === maxWeight && (status.promoteFull || !status.stableRS || pass.isFullyPromoted);
  const scale = isForced ? null : canaryScale(pass);
  const minimum = (count: number) => withMinimum(count, canary?.minPodsPerReplicaSet, replicas);
  let count =
    scale?.replicas !== undefined
      ? isDynamic
        ? minimum(scale.replicas)
        : scale.replicas
      : minimum(podsForWeight(scale?.weight ?? weight, replicas, maxWeight));
  if (!stableRS || stableRS === newRS) return { canary: replicas, stable: 0 };
  if (!isDynamic) return { canary: count, stable: replicas };
  const weights = pass.status.canary?.weights;
  const current = (share: number | undefined) => podsForWeight(share ?? 0, replicas, maxWeight);
  // What the canary still serves, and never more: it must not grow again with the Rollout (ARC-910).
  if (pass.isAborted && weights) count = minimum(current(weights.canary.weight));
  const byTraffic = weights ? current(weights.stable.weight) : replicas;
  // The stable name stands for this version until the promotion, so one pod stays behind it (INV-07).
  const stable = Math.max(1, podsForWeight(maxWeight - weight, replicas, maxWeight), byTraffic);
  return { canary: count, stable: minimum(Math.min(replicas, stable)) };
}

/** The sizes for now: without a router on the way to the desired ones. */
export function nextPair(pass: Pass): Pair {
  if (pass.isRouted) return routedPair(pass);
  const { replicas, canary, newRS, stableRS, otherRSs } = pass;
  const hasStable = stableRS !== null && stableRS !== newRS;
  return nextBasicPair({
    ...boundsOf(canary ?? {}, replicas),
    replicas,
    desired: basicDesired(pass),
    canary: newRS && { wanted: wantedOf(newRS), available: availableOf(newRS) },
    stable: hasStable ? { wanted: wantedOf(stableRS), available: availableOf(stableRS) } : null,
    others: sumOf(otherRSs, wantedOf),
  });
}

/** ARC-086…088. */
export function isAtDesired(pass: Pass): boolean {
  const { newRS, stableRS, canary, otherRSs } = pass;
  if (!newRS) return false;
  const desired = desiredPair(pass);
  const pods = { wanted: wantedOf(newRS), available: availableOf(newRS) };
  if (!isProgressed(pods, desired.canary, canary?.replicaProgressThreshold)) return false;
  if (stableRS === newRS) return true;
  const isDynamic = pass.isRouted && canary?.dynamicStableScale === true;
  if (!isDynamic) {
    if (!stableRS) return false;
    if (wantedOf(stableRS) !== desired.stable || presentOf(stableRS) !== desired.stable) return false;
  }
  return pass.isRouted || sumOf(otherRSs, availableOf) === 0;
}
