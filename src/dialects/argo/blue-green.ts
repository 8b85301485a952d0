import { addSeconds, parseTime } from "../../base/time.ts";
import type { Plan } from "../../runtime/plan.ts";
import { followRun, tidyRuns } from "./analysis/runs.ts";
import { ABORT_DELAY_SECONDS } from "./canary-counts.ts";
import { concludeStatus } from "./conclude.ts";
import { reconcileEphemeralMetadata } from "./ephemeral-metadata.ts";
import { limitHistory } from "./history.ts";
import type { Pass } from "./pass.ts";
import {
  availableOf,
  byRevisionDescending,
  desiredAnnotation,
  hashOf,
  scaleDownDeadline,
  wantedOf,
} from "./replica-sets.ts";
import { resetStatus } from "./reset.ts";
import { reconcileRestart } from "./restart.ts";
import { selectedHash, serviceOf, switchService } from "./services.ts";
import { isPromoted, markAborted, setCounts } from "./status.ts";
import { isReferenced, NO_TRAFFIC } from "./traffic.ts";

const SCALE_DOWN_DELAY_SECONDS = 30; // ARC 1.3

/** One pass of a blue-green release, in the order of section 7. */
export function reconcileBlueGreen(pass: Pass): Plan {
  readSelectors(pass);
  switchPreview(pass);
  if (pass.isChanged) return finish(pass);
  if (pass.isFullyPromoted && pass.isAborted) pass.clearAbort(); // ARC-064
  if (!pass.isAborted) delete pass.next.abortedAt;
  limitHistory(pass);
  scaleAll(pass);
  reconcileRestart(pass);
  pause(pass);
  switchActive(pass);
  analyse(pass);
  reconcileEphemeralMetadata(pass);
  return finish(pass);
}

/** ARC-062: only the sizes follow. */
export function rescaleBlueGreen(pass: Pass): Plan {
  readSelectors(pass);
  scaleAll(pass);
  setCounts(pass);
  concludeStatus(pass);
  return pass.plan();
}

// Services ------------------------------------------------------------------------------------------------------------

/** What the Services select is read back from them: users may switch them as well. */
function readSelectors(pass: Pass): void {
  setSelector(pass, "activeSelector", pass.blueGreen?.activeService);
  setSelector(pass, "previewSelector", pass.blueGreen?.previewService);
}

function setSelector(pass: Pass, field: "activeSelector" | "previewSelector", name: string | undefined): void {
  const service = serviceOf(pass, name);
  const { [field]: _, ...others } = pass.next.blueGreen ?? {};
  const hash = service ? selectedHash(service.service) : "";
  pass.next.blueGreen = hash === "" ? others : { ...others, [field]: hash };
}

/** ARC-500: the preview follows the newest version at once, pods or not. */
function switchPreview(pass: Pass): void {
  const service = serviceOf(pass, pass.blueGreen?.previewService)?.service;
  if (!service || !pass.newRS || pass.isHalted) return;
  switchService(pass, service, pass.newHash);
  pass.next.blueGreen = { ...pass.next.blueGreen, previewSelector: pass.newHash };
}

function activeHash(pass: Pass): string {
  return pass.next.blueGreen?.activeSelector ?? "";
}

/** ARC-505: all pods of the newest size are there. */
function isSaturated({ newRS, replicas }: Pass): boolean {
  if (!newRS) return false;
  return wantedOf(newRS) === replicas && desiredAnnotation(newRS) === replicas && availableOf(newRS) === replicas;
}

/** ARC-503: no pause and no analysis stands before the switch. */
function isFastTracked(pass: Pass): boolean {
  const active = activeHash(pass);
  return active === "" || active === pass.newHash || pass.status.promoteFull === true || pass.isFastRollback;
}

/** ARC-505, ARC-906. */
function switchActive(pass: Pass): void {
  const service = serviceOf(pass, pass.blueGreen?.activeService)?.service;
  const { newRS, stableRS } = pass;
  if (!service) return;
  const move = (hash: string) => {
    switchService(pass, service, hash);
    pass.next.blueGreen = { ...pass.next.blueGreen, activeSelector: hash };
  };
  if (pass.isAborted) {
    const target = stableRS ? hashOf(stableRS) : "";
    if (target !== "" && activeHash(pass) !== target && availableOf(stableRS) > 0) move(target);
    return;
  }
  if (!newRS || pass.isHalted || !isSaturated(pass)) return;
  const { prePromotionAnalysis } = pass.blueGreen ?? {};
  const isAnalysed =
    !prePromotionAnalysis?.templates?.length || verdict(pass, "prePromotionAnalysisRunStatus") === GOOD;
  if (!isFastTracked(pass) && !(isPauseCompleted(pass) && isAnalysed)) return;
  const isCutOver = activeHash(pass) !== pass.newHash;
  move(pass.newHash);
  if (isCutOver) pass.removePause("BlueGreenPause");
}

const GOOD = "Successful";

function verdict(pass: Pass, field: "prePromotionAnalysisRunStatus" | "postPromotionAnalysisRunStatus"): string {
  return pass.status.blueGreen?.[field]?.status ?? "";
}

// Pause ---------------------------------------------------------------------------------------------------------------

function pausedSince(pass: Pass): number | null {
  const conditions = pass.status.pauseConditions ?? [];
  return parseTime(conditions.find(({ reason }) => reason === "BlueGreenPause")?.startTime);
}

function needsPause({ blueGreen }: Pass): boolean {
  return blueGreen?.autoPromotionEnabled === false || (blueGreen?.autoPromotionSeconds ?? 0) > 0;
}

/** ARC-504. A resume by the user counts until the switch has happened (ARC-920). */
function isPauseCompleted(pass: Pass): boolean {
  const { blueGreen, status, now } = pass;
  if (status.blueGreen?.scaleUpPreviewCheckPoint || !needsPause(pass)) return true;
  const since = pausedSince(pass);
  if (since === null) return status.controllerPause === true;
  if (blueGreen?.autoPromotionEnabled === false) return false;
  return now >= addSeconds(since, blueGreen?.autoPromotionSeconds ?? 0);
}

/** ARC-503. */
function pause(pass: Pass): void {
  const { newRS, blueGreen, status } = pass;
  if (!newRS || pass.isAborted || pass.isHalted || pass.hasScaled || isFastTracked(pass)) return;
  const target = wantedNew(pass);
  if (wantedOf(newRS) !== target || availableOf(newRS) !== target) return;
  if (blueGreen?.prePromotionAnalysis?.templates?.length && verdict(pass, "prePromotionAnalysisRunStatus") !== GOOD) {
    return;
  }
  if (isPauseCompleted(pass)) {
    if (blueGreen?.previewReplicaCount !== undefined && target === blueGreen.previewReplicaCount) {
      pass.next.blueGreen = { ...pass.next.blueGreen, scaleUpPreviewCheckPoint: true }; // ARC-502
      pass.removePause("BlueGreenPause");
    }
    return;
  }
  const since = pausedSince(pass);
  if (since === null) {
    if (!status.controllerPause) pass.addPause("BlueGreenPause");
  } else if (blueGreen?.autoPromotionEnabled !== false) {
    pass.wakeAt(addSeconds(since, blueGreen?.autoPromotionSeconds ?? 0));
  }
}

// Pods ----------------------------------------------------------------------------------------------------------------

/** ARC-501. */
function wantedNew(pass: Pass): number {
  const { blueGreen, status, replicas, newHash, rollout } = pass;
  const preview = blueGreen?.previewReplicaCount;
  const active = activeHash(pass);
  if (preview === undefined || active === "" || active === newHash || status.promoteFull) return replicas;
  const isApproved = status.blueGreen?.scaleUpPreviewCheckPoint && !pass.isPaused && !rollout.spec.paused;
  return isApproved ? replicas : preview;
}

function scaleAll(pass: Pass): void {
  const { newRS, stableRS, replicas } = pass;
  if (stableRS && stableRS !== newRS) {
    pass.clearDeadline(stableRS);
    pass.scale(stableRS, replicas);
  }
  if (newRS) {
    if (pass.isAborted && newRS !== stableRS) drainAborted(pass);
    else {
      // While it is there, the deadline tells that this is a quick way back (ARC-511).
      if (!pass.isFastRollback || pass.isFullyPromoted) pass.clearDeadline(newRS);
      pass.scale(newRS, wantedNew(pass));
    }
  }
  if (!pass.hasPause("InconclusiveAnalysisRun")) retire(pass);
}

/** ARC-134, ARC-510. */
function drainAborted(pass: Pass): void {
  const { newRS, stableRS, replicas, now, blueGreen } = pass;
  const delay = blueGreen?.abortScaleDownDelaySeconds;
  if (!newRS || wantedOf(newRS) === 0 || delay === 0) return;
  const deadline = scaleDownDeadline(newRS);
  const hasLeft = activeHash(pass) !== hashOf(newRS) && !servesActive(pass, hashOf(newRS));
  if (deadline === null) {
    if (!hasLeft || availableOf(stableRS) < replicas) return;
    const seconds = delay ?? ABORT_DELAY_SECONDS;
    pass.setDeadline(newRS, seconds);
    pass.wakeAt(addSeconds(now, seconds));
  } else if (now < deadline) pass.wakeAt(deadline);
  else if (hasLeft) pass.scale(newRS, 0, { keepDeadline: true });
}

function servesActive(pass: Pass, hash: string): boolean {
  return serviceOf(pass, pass.blueGreen?.activeService)?.endpointHashes.has(hash) === true;
}

/** ARC-150, ARC-509: versions that are neither new nor stable. */
function retire(pass: Pass): void {
  const { blueGreen, now, replicas } = pass;
  const delay = blueGreen?.scaleDownDelaySeconds ?? SCALE_DOWN_DELAY_SECONDS;
  const limit = blueGreen?.scaleDownDelayRevisionLimit ?? Number.POSITIVE_INFINITY;
  let kept = 0;
  for (const replicaSet of [...pass.otherRSs].sort(byRevisionDescending)) {
    const deadline = scaleDownDeadline(replicaSet);
    if (wantedOf(replicaSet) === 0) {
      if (deadline !== null) pass.scale(replicaSet, 0);
      continue;
    }
    if (isReferenced(pass, hashOf(replicaSet), NO_TRAFFIC)) continue;
    if (delay === 0 || kept >= limit || (deadline !== null && now >= deadline)) pass.scale(replicaSet, 0);
    else {
      kept++;
      if (deadline === null) pass.setDeadline(replicaSet, delay);
      else if (wantedOf(replicaSet) !== replicas) pass.scale(replicaSet, replicas);
      pass.wakeAt(deadline ?? addSeconds(now, delay));
    }
  }
}

// Analysis ------------------------------------------------------------------------------------------------------------

/** ARC-508. The verdicts stay in the status after the release. */
function analyse(pass: Pass): void {
  const { blueGreen, status, next } = pass;
  const isFirst = (status.stableRS ?? "") === "";
  const isOver = isFirst || pass.isFullyPromoted || pass.isAborted || status.promoteFull || pass.isFastRollback;
  if (!isOver) {
    const { prePromotionAnalysis: pre, postPromotionAnalysis: post } = blueGreen ?? {};
    const { prePromotionAnalysisRunStatus: preNoted, postPromotionAnalysisRunStatus: postNoted } =
      status.blueGreen ?? {};
    const isSwitched = activeHash(pass) === pass.newHash;
    const isPreview = blueGreen?.previewReplicaCount === availableOf(pass.newRS);
    if (pre?.templates?.length && !isSwitched && (preNoted || isSaturated(pass) || isPreview)) {
      const summary = followRun(pass, "PrePromotion", pre, preNoted, "-pre");
      if (summary) next.blueGreen = { ...next.blueGreen, prePromotionAnalysisRunStatus: summary };
    }
    if (post?.templates?.length && isSwitched && (postNoted || isSaturated(pass))) {
      const summary = followRun(pass, "PostPromotion", post, postNoted, "-post");
      if (summary) next.blueGreen = { ...next.blueGreen, postPromotionAnalysisRunStatus: summary };
    }
  }
  tidyRuns(pass);
}

// Status --------------------------------------------------------------------------------------------------------------

/** ARC-506, ARC-507. */
function promotionReason(pass: Pass): string | null {
  const { status, newRS, blueGreen } = pass;
  if (!newRS) return null;
  if ((status.stableRS ?? "") === "") return "Initial deploy";
  if (pass.isFullyPromoted || pass.isAborted || activeHash(pass) !== pass.newHash) return null;
  if (status.promoteFull) return "Full promotion requested";
  if (pass.isRollbackWithinWindow) return "Rollback within window";
  if (pass.isFastRollback) return "Fast rollback";
  const needsPost = Boolean(blueGreen?.postPromotionAnalysis?.templates?.length);
  if (needsPost && verdict(pass, "postPromotionAnalysisRunStatus") !== GOOD) return null;
  return "Completed blue-green update";
}

function finish(pass: Pass): Plan {
  const { next, status } = pass;
  delete next.currentStepIndex;
  delete next.currentStepHash;
  if (pass.isChanged) {
    setCounts(pass);
    resetStatus(pass);
  } else {
    if (status.promoteFull || pass.isRollbackWithinWindow) {
      pass.clearPauses();
      pass.clearAbort();
    }
    const reason = promotionReason(pass);
    if (reason !== null) promote(pass, reason);
    else if (pass.isAborted) markAborted(pass);
    if (isPromoted(next)) delete next.promoteFull;
    setCounts(pass);
  }
  concludeStatus(pass);
  return pass.plan();
}

function promote(pass: Pass, reason: string): void {
  const { next } = pass;
  pass.clearPauses();
  pass.clearAbort();
  delete next.promoteFull;
  const { scaleUpPreviewCheckPoint: _, ...others } = next.blueGreen ?? {};
  next.blueGreen = others;
  next.stableRS = pass.newHash;
  pass.event("RolloutCompleted", `Rollout completed update to revision ${pass.revision} (${pass.newHash}): ${reason}`);
}
