import type { KubeObject } from "../../../api/meta.ts";
import { formatAge, type Instant, parseTime } from "../../../base/time.ts";
import { controllerOf } from "../../../kube/owners.ts";
import type { TableColumn } from "../resource.ts";
import {
  ageColumn,
  ageSince,
  at,
  column,
  count,
  integer,
  items,
  labelsText,
  nameColumn,
  selectorText,
  sizeOf,
  text,
  workloadColumns,
} from "./cells.ts";

/** Columns of apps/v1, batch/v1, autoscaling and policy. */

const TEMPLATE_SPEC = "spec.template.spec";
const bySelector = (object: KubeObject) => selectorText(object, "spec.selector");

export const deploymentColumns: readonly TableColumn[] = [
  nameColumn,
  column("Ready", (object) => `${count(object, "status.readyReplicas")}/${count(object, "spec.replicas")}`),
  column("Up-to-date", (object) => count(object, "status.updatedReplicas")),
  column("Available", (object) => count(object, "status.availableReplicas")),
  ageColumn,
  ...workloadColumns(TEMPLATE_SPEC, bySelector),
];

function replicaColumns(selector: (object: KubeObject) => string): readonly TableColumn[] {
  return [
    nameColumn,
    integer("Desired", "spec.replicas"),
    integer("Current", "status.replicas"),
    integer("Ready", "status.readyReplicas"),
    ageColumn,
    ...workloadColumns(TEMPLATE_SPEC, selector),
  ];
}

export const replicaSetColumns = replicaColumns(bySelector);
export const replicationControllerColumns = replicaColumns((object) => labelsText(object, "spec.selector"));

export const statefulSetColumns: readonly TableColumn[] = [
  nameColumn,
  column("Ready", (object) => `${count(object, "status.readyReplicas")}/${count(object, "spec.replicas")}`),
  ageColumn,
  ...workloadColumns(TEMPLATE_SPEC, bySelector).slice(0, 2),
];

export const daemonSetColumns: readonly TableColumn[] = [
  nameColumn,
  integer("Desired", "status.desiredNumberScheduled"),
  integer("Current", "status.currentNumberScheduled"),
  integer("Ready", "status.numberReady"),
  integer("Up-to-date", "status.updatedNumberScheduled"),
  integer("Available", "status.numberAvailable"),
  column("Node Selector", (object) => labelsText(object, `${TEMPLATE_SPEC}.nodeSelector`)),
  ageColumn,
  ...workloadColumns(TEMPLATE_SPEC, bySelector),
];

export const jobColumns: readonly TableColumn[] = [
  nameColumn,
  column("Status", jobStatus),
  column("Completions", jobCompletions),
  column("Duration", jobDuration),
  ageColumn,
  ...workloadColumns(TEMPLATE_SPEC, bySelector),
];

function jobStatus(job: KubeObject): string {
  const holds = (type: string) =>
    items(job, "status.conditions").some((condition) => condition["type"] === type && condition["status"] === "True");
  if (holds("Complete")) return "Complete";
  if (holds("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(holds) ?? "Running";
}

function jobCompletions(job: KubeObject): string {
  const succeeded = count(job, "status.succeeded");
  if (at(job, "spec.completions") !== undefined) return `${succeeded}/${count(job, "spec.completions")}`;
  const parallelism = count(job, "spec.parallelism");
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: KubeObject, now: Instant): string {
  const start = parseTime(text(job, "status.startTime"));
  if (start === null) return "";
  return formatAge((parseTime(text(job, "status.completionTime")) ?? now) - start);
}

export const cronJobColumns: readonly TableColumn[] = [
  nameColumn,
  column("Schedule", (object) => text(object, "spec.schedule")),
  column("Timezone", (object) => text(object, "spec.timeZone", "<none>")),
  column("Suspend", (object) => (at(object, "spec.suspend") === true ? "True" : "False"), { type: "boolean" }),
  column("Active", (object) => sizeOf(object, "status.active"), { type: "integer" }),
  column("Last Schedule", (object, now) => {
    const time = text(object, "status.lastScheduleTime");
    return time === "" ? "<none>" : ageSince(time, now);
  }),
  ageColumn,
  ...workloadColumns("spec.jobTemplate.spec.template.spec", (object) =>
    selectorText(object, "spec.jobTemplate.spec.selector"),
  ),
];

export const controllerRevisionColumns: readonly TableColumn[] = [
  nameColumn,
  column("Controller", (object) => {
    const owner = controllerOf(object);
    if (!owner) return "<none>";
    const [group = ""] = owner.apiVersion.includes("/") ? owner.apiVersion.split("/") : [];
    return `${owner.kind.toLowerCase()}${group === "" ? "" : `.${group}`}/${owner.name}`;
  }),
  column("Revision", (object) => count(object, "revision")),
  ageColumn,
];

export const autoscalerColumns: readonly TableColumn[] = [
  nameColumn,
  column(
    "Reference",
    (object) => `${text(object, "spec.scaleTargetRef.kind")}/${text(object, "spec.scaleTargetRef.name")}`,
  ),
  column("Targets", autoscalerTargets),
  column("MinPods", (object) => text(object, "spec.minReplicas", "<unset>")),
  column("MaxPods", (object) => count(object, "spec.maxReplicas")),
  column("Replicas", (object) => count(object, "status.currentReplicas")),
  ageColumn,
];

function autoscalerTargets(hpa: KubeObject): string {
  const current = items(hpa, "status.currentMetrics");
  const targets = items(hpa, "spec.metrics").map((metric, index) => {
    const source = metricSource(metric);
    const now = metricSource(current[index]).current;
    const suffix = source.isPercent ? "%" : "";
    const name = source.name === "" ? "" : `${source.name}: `;
    return `${name}${now === "" ? "<unknown>" : `${now}${suffix}`}/${source.target}${suffix}`;
  });
  const v1Target = text(hpa, "spec.targetCPUUtilizationPercentage");
  if (targets.length === 0 && v1Target !== "") {
    const now = text(hpa, "status.currentCPUUtilizationPercentage");
    return `cpu: ${now === "" ? "<unknown>" : `${now}%`}/${v1Target}%`;
  }
  if (targets.length === 0) return "<none>";
  return targets.slice(0, 2).join(", ") + (targets.length > 2 ? ` + ${targets.length - 2} more...` : "");
}

function metricSource(metric: unknown) {
  const type = text(metric, "type");
  const source = at(metric, type.slice(0, 1).toLowerCase() + type.slice(1));
  const isPercent = at(source, "target.averageUtilization") !== undefined;
  return {
    name: isPercent ? text(source, "name") : "",
    isPercent,
    target: text(
      source,
      "target.averageUtilization",
      text(source, "target.averageValue", text(source, "target.value")),
    ),
    current: text(
      source,
      "current.averageUtilization",
      text(source, "current.averageValue", text(source, "current.value")),
    ),
  };
}

export const disruptionBudgetColumns: readonly TableColumn[] = [
  nameColumn,
  column("Min Available", (object) => text(object, "spec.minAvailable", "N/A")),
  column("Max Unavailable", (object) => text(object, "spec.maxUnavailable", "N/A")),
  integer("Allowed Disruptions", "status.disruptionsAllowed"),
  ageColumn,
];
