import { addSeconds } from "../../../base/time.ts";
import { ABORT_DELAY_SECONDS } from "../canary/sizes.ts";
import type { Pass } from "../pass.ts";
import {
  availableOf,
  byRevisionDescending,
  hashOf,
  scaleDownDeadline,
  wantedOf,
} from "../replica-sets/replica-sets.ts";
import { isReferenced, NO_TRAFFIC } from "../traffic.ts";
import { hasPassed } from "./analysis.ts";
import { activeHash, hasNoOther, servesActive } from "./services.ts";

/** How many pods each version of a blue-green release should have now. */

const SCALE_DOWN_DELAY_SECONDS = 30; // ARC 1.3

/** ARC-501. */
export function wantedNew(pass: Pass): number {
  const { blueGreen, status, replicas, newHash, rollout } = pass;
  const preview = blueGreen?.previewReplicaCount;
  if (preview === undefined || hasNoOther(pass) || activeHash(pass) === newHash || status.promoteFull) return replicas;
  // The way back is immediate: what it leads to keeps its pods (ARC-511).
  if (pass.isFastRollback) return replicas;
  const isApproved = status.blueGreen?.scaleUpPreviewCheckPoint && !pass.isPaused && !rollout.spec.paused;
  return isApproved ? replicas : preview;
}

export function scaleAll(pass: Pass): void {
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
  if (!pass.isUndecided && !awaitsVerdict(pass)) retire(pass);
}

/** ARC-509: without a delay of its own, what is retired waits for the analysis after the switch. */
function awaitsVerdict(pass: Pass): boolean {
  if (pass.blueGreen?.scaleDownDelaySeconds !== undefined) return false;
  if (pass.isFullyPromoted || pass.isAborted || activeHash(pass) !== pass.newHash) return false;
  return !hasPassed(pass, "post");
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
