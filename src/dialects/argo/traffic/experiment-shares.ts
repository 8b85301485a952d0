import { keyOf, resources } from "../../../kube/resource.ts";
import { knowledgeOf } from "../../../traffic/known-pods.ts";
import { annotations } from "../keys.ts";
import type { Pass } from "../pass.ts";
import type { Experiment, WeightDestination } from "../types.ts";
import { awaitVersion, isKnown } from "./known-versions.ts";

/**
 * Temporary shares of a running experiment (ARC-224), made before they are used and used no more before they go:
 *
 *   hold the experiment -> its pods are known -> routes lead to it ... routes lead elsewhere -> let go of it
 *
 * An experiment ends by itself, at a time that no route knows of: while it is held its pods and Services stay (INV-10).
 */
export function experimentShares(pass: Pass): readonly WeightDestination[] {
  return runningShares(pass).filter((share) => mayReceive(pass, share));
}

/** What is running and has a share that nobody has it held for yet: true when one was asked for in this pass. */
export function holdExperiment(pass: Pass): void {
  const experiment = currentExperiment(pass);
  if (!experiment || isHeld(experiment) || sharesOf(pass, experiment).length === 0) return;
  annotate(pass, experiment, "true");
}

/** No route leads to any but the current one any more, as far as the data plane knows. */
export function letGoOfExperiments(pass: Pass): void {
  const current = currentExperiment(pass);
  for (const experiment of pass.view.experiments) {
    if (experiment !== current && isHeld(experiment)) annotate(pass, experiment, null);
  }
}

/** What shares wait for: pods that the data plane does not know yet. */
export function awaitExperiment(pass: Pass): void {
  for (const share of runningShares(pass)) {
    if (!mayReceive(pass, share)) awaitVersion(pass, share.podTemplateHash ?? "", knowledgeOfShare(pass, share));
  }
}

export function isHeld({ metadata }: Pick<Experiment, "metadata">): boolean {
  return metadata.annotations?.[annotations.routed] !== undefined;
}

function annotate(pass: Pass, experiment: Experiment, value: "true" | null): void {
  const body = { metadata: { annotations: { [annotations.routed]: value } } };
  const patch = { kind: "merge" as const, body };
  pass.write({ op: "patch", type: resources.experiments, key: keyOf(experiment), patch, basedOn: experiment });
}

/** The one of this step, while it runs. */
function currentExperiment({ status, currentStep, isAborted, view }: Pass): Experiment | null {
  const name = status.canary?.currentExperiment;
  const experiment = view.experiments.find(({ metadata }) => metadata.name === name);
  const isRunning = experiment?.status?.phase === "Running" && experiment.spec.terminate !== true;
  return currentStep?.experiment && !isAborted && !status.promoteFull && isRunning ? experiment : null;
}

function runningShares(pass: Pass): readonly WeightDestination[] {
  const experiment = currentExperiment(pass);
  return experiment && isHeld(experiment) ? sharesOf(pass, experiment) : [];
}

function sharesOf({ currentStep }: Pass, { status }: Experiment): readonly WeightDestination[] {
  const weights = new Map(currentStep?.experiment?.templates.map((template) => [template.name, template.weight]));
  return (status?.templateStatuses ?? [])
    .flatMap(({ name: template, serviceName = "", podTemplateHash = "" }) => {
      const weight = weights.get(template);
      return weight === undefined || serviceName === "" ? [] : [{ weight, serviceName, podTemplateHash }];
    })
    .sort((left, right) => (left.serviceName < right.serviceName ? -1 : 1));
}

/** INV-01: a share begins where the data plane knows a pod, and stays while there is one. */
function mayReceive(pass: Pass, share: WeightDestination): boolean {
  const knowledge = knowledgeOfShare(pass, share);
  const stands = pass.status.canary?.weights?.additional?.some(({ serviceName }) => serviceName === share.serviceName);
  return isKnown(knowledge) || (stands === true && knowledge !== "unlisted");
}

function knowledgeOfShare({ view }: Pass, { serviceName = "" }: WeightDestination) {
  const { slices = [], pods = [] } = view.temporary.get(serviceName) ?? {};
  return knowledgeOf(view.dataPlane, slices, pods);
}

/** Services of all experiments, and what the status last told of: what earlier splits may have added. */
export function formerShares({ view, status }: Pass): ReadonlySet<string> {
  const templates = view.experiments.flatMap((experiment) => experiment.status?.templateStatuses ?? []);
  const told = status.canary?.weights?.additional ?? [];
  return new Set([...templates, ...told].flatMap(({ serviceName }) => (serviceName ? [serviceName] : [])));
}
