import { isCompleted } from "../../../analysis/status.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { formatKey, keyOf, resources } from "../../../kube/resource.ts";
import type { CacheReader, Controller } from "../../../runtime/controller.ts";
import type { Experiment } from "../types.ts";
import { type ExperimentView, gatherExperiment } from "./gather.ts";
import { reconcileExperiment } from "./reconcile.ts";

export const experimentController: Controller<ExperimentView> = {
  name: "argo-experiment",
  component: "rollouts-controller",
  watches: [
    { type: resources.experiments, keysOf: (experiment) => [formatKey(keyOf(experiment))] },
    { type: resources.replicaSets, keysOf: ownersOf },
    { type: resources.services, keysOf: ownersOf },
    { type: resources.analysisRuns, keysOf: ownersOf },
    { type: resources.analysisTemplates, keysOf: unfinished },
    { type: resources.clusterAnalysisTemplates, keysOf: unfinished },
  ],
  reads: [resources.argoRollouts],
  gather: gatherExperiment,
  reconcile: reconcileExperiment,
};

function ownersOf({ metadata }: KubeObject): readonly string[] {
  return (metadata.ownerReferences ?? [])
    .filter(({ kind, controller }) => kind === "Experiment" && controller === true)
    .map(({ name }) => formatKey({ namespace: metadata.namespace ?? "", name }));
}

/** A template that comes late wakes whoever may wait for it. */
function unfinished({ metadata }: KubeObject, cache: CacheReader): readonly string[] {
  return cache
    .list<Experiment>(resources.experiments, metadata.namespace ?? "")
    .filter(({ status, spec }) => !isCompleted(status?.phase) && (spec.analyses ?? []).length > 0)
    .map((experiment) => formatKey(keyOf(experiment)));
}
