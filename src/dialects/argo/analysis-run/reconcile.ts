import { resolveArguments, resolveMetric } from "../../../analysis/arguments.ts";
import { assessRun } from "../../../analysis/assess.ts";
import { dataPolicyProblem } from "../../../analysis/policy.ts";
import { nextMeasurementAt } from "../../../analysis/schedule.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import {
  finishMeasurement,
  isCompleted,
  isTerminating,
  startMeasurement,
  toldWaiting,
  withResult,
} from "../../../analysis/status.ts";
import type { AnalysisPhase, AnalysisRun, AnalysisRunStatus, Metric } from "../../../analysis/types.ts";
import { metricsProblem, validateRules } from "../../../analysis/validate.ts";
import { formatTime, type Instant, parseTime } from "../../../base/time.ts";
import type { ApiError } from "../../../kube/errors.ts";
import { resources } from "../../../kube/resource.ts";
import {
  emptyPlan,
  type Plan,
  type PlannedEvent,
  type Refusal,
  type StatusWrite,
  type Write,
} from "../../../runtime/plan.ts";
import { explanations, waitingEvents } from "./explain.ts";
import type { AnalysisRunView } from "./gather.ts";
import { nextLookAt } from "./job-pods.ts";
import { followJobs, forgottenJobs, JOB_NAME, JOB_NAMESPACE, jobName, renderJob, terminateJobs } from "./jobs.ts";

/**
 * One AnalysisRun (section 3). Measurements that are due are marked as begun in the status; the measurer performs them
 * (analysis/measurer.ts). A Job's measurement is the Job itself.
 */
export function reconcileAnalysisRun(view: AnalysisRunView): Plan {
  const { run, now } = view;
  if (run.metadata.deletionTimestamp !== undefined) return emptyPlan;
  if (isCompleted(run.status?.phase)) return expire(run, now);
  const status: AnalysisRunStatus = { ...run.status, startedAt: run.status?.startedAt ?? formatTime(now) };
  const checked = checkSpec(view);
  return "problem" in checked ? refuse(run, status, { ...checked, now }) : proceed(view, status, checked.metrics);
}

/** The metrics with their arguments in place, or why the run cannot be (AN-037). */
function checkSpec({ run, secretOf }: AnalysisRunView): { metrics: readonly Metric[] } | { problem: string } {
  const { metrics = [], args, dryRun, measurementRetention } = run.spec;
  let resolved: readonly Metric[];
  try {
    const { values } = resolveArguments(args, secretOf);
    resolved = metrics.map((metric) => resolveMetric(metric, values));
  } catch (error) {
    if (!(error instanceof AnalysisSpecError)) throw error;
    return { problem: `Unable to resolve metric arguments: ${error.message}` };
  }
  try {
    validateRules(resolved, { dryRun, measurementRetention });
    const problem = metricsProblem(resolved) ?? dataPolicyProblem(run, resolved);
    return problem === null ? { metrics: resolved } : { problem: `Analysis spec invalid: ${problem}` };
  } catch (error) {
    if (!(error instanceof AnalysisSpecError)) throw error;
    return { problem: `Analysis spec invalid: ${error.message}` };
  }
}

/** The original leaves completedAt unset, so that such runs never expire (SU-013); we set it. */
function refuse(
  run: AnalysisRun,
  status: AnalysisRunStatus,
  { problem, now }: { readonly problem: string; readonly now: Instant },
): Plan {
  const after: AnalysisRunStatus = { ...status, phase: "Error", message: problem, completedAt: formatTime(now) };
  return { ...emptyPlan, status: statusWrite(run, after), events: [runEvent(run, "Error")] };
}

function proceed(view: AnalysisRunView, before: AnalysisRunStatus, metrics: readonly Metric[]): Plan {
  const { run, jobs, jobPods, now } = view;
  const followed = followJobs(run, before, { metrics, jobs, jobPods, now });
  const isEnding = isTerminating(run, followed);
  const ended = isEnding ? terminateJobs(run, followed, { metrics, jobs, now }) : { status: followed, writes: [] };
  const assessed = assessRun(run, ended.status, { metrics, now });
  const begun = begin(view, assessed.status, metrics);
  const events: PlannedEvent[] = assessed.completedMetrics.map(({ name, phase }) =>
    event(run, `Metric${phase}`, { phase, message: `Metric '${name}' Completed. Result: ${phase}` }),
  );
  if (assessed.hasCompleted) events.push(runEvent(run, assessed.status.phase!));
  const completed = new Set(assessed.completedMetrics.map(({ name }) => name));
  events.push(...explanations(run, { assessed: assessed.status, begun: begun.status, completed }));
  const told = tellWaiting(run, begun.status);
  return {
    writes: [...ended.writes, ...begun.writes, ...forgottenJobs(told.status, jobs)],
    status: statusWrite(run, told.status),
    events: [...events, ...told.events],
    requeueAt: wakeAt(run, told.status, { metrics, now }),
    onRefusal: (write, error) => refused(view, told.status, { write, error }),
  };
}

/** EC-021: that a measurement waits for data is told once, and noted so that it stays at once. */
function tellWaiting(
  run: AnalysisRun,
  before: AnalysisRunStatus,
): { status: AnalysisRunStatus; events: PlannedEvent[] } {
  let status = before;
  const events: PlannedEvent[] = [];
  for (const result of before.metricResults ?? []) {
    const told = toldWaiting(result);
    if (!told) continue;
    status = withResult(status, told);
    events.push(...waitingEvents(run, told));
  }
  return { status, events };
}

/** Marks what is due (AN-031 to AN-035). */
function begin(
  { run, now }: AnalysisRunView,
  before: AnalysisRunStatus,
  metrics: readonly Metric[],
): { readonly status: AnalysisRunStatus; readonly writes: readonly Write[] } {
  if (isCompleted(before.phase) || isTerminating(run, before)) return { status: before, writes: [] };
  let status = before;
  const writes: Write[] = [];
  for (const metric of metrics) {
    const at = nextMeasurementAt(metric, status, now);
    if (at === null || at > now) continue;
    const { job } = metric.provider;
    if (job) writes.push({ op: "create", type: resources.jobs, object: renderJob({ ...run, status }, metric, job) });
    const metadata = job && {
      [JOB_NAME]: jobName({ ...run, status }, metric),
      [JOB_NAMESPACE]: run.metadata.namespace ?? "",
    };
    status = startMeasurement(status, { run, metric, now, ...(metadata ? { metadata } : {}) });
  }
  return { status, writes };
}

function wakeAt(
  run: AnalysisRun,
  status: AnalysisRunStatus,
  { metrics, now }: { readonly metrics: readonly Metric[]; readonly now: Instant },
): Instant | null {
  if (isCompleted(status.phase)) return expiryOf(run, status);
  const jobMetrics = new Set(metrics.filter(({ provider }) => provider.job).map(({ name }) => name));
  const times = [
    ...metrics.map((metric) => nextMeasurementAt(metric, status, now)),
    nextLookAt(status, jobMetrics, now),
  ].filter((at) => at !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** A Job that the server refuses is an Error measurement, tried again like any other. */
function refused(
  { run, now }: AnalysisRunView,
  status: AnalysisRunStatus,
  { write, error }: { readonly write: Write; readonly error: ApiError },
): Refusal {
  if (write.op !== "create") return { status: null, events: [] };
  const name = status.metricResults?.find(
    ({ measurements }) => measurements?.at(-1)?.metadata?.[JOB_NAME] === write.object.metadata.name,
  )?.name;
  const outcome = { phase: "Error" as const, message: error.message };
  const after = name === undefined ? null : finishMeasurement(status, { run, name, outcome, now });
  return { status: after && statusWrite(run, after), events: [] };
}

/** AN-050, to the second instead of at the next resync (SU-013). */
function expire(run: AnalysisRun, now: Instant): Plan {
  const at = expiryOf(run, run.status ?? {});
  if (at === null) return emptyPlan;
  if (at > now) return { ...emptyPlan, requeueAt: at };
  return {
    ...emptyPlan,
    writes: [{ op: "delete", type: resources.analysisRuns, object: run, propagationPolicy: "Background" }],
  };
}

function expiryOf({ spec: { ttlStrategy } }: AnalysisRun, { phase, completedAt }: AnalysisRunStatus): Instant | null {
  const completed = parseTime(completedAt);
  const specific: Partial<Record<AnalysisPhase, number | undefined>> = {
    Successful: ttlStrategy?.secondsAfterSuccess,
    Failed: ttlStrategy?.secondsAfterFailure,
  };
  const seconds = (phase ? specific[phase] : undefined) ?? ttlStrategy?.secondsAfterCompletion;
  // Whole elapsed seconds must exceed the limit.
  return completed === null || seconds === undefined ? null : completed + (seconds + 1) * 1000;
}

function statusWrite(run: AnalysisRun, status: AnalysisRunStatus): StatusWrite {
  return { type: resources.analysisRuns, object: run, status, isPlainField: true };
}

function runEvent(run: AnalysisRun, phase: AnalysisPhase): PlannedEvent {
  return event(run, `AnalysisRun${phase}`, { phase, message: `Analysis Completed. Result: ${phase}` });
}

/** AN-055, AN-056. */
function event(
  run: AnalysisRun,
  reason: string,
  { phase, message }: { readonly phase: AnalysisPhase; readonly message: string },
): PlannedEvent {
  return { regarding: run, type: phase === "Failed" || phase === "Error" ? "Warning" : "Normal", reason, message };
}
