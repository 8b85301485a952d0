import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import { formatFieldError } from "../../dialects/argo/validate/field-error.ts";
import { rolloutProblems } from "../argo-problems.ts";
import type { Manifest } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { argoRollouts, member } from "../workloads.ts";
import { schemaFindings } from "./schema.ts";

/** ARC-701: what Argo's controller answers with `InvalidSpec`. */
export const argoRolloutRefused: Rule = (manifests) => {
  const rollouts = argoRollouts(manifests);
  const others = manifests.filter((manifest) => !rollouts.includes(manifest)).map(({ object }) => object);
  return rollouts.flatMap((rollout) => {
    // The controller would never see it.
    if (schemaFindings(rollout).length > 0) return [];
    const problem = problemOf(rollout, others);
    return problem ? [at(rollout, problem.path, { code: "ARC-701", level: "error", message: problem.message })] : [];
  });
};

function problemOf(rollout: Manifest, others: readonly KubeObject[]) {
  try {
    const [first] = rolloutProblems([...others, rollout.object]);
    return first ? { path: fieldPath(rollout, first.problem.path), message: formatFieldError(first.problem) } : null;
  } catch (error) {
    // The validation reads what a schema has let pass; files may hold anything.
    if (!(error instanceof TypeError)) throw error;
    return { path: ["spec"], message: "cannot be checked: a field has not the type that its kind's schema asks for" };
  }
}

/** `spec.strategy.steps[0]` → the way to it. The original's texts leave the strategy's name out. */
function fieldPath(rollout: Manifest, text: string): readonly (string | number)[] {
  const path = [...text.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part));
  const strategy = member(rollout.object, "spec", "strategy");
  const style = isRecord(strategy) ? (Object.keys(strategy)[0] ?? "canary") : "canary";
  const isShort = path[1] === "strategy" && member(strategy, path[2] ?? "") === undefined;
  return isShort ? [...path.slice(0, 2), style, ...path.slice(2)] : path;
}
