import { formatTime, type Instant } from "../base/time.ts";
import type { AnalysisPhase, AnalysisRun, AnalysisRunStatus, Measurement, Metric, MetricResult } from "./types.ts";
import { isDryRun, retentionOf } from "./validate.ts";

/** Readings and changes of a run's status. Nothing is changed in place. */

const COMPLETED: ReadonlySet<string> = new Set(["Successful", "Failed", "Error", "Inconclusive"]);

export function isCompleted(phase: string | undefined): boolean {
  return phase !== undefined && COMPLETED.has(phase);
}

export function resultOf(status: AnalysisRunStatus, name: string): MetricResult | undefined {
  return status.metricResults?.find((result) => result.name === name);
}

export function lastMeasurement(result: MetricResult | undefined): Measurement | undefined {
  return result?.measurements?.at(-1);
}

/** The measurement that was begun and has no end yet: there is at most one, the last. */
export function openMeasurement(result: MetricResult | undefined): Measurement | undefined {
  const last = lastMeasurement(result);
  return last && !isCompleted(last.phase) ? last : undefined;
}

/** AN-035: nothing new is measured once the run is told to end, or a metric that counts has gone wrong. */
export function isTerminating({ spec }: Pick<AnalysisRun, "spec">, status: AnalysisRunStatus): boolean {
  if (spec.terminate === true) return true;
  return (status.metricResults ?? []).some(
    ({ phase, dryRun }) => dryRun !== true && (phase === "Failed" || phase === "Error" || phase === "Inconclusive"),
  );
}

export function withResult(status: AnalysisRunStatus, result: MetricResult): AnalysisRunStatus {
  const results = status.metricResults ?? [];
  const index = results.findIndex(({ name }) => name === result.name);
  return { ...status, metricResults: index < 0 ? [...results, result] : results.with(index, result) };
}

/** Marks a measurement as begun. Whoever performs it replaces it by `finishMeasurement`. */
export function startMeasurement(
  status: AnalysisRunStatus,
  { run, metric, now, metadata }: StartOptions,
): AnalysisRunStatus {
  const measurement: Measurement = { phase: "Running", startedAt: formatTime(now), ...(metadata ? { metadata } : {}) };
  const fresh: MetricResult = {
    name: metric.name,
    phase: "Running",
    ...(isDryRun(metric.name, run.spec.dryRun) ? { dryRun: true } : {}),
  };
  const result = { ...(resultOf(status, metric.name) ?? fresh), phase: "Running" as AnalysisPhase };
  return withResult(status, kept(run, { ...result, measurements: [...(result.measurements ?? []), measurement] }));
}

export interface StartOptions {
  readonly run: Pick<AnalysisRun, "spec">;
  readonly metric: Metric;
  readonly now: Instant;
  readonly metadata?: Record<string, string>;
}

/** How a measurement ended, or how far it is (`Running`, with `resumeAt`). */
export interface MeasurementOutcome {
  readonly phase: AnalysisPhase;
  readonly message?: string;
  readonly value?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Only while Running: when to ask again. */
  readonly resumeAt?: Instant;
  /** For the metric as a whole, e.g. the resolved query (MP-007). Kept from the first measurement. */
  readonly metricMetadata?: Readonly<Record<string, string>>;
  readonly isNoData?: boolean;
  /** Why it did not succeed, in numbers (EC-020). Kept beside the metric until a measurement succeeds. */
  readonly reason?: string;
}

/** Counts measurements that saw nothing; in the metric's metadata since no field of the original's tells it. */
const NO_DATA_COUNT = "measurements-without-data";

export function noDataCount(result: MetricResult): number {
  return Number(result.metadata?.[NO_DATA_COUNT] ?? 0);
}

/**
 * Puts the outcome in the place of the open measurement and counts it (section 3.2). One change of the object does both,
 * so that a measurement is never counted twice and never lost. Null when there is no open measurement.
 */
export function finishMeasurement(
  status: AnalysisRunStatus,
  { run, name, outcome, now }: FinishOptions,
): AnalysisRunStatus | null {
  const result = resultOf(status, name);
  const open = openMeasurement(result);
  if (!result || !open) return null;
  const measurement = ended(open, outcome, now);
  const measurements = [...(result.measurements ?? []).slice(0, -1), measurement];
  const next: MetricResult = { ...result, measurements };
  const counted = isCompleted(outcome.phase) ? count(next, outcome.phase) : next;
  return withResult(status, kept(run, withMetadata(counted, outcome)));
}

export interface FinishOptions {
  readonly run: Pick<AnalysisRun, "spec">;
  readonly name: string;
  readonly outcome: MeasurementOutcome;
  readonly now: Instant;
}

function ended(
  { resumeAt: _, message: __, ...open }: Measurement,
  outcome: MeasurementOutcome,
  now: Instant,
): Measurement {
  const metadata = { ...open.metadata, ...outcome.metadata };
  return {
    ...open,
    phase: outcome.phase,
    ...(outcome.message ? { message: outcome.message } : {}),
    ...(outcome.value === undefined ? {} : { value: outcome.value }),
    ...(isCompleted(outcome.phase) ? { finishedAt: formatTime(now) } : {}),
    ...(outcome.resumeAt === undefined || isCompleted(outcome.phase) ? {} : { resumeAt: formatTime(outcome.resumeAt) }),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

function count(result: MetricResult, phase: AnalysisPhase): MetricResult {
  const plus = (field: "count" | "successful" | "failed" | "inconclusive" | "error") => ({
    [field]: (result[field] ?? 0) + 1,
  });
  const { consecutiveError, consecutiveSuccess, ...rest } = result;
  switch (phase) {
    case "Successful":
      return { ...rest, ...plus("count"), ...plus("successful"), consecutiveSuccess: (consecutiveSuccess ?? 0) + 1 };
    case "Failed":
      return { ...rest, ...plus("count"), ...plus("failed") };
    case "Inconclusive":
      return { ...rest, ...plus("count"), ...plus("inconclusive") };
    default:
      return { ...rest, ...plus("error"), consecutiveError: (consecutiveError ?? 0) + 1 };
  }
}

/** Why the last measurement did not succeed (EC-020). */
const REASON = "reason";
/** Start of the measurement that was told to wait for data. */
const WAITING = "waiting-for-data-since";

export function reasonOf(result: MetricResult | undefined): string {
  return result?.metadata?.[REASON] ?? "";
}

/** A measurement that found no data, and is taken again instead of being counted (EC-021). */
export function isWaitingForData(result: MetricResult | undefined): boolean {
  const open = openMeasurement(result);
  return open?.message !== undefined && open.resumeAt !== undefined;
}

/** Notes that a waiting measurement has been told of; null: it was before. */
export function toldWaiting(result: MetricResult): MetricResult | null {
  const since = openMeasurement(result)?.startedAt ?? "";
  if (!isWaitingForData(result) || result.metadata?.[WAITING] === since) return null;
  return { ...result, metadata: { ...result.metadata, [WAITING]: since } };
}

function withMetadata(result: MetricResult, outcome: MeasurementOutcome): MetricResult {
  const { metricMetadata, isNoData, phase, reason } = outcome;
  const isCounted = isNoData && isCompleted(phase) && phase !== "Error";
  const counts = isCounted ? { [NO_DATA_COUNT]: String(noDataCount(result) + 1) } : {};
  const { [REASON]: _, ...former } = result.metadata ?? {};
  const metadata = { ...metricMetadata, ...former, ...counts, ...(reason ? { [REASON]: reason } : {}) };
  if (Object.keys(metadata).length > 0) return { ...result, metadata };
  const { metadata: __, ...bare } = result;
  return bare;
}

/** AN-049: the newest measurements stay; counters keep the totals. */
function kept({ spec }: Pick<AnalysisRun, "spec">, result: MetricResult): MetricResult {
  const limit = retentionOf(result.name, spec.measurementRetention);
  return { ...result, measurements: (result.measurements ?? []).slice(-limit) };
}
