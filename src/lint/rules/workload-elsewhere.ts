import { at, type Rule } from "../rule.ts";
import { deployments, kruiseRollouts, nameOf, title, workloadName } from "../workloads.ts";

/** KRL-04 (SEED-013): a Rollout stands in another namespace than the workload that it names. */
export const workloadElsewhere: Rule = (manifests) => {
  const findings = [];
  for (const rollout of kruiseRollouts(manifests)) {
    const name = workloadName(rollout);
    const found = deployments(manifests).filter((deployment) => nameOf(deployment) === name);
    if (found.length === 0 || found.some(({ namespace }) => namespace === rollout.namespace)) continue;
    const right = found[0]!.namespace;
    const path = ["metadata", "namespace"];
    findings.push(
      at(rollout, path, {
        code: "KRL-04",
        level: "error",
        message: `${title(rollout)}: no Deployment ${name} in namespace ${rollout.namespace}; one exists in namespace ${right}`,
        edit: right === "default" ? rollout.removeEntry(path) : rollout.setScalar(path, right),
      }),
    );
  }
  return findings;
};
