import { isCompleted } from "../../../analysis/status.ts";
import { parseDurationMs } from "../../../base/duration.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import type { AnalysisPhase, Experiment, ExperimentStatus, ExperimentTemplateStatus } from "../types.ts";

/** Readings of an Experiment's status, and how its phase follows from its parts (XP-001 to XP-007). */

export type TemplatePhase = "Progressing" | "Running" | "Successful" | "Failed" | "Error";

const TEMPLATE_WORSE: readonly string[] = ["Successful", "Running", "Progressing", "Error", "Failed"];
const ANALYSIS_WORSE: readonly string[] = ["Successful", "Running", "Pending", "Inconclusive", "Error", "Failed"];

export function isTemplateCompleted(status: string | undefined): boolean {
  return status === "Successful" || status === "Failed" || status === "Error";
}

export function templateStatusOf(status: ExperimentStatus, name: string): ExperimentTemplateStatus | undefined {
  return status.templateStatuses?.find((one) => one.name === name);
}

type RunStatus = NonNullable<ExperimentStatus["analysisRuns"]>[number];

export function runStatusOf(status: ExperimentStatus, name: string): RunStatus | undefined {
  return status.analysisRuns?.find((one) => one.name === name);
}

/** When the experiment is over by its duration; null: it has none, or does not run yet. */
export function finishAt({ spec }: Experiment, { availableAt }: ExperimentStatus): Instant | null {
  const from = parseTime(availableAt);
  const duration = spec.duration ? parseDurationMs(spec.duration) : null;
  return from === null || duration === null ? null : from + duration;
}

/** Whether nothing new is started and what runs is ended. */
export function isEnding(experiment: Experiment, status: ExperimentStatus): boolean {
  return (
    experiment.spec.terminate === true ||
    isCompleted(status.phase) ||
    (status.templateStatuses ?? []).some((one) => isTemplateCompleted(one.status)) ||
    (status.analysisRuns ?? []).some(({ phase }) => ["Failed", "Error", "Inconclusive"].includes(phase)) ||
    areRequiredSuccessful(experiment, status)
  );
}

export function hasRequired({ spec }: Experiment): boolean {
  return (spec.analyses ?? []).some(({ requiredForCompletion }) => requiredForCompletion === true);
}

export function areRequiredSuccessful(experiment: Experiment, status: ExperimentStatus): boolean {
  const required = (experiment.spec.analyses ?? []).filter((one) => one.requiredForCompletion === true);
  return required.length > 0 && required.every(({ name }) => runStatusOf(status, name)?.phase === "Successful");
}

interface Verdict {
  readonly phase: AnalysisPhase;
  readonly message: string;
}

/** The phase from the parts of `status`, as the original decides it. */
export function experimentPhase(experiment: Experiment, status: ExperimentStatus): Verdict {
  const templates = templatesPhase(experiment, status);
  const analyses = analysesPhase(experiment, status);
  if (isCompleted(templates.phase)) {
    const defers = isCompleted(analyses.phase) || hasRequired(experiment);
    return templates.phase === "Successful" && defers ? analyses : templates;
  }
  const wentWrong = isCompleted(analyses.phase) && analyses.phase !== "Successful";
  return wentWrong || areRequiredSuccessful(experiment, status) ? analyses : templates;
}

export function templatesPhase({ spec }: Experiment, status: ExperimentStatus): Verdict {
  let worst = "Successful";
  let message = "";
  for (const { name } of spec.templates) {
    const one = templateStatusOf(status, name);
    const phase = one?.status ?? "Progressing";
    if (TEMPLATE_WORSE.indexOf(phase) <= TEMPLATE_WORSE.indexOf(worst)) continue;
    worst = phase;
    message = one?.message ?? "";
  }
  // What a template calls Progressing an experiment calls Pending.
  return { phase: worst === "Progressing" ? "Pending" : (worst as AnalysisPhase), message };
}

const REQUIRED_COMPLETED = "Required AnalysisRuns completed"; // XP-005

function analysesPhase(experiment: Experiment, status: ExperimentStatus): Verdict {
  let worst: AnalysisPhase = "Successful";
  let message = "";
  for (const { name } of experiment.spec.analyses ?? []) {
    const one = runStatusOf(status, name);
    const phase = (one?.phase ?? "Pending") as AnalysisPhase;
    if (ANALYSIS_WORSE.indexOf(phase) <= ANALYSIS_WORSE.indexOf(worst)) continue;
    worst = phase;
    message = one?.message ?? "";
  }
  if (areRequiredSuccessful(experiment, status) && ["Successful", "Running", "Pending"].includes(worst)) {
    return { phase: "Successful", message: REQUIRED_COMPLETED };
  }
  return { phase: worst === "Pending" ? "Running" : worst, message };
}
