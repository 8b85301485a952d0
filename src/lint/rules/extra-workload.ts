import type { Manifest } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { asksForExtraWorkload, kruiseRollouts, member, patchedMetadata, title, workloadName } from "../workloads.ts";

const CANARY = ["spec", "strategy", "canary"];
const PATCH = [...CANARY, "patchPodTemplateMetadata"];

/** KRL-10 (SEED-041): only a canary Deployment has pods to patch, so that is what is meant; other clusters disagree. */
export const extraWorkloadLeftOpen: Rule = (manifests) =>
  patchingRollouts(manifests, null).map((rollout) => {
    const message = `${title(rollout)}: patchPodTemplateMetadata needs enableExtraWorkloadForCanary: true; treating this Rollout as canary style`;
    const edit = rollout.insertBefore(PATCH, "enableExtraWorkloadForCanary: true");
    return at(rollout, PATCH, { code: "KRL-10", level: "warning", message, edit });
  });

/** KRL-11 (SEED-041, LANE-307): with partition style no pod ever gets the patch. */
export const extraWorkloadRefused: Rule = (manifests) =>
  patchingRollouts(manifests, false).map((rollout) => {
    const message = `${title(rollout)}: patchPodTemplateMetadata is ignored when enableExtraWorkloadForCanary is false`;
    const path = [...CANARY, "enableExtraWorkloadForCanary"];
    return at(rollout, member(rollout.object, ...path) === false ? path : PATCH, {
      code: "KRL-11",
      level: "warning",
      message,
    });
  });

function patchingRollouts(manifests: readonly Manifest[], asked: boolean | null): readonly Manifest[] {
  return kruiseRollouts(manifests).filter(
    (rollout) =>
      workloadName(rollout) !== null &&
      Object.keys(patchedMetadata(rollout)).length > 0 &&
      asksForExtraWorkload(rollout) === asked,
  );
}
