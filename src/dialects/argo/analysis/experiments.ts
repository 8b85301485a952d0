import { fieldValue } from "../../../analysis/field-path.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import { isCompleted } from "../../../analysis/status.ts";
import { deepCopy } from "../../../base/json.ts";
import { apiVersionOf, keyOf, resources } from "../../../kube/resource.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import { ownerReference } from "../replica-sets/new-replica-set.ts";
import type { Experiment, ExperimentSpec, ExperimentStep } from "../types.ts";
import { EXPERIMENT_FAILURE, handleFailure } from "./failure.ts";

/** An experiment step: made, followed and ended (ARC-657, XP-020…024). */
export function reconcileExperiment(pass: Pass): void {
  const { currentStep, next, status, view } = pass;
  const told = status.canary?.currentExperiment;
  const noted = told !== undefined && isOfStep(pass, told) ? told : undefined;
  const isWanted =
    currentStep?.experiment !== undefined &&
    pass.stableRS !== null &&
    !pass.isFullyPromoted &&
    !pass.isAborted &&
    !status.promoteFull;
  const current = isWanted ? view.experiments.find(({ metadata }) => metadata.name === noted) : undefined;
  for (const other of view.experiments) if (other !== current) terminate(pass, other);
  if (!isWanted || !currentStep?.experiment) {
    if (next.canary) delete next.canary.currentExperiment;
    return;
  }
  const isRetry = status.abortedAt !== undefined;
  const isResumed = status.controllerPause === true && (status.pauseConditions ?? []).length === 0;
  if (!current || isRetry || (isResumed && current.status?.phase === "Inconclusive")) {
    if ((status.pauseConditions ?? []).length === 0) start(pass, currentStep.experiment);
    return;
  }
  const { phase, message } = current.status ?? {};
  if (phase === "Failed" || phase === "Error") {
    const text = `Experiment analysis phase is error/failed${message ? `: ${message}` : ""}`;
    handleFailure(pass, { ...EXPERIMENT_FAILURE, object: current, text });
  } else if (phase === "Inconclusive") pass.addPause("InconclusiveExperiment");
}

function terminate(pass: Pass, experiment: Experiment): void {
  if (experiment.spec.terminate || isCompleted(experiment.status?.phase)) return;
  pass.write({
    op: "patch",
    type: resources.experiments,
    key: keyOf(experiment),
    patch: { kind: "merge", body: { spec: { terminate: true } } },
    basedOn: experiment,
  });
}

function baseName({ rollout, newHash, revision, stepIndex }: Pass): string {
  return `${rollout.metadata.name}-${newHash}-${revision}-${stepIndex}`;
}

/** SU-023: a promotion leaves a step without its end; the next experiment step has one of its own. */
function isOfStep(pass: Pass, name: string): boolean {
  return name === baseName(pass) || name.startsWith(`${baseName(pass)}-`);
}

function start(pass: Pass, step: ExperimentStep): void {
  const base = baseName(pass);
  for (let count = 0; ; count++) {
    const name = count === 0 ? base : `${base}-${count}`;
    if (pass.view.foreignExperimentNames.has(name)) continue;
    const present = pass.view.experiments.find(({ metadata }) => metadata.name === name);
    if (present && (isCompleted(present.status?.phase) || present.spec.terminate)) continue;
    if (!present) {
      pass.write({ op: "create", type: resources.experiments, object: build(pass, name, step) });
      pass.event("ExperimentCreated", `Created Experiment '${name}'`);
    }
    pass.next.canary = { ...pass.next.canary, currentExperiment: name };
    return;
  }
}

function build(pass: Pass, name: string, step: ExperimentStep): Experiment {
  const { rollout, newHash, revision } = pass;
  return {
    apiVersion: apiVersionOf(resources.experiments),
    kind: resources.experiments.kind,
    metadata: {
      name,
      ...(rollout.metadata.namespace === undefined ? {} : { namespace: rollout.metadata.namespace }),
      labels: { ...rollout.metadata.labels, [POD_TEMPLATE_HASH]: newHash },
      annotations: { [annotations.revision]: String(revision) },
      ownerReferences: [ownerReference(rollout)],
    },
    spec: specOf(pass, step),
  };
}

function specOf(pass: Pass, step: ExperimentStep): ExperimentSpec {
  const { rollout } = pass;
  const { duration, dryRun, analysisRunMetadata, scaleDownDelaySeconds } = step;
  const analyses = (step.analyses ?? []).map(({ name, templateName, clusterScope, args, requiredForCompletion }) => ({
    name,
    templateName,
    ...(clusterScope === undefined ? {} : { clusterScope }),
    ...(requiredForCompletion === undefined ? {} : { requiredForCompletion }),
    ...(args ? { args: args.map((arg) => argumentOf(pass, arg)) } : {}),
  }));
  return {
    templates: step.templates.map((template) => templateOf(pass, template)),
    ...(duration === undefined ? {} : { duration }),
    ...(rollout.spec.progressDeadlineSeconds === undefined
      ? {}
      : { progressDeadlineSeconds: rollout.spec.progressDeadlineSeconds }),
    ...(scaleDownDelaySeconds === undefined ? {} : { scaleDownDelaySeconds }),
    ...(analyses.length > 0 ? { analyses } : {}),
    ...(dryRun ? { dryRun } : {}),
    ...(analysisRunMetadata ? { analysisRunMetadata } : {}),
  };
}

type StepArgument = NonNullable<NonNullable<ExperimentStep["analyses"]>[number]["args"]>[number];

function argumentOf(pass: Pass, { name, value, valueFrom }: StepArgument) {
  if (value !== undefined) return { name, value };
  if (valueFrom?.podTemplateHashValue !== undefined) {
    const isStable = valueFrom.podTemplateHashValue === "Stable";
    return { name, value: isStable ? (pass.status.stableRS ?? "") : pass.newHash };
  }
  try {
    return { name, value: fieldValue(pass.rollout, valueFrom?.fieldRef?.fieldPath ?? "") };
  } catch (error) {
    // Validation has told of it (ARC-726).
    if (error instanceof AnalysisSpecError) return { name };
    throw error;
  }
}

/** The pods are those of the version that `specRef` names, under the experiment's own labels. */
function templateOf(pass: Pass, step: ExperimentStep["templates"][number]): ExperimentSpec["templates"][number] {
  const { rollout, stableRS, newRS } = pass;
  const source = step.specRef === "stable" ? stableRS : newRS;
  const template = deepCopy(source?.spec.template ?? rollout.spec.template ?? { spec: {} });
  const { [POD_TEMPLATE_HASH]: _, ...own } = template.metadata?.labels ?? {};
  const { matchLabels = {} } = step.selector ?? rollout.spec.selector ?? {};
  const podLabels = { ...own, ...step.metadata?.labels };
  const notes = { ...template.metadata?.annotations, ...step.metadata?.annotations };
  const wantsService = step.weight !== undefined || step.service !== undefined;
  return {
    name: step.name,
    ...(step.replicas === undefined ? {} : { replicas: step.replicas }),
    ...(rollout.spec.minReadySeconds === undefined ? {} : { minReadySeconds: rollout.spec.minReadySeconds }),
    selector: step.selector ?? { matchLabels: { ...matchLabels, ...step.metadata?.labels } },
    template: {
      metadata: { labels: podLabels, ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}) },
      spec: template.spec,
    },
    ...(wantsService ? { service: step.service ?? {} } : {}),
  };
}
