import type { IntOrString, Metric } from "./types.ts";

/** AN-002: a text that is no integer counts as 0. */
export function intValue(value: IntOrString | undefined, fallback = 0): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number") return Math.trunc(value);
  return /^[+-]?\d+$/.test(value) ? Number(value) : 0;
}

const CONSECUTIVE_ERROR_LIMIT = 4; // section 2.2

export const failureLimitOf = (metric: Metric): number => intValue(metric.failureLimit);
export const inconclusiveLimitOf = (metric: Metric): number => intValue(metric.inconclusiveLimit);
export const consecutiveErrorLimitOf = (metric: Metric): number =>
  intValue(metric.consecutiveErrorLimit, CONSECUTIVE_ERROR_LIMIT);
export const consecutiveSuccessLimitOf = (metric: Metric): number => intValue(metric.consecutiveSuccessLimit);

/** How many measurements a metric takes; null: without end (AN-030). */
export function effectiveCount(metric: Metric): number | null {
  const count = intValue(metric.count);
  if (count !== 0) return count;
  return metric.interval ? null : 1;
}
