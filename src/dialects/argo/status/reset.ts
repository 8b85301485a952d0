import { survivesChange } from "../abort-order.ts";
import type { Pass } from "../pass.ts";
import { wantedOf } from "../replica-sets/replica-sets.ts";
import { markAborted } from "../status.ts";

/** A new template or list of steps: the release starts over (ARC-110…112), or ends before it began (INV-20). */
export function resetStatus(pass: Pass): void {
  const isAborted = survivesChange(pass.rollout, pass.newHash);
  startOver(pass, isAborted);
  if (isAborted) markAborted(pass);
}

function startOver(pass: Pass, isAborted: boolean): void {
  const { next, rollout, steps, newRS, stepHash, newHash, status } = pass;
  pass.clearPauses();
  if (!isAborted) pass.clearAbort();
  delete next.promoteFull;
  const weights = next.canary?.weights;
  const pingPong = next.canary?.stablePingPong;
  next.canary = { ...(weights ? { weights } : {}), ...(pingPong ? { stablePingPong: pingPong } : {}) };
  const { activeSelector, previewSelector } = next.blueGreen ?? {};
  next.blueGreen = { ...(activeSelector ? { activeSelector } : {}), ...(previewSelector ? { previewSelector } : {}) };
  if (rollout.spec.restartAt !== undefined) next.restartedAt = rollout.spec.restartAt;
  next.currentPodHash = newHash;
  if (!pass.canary) return;
  next.currentStepHash = stepHash;
  if (steps.length === 0) {
    delete next.currentStepIndex;
    return;
  }
  next.currentStepIndex = 0;
  const isStable = (status.stableRS ?? "") !== "" && status.stableRS === newHash;
  if (isStable) {
    next.currentStepIndex = steps.length;
    pass.event("SkipSteps", "Rollback to stable ReplicaSets");
  } else if (pass.isRollbackWithinWindow && !isAborted) {
    next.currentStepIndex = steps.length;
    if (wantedOf(newRS) > 0) pass.event("SkipSteps", "Rollback to active ReplicaSets within RollbackWindow");
  }
}
