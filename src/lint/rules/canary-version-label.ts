import { at, type Rule } from "../rule.ts";
import {
  asksForExtraWorkload,
  deployments,
  kruiseRollouts,
  nameOf,
  patchedLabels,
  podLabels,
  workloadName,
} from "../workloads.ts";

/** KRL-02 (SEED-011): the canary's pods are told apart by the lane label, not by `version`. */
export const canaryVersionLabel: Rule = (manifests) => {
  const findings = [];
  for (const rollout of kruiseRollouts(manifests)) {
    if (asksForExtraWorkload(rollout) === false) continue;
    const workload = workloadName(rollout);
    for (const deployment of deployments(manifests)) {
      const version = podLabels(deployment)["version"];
      if (nameOf(deployment) !== workload || version === undefined || "version" in patchedLabels(rollout)) continue;
      findings.push(
        at(deployment, ["spec", "template", "metadata", "labels", "version"], {
          code: "KRL-02",
          level: "info",
          message: `canary pods of ${workload} keep label version=${version}`,
        }),
      );
    }
  }
  return findings;
};
