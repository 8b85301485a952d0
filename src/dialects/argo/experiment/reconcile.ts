import { isCompleted } from "../../../analysis/status.ts";
import type { Condition } from "../../../api/meta.ts";
import { formatTime, type Instant } from "../../../base/time.ts";
import { setCondition } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import { emptyPlan, type Plan, type PlannedEvent, type StatusWrite } from "../../../runtime/plan.ts";
import type { Experiment, ExperimentStatus } from "../types.ts";
import { type AnalysisStep, reconcileAnalysis } from "./analyses.ts";
import type { ExperimentView } from "./gather.ts";
import { experimentPhase, finishAt, templatesPhase } from "./phases.ts";
import { reconcileTemplate, type TemplateStep } from "./templates.ts";
import { experimentProblem } from "./validate.ts";

/** One Experiment (section 8.2): templates run side by side, analyses judge them, and at the end all is taken down. */
export function reconcileExperiment(view: ExperimentView): Plan {
  const { experiment, now } = view;
  if (experiment.metadata.deletionTimestamp !== undefined) return emptyPlan;
  const problem = experimentProblem(experiment);
  if (problem !== null) return { ...emptyPlan, status: statusWrite(experiment, invalid(experiment, problem, now)) };
  const templates = experiment.spec.templates.map((template) => reconcileTemplate(view, template));
  const analyses = (experiment.spec.analyses ?? []).map((analysis) => reconcileAnalysis(view, analysis));
  const status = nextStatus(view, templates, analyses);
  return {
    writes: [...templates, ...analyses].flatMap(({ writes }) => writes),
    status: statusWrite(experiment, status),
    events: [...[...templates, ...analyses].flatMap(({ events }) => events), ...transition(experiment, status)],
    requeueAt: wakeAt(view, status, templates),
  };
}

/** The text stands in the message as well, so that a Rollout's step that cannot go on says why. */
function invalid(experiment: Experiment, message: string, now: Instant): ExperimentStatus {
  const condition: Condition = { type: "InvalidExperimentSpec", status: "True", reason: "InvalidSpec", message };
  const conditions = [...setCondition(experiment.status?.conditions as Condition[] | undefined, condition, now)];
  return { ...experiment.status, message, conditions: conditions as NonNullable<ExperimentStatus["conditions"]> };
}

function nextStatus(
  { experiment, now }: ExperimentView,
  templates: readonly TemplateStep[],
  analyses: readonly AnalysisStep[],
): ExperimentStatus {
  const runs = analyses.map(({ status }) => status).filter((status) => status !== null);
  const { message: _, ...before } = experiment.status ?? {};
  const parts: ExperimentStatus = {
    ...before,
    templateStatuses: templates.map(({ status }) => status),
    ...(runs.length > 0 ? { analysisRuns: runs } : {}),
  };
  const status = { ...parts, ...phaseOf(experiment, parts, now) };
  return { ...status, conditions: conditionsOf(experiment, status, now) };
}

function phaseOf(experiment: Experiment, parts: ExperimentStatus, now: Instant): Partial<ExperimentStatus> {
  const { phase, message } = experiment.status ?? {};
  if (phase === undefined || phase === "") return { phase: "Pending" };
  if (isCompleted(phase)) return { phase, ...(message ? { message } : {}) };
  const isAvailable = parts.availableAt !== undefined || templatesPhase(experiment, parts).phase === "Running";
  const next = experimentPhase(experiment, parts);
  return {
    phase: next.phase,
    ...(next.message ? { message: next.message } : {}),
    ...(isAvailable ? { availableAt: parts.availableAt ?? formatTime(now) } : {}),
  };
}

/** XP-012. */
function conditionsOf(experiment: Experiment, status: ExperimentStatus, now: Instant) {
  const name = JSON.stringify(experiment.metadata.name);
  const condition: Condition = isCompleted(status.phase)
    ? progressing("False", "ExperimentCompleted", `Experiment ${name} has successfully ran and completed.`)
    : status.availableAt
      ? progressing("True", "NewReplicaSetAvailable", `Experiment ${name} is running.`)
      : progressing("True", "ReplicaSetUpdated", `Experiment ${name} is progressing.`);
  const before = ((status.conditions ?? []) as Condition[]).filter(({ type }) => type !== "InvalidExperimentSpec");
  return [...setCondition(before, condition, now)] as NonNullable<ExperimentStatus["conditions"]>;
}

function progressing(status: "True" | "False", reason: string, message: string): Condition {
  return { type: "Progressing", status, reason, message };
}

function transition(experiment: Experiment, { phase, message }: ExperimentStatus): readonly PlannedEvent[] {
  const before = experiment.status?.phase ?? "";
  if (before === phase) return [];
  const text = `Experiment transitioned from ${before} -> ${phase}`;
  const type = ["Failed", "Error", "Inconclusive"].includes(phase ?? "") ? "Warning" : "Normal";
  return [
    { regarding: experiment, type, reason: `Experiment${phase}`, message: message ? `${text}: ${message}` : text },
  ];
}

function wakeAt({ experiment, now }: ExperimentView, status: ExperimentStatus, templates: readonly TemplateStep[]) {
  const finish = isCompleted(status.phase) ? null : finishAt(experiment, status);
  const times = templates.flatMap((template) => template.wakeAt);
  if (finish !== null && finish > now) times.push(finish);
  return times.length === 0 ? null : Math.min(...times);
}

function statusWrite(experiment: Experiment, status: ExperimentStatus): StatusWrite {
  return { type: resources.experiments, object: experiment, status, isPlainField: true };
}
