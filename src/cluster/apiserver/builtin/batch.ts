import type { KubeObject } from "../../../api/meta.ts";
import { cronJobColumns, jobColumns } from "../columns/workload-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { bool, int, list, long, open, setOf, str, struct, time } from "../schema/dsl.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";
import { invalid, required } from "../schema/problems.ts";
import { builtin, ensure, type Fields, fieldsOf, setDefaults, typeOf } from "./define.ts";
import { podTemplate } from "./pod-schema.ts";
import { notNegative, supported } from "./pod-validation.ts";
import { defaultTemplate } from "./pods.ts";
import { condition, labelSelector, objectReference } from "./shared-schema.ts";
import { immutable, validateTemplate } from "./workload-rules.ts";

/** batch/v1 (K8S-187). */

const jobSpec = struct(
  "JobSpec",
  {
    parallelism: int,
    completions: int,
    activeDeadlineSeconds: long,
    podFailurePolicy: open,
    successPolicy: open,
    backoffLimit: int,
    backoffLimitPerIndex: int,
    maxFailedIndexes: int,
    selector: labelSelector,
    manualSelector: bool,
    template: podTemplate,
    ttlSecondsAfterFinished: int,
    completionMode: str,
    suspend: bool,
    podReplacementPolicy: str,
    managedBy: str,
  },
  ["template"],
);

const jobs = builtin(typeOf("batch", "v1", "Job", "jobs"), {
  categories: ["all"],
  hasStatus: true,
  generation: "spec",
  selectableFields: ["status.successful"],
  fields: {
    spec: jobSpec,
    status: struct("JobStatus", {
      conditions: list(condition("JobCondition")),
      startTime: time,
      completionTime: time,
      active: int,
      succeeded: int,
      failed: int,
      terminating: int,
      completedIndexes: str,
      failedIndexes: str,
      uncountedTerminatedPods: struct("UncountedTerminatedPods", { succeeded: setOf(str), failed: setOf(str) }),
      ready: int,
    }),
  },
  columns: jobColumns,
  applyDefaults: defaultJob,
  validate: validateJob,
});

function defaultJob(job: KubeObject): void {
  const spec = ensure(job, "spec");
  defaultJobSpec(spec);
  if (spec["manualSelector"] !== true) selectOwnPods(job, spec);
  if (job.metadata.labels === undefined) {
    const labels = fieldsOf(fieldsOf(fieldsOf(spec, "template"), "metadata"), "labels");
    if (labels) job.metadata.labels = { ...(labels as Record<string, string>) };
  }
}

function defaultJobSpec(spec: Fields): void {
  // A work queue has a parallelism and no number of completions.
  if (spec["completions"] === undefined && spec["parallelism"] === undefined) spec["completions"] = 1;
  setDefaults(spec, {
    parallelism: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: "TerminatingOrFailed",
  });
  defaultTemplate(fieldsOf(spec, "template"));
}

/** The job's uid tells its pods from all others, so that a selector need not be written by hand. */
function selectOwnPods(job: KubeObject, spec: Fields): void {
  const { uid, name } = job.metadata;
  if (uid === undefined || spec["selector"] !== undefined) return;
  const labels = ensure(ensure(ensure(spec, "template"), "metadata"), "labels");
  Object.assign(labels, {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  });
  spec["selector"] = { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
}

function validateJob(job: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const spec = ensure(job, "spec");
  const oldSpec = old ? fieldsOf(old, "spec") : undefined;
  const isIndexed = spec["completionMode"] === "Indexed";
  // A suspended job that has not started may still have its scheduling changed.
  const isFixed = oldSpec?.["suspend"] !== true;
  return [
    ...["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"].flatMap(
      (key) => notNegative(spec, key, "spec"),
    ),
    ...supported(spec, "completionMode", "spec", ["Indexed", "NonIndexed"]),
    ...validateTemplate(spec, ["Never", "OnFailure"]),
    ...immutable(spec, oldSpec, ["selector", "completionMode"]),
    ...(isIndexed ? [] : immutable(spec, oldSpec, ["completions"])),
    ...(isFixed ? immutable(spec, oldSpec, ["template"]) : []),
  ];
}

const cronJobs = builtin(typeOf("batch", "v1", "CronJob", "cronjobs"), {
  shortNames: ["cj"],
  categories: ["all"],
  hasStatus: true,
  generation: "spec",
  fields: {
    spec: struct(
      "CronJobSpec",
      {
        schedule: str,
        timeZone: str,
        startingDeadlineSeconds: long,
        concurrencyPolicy: str,
        suspend: bool,
        jobTemplate: struct("JobTemplateSpec", { metadata: objectMetaSchema, spec: jobSpec }),
        successfulJobsHistoryLimit: int,
        failedJobsHistoryLimit: int,
      },
      ["schedule", "jobTemplate"],
    ),
    status: struct("CronJobStatus", {
      active: list(objectReference),
      lastScheduleTime: time,
      lastSuccessfulTime: time,
    }),
  },
  columns: cronJobColumns,
  applyDefaults: (object) => {
    const spec = ensure(object, "spec");
    setDefaults(spec, {
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const template = fieldsOf(fieldsOf(fieldsOf(spec, "jobTemplate"), "spec"), "template");
    defaultTemplate(template);
  },
  validate: validateCronJob,
});

/** 63 characters of a label, less 11 for the time that a job's name ends with. */
const CRON_JOB_NAME_CHARACTERS_MAX = 52;

function validateCronJob(object: KubeObject): readonly FieldProblem[] {
  const spec = ensure(object, "spec");
  const { name } = object.metadata;
  const problems = [...supported(spec, "concurrencyPolicy", "spec", ["Allow", "Forbid", "Replace"])];
  if (!spec["schedule"]) problems.push(required("spec.schedule"));
  if (name.length > CRON_JOB_NAME_CHARACTERS_MAX) {
    problems.push(invalid("metadata.name", name, `must be no more than ${CRON_JOB_NAME_CHARACTERS_MAX} characters`));
  }
  return problems;
}

export const batchDefinitions: readonly ResourceDefinition[] = [cronJobs, jobs];
