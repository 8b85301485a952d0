import { finishMeasurement, type MeasurementOutcome, openMeasurement, resultOf } from "../../../analysis/status.ts";
import type { AnalysisRun, AnalysisRunStatus, JobMetric, Metric } from "../../../analysis/types.ts";
import type { PodTemplate } from "../../../api/apps.ts";
import type { Job } from "../../../api/batch.ts";
import { isRecord } from "../../../base/json.ts";
import type { Instant } from "../../../base/time.ts";
import { conditionsOf, findCondition } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import type { Write } from "../../../runtime/plan.ts";
import type { AnalysisRunView } from "./gather.ts";
import { stuckContainer } from "./job-pods.ts";

/** The Job provider (section 5.3): a measurement is a Job, and its end the result. No I/O besides the objects. */

const UID_LABEL = "analysisrun.argoproj.io/uid";
const NAME_ANNOTATION = "analysisrun.argoproj.io/name";
const NAMESPACE_ANNOTATION = "analysisrun.argoproj.io/namespace";
const METRIC_ANNOTATION = "analysisrun.argoproj.io/metric-name";
export const JOB_NAME = "job-name";
export const JOB_NAMESPACE = "job-namespace";

const NAME_LENGTH_MAX = 63;

/** MP-030: the name counts the measurements, so a repeat after a crash finds the first Job. */
export function jobName(run: AnalysisRun, metric: Metric): string {
  const { count = 0, error = 0 } = resultOf(run.status ?? {}, metric.name) ?? {};
  const before = `${run.metadata.uid}.`;
  const after = `.${count + error + 1}`;
  return before + metric.name.slice(0, Math.max(0, NAME_LENGTH_MAX - before.length - after.length)) + after;
}

export function renderJob(run: AnalysisRun, metric: Metric, job: JobMetric): Job {
  const { name, namespace = "", uid = "" } = run.metadata;
  const template = isRecord(job.spec["template"]) ? job.spec["template"] : {};
  const metadata = isRecord(template["metadata"]) ? template["metadata"] : {};
  const labels = isRecord(metadata["labels"]) ? metadata["labels"] : {};
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(run, metric),
      namespace,
      labels: { ...job.metadata?.labels, [UID_LABEL]: uid },
      annotations: {
        ...job.metadata?.annotations,
        [NAME_ANNOTATION]: name,
        [NAMESPACE_ANNOTATION]: namespace,
        [METRIC_ANNOTATION]: metric.name,
      },
      ownerReferences: [
        { apiVersion: run.apiVersion, kind: run.kind, name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: {
      ...job.spec,
      // As its author wrote it: whether it is complete is the server's to say.
      template: {
        ...(template as unknown as PodTemplate),
        metadata: { ...metadata, labels: { ...labels, [UID_LABEL]: uid } },
      },
    },
  };
}

/** Puts into the status what became of the Jobs under way (MP-031). */
export function followJobs(
  run: AnalysisRun,
  before: AnalysisRunStatus,
  { metrics, jobs, jobPods, now }: JobsView & { metrics: readonly Metric[]; now: Instant },
): AnalysisRunStatus {
  let status = before;
  for (const { name, provider } of metrics) {
    const open = openMeasurement(resultOf(status, name));
    if (!provider.job || !open) continue;
    const outcome = jobOutcome(open.metadata?.[JOB_NAME], { jobs, jobPods });
    if (outcome) status = finishMeasurement(status, { run, name, outcome, now }) ?? status;
  }
  return status;
}

type JobsView = Pick<AnalysisRunView, "jobs" | "jobPods">;

function jobOutcome(name: string | undefined, { jobs, jobPods }: JobsView): MeasurementOutcome | null {
  if (name === undefined) return { phase: "Error", message: "job metadata reference missing" };
  const job = jobs.find(({ metadata }) => metadata.name === name);
  if (!job) return { phase: "Error", message: `jobs.batch "${name}" not found` };
  const is = (type: string) => findCondition(conditionsOf(job), type)?.status === "True";
  if (is("Complete")) return { phase: "Successful" };
  const failed = findCondition(conditionsOf(job), "Failed");
  const stuck = failed?.status === "True" ? null : stuckContainer(jobPods.get(name) ?? []);
  if (stuck !== null) return { phase: "Inconclusive", message: stuck };
  if (failed?.status !== "True") return null;
  return { phase: "Failed", ...(failed.message ? { message: failed.message } : {}) };
}

/** MP-034: Jobs under way when the run ends. */
export function terminateJobs(
  run: AnalysisRun,
  before: AnalysisRunStatus,
  { metrics, jobs, now }: { metrics: readonly Metric[]; jobs: readonly Job[]; now: Instant },
): { readonly status: AnalysisRunStatus; readonly writes: readonly Write[] } {
  let status = before;
  const writes: Write[] = [];
  for (const { name, provider } of metrics) {
    const open = openMeasurement(resultOf(status, name));
    if (!provider.job || !open) continue;
    const job = jobs.find(({ metadata }) => metadata.name === open.metadata?.[JOB_NAME]);
    if (job) writes.push({ op: "delete", type: resources.jobs, object: job, propagationPolicy: "Foreground" });
    const outcome: MeasurementOutcome = { phase: "Inconclusive", message: "Metric Terminated" };
    status = finishMeasurement(status, { run, name, outcome, now }) ?? status;
  }
  return { status, writes };
}

/** MP-034: finished Jobs whose measurement is no longer kept. */
export function forgottenJobs(status: AnalysisRunStatus, jobs: readonly Job[]): readonly Write[] {
  const results = status.metricResults ?? [];
  const kept = new Set(
    results.flatMap(({ measurements = [] }) => measurements.map(({ metadata }) => metadata?.[JOB_NAME])),
  );
  return jobs
    .filter((job) => !kept.has(job.metadata.name) && job.metadata.deletionTimestamp === undefined && hasEnded(job))
    .map((object) => ({ op: "delete", type: resources.jobs, object, propagationPolicy: "Foreground" }));
}

function hasEnded(job: Job): boolean {
  return conditionsOf(job).some(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
}
