import { formatTime, type Instant } from "../base/time.ts";
import {
  consecutiveErrorLimitOf,
  consecutiveSuccessLimitOf,
  effectiveCount,
  failureLimitOf,
  inconclusiveLimitOf,
} from "./numbers.ts";
import {
  isCompleted,
  isTerminating,
  lastMeasurement,
  noDataCount,
  openMeasurement,
  resultOf,
  withResult,
} from "./status.ts";
import type { AnalysisPhase, AnalysisRun, AnalysisRunStatus, Metric, MetricResult, RunSummary } from "./types.ts";
import { isDryRun } from "./validate.ts";

/** A metric's phase, with the reason where it did not simply pass. */
interface Assessment {
  readonly phase: AnalysisPhase;
  readonly reason?: string;
}

/** AN-040: one metric after what was measured so far. */
export function assessMetric(metric: Metric, result: MetricResult, terminating: boolean): Assessment {
  const last = lastMeasurement(result);
  if (!last) return { phase: terminating ? "Successful" : "Pending" };
  if (!isCompleted(last.phase)) return { phase: "Running" };
  const broken = brokenLimit(metric, result);
  if (broken) return broken;
  const wanted = consecutiveSuccessLimitOf(metric);
  if (wanted > 0 && (result.consecutiveSuccess ?? 0) >= wanted) return passed(result);
  const count = effectiveCount(metric);
  if (count !== null && (result.count ?? 0) >= count) return atCount(metric, result);
  return { phase: terminating ? "Successful" : "Running" };
}

/** Step 4; a later line wins over an earlier one. */
function brokenLimit(metric: Metric, result: MetricResult): Assessment | null {
  const { failed = 0, inconclusive = 0, consecutiveError = 0 } = result;
  const limits = {
    failure: failureLimitOf(metric),
    inconclusive: inconclusiveLimitOf(metric),
    error: consecutiveErrorLimitOf(metric),
  };
  if (consecutiveError > limits.error) {
    return {
      phase: "Error",
      reason: `consecutiveErrors (${consecutiveError}) > consecutiveErrorLimit (${limits.error})`,
    };
  }
  if (inconclusive > limits.inconclusive) {
    return {
      phase: "Inconclusive",
      reason: `inconclusive (${inconclusive}) > inconclusiveLimit (${limits.inconclusive})`,
    };
  }
  if (limits.failure >= 0 && failed > limits.failure) {
    return { phase: "Failed", reason: `failed (${failed}) > failureLimit (${limits.failure})` };
  }
  return null;
}

/** Step 6. The original says nothing of why a metric did not pass here; we do (AN-048). */
function atCount(metric: Metric, result: MetricResult): Assessment {
  const wanted = consecutiveSuccessLimitOf(metric);
  if (wanted === 0) return passed(result);
  const reason = `consecutiveSuccess (${result.consecutiveSuccess ?? 0}) < consecutiveSuccessLimit (${wanted})`;
  return { phase: failureLimitOf(metric) >= 0 ? "Inconclusive" : "Failed", reason };
}

/** A metric that never saw anything, such as a request, has proven nothing: it does not pass. */
function passed(result: MetricResult): Assessment {
  const { count = 0 } = result;
  if (count === 0 || noDataCount(result) < count) return { phase: "Successful" };
  return { phase: "Inconclusive", reason: `no data: 0 of ${count} measurements saw anything` };
}

/** AN-041, best first. */
const WORSE: readonly AnalysisPhase[] = ["Successful", "Running", "Pending", "Inconclusive", "Error", "Failed"];

export interface RunAssessment {
  readonly status: AnalysisRunStatus;
  /** Metrics that completed in this assessment, in the order of the spec. */
  readonly completedMetrics: readonly { readonly name: string; readonly phase: AnalysisPhase }[];
  /** The run completed in this assessment. */
  readonly hasCompleted: boolean;
}

/** Section 3.4: all metrics, then the run. `metrics` are the run's, with their arguments resolved. */
export function assessRun(run: AnalysisRun, status: AnalysisRunStatus, options: AssessOptions): RunAssessment {
  const terminating = isTerminating(run, status);
  const metrics = assessMetrics(options.metrics, status, terminating);
  const assessed: AnalysisRunStatus = { ...metrics.status, ...summaries(run, metrics.status, options.metrics) };
  const { phase, message } = rollUp(run, assessed, { ...options, terminating });
  if (phase === status.phase) return { status: assessed, completedMetrics: metrics.completed, hasCompleted: false };
  const { message: _, ...rest } = assessed;
  const hasCompleted = isCompleted(phase);
  return {
    status: {
      ...rest,
      phase,
      ...(message ? { message } : {}),
      ...(hasCompleted && !status.completedAt ? { completedAt: formatTime(options.now) } : {}),
    },
    completedMetrics: metrics.completed,
    hasCompleted,
  };
}

export interface AssessOptions {
  readonly metrics: readonly Metric[];
  readonly now: Instant;
}

function assessMetrics(metrics: readonly Metric[], before: AnalysisRunStatus, terminating: boolean) {
  let status = before;
  const completed: { name: string; phase: AnalysisPhase }[] = [];
  for (const metric of metrics) {
    const result = resultOf(status, metric.name);
    if (!result || isCompleted(result.phase)) continue;
    const { phase, reason } = assessMetric(metric, result, terminating);
    if (phase === result.phase) continue;
    if (isCompleted(phase)) completed.push({ name: metric.name, phase });
    status = withResult(status, { ...result, phase, ...metricMessage(result, { phase, reason }) });
  }
  return { status, completed };
}

/** AN-046. */
function metricMessage(result: MetricResult, { phase, reason }: { phase: AnalysisPhase; reason: string | undefined }) {
  if (!isCompleted(phase)) return {};
  if (result.dryRun && reason) return { message: `Metric assessed ${phase} due to ${reason}` };
  const message = lastMeasurement(result)?.message;
  return message ? { message } : {};
}

function rollUp(
  run: AnalysisRun,
  status: AnalysisRunStatus,
  { metrics, terminating }: AssessOptions & { readonly terminating: boolean },
): { phase: AnalysisPhase; message: string } {
  let worst: AnalysisPhase | null = null;
  let message = run.spec.terminate === true ? "Run Terminated" : "";
  let isEverythingCompleted = true;
  for (const metric of metrics) {
    const result = resultOf(status, metric.name);
    if (!result || !isCompleted(result.phase)) {
      // What is being measured right now is waited for even while terminating: its request is under way elsewhere.
      if (!terminating || openMeasurement(result)) isEverythingCompleted = false;
      continue;
    }
    if (isDryRun(metric.name, run.spec.dryRun)) continue;
    if (worst !== null && WORSE.indexOf(result.phase) <= WORSE.indexOf(worst)) continue;
    worst = result.phase;
    message = runMessage(metric, result) ?? message;
  }
  if (!isEverythingCompleted) return { phase: "Running", message: "" };
  return { phase: worst ?? "Successful", message };
}

/** AN-045; null: this metric is no reason to say anything. */
function runMessage(metric: Metric, result: MetricResult): string | null {
  if (result.phase === "Successful") return null;
  const { reason } = assessMetric(metric, result, false);
  if (!reason) return null;
  const text = `Metric "${metric.name}" assessed ${result.phase} due to ${reason}`;
  return result.message ? `${text}: "Error Message: ${result.message}"` : text;
}

function summaries(run: AnalysisRun, status: AnalysisRunStatus, metrics: readonly Metric[]) {
  const isDry = (name: string) => isDryRun(name, run.spec.dryRun);
  const counted = metrics.filter(({ name }) => !isDry(name));
  const dry = metrics.filter(({ name }) => isDry(name));
  return {
    runSummary: summary(status, counted),
    ...(dry.length > 0 ? { dryRunSummary: summary(status, dry) } : {}),
  };
}

/** AN-048: counted in metrics; zeros are left out. */
function summary(status: AnalysisRunStatus, metrics: readonly Metric[]): RunSummary {
  const result: RunSummary = {};
  if (metrics.length > 0) result.count = metrics.length;
  for (const { name } of metrics) {
    const field = SUMMARY_FIELD[resultOf(status, name)?.phase ?? "Pending"];
    if (field) result[field] = (result[field] ?? 0) + 1;
  }
  return result;
}

const SUMMARY_FIELD: Readonly<Partial<Record<AnalysisPhase, "successful" | "failed" | "inconclusive" | "error">>> = {
  Successful: "successful",
  Failed: "failed",
  Inconclusive: "inconclusive",
  Error: "error",
};
