import type { Instant } from "../base/time.ts";
import { QueryError } from "./errors.ts";
import { mean, preciseSum, quantile, variance } from "./sums.ts";
import type { Points } from "./value.ts";

/** The samples of one series in a window (from, to], and the instant the query asks about. */
export interface Window extends Points {
  readonly from: Instant;
  readonly to: Instant;
  readonly now: Instant;
}

/** Of one series; null: the series is absent from the result. `parameters` are the scalar arguments. */
export type RangeFunction = (window: Window, parameters: readonly number[]) => number | null;

/** Functions of a range vector that work on one series at a time. Never called with an empty window. */
export const rangeFunctions: Readonly<Record<string, RangeFunction>> = {
  rate: (window) => extrapolated(window, { isCounter: true, isRate: true }),
  increase: (window) => extrapolated(window, { isCounter: true, isRate: false }),
  delta: (window) => extrapolated(window, { isCounter: false, isRate: false }),
  irate: (window) => instantaneous(window, true),
  idelta: (window) => instantaneous(window, false),
  changes: ({ values }) =>
    countPairs(values, (before, now) => now !== before && !(Number.isNaN(now) && Number.isNaN(before))),
  resets: ({ values }) => countPairs(values, (before, now) => now < before),
  deriv: (window) => (window.values.length < 2 ? null : regression(window, window.times[0]!).slope),
  predict_linear(window, [seconds]) {
    if (window.values.length < 2) return null;
    const { slope, intercept } = regression(window, window.now);
    return slope * seconds! + intercept;
  },
  sum_over_time: ({ values }) => preciseSum(values),
  avg_over_time: ({ values }) => mean(values),
  min_over_time: ({ values }) =>
    values.reduce((least, value) => (value < least || Number.isNaN(least) ? value : least)),
  max_over_time: ({ values }) => values.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most)),
  count_over_time: ({ values }) => values.length,
  last_over_time: ({ values }) => values.at(-1)!,
  first_over_time: ({ values }) => values[0]!,
  present_over_time: () => 1,
  stddev_over_time: ({ values }) => Math.sqrt(variance(values)),
  stdvar_over_time: ({ values }) => variance(values),
  quantile_over_time: ({ values }, [q]) => quantile(q!, values),
  mad_over_time({ values }) {
    const median = quantile(0.5, values);
    return quantile(
      0.5,
      values.map((value) => Math.abs(value - median)),
    );
  },
  double_exponential_smoothing: smoothed,
  holt_winters: smoothed,
};

/** These keep the metric name: their result is a sample of the metric itself. */
export const keepsName: ReadonlySet<string> = new Set(["last_over_time", "first_over_time"]);

function countPairs(values: readonly number[], counts: (before: number, now: number) => boolean): number {
  let count = 0;
  for (let index = 1; index < values.length; index++) if (counts(values[index - 1]!, values[index]!)) count++;
  return count;
}

/** A window ends near a sample if it does so within this many average distances (PQ-003). */
const NEAR = 1.1;

/**
 * `rate`, `increase` and `delta` (PQ-003): what happened between first and last sample, stretched to the window's edges.
 *
 *     from |--a--x---x---x---x--b--| to      a, b: stretched over when shorter than 1.1 average distances,
 *                first ... last              else half a distance; a counter is not stretched below zero
 */
function extrapolated(window: Window, { isCounter, isRate }: { isCounter: boolean; isRate: boolean }): number | null {
  const { times, values, from, to } = window;
  const last = values.length - 1;
  if (last < 1) return null;
  let change = values[last]! - values[0]!;
  if (isCounter) {
    for (let index = 1; index <= last; index++) if (values[index]! < values[index - 1]!) change += values[index - 1]!;
  }
  const sampledSeconds = (times[last]! - times[0]!) / 1000;
  const distance = sampledSeconds / last;
  let toStart = (times[0]! - from) / 1000;
  let toEnd = (to - times[last]!) / 1000;
  if (toStart >= distance * NEAR) toStart = distance / 2;
  if (isCounter && change > 0 && values[0]! >= 0) {
    toStart = Math.min(toStart, sampledSeconds * (values[0]! / change));
  }
  if (toEnd >= distance * NEAR) toEnd = distance / 2;
  const factor = (sampledSeconds + toStart + toEnd) / sampledSeconds;
  return change * (isRate ? factor / ((to - from) / 1000) : factor);
}

/** `irate` and `idelta`: the last two samples alone (PQ-004). */
function instantaneous({ times, values }: Window, isRate: boolean): number | null {
  const last = values.length - 1;
  if (last < 1 || times[last] === times[last - 1]) return null;
  const isReset = isRate && values[last]! < values[last - 1]!;
  const change = isReset ? values[last]! : values[last]! - values[last - 1]!;
  return isRate ? change / ((times[last]! - times[last - 1]!) / 1000) : change;
}

/** Least squares over (seconds since `origin`, value). */
function regression({ times, values }: Points, origin: Instant): { slope: number; intercept: number } {
  const first = values[0]!;
  if (values.every((value) => value === first)) {
    return Number.isFinite(first) ? { slope: 0, intercept: first } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const count = values.length;
  const xs = times.map((time) => (time - origin) / 1000);
  const sumX = preciseSum(xs);
  const sumY = preciseSum(values);
  const covariance = preciseSum(xs.map((x, index) => x * values[index]!)) - (sumX * sumY) / count;
  const slope = covariance / (preciseSum(xs.map((x) => x * x)) - (sumX * sumX) / count);
  return { slope, intercept: sumY / count - (slope * sumX) / count };
}

/** Holt's linear method: a level and a trend, each an exponential average. */
function smoothed({ values }: Window, [factor, trendFactor]: readonly number[]): number | null {
  checkFactor("smoothing", "sf", factor!);
  checkFactor("trend", "tf", trendFactor!);
  if (values.length < 2) return null;
  let before = 0;
  let level = values[0]!;
  let trend = values[1]! - values[0]!;
  for (let index = 1; index < values.length; index++) {
    if (index > 1) trend = trendFactor! * (level - before) + (1 - trendFactor!) * trend;
    const next = factor! * values[index]! + (1 - factor!) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}

function checkFactor(name: string, short: string, factor: number): void {
  if (factor > 0 && factor < 1) return;
  throw new QueryError("execution", `invalid ${name} factor. Expected: 0 < ${short} < 1, got: ${factor.toFixed(6)}`);
}
