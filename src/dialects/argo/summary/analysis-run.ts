import { hintOf } from "../hint.ts";
import type { AnalysisRun, Measurement, Metric, MetricResult } from "../types.ts";
import { compareTexts, isOwnedBy, revisionOf } from "./order.ts";

export interface AnalysisRunSummary {
  readonly name: string;
  readonly createdAt: string;
  readonly revision: number;
  /** "" before its first tick. */
  readonly phase: string;
  readonly message: string;
  /** Measurements by outcome over all metrics, dry-run ones included (CL-020). */
  readonly counts: OutcomeCounts;
  readonly metrics: readonly MetricSummary[];
  readonly jobs: readonly JobSummary[];
}

export interface OutcomeCounts {
  readonly successful: number;
  readonly failed: number;
  readonly inconclusive: number;
  readonly error: number;
}

/** A metric's conditions beside what was measured, which is what a reader needs to understand a verdict (SE-004). */
export interface MetricSummary {
  readonly name: string;
  readonly successCondition: string;
  readonly failureCondition: string;
  readonly isDryRun: boolean;
  /** "" before the first measurement. */
  readonly phase: string;
  readonly message: string;
  readonly measurements: readonly Measurement[];
  /** What the last finished measurement says: its own message, and why the provider may have found nothing. */
  readonly lastMessage: string;
  readonly hint: string;
  /** Why the last measurement did not succeed, in numbers (EC-020). */
  readonly reason: string;
}

export interface JobSummary {
  readonly name: string;
  readonly metric: string;
  readonly phase: string;
  readonly startedAt: string;
}

/** A measurement that a Job takes names it there. */
const JOB_NAME = "job-name";

/** Those of the owner: newest revision first, in it the oldest first (CL-017). */
export function summariseAnalysisRuns(uid: string | undefined, runs: readonly AnalysisRun[]): AnalysisRunSummary[] {
  return runs
    .filter((run) => isOwnedBy(run, uid))
    .map(summariseAnalysisRun)
    .sort(
      (left, right) =>
        right.revision - left.revision ||
        compareTexts(left.createdAt, right.createdAt) ||
        compareTexts(right.name, left.name),
    );
}

export function summariseAnalysisRun(run: AnalysisRun): AnalysisRunSummary {
  const { metadata, spec, status } = run;
  const results = status?.metricResults ?? [];
  const total = (outcome: keyof OutcomeCounts) => results.reduce((sum, result) => sum + (result[outcome] ?? 0), 0);
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    revision: revisionOf(run),
    phase: status?.phase ?? "",
    message: status?.message ?? "",
    counts: {
      successful: total("successful"),
      failed: total("failed"),
      inconclusive: total("inconclusive"),
      error: total("error"),
    },
    // The order of results is that of the first measurements: readers look them up by name (AN-004).
    metrics: spec.metrics.map((metric) => summariseMetric(metric, results)),
    jobs: results.flatMap(({ name, measurements = [] }) =>
      measurements.flatMap(({ phase, startedAt = "", metadata: about }) => {
        const job = about?.[JOB_NAME];
        return job === undefined ? [] : [{ name: job, metric: name, phase, startedAt }];
      }),
    ),
  };
}

function summariseMetric(
  { name, successCondition = "", failureCondition = "" }: Metric,
  results: readonly MetricResult[],
): MetricSummary {
  const result = results.find((candidate) => candidate.name === name);
  const measurements = result?.measurements ?? [];
  // One that waits for data says so before it ends (EC-021).
  const last = measurements.findLast(({ finishedAt, message }) => finishedAt !== undefined || message !== undefined);
  return {
    name,
    successCondition,
    failureCondition,
    isDryRun: result?.dryRun ?? false,
    phase: result?.phase ?? "",
    message: result?.message ?? "",
    measurements,
    lastMessage: last?.message ?? "",
    hint: last ? hintOf(last) : "",
    reason: result?.metadata?.["reason"] ?? "",
  };
}
