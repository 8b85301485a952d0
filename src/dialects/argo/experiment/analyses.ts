import { collectTemplates, composeRunSpec, isSameRunSpec, templatesProblem } from "../../../analysis/compose.ts";
import { runPolicies } from "../../../analysis/policy.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import { isCompleted } from "../../../analysis/status.ts";
import type { AnalysisRun, AnalysisRunSpec, AnalysisTemplate, Argument } from "../../../analysis/types.ts";
import { formatTime } from "../../../base/time.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import type { PlannedEvent, Write } from "../../../runtime/plan.ts";
import { labels, POD_TEMPLATE_HASH } from "../keys.ts";
import type { ExperimentAnalysis, ExperimentStatus } from "../types.ts";
import type { ExperimentView } from "./gather.ts";
import { ownerOf } from "./objects.ts";
import { finishAt, isEnding, runStatusOf } from "./phases.ts";

type RunStatus = NonNullable<ExperimentStatus["analysisRuns"]>[number];

export interface AnalysisStep {
  readonly status: RunStatus | null;
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
}

/** One analysis of an Experiment: started once all templates run, followed, and ended with it (XP-004 to XP-008). */
export function reconcileAnalysis(view: ExperimentView, analysis: ExperimentAnalysis): AnalysisStep {
  const before = runStatusOf(view.experiment.status ?? {}, analysis.name) ?? null;
  const step = decide(view, analysis, before);
  return { ...step, events: [...step.events, ...transition(view, before, step.status)] };
}

function decide(view: ExperimentView, analysis: ExperimentAnalysis, before: RunStatus | null): AnalysisStep {
  const { experiment, runs } = view;
  const status = experiment.status ?? {};
  if (!status.availableAt) return { status: verified(view, analysis, before), writes: [], events: [] };
  if (!before?.analysisRun) return isEnding(experiment, status) ? unchanged(before) : start(view, analysis);
  if (isCompleted(before.phase)) return unchanged(before);
  const run = runs.get(before.analysisRun);
  if (!run) {
    const message = `analysisruns.argoproj.io "${before.analysisRun}" not found`;
    return unchanged({ ...before, phase: "Error", message });
  }
  const followed = follow(before, run);
  if (!isEnding(experiment, status) || isCompleted(run.status?.phase)) return unchanged(followed);
  return { ...unchanged(followed), ...termination(view, analysis, run) };
}

const unchanged = (status: RunStatus | null): AnalysisStep => ({ status, writes: [], events: [] });

function follow({ message: _, ...before }: RunStatus, run: AnalysisRun): RunStatus {
  const { phase = "Pending", message } = run.status ?? {};
  return { ...before, phase, ...(message ? { message } : {}) };
}

function termination({ experiment }: ExperimentView, { name }: ExperimentAnalysis, run: AnalysisRun) {
  if (run.spec.terminate === true) return {};
  const body = { spec: { terminate: true } };
  const type = resources.analysisRuns;
  const writes: Write[] = [{ op: "patch", type, key: keyOf(run), patch: { kind: "merge", body }, basedOn: run }];
  const message = `Terminating ${name} (${run.metadata.name})`;
  const events: PlannedEvent[] = [{ regarding: experiment, type: "Normal", reason: "AnalysisRunTerminating", message }];
  return { writes, events };
}

/** Missing templates are told before any pod is ready (XP-010). */
function verified(view: ExperimentView, analysis: ExperimentAnalysis, before: RunStatus | null): RunStatus | null {
  const problem = templatesOf(view, analysis, (templates) => templatesProblem(templates, { isBackground: true }));
  if (problem === null) return before;
  const kind = analysis.clusterScope ? "ClusterAnalysisTemplate" : "AnalysisTemplate";
  const message = `${kind} verification failed for analysis '${analysis.name}': ${problem}`;
  return { name: analysis.name, analysisRun: "", phase: "Error", message };
}

function templatesOf(
  { templates }: ExperimentView,
  { templateName, clusterScope }: ExperimentAnalysis,
  use: (templates: readonly AnalysisTemplate[]) => string | null,
): string | null {
  try {
    return use(collectTemplates([{ templateName, ...(clusterScope ? { clusterScope } : {}) }], templates));
  } catch (error) {
    if (error instanceof AnalysisSpecError) return error.message;
    throw error;
  }
}

function start(view: ExperimentView, analysis: ExperimentAnalysis): AnalysisStep {
  const { experiment } = view;
  let spec: AnalysisRunSpec | null = null;
  let policies: Readonly<Record<string, string>> = {};
  const problem = templatesOf(view, analysis, (templates) => {
    const args = (analysis.args ?? []).map((argument) => resolveArgument(view, argument));
    const { dryRun, measurementRetention } = experiment.spec;
    spec = composeRunSpec({ templates, args, dryRun, measurementRetention });
    policies = runPolicies(templates);
    return null;
  });
  if (problem !== null || spec === null) {
    const message = `Failed to create AnalysisRun for analysis '${analysis.name}': ${problem}`;
    return unchanged({ name: analysis.name, analysisRun: "", phase: "Error", message });
  }
  const object = renderRun(view, analysis, { spec, policies });
  const isThere = view.runs.has(object.metadata.name);
  return {
    status: { name: analysis.name, analysisRun: object.metadata.name, phase: "Pending" },
    writes: isThere ? [] : [{ op: "create", type: resources.analysisRuns, object }],
    events: [],
  };
}

function renderRun(
  view: ExperimentView,
  analysis: ExperimentAnalysis,
  { spec, policies }: { readonly spec: AnalysisRunSpec; readonly policies: Readonly<Record<string, string>> },
): AnalysisRun {
  const { metadata, spec: experimentSpec } = view.experiment;
  const instance = metadata.labels?.[labels.instanceId];
  const { labels: more, annotations: notes } = experimentSpec.analysisRunMetadata ?? {};
  const annotations = { ...policies, ...notes };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: {
      name: freeName(view, `${metadata.name}-${analysis.name}`, spec),
      namespace: metadata.namespace ?? "",
      labels: { ...(instance === undefined ? {} : { [labels.instanceId]: instance }), ...more },
      ...(notes || Object.keys(policies).length > 0 ? { annotations } : {}),
      ownerReferences: [ownerOf(view.experiment)],
    },
    spec,
  };
}

/** Ours of the same spec is the one made before a crash; any other run of the name gets a number behind it (XP-004). */
function freeName({ experiment, runs }: ExperimentView, name: string, spec: AnalysisRunSpec): string {
  for (let count = 0; ; count++) {
    const candidate = count === 0 ? name : `${name}.${count}`;
    const existing = runs.get(candidate);
    const isOurs = existing?.metadata.ownerReferences?.some(({ uid }) => uid === experiment.metadata.uid);
    if (!existing || (isOurs && isSameRunSpec(existing.spec, spec))) return candidate;
  }
}

/** XP-009: what an argument's value may say of the experiment. */
function resolveArgument(view: ExperimentView, { name, value }: Argument): Argument {
  if (value === undefined) return { name };
  const resolved = value.replace(/\{\{([\s\S]*?)\}\}/g, (whole, tag: string) => {
    const found = variable(view, tag.trim());
    if (found === null) throw new AnalysisSpecError(`failed to resolve ${whole}`);
    return found;
  });
  return { name, value: resolved };
}

function variable({ experiment, replicaSets }: ExperimentView, tag: string): string | null {
  const status = experiment.status ?? {};
  if (tag === "experiment.availableAt") return status.availableAt ?? "";
  if (tag === "experiment.finishedAt") {
    const finish = finishAt(experiment, status);
    return finish === null ? "" : formatTime(finish);
  }
  const [, template = "", field] = /^templates\.(.+)\.(podTemplateHash|replicaset\.name)$/.exec(tag) ?? [];
  const replicaSet = replicaSets.get(template);
  if (!replicaSet || !field) return null;
  return field === "replicaset.name"
    ? replicaSet.metadata.name
    : (replicaSet.metadata.labels?.[POD_TEMPLATE_HASH] ?? "");
}

/** XP-012; the Rollout of a step hears of it too (RA-030), with the type that fits (SU-026). */
function transition(
  { experiment, rollout }: ExperimentView,
  before: RunStatus | null,
  after: RunStatus | null,
): readonly PlannedEvent[] {
  if (!after || (before?.phase ?? "") === after.phase) return [];
  const text = `AnalysisRun '${after.name}' transitioned from ${before?.phase ?? ""} -> ${after.phase}`;
  const isBad = ["Failed", "Error", "Inconclusive"].includes(after.phase);
  const event = {
    type: isBad ? ("Warning" as const) : ("Normal" as const),
    reason: `AnalysisRun${after.phase}`,
    message: after.message ? `${text}: ${after.message}` : text,
  };
  return [experiment, ...(rollout ? [rollout] : [])].map((regarding) => ({ ...event, regarding }));
}
