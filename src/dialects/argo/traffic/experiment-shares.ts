import type { Pass } from "../pass.ts";
import type { WeightDestination } from "../types.ts";

/** Temporary shares of a running experiment (ARC-224). */
export function experimentShares(pass: Pass): readonly WeightDestination[] {
  const { status, currentStep } = pass;
  const name = status.canary?.currentExperiment;
  const experiment = pass.view.experiments.find(({ metadata }) => metadata.name === name);
  if (!currentStep?.experiment || experiment?.status?.phase !== "Running" || pass.isAborted) return [];
  const weights = new Map(currentStep.experiment.templates.map((template) => [template.name, template.weight]));
  return (experiment.status.templateStatuses ?? [])
    .flatMap(({ name: template, serviceName = "", podTemplateHash = "" }) => {
      const weight = weights.get(template);
      return weight === undefined || serviceName === "" ? [] : [{ weight, serviceName, podTemplateHash }];
    })
    .sort((left, right) => (left.serviceName < right.serviceName ? -1 : 1));
}

/** Services of all experiments, and what the status last told of: what earlier splits may have added. */
export function formerShares({ view, status }: Pass): ReadonlySet<string> {
  const templates = view.experiments.flatMap((experiment) => experiment.status?.templateStatuses ?? []);
  const told = status.canary?.weights?.additional ?? [];
  return new Set([...templates, ...told].flatMap(({ serviceName }) => (serviceName ? [serviceName] : [])));
}
