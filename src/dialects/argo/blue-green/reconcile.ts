import { addSeconds, parseTime } from "../../../base/time.ts";
import type { Plan } from "../../../runtime/plan.ts";
import type { Pass } from "../pass.ts";
import { reconcileEphemeralMetadata } from "../replica-sets/ephemeral-metadata.ts";
import { limitHistory } from "../replica-sets/history.ts";
import { availableOf, hashOf, wantedOf } from "../replica-sets/replica-sets.ts";
import { reconcileRestart } from "../replica-sets/restart.ts";
import { concludeStatus } from "../status/conclude.ts";
import { resetStatus } from "../status/reset.ts";
import { isPromoted, markAborted, setCounts } from "../status.ts";
import { letGoOfExperiments } from "../traffic/experiment-shares.ts";
import { serviceOf, switchService } from "../traffic/services.ts";
import { NO_TRAFFIC } from "../traffic.ts";
import { analyse, hasPassed, isSaturated } from "./analysis.ts";
import { scaleAll, wantedNew } from "./pods.ts";
import { activeHash, hasNoOther, readSelectors, switchPreview } from "./services.ts";

/** One pass of a blue-green release, in the order of section 7. */
export function reconcileBlueGreen(pass: Pass): Plan {
  readSelectors(pass);
  switchPreview(pass);
  if (wasCanary(pass)) pass.removePause("CanaryPauseStep");
  if (pass.isChanged || wasCanary(pass)) return finish(pass);
  if (pass.isFullyPromoted && pass.isAborted) pass.clearAbort(); // ARC-064
  if (!pass.isAborted) delete pass.next.abortedAt;
  limitHistory(pass);
  letGoOfExperiments(pass); // of a canary that it was before
  scaleAll(pass);
  reconcileRestart(pass, NO_TRAFFIC);
  pause(pass);
  switchActive(pass);
  analyse(pass);
  reconcileEphemeralMetadata(pass);
  return finish(pass);
}

/** The strategy was changed in mid-release. What approved a step, or will, approves no switch (INV-32). */
function wasCanary({ status }: Pass): boolean {
  return status.currentStepHash !== undefined;
}

/** ARC-062: only the sizes follow. */
export function rescaleBlueGreen(pass: Pass): Plan {
  readSelectors(pass);
  scaleAll(pass);
  pass.noteReplicas();
  setCounts(pass);
  concludeStatus(pass);
  return pass.plan();
}

// The switch ----------------------------------------------------------------------------------------------------------

/** ARC-503: no pause and no analysis stands before the switch. */
function isFastTracked(pass: Pass): boolean {
  const isSwitched = activeHash(pass) === pass.newHash;
  return isSwitched || hasNoOther(pass) || pass.status.promoteFull === true || pass.isFastRollback;
}

/** The active Service leads to no version's pods: somebody edited it, or made it anew without its selector. */
function isAdrift(pass: Pass): boolean {
  const active = activeHash(pass);
  return !pass.allRSs.some((one) => hashOf(one) === active && wantedOf(one) > 0);
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
  if (stableRS && availableOf(stableRS) > 0 && !hasNoOther(pass) && isAdrift(pass)) {
    // Back to the version that users had, not on to one that nobody has approved (INV-07).
    move(hashOf(stableRS));
    return;
  }
  // Pods that this pass takes away are as good as gone (INV-17).
  if (!newRS || pass.isHalted || !isSaturated(pass) || wantedNew(pass) !== pass.replicas) return;
  if (!isFastTracked(pass) && !(isPauseCompleted(pass) && hasPassed(pass, "pre"))) return;
  const isCutOver = activeHash(pass) !== pass.newHash;
  move(pass.newHash);
  if (isCutOver) pass.removePause("BlueGreenPause");
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
  if (!hasPassed(pass, "pre")) return;
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

// Status --------------------------------------------------------------------------------------------------------------

/** ARC-506, ARC-507. */
function promotionReason(pass: Pass): string | null {
  const { status, newRS } = pass;
  if (!newRS) return null;
  if ((status.stableRS ?? "") === "") return "Initial deploy";
  if (pass.isFullyPromoted || pass.isAborted || activeHash(pass) !== pass.newHash) return null;
  if (status.promoteFull) return "Full promotion requested";
  if (pass.isRollbackWithinWindow) return "Rollback within window";
  if (pass.isFastRollback) return "Fast rollback";
  if (!hasPassed(pass, "post")) return null;
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
    if (status.promoteFull || (pass.isRollbackWithinWindow && !pass.isAborted)) {
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
