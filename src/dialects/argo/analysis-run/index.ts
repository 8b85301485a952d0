import { formatKey, keyOf, resources } from "../../../kube/resource.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { type AnalysisRunView, gatherAnalysisRun } from "./gather.ts";
import { reconcileAnalysisRun } from "./reconcile.ts";

/** AnalysisRuns. The measurer (analysis/measurer.ts) must run as well, or measurements begin and never end. */
export const analysisRunController: Controller<AnalysisRunView> = {
  name: "argo-analysis-run",
  component: "rollouts-controller",
  watches: [
    { type: resources.analysisRuns, keysOf: (run) => [formatKey(keyOf(run))] },
    {
      type: resources.jobs,
      keysOf: ({ metadata }) =>
        (metadata.ownerReferences ?? [])
          .filter((owner) => owner.controller === true && owner.kind === "AnalysisRun")
          .map(({ name }) => formatKey({ namespace: metadata.namespace ?? "", name })),
    },
  ],
  reads: [resources.secrets, resources.pods],
  gather: gatherAnalysisRun,
  reconcile: reconcileAnalysisRun,
};
