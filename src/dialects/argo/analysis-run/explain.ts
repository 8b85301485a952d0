import { isCompleted, lastMeasurement, openMeasurement, reasonOf, resultOf } from "../../../analysis/status.ts";
import type { AnalysisRun, AnalysisRunStatus, Measurement, MetricResult } from "../../../analysis/types.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { controllerOf } from "../../../kube/owners.ts";
import type { PlannedEvent } from "../../../runtime/plan.ts";
import { hintOf } from "../hint.ts";

/**
 * Why measurements go wrong, told while the run still goes on (SE-003, SE-013): the original's messages stay as they are,
 * so what we know beyond them is an event of the run, and of the Rollout or Experiment that waits for it. Told when the next
 * measurement begins or the metric has its verdict; the same reason again is told only with the verdict, since events of
 * one object are limited.
 */
export function explanations(run: AnalysisRun, { assessed, begun, completed }: Transition): readonly PlannedEvent[] {
  if (run.spec.terminate === true) return [];
  return (assessed.metricResults ?? []).flatMap((result) => {
    const last = lastMeasurement(result);
    if (!last || !isCompleted(last.phase)) return [];
    const isFollowed = openMeasurement(resultOf(begun, result.name)) !== undefined;
    const [own, numbers] = [textOf(last), reasonOf(result)];
    const before = result.measurements?.at(-2);
    // Numbers differ each time: a failure that follows another one is no news.
    const isNew = own === "" ? before?.phase !== last.phase : own !== textOf(before);
    const isTold = completed.has(result.name) || (isFollowed && isNew);
    const text = [own, own === numbers ? "" : numbers].filter((part) => part !== "").join("; ");
    return text !== "" && isTold ? events(run, { metric: result.name, phase: last.phase, text }) : [];
  });
}

/** The same for a measurement that waits for data instead of ending (EC-021). */
export function waitingEvents(run: AnalysisRun, result: MetricResult): readonly PlannedEvent[] {
  return events(run, { metric: result.name, phase: "Waiting", text: textOf(openMeasurement(result)) });
}

interface Transition {
  /** The run with its finished measurements judged, and then with the next ones begun. */
  readonly assessed: AnalysisRunStatus;
  readonly begun: AnalysisRunStatus;
  /** Metrics that got their verdict just now. */
  readonly completed: ReadonlySet<string>;
}

function textOf(measurement: Measurement | undefined): string {
  if (!measurement) return "";
  return [measurement.message ?? "", hintOf(measurement)].filter((part) => part !== "").join("; ");
}

function events(
  run: AnalysisRun,
  { metric, phase, text }: { readonly metric: string; readonly phase: string; readonly text: string },
): PlannedEvent[] {
  const about = { type: "Warning" as const, reason: `Measurement${phase}` };
  const owner = ownerOf(run);
  return [
    { ...about, regarding: run, message: `Metric '${metric}': ${text}` },
    ...(owner
      ? [{ ...about, regarding: owner, message: `Analysis Run '${run.metadata.name}' Metric '${metric}': ${text}` }]
      : []),
  ];
}

/** Enough of the owner for an event about it. */
function ownerOf(run: AnalysisRun): KubeObject | null {
  const { metadata } = run;
  const reference = controllerOf(run);
  if (!reference) return null;
  const { apiVersion, kind, name, uid } = reference;
  const namespace = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  return { apiVersion, kind, metadata: { name, uid, ...namespace } };
}
