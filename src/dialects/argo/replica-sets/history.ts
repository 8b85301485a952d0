import { resources } from "../../../kube/resource.ts";
import { POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import { byAge, hashOf, presentOf, wantedOf } from "./replica-sets.ts";

const HISTORY_LIMIT = 10; // ARC 1.1

/** ARC-052: the oldest versions beyond the limit go, with the runs that judged them. */
export function limitHistory(pass: Pass): void {
  const { rollout, otherRSs, view } = pass;
  const limit = rollout.spec.revisionHistoryLimit ?? HISTORY_LIMIT;
  const old = otherRSs.filter(({ metadata }) => metadata.deletionTimestamp === undefined).sort(byAge);
  for (const replicaSet of old.slice(0, Math.max(0, old.length - limit))) {
    const isObserved = (replicaSet.status?.observedGeneration ?? 0) >= (replicaSet.metadata.generation ?? 0);
    if (wantedOf(replicaSet) > 0 || presentOf(replicaSet) > 0 || !isObserved) continue;
    const hash = hashOf(replicaSet);
    for (const object of view.analysisRuns) {
      if (object.metadata.labels?.[POD_TEMPLATE_HASH] === hash) {
        pass.write({ op: "delete", type: resources.analysisRuns, object });
      }
    }
    for (const object of view.experiments) {
      if (object.metadata.labels?.[POD_TEMPLATE_HASH] === hash) {
        pass.write({ op: "delete", type: resources.experiments, object });
      }
    }
    pass.write({ op: "delete", type: resources.replicaSets, object: replicaSet });
  }
}
