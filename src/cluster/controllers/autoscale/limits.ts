import type { Instant } from "../../../base/time.ts";
import type { Behavior, Rules } from "./behavior.ts";
import type { History, Scaling } from "./history.ts";

/** From what the metrics ask for to what is done: stabilisation first, then rates and bounds (K8S-242). */

export interface LimitInput {
  readonly recommendation: number;
  readonly currentReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly behavior: Behavior;
  /** The recommendation included. */
  readonly history: History;
  readonly now: Instant;
}

export interface Limited {
  readonly replicas: number;
  readonly able: Reason;
  readonly limited: Reason & { readonly isLimited: boolean };
}

interface Reason {
  readonly reason: string;
  readonly message: string;
}

const READY: Reason = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const UP_STABILIZED: Reason = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const DOWN_STABILIZED: Reason = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const WITHIN: Reason = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
const TOO_MANY: Reason = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const TOO_FEW: Reason = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const TOO_FAST_UP: Reason = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const TOO_FAST_DOWN: Reason = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};

export function limit(input: LimitInput): Limited {
  const { recommendation, currentReplicas } = input;
  const wanted = stabilized(input);
  const stabilizedBy = recommendation >= currentReplicas ? UP_STABILIZED : DOWN_STABILIZED;
  const able = wanted === recommendation ? READY : input.behavior.isGiven ? stabilizedBy : DOWN_STABILIZED;
  const { replicas, why } = bounded(input, wanted);
  return { replicas, able, limited: { ...why, isLimited: replicas !== wanted } };
}

function stabilized({ recommendation, currentReplicas, behavior, history }: LimitInput): number {
  const highest = Math.max(recommendation, ...history.higher.map(({ replicas }) => replicas));
  if (!behavior.isGiven) return highest;
  const lowest = Math.min(recommendation, ...history.lower.map(({ replicas }) => replicas));
  return Math.min(Math.max(currentReplicas, lowest), highest);
}

interface Bounded {
  readonly replicas: number;
  readonly why: Reason;
}

function bounded(input: LimitInput, wanted: number): Bounded {
  const { currentReplicas, minReplicas, maxReplicas, behavior } = input;
  const isUp = wanted > currentReplicas;
  // Without a behavior going down has no rate; the check of the upper bound is the original's for any direction.
  if (isUp || !behavior.isGiven) {
    const rate = behavior.isGiven ? Math.max(currentReplicas, upRate(input)) : Math.max(2 * currentReplicas, 4);
    const most = Math.min(maxReplicas, rate);
    if (wanted > most) return { replicas: most, why: maxReplicas > rate ? TOO_FAST_UP : TOO_MANY };
  }
  if (wanted < currentReplicas && behavior.isGiven) {
    const rate = Math.min(currentReplicas, downRate(input));
    if (wanted < Math.max(minReplicas, rate)) {
      return { replicas: Math.max(minReplicas, rate), why: minReplicas < rate ? TOO_FAST_DOWN : TOO_FEW };
    }
  }
  if (wanted < minReplicas) return { replicas: minReplicas, why: TOO_FEW };
  return { replicas: wanted, why: WITHIN };
}

/** The size that the policies let it reach now; each counts from the size at the start of its period. */
function upRate({ currentReplicas, behavior, history, now }: LimitInput): number {
  const sizes = behavior.up.policies.map(({ type, value, periodSeconds }) => {
    const start = currentReplicas - change(history.scalings, "up", periodSeconds, now);
    return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100) - 1e-9);
  });
  return selected(behavior.up, sizes, currentReplicas, { Max: Math.max, Min: Math.min });
}

function downRate({ currentReplicas, behavior, history, now }: LimitInput): number {
  const sizes = behavior.down.policies.map(({ type, value, periodSeconds }) => {
    const start = currentReplicas + change(history.scalings, "down", periodSeconds, now);
    return type === "Pods" ? start - value : Math.trunc(start * (1 - value / 100) + 1e-9);
  });
  // The greatest change is the smallest size.
  return selected(behavior.down, sizes, currentReplicas, { Max: Math.min, Min: Math.max });
}

function selected(
  { select }: Rules,
  sizes: readonly number[],
  currentReplicas: number,
  choose: Readonly<Record<"Max" | "Min", (...sizes: number[]) => number>>,
): number {
  return select === "Disabled" ? currentReplicas : choose[select](...sizes);
}

/** Pods added (or taken away) within the period before now. */
function change(scalings: readonly Scaling[], direction: "up" | "down", periodSeconds: number, now: Instant): number {
  const recent = scalings.filter(({ at }) => at + periodSeconds * 1000 > now);
  const added = recent.map(({ from, to }) => (direction === "up" ? to - from : from - to));
  return added.filter((count) => count > 0).reduce((sum, count) => sum + count, 0);
}
