import { parseDurationMs } from "../base/duration.ts";
import {
  consecutiveErrorLimitOf,
  consecutiveSuccessLimitOf,
  failureLimitOf,
  inconclusiveLimitOf,
  intValue,
} from "./numbers.ts";
import { unanchoredRegex } from "./pattern.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import type { DryRun, MeasurementRetention, Metric } from "./types.ts";

/** AN-021 to AN-024: the first thing wrong with a run's metrics, null when nothing is. */
export function metricsProblem(metrics: readonly Metric[] | undefined): string | null {
  if (!metrics || metrics.length === 0) return "no metrics specified";
  const names = new Set<string>();
  for (const [index, metric] of metrics.entries()) {
    const problem = names.has(metric.name) ? `duplicate name '${metric.name}'` : metricProblem(metric);
    if (problem !== null) return `metrics[${index}]: ${problem}`;
    names.add(metric.name);
  }
  return null;
}

function metricProblem(metric: Metric): string | null {
  return countProblem(metric) ?? timeProblem(metric) ?? limitProblem(metric) ?? providerProblem(metric);
}

function countProblem(metric: Metric): string | null {
  const count = intValue(metric.count);
  const failures = failureLimitOf(metric);
  const successes = consecutiveSuccessLimitOf(metric);
  if (count > 0) {
    if (count < successes) return "count must be >= consecutiveSuccessLimit";
    if (count < inconclusiveLimitOf(metric)) return "count must be >= inconclusiveLimit";
    if (failures >= 0 && successes >= 0 && count < failures + successes) {
      return `count (${count}) must be >= failureLimit + consecutiveSuccessLimit (${failures} + ${successes}) if both >= 0`;
    }
  }
  return count > 1 && !metric.interval ? "interval must be specified when count > 1" : null;
}

function timeProblem({ interval, initialDelay }: Metric): string | null {
  const problem = (text: string | undefined) =>
    text && parseDurationMs(text.replace(/^[-+]/, "")) === null
      ? `time: invalid duration ${JSON.stringify(text)}`
      : null;
  const ofInterval = problem(interval);
  if (ofInterval) return `invalid interval string: ${ofInterval}`;
  const ofDelay = problem(initialDelay);
  // The field was once called startDelay; the original's text still says so.
  return ofDelay ? `invalid startDelay string: ${ofDelay}` : null;
}

function limitProblem(metric: Metric): string | null {
  if (failureLimitOf(metric) < -1) return "failureLimit must be >= 0, or -1 to be disabled";
  if (inconclusiveLimitOf(metric) < 0) return "inconclusiveLimit must be >= 0";
  if (consecutiveErrorLimitOf(metric) < 0) return "consecutiveErrorLimit must be >= 0";
  if (consecutiveSuccessLimitOf(metric) < 0) return "consecutiveSuccessLimit must be >= 0";
  if (failureLimitOf(metric) === -1 && consecutiveSuccessLimitOf(metric) === 0) {
    return "failureLimit and consecutiveSuccessLimit cannot both be disabled";
  }
  return null;
}

function providerProblem({ provider }: Metric): string | null {
  const count = Object.values(provider ?? {}).filter((one) => one !== undefined && one !== null).length;
  if (count === 0) return "no provider specified";
  return count > 1 ? "multiple providers specified" : null;
}

export interface MetricRules {
  readonly dryRun?: readonly DryRun[] | undefined;
  readonly measurementRetention?: readonly MeasurementRetention[] | undefined;
}

/** AN-020: a rule that speaks of no metric is a mistake. Throws `AnalysisSpecError`. */
export function validateRules(metrics: readonly Metric[], { dryRun, measurementRetention }: MetricRules): void {
  check("dryRun", dryRun ?? []);
  check("measurementRetention", measurementRetention ?? []);

  function check(field: string, rules: readonly { readonly metricName: string }[]): void {
    rules.forEach(({ metricName }, index) => {
      if (!metrics.some(({ name }) => matchesMetric(metricName, name))) {
        throw new AnalysisSpecError(`${field}[${index}]: Rule didn't match any metric name(s)`);
      }
    });
  }
}

function matchesMetric(pattern: string, name: string): boolean {
  const regex = unanchoredRegex(pattern);
  return !("error" in regex) && regex.matches(name);
}

export function isDryRun(name: string, rules: readonly DryRun[] | undefined): boolean {
  return (rules ?? []).some(({ metricName }) => matchesMetric(metricName, name));
}

const RETENTION = 10; // AN-049

/** How many measurements of the metric are kept. */
export function retentionOf(name: string, rules: readonly MeasurementRetention[] | undefined): number {
  const rule = (rules ?? []).find(({ metricName }) => matchesMetric(metricName, name));
  return rule?.limit !== undefined && rule.limit > 0 ? rule.limit : RETENTION;
}
