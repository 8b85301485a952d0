import type { RolloutSummary } from "../../summary.ts";
import type { AnalysisRunSummary as RunStatus } from "../../types.ts";
import type { AnalysisRunSummary, MetricSummary } from "../analysis-run.ts";

/** The run that the Rollout's status names; null when it is gone. */
export function runNamed({ revisions }: RolloutSummary, name: string): AnalysisRunSummary | null {
  const all = revisions.flatMap(({ analysisRuns, experiments }) => [
    ...analysisRuns,
    ...experiments.flatMap((experiment) => experiment.analysisRuns),
  ]);
  return all.find((run) => run.name === name) ?? null;
}

export function isUnderWay(run: RunStatus | undefined): run is RunStatus {
  return run !== undefined && ["", "Pending", "Running"].includes(run.status);
}

/** `AnalysisRun x is Running: success-rate: 2 measurements, the last Successful with [0.98]`. */
export function runText(summary: RolloutSummary, { name, status, message = "" }: RunStatus): string {
  const run = runNamed(summary, name);
  const head = `AnalysisRun ${name} is ${run?.phase || status || "Pending"}`;
  if (!run) return message === "" ? head : `${head}: ${message}`;
  return `${head}: ${run.metrics.map(metricText).join("; ")}`;
}

function metricText(metric: MetricSummary): string {
  const { name, measurements, lastMessage, reason, hint } = metric;
  const finished = measurements.filter(({ finishedAt }) => finishedAt !== undefined);
  const last = finished.at(-1);
  const why = [...new Set([lastMessage, reason, hint])].filter((text) => text !== "").join("; ");
  const told = why === "" ? "" : ` (${why})`;
  if (!last) return `${name}: nothing has been measured yet${told}`;
  const count = `${finished.length} measurement${finished.length === 1 ? "" : "s"}`;
  const value = last.value === undefined || last.value === "" ? "" : ` with ${last.value}`;
  return `${name}: ${count}, the last ${last.phase}${value}${told}`;
}
