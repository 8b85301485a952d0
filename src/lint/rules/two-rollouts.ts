import { at, type Rule } from "../rule.ts";
import { kruiseRollouts, title, workloadName } from "../workloads.ts";

/** KRL-30 (SEED-091): one workload, two owners. The second one would be refused (KRUISE-042). */
export const twoRollouts: Rule = (manifests) => {
  const owners = new Map<string, (typeof manifests)[number]>();
  return kruiseRollouts(manifests).flatMap((rollout) => {
    const name = workloadName(rollout);
    if (name === null) return [];
    const workload = `${rollout.namespace}/${name}`;
    const first = owners.get(workload);
    if (!first || title(first) === title(rollout)) {
      owners.set(workload, rollout);
      return [];
    }
    const message = `Deployment ${workload} is controlled by ${title(first)} and ${title(rollout)}`;
    return [at(rollout, ["spec", "workloadRef"], { code: "KRL-30", level: "error" as const, message })];
  });
};
