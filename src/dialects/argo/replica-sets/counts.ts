import type { IntOrPercent } from "../../../base/int-or-percent.ts";
import type { CanaryStrategy } from "../types.ts";

/** How many pods of which version: pure arithmetic (section 4 of the behaviours). */

export const DEFAULT_BOUND = "25"; // ARC 1.2: a text is a percentage

/** ARC-071: any text is a percentage, with or without its sign. */
export function resolveBound(value: IntOrPercent, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = Number.parseInt(value, 10);
  if (Number.isNaN(percent)) return 0;
  const exact = (percent * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}

export interface Bounds {
  readonly surge: number;
  readonly unavailable: number;
}

/** ARC-071. */
export function boundsOf(canary: Pick<CanaryStrategy, "maxSurge" | "maxUnavailable">, replicas: number): Bounds {
  const surge = resolveBound(canary.maxSurge ?? DEFAULT_BOUND, replicas, "up");
  const unavailable = resolveBound(canary.maxUnavailable ?? DEFAULT_BOUND, replicas, "down");
  const both = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { surge, unavailable: Math.min(both, replicas) };
}

export interface Pair {
  readonly canary: number;
  readonly stable: number;
}

/** ARC-074, ARC-075: the split of pods that comes closest to the weight, without a traffic router. */
export function approximatePair(replicas: number, weight: number, surge: number, maxWeight = 100): Pair {
  if (replicas === 0) return { canary: 0, stable: 0 };
  const up = Math.ceil((replicas * weight) / maxWeight);
  const down = Math.floor((replicas * weight) / maxWeight);
  const isTie = (total: number) => (2 * total * weight) % (2 * maxWeight) === maxWeight;
  const zeroIsFine = weight === maxWeight || weight === 0 || (replicas === 1 && surge === 0);
  const candidates: [canary: number, total: number][] = [];
  if (up < replicas || zeroIsFine) candidates.push([up, replicas]);
  if (!isTie(replicas) && (down !== 0 || zeroIsFine)) candidates.push([down, replicas]);
  if (surge > 0) {
    candidates.push([up, replicas + 1]);
    if (!isTie(replicas + 1) && (down !== 0 || zeroIsFine)) candidates.push([down, replicas + 1]);
  }
  let best: { canary: number; total: number; distance: number } | null = null;
  for (const [canary, total] of candidates) {
    const distance = Math.abs((canary * maxWeight) / total - weight);
    if (best === null || distance < best.distance) best = { canary, total, distance };
  }
  // The original gives the canary nothing here and lets the step pass (ARC-918).
  if (!best) return { canary: replicas - 1, stable: 1 };
  return { canary: best.canary, stable: best.total - best.canary };
}

export interface PodsOf {
  readonly wanted: number;
  readonly available: number;
}

export interface BasicInput extends Bounds {
  readonly replicas: number;
  readonly desired: Pair;
  /** Null: not there yet. */
  readonly canary: PodsOf | null;
  /** Null: there is none besides the canary. */
  readonly stable: PodsOf | null;
  /** Wanted pods of all other ReplicaSets. */
  readonly others: number;
}

/** ARC-076…079: the next sizes on the way to the desired ones, within surge and availability. */
export function nextBasicPair(input: BasicInput): Pair {
  const { replicas, surge, unavailable, canary, stable, others } = input;
  const desired = stable ? input.desired : { canary: replicas, stable: 0 };
  const now = { canary: canary?.wanted ?? 0, stable: stable?.wanted ?? 0 };
  const limit = replicas + surge;
  let budget = Math.max(0, limit - now.canary - now.stable - others);
  const next = { ...now };
  if (stable && now.stable < desired.stable) {
    next.stable = Math.min(desired.stable, now.stable + budget);
    budget -= next.stable - now.stable;
  }
  if (canary && now.canary < desired.canary) next.canary = Math.min(desired.canary, now.canary + budget);
  if (others > 0) return next;

  const minimum = replicas - unavailable;
  const isIncreasing = canary === null || desired.canary >= now.canary;
  const spare = countForScaleDown(canary, !isIncreasing) + countForScaleDown(stable, isIncreasing) - minimum;
  if (spare <= 0) return next;
  const shrink = (from: number, to: number, otherwise: number) => (from > to ? Math.max(to, from - spare) : otherwise);
  if (!isIncreasing) {
    const drained = shrink(now.canary, desired.canary, next.canary);
    const [drain, fill] = withinLimits(drained, next.stable, limit, minimum);
    return { canary: drain, stable: fill };
  }
  if (!stable) return next;
  const drained = shrink(now.stable, desired.stable, next.stable);
  const [drain, fill] = withinLimits(drained, next.canary, limit, minimum);
  return { canary: fill, stable: drain };
}

function countForScaleDown(pods: PodsOf | null, ignoresAvailability: boolean): number {
  if (!pods) return 0;
  return pods.wanted < pods.available || ignoresAvailability ? pods.wanted : pods.available;
}

function withinLimits(drain: number, fill: number, limit: number, minimum: number): [number, number] {
  const over = drain + fill - limit;
  if (over > 0) return [drain, Math.max(0, fill - over)];
  const under = minimum - drain - fill;
  return under > 0 ? [drain + under, fill] : [drain, fill];
}

/** ARC-081: pods for a share of the traffic; a canary with any share has at least one. */
export function podsForWeight(weight: number, replicas: number, maxWeight: number): number {
  return Math.ceil((weight * replicas) / maxWeight);
}

/** ARC-082. */
export function withMinimum(count: number, minimum: number | undefined, replicas: number): number {
  return count === 0 || minimum === undefined ? count : Math.max(count, Math.min(minimum, replicas));
}

/** ARC-086: enough pods for the step, exactly or by the threshold that the user set. */
export function isProgressed(
  pods: PodsOf,
  desired: number,
  threshold: CanaryStrategy["replicaProgressThreshold"],
): boolean {
  if (pods.wanted === desired && pods.available === desired) return true;
  return meetsThreshold(pods.available, desired, threshold);
}

export function meetsThreshold(
  available: number,
  desired: number,
  threshold: CanaryStrategy["replicaProgressThreshold"],
): boolean {
  if (!threshold || threshold.value < 0) return false;
  if (threshold.type.toLowerCase() === "pods") return available >= threshold.value;
  return desired === 0 || (available / desired) * 100 >= threshold.value;
}
