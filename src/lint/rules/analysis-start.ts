import { at, type Rule } from "../rule.ts";
import { argoRollouts, items, member, title } from "../workloads.ts";

/** RA-004: background analysis that begins beyond the last step never begins, and nobody says so. */
export const analysisNeverStarts: Rule = (manifests) =>
  argoRollouts(manifests).flatMap((rollout) => {
    const path = ["spec", "strategy", "canary", "analysis", "startingStep"];
    const start = member(rollout.object, ...path);
    const count = items(member(rollout.object, "spec", "strategy", "canary", "steps")).length;
    if (typeof start !== "number" || start <= count) return [];
    const last = count === 0 ? "there is no step" : `steps count from 0, the last one is ${count - 1}`;
    const message = `${title(rollout)}: background analysis starts at step ${start}, which never comes: ${last}`;
    return [at(rollout, path, { code: "RA-004", level: "warning", message })];
  });
