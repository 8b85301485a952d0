import { parseDurationMs } from "../base/duration.ts";
import { type Instant, parseTime } from "../base/time.ts";
import { effectiveCount } from "./numbers.ts";
import { isCompleted, lastMeasurement, openMeasurement, resultOf } from "./status.ts";
import type { AnalysisRunStatus, Metric } from "./types.ts";

export const ERROR_RETRY_MS = 10_000; // AN-032

/** When the metric is to be measured next; null: not again, or not before the present measurement ends (section 3.1). */
export function nextMeasurementAt(metric: Metric, status: AnalysisRunStatus, now: Instant): Instant | null {
  const result = resultOf(status, metric.name);
  if (isCompleted(result?.phase) || openMeasurement(result)) return null;
  const last = lastMeasurement(result);
  if (!last) return (parseTime(status.startedAt) ?? now) + (parseDurationMs(metric.initialDelay ?? "0") ?? 0);
  const count = effectiveCount(metric);
  if (count !== null && (result?.count ?? 0) >= count) return null;
  return (parseTime(last.finishedAt) ?? now) + pauseAfter(metric, last.phase);
}

/** A metric without interval is measured again only after an error. */
export function pauseAfter({ interval }: Metric, phase: string): number {
  if (phase === "Error" || !interval) return ERROR_RETRY_MS;
  return parseDurationMs(interval) ?? ERROR_RETRY_MS;
}
