import { isTolerated } from "../analysis/failure.ts";
import { followRun, tidyRuns } from "../analysis/runs.ts";
import type { Pass } from "../pass.ts";
import { availableOf, desiredAnnotation, wantedOf } from "../replica-sets/replica-sets.ts";
import type { RolloutAnalysis } from "../types.ts";
import { activeHash } from "./services.ts";

/** What the analyses before and after the switch of a blue-green release found. */

const PRE = { field: "prePromotionAnalysisRunStatus", type: "PrePromotion", suffix: "-pre" } as const;
const POST = { field: "postPromotionAnalysisRunStatus", type: "PostPromotion", suffix: "-post" } as const;

/** There is none, or it was good. */
export function hasPassed(pass: Pass, when: "pre" | "post"): boolean {
  const { blueGreen, status } = pass;
  const analysis = when === "pre" ? blueGreen?.prePromotionAnalysis : blueGreen?.postPromotionAnalysis;
  if (!analysis?.templates?.length) return true;
  const found = status.blueGreen?.[when === "pre" ? PRE.field : POST.field];
  return found?.status === "Successful" || isTolerated(pass, found);
}

/** ARC-505: all pods of the newest size are there. */
export function isSaturated({ newRS, replicas }: Pass): boolean {
  if (!newRS) return false;
  return wantedOf(newRS) === replicas && desiredAnnotation(newRS) === replicas && availableOf(newRS) === replicas;
}

/** ARC-508. The verdicts stay in the status after the release. */
export function analyse(pass: Pass): void {
  const { status } = pass;
  const isFirst = (status.stableRS ?? "") === "";
  const isSkipped = status.promoteFull === true || pass.isFastRollback;
  const isOver = isFirst || pass.isFullyPromoted || pass.isAborted || isSkipped;
  if (!pass.isAborted && status.abortedAt !== undefined) forgetVerdicts(pass);
  else if (!isOver) {
    const { prePromotionAnalysis: pre, postPromotionAnalysis: post } = pass.blueGreen ?? {};
    const isSwitched = activeHash(pass) === pass.newHash;
    const isPreviewed = pass.blueGreen?.previewReplicaCount === availableOf(pass.newRS);
    if (!isSwitched) follow(pass, PRE, pre, isSaturated(pass) || isPreviewed);
    else follow(pass, POST, post, isSaturated(pass));
  }
  tidyRuns(pass, { isOver: isOver || pass.isAborted });
}

function follow(
  pass: Pass,
  { field, type, suffix }: typeof PRE | typeof POST,
  analysis: RolloutAnalysis | undefined,
  mayStart: boolean,
): void {
  const { next, status } = pass;
  const noted = status.blueGreen?.[field];
  if (!analysis?.templates?.length || (!noted && !mayStart)) return;
  const summary = followRun(pass, type, analysis, noted, suffix);
  if (!summary) return;
  next.blueGreen = { ...next.blueGreen, [field]: summary };
  // The resume after a run without verdict asked for this new run; it is no approval of the switch (ARC-654).
  if (noted && noted.name !== summary.name && !next.pauseConditions) delete next.controllerPause;
}

/** ARC-136: what was found and approved before the abort does not count for the retry. */
function forgetVerdicts({ next }: Pass): void {
  const { [PRE.field]: _pre, [POST.field]: _post, scaleUpPreviewCheckPoint: _, ...others } = next.blueGreen ?? {};
  next.blueGreen = others;
}
