import type { ReplicaSet } from "../../../api/apps.ts";
import { parseTime } from "../../../base/time.ts";
import type { Plan } from "../../../runtime/plan.ts";
import { reconcileCanaryAnalysis } from "../analysis/canary-runs.ts";
import { reconcileExperiment } from "../analysis/experiments.ts";
import { isAccepted, isTolerated } from "../analysis/failure.ts";
import { pauseMilliseconds } from "../go-duration.ts";
import type { Pass } from "../pass.ts";
import { boundsOf, meetsThreshold } from "../replica-sets/counts.ts";
import { reconcileEphemeralMetadata } from "../replica-sets/ephemeral-metadata.ts";
import { limitHistory } from "../replica-sets/history.ts";
import {
  availableOf,
  byRevisionDescending,
  hashOf,
  scaleDownDeadline,
  sumOf,
  wantedOf,
} from "../replica-sets/replica-sets.ts";
import { reconcileRestart } from "../replica-sets/restart.ts";
import { concludeStatus } from "../status/conclude.ts";
import { resetStatus } from "../status/reset.ts";
import { markAborted, setCounts } from "../status.ts";
import { tellRefusedRoute } from "../traffic/refusal.ts";
import { moveRoles } from "../traffic/roles.ts";
import { selectedHash, serviceOf, switchCanaryServices } from "../traffic/services.ts";
import { isCanaryIdle, isReferenced, NO_TRAFFIC, reconcileTraffic, type Traffic } from "../traffic.ts";
import { ABORT_DELAY_SECONDS, isAtDesired, nextPair } from "./sizes.ts";
import { describeStep } from "./steps.ts";

const SCALE_DOWN_DELAY_SECONDS = 30; // ARC 1.2, with a traffic router

/** One pass of a canary, in the order of section 3: traffic, analysis, pods, pause, status. */
export function reconcileCanary(pass: Pass): Plan {
  // A new template or list of steps starts over before anything else is done (ARC-065).
  if (pass.isChanged) return finishCanary(pass, NO_TRAFFIC);
  if (pass.isFullyPromoted && pass.isAborted) pass.clearAbort(); // ARC-064
  if (!pass.isAborted) delete pass.next.abortedAt;
  reconcileEphemeralMetadata(pass);
  limitHistory(pass);
  switchCanaryServices(pass, { isCanaryIdle: !pass.isRouted || isCanaryIdle(pass) });
  const traffic = reconcileTraffic(pass);
  reconcileExperiment(pass);
  reconcileCanaryAnalysis(pass);
  scaleReplicaSets(pass, traffic);
  reconcileRestart(pass, traffic);
  if (!pass.hasScaled) pauseAtStep(pass);
  return finishCanary(pass, traffic);
}

/** Only the sizes follow a change of `spec.replicas`; nothing else moves in this pass (ARC-062). */
export function rescaleCanary(pass: Pass): Plan {
  // The weights that hold are the ones that were recorded last.
  scaleReplicaSets(pass, { weight: pass.status.canary?.weights?.canary.weight ?? 0, isSettled: false });
  pass.noteReplicas();
  setCounts(pass);
  concludeStatus(pass);
  return pass.plan();
}

// Pods ----------------------------------------------------------------------------------------------------------------

/** ARC-070: one group at a time. */
export function scaleReplicaSets(pass: Pass, traffic: Traffic): void {
  const { newRS, stableRS } = pass;
  if (pass.isHalted) return;
  if (!pass.isAborted || newRS === stableRS) pass.clearDeadline(newRS);
  if (stableRS !== newRS) pass.clearDeadline(stableRS);
  const pair = nextPair(pass);
  if (stableRS && stableRS !== newRS && pass.scale(stableRS, pair.stable)) return;
  if (newRS && scaleNew(pass, newRS, pair.canary, traffic)) return;
  if (pass.isRouted) retireRouted(pass, traffic);
  else retireBasic(pass);
}

function scaleNew(pass: Pass, newRS: ReplicaSet, wanted: number, traffic: Traffic): boolean {
  const isLeaving = pass.isAborted && pass.isRouted && !pass.isFullyPromoted;
  if (isLeaving) return drainAborted(pass, newRS, wanted, traffic);
  const mustStay = wanted === 0 && pass.replicas > 0 && pass.isRouted && mayBeAsked(pass, traffic);
  return pass.scale(newRS, mustStay ? Math.min(1, wantedOf(newRS)) : wanted);
}

/** Steps that start over may want no pods of a version that its share or its Service still leads to (INV-01, INV-07). */
function mayBeAsked(pass: Pass, traffic: Traffic): boolean {
  const service = serviceOf(pass, pass.canary?.canaryService)?.service;
  const isSelected = service !== undefined && selectedHash(service) === pass.newHash;
  return isSelected || !traffic.isSettled || traffic.weight > 0;
}

/**
 * ARC-134: after an abort the canary keeps its pods for a while. The clock starts when the mesh runs weight 0, not
 * earlier (ARC-932), and an explicit 0 keeps them for ever (ARC-908).
 */
function drainAborted(pass: Pass, newRS: ReplicaSet, wanted: number, traffic: Traffic): boolean {
  const { canary, stableRS, replicas, now } = pass;
  const delay = canary?.abortScaleDownDelaySeconds;
  if (wantedOf(newRS) === 0) return pass.scale(newRS, 0, { keepDeadline: true });
  // An analysis may abort after the Services were looked at in this pass (INV-07).
  const isReleased = !mayBeAsked(pass, traffic);
  if (canary?.dynamicStableScale && delay === undefined) {
    return pass.scale(newRS, isReleased ? wanted : Math.max(wanted, Math.min(1, wantedOf(newRS))));
  }
  if (delay === 0) return false;
  const deadline = scaleDownDeadline(newRS);
  if (deadline === null) {
    if (isReleased && availableOf(stableRS) >= replicas) {
      const seconds = delay ?? ABORT_DELAY_SECONDS;
      pass.setDeadline(newRS, seconds);
      pass.wakeAt(now + seconds * 1000);
    }
    return false;
  }
  if (now < deadline) {
    pass.wakeAt(deadline);
    return false;
  }
  return isReleased && pass.scale(newRS, 0, { keepDeadline: true });
}

/** ARC-085, ARC-150: versions that are neither new nor stable, with a router. */
function retireRouted(pass: Pass, traffic: Traffic): void {
  const { canary, next, now } = pass;
  const delay = canary?.dynamicStableScale ? 0 : (canary?.scaleDownDelaySeconds ?? SCALE_DOWN_DELAY_SECONDS);
  const limit = canary?.scaleDownDelayRevisionLimit ?? Number.POSITIVE_INFINITY;
  let kept = 0;
  for (const replicaSet of [...pass.otherRSs].sort(byRevisionDescending)) {
    if (wantedOf(replicaSet) === 0) {
      if (scaleDownDeadline(replicaSet) !== null) pass.scale(replicaSet, 0);
      continue;
    }
    const isFormerStable = next.stableRS === next.currentPodHash || scaleDownDeadline(replicaSet) !== null;
    const isFree = !isReferenced(pass, hashOf(replicaSet), traffic);
    const deadline = scaleDownDeadline(replicaSet);
    if (!isFormerStable || delay === 0 || kept >= limit) {
      if (isFree) pass.scale(replicaSet, 0);
    } else if (deadline === null) {
      kept++;
      pass.setDeadline(replicaSet, delay);
      pass.wakeAt(now + delay * 1000);
    } else if (now < deadline) {
      kept++;
      pass.wakeAt(deadline);
    } else if (isFree) pass.scale(replicaSet, 0);
  }
}

/** ARC-080: sick pods go first, then as many as availability allows. */
function retireBasic(pass: Pass): void {
  const { otherRSs, allRSs, replicas, canary } = pass;
  const others = [...otherRSs].sort(byRevisionDescending).filter((one) => wantedOf(one) > 0);
  if (others.length === 0) return;
  const { unavailable } = boundsOf(canary ?? {}, replicas);
  let spare = sumOf(allRSs, availableOf) - (replicas - unavailable);
  for (const replicaSet of others) {
    const healthy = Math.min(wantedOf(replicaSet), availableOf(replicaSet));
    const drop = Math.max(0, Math.min(spare, healthy));
    if (healthy === wantedOf(replicaSet) && drop === 0) continue;
    spare -= drop;
    pass.scale(replicaSet, healthy - drop);
  }
}

// Steps ---------------------------------------------------------------------------------------------------------------

/** ARC-102. */
function pauseAtStep(pass: Pass): void {
  const { currentStep, status, rollout } = pass;
  if (!currentStep?.pause || rollout.spec.paused || status.promoteFull || pass.isAborted) return;
  const condition = (status.pauseConditions ?? []).find(({ reason }) => reason === "CanaryPauseStep");
  if (!condition) {
    if (!status.controllerPause) pass.addPause("CanaryPauseStep");
    return;
  }
  const expiry = pauseExpiry(pass);
  if (expiry !== null && expiry > pass.now) pass.wakeAt(expiry);
}

function pauseExpiry({ currentStep, status }: Pass): number | null {
  const condition = (status.pauseConditions ?? []).find(({ reason }) => reason === "CanaryPauseStep");
  const since = parseTime(condition?.startTime);
  const duration = currentStep?.pause?.duration;
  if (since === null || duration === undefined) return null;
  const milliseconds = pauseMilliseconds(duration);
  return milliseconds === null ? null : since + milliseconds;
}

/** ARC-100…106. */
function hasCompletedStep(pass: Pass, traffic: Traffic): boolean {
  const { currentStep, status, next, now } = pass;
  if (!currentStep || pass.isAborted || pass.isHalted || pass.hasScaled) return false;
  if (pass.hasPause("InconclusiveExperiment")) return false;
  if (currentStep.pause) {
    const isPaused = pass.hasPause("CanaryPauseStep");
    if (status.controllerPause && !isPaused) return true;
    const expiry = pauseExpiry(pass);
    return isPaused && expiry !== null && now >= expiry;
  }
  if (currentStep.setWeight !== undefined) {
    return isAtDesired(pass) && hasShare(pass, traffic, currentStep.setWeight);
  }
  if (currentStep.setCanaryScale) return isAtDesired(pass);
  if (currentStep.setHeaderRoute || currentStep.setMirrorRoute) return traffic.isSettled;
  if (currentStep.analysis) {
    const found = next.canary?.currentStepAnalysisRunStatus;
    return found?.status === "Successful" || isTolerated(pass, found);
  }
  if (currentStep.experiment) {
    const name = status.canary?.currentExperiment;
    const experiment = pass.view.experiments.find(({ metadata }) => metadata.name === name);
    return experiment?.status?.phase === "Successful" || isAccepted(experiment);
  }
  return false;
}

/** Every request obeys this share. A Rollout of no pods has no requests that could (ARC-101). */
function hasShare({ isRouted, replicas }: Pass, traffic: Traffic, weight: number): boolean {
  if (!isRouted || replicas === 0) return true;
  return traffic.isSettled && traffic.weight === weight;
}

function completeStep(pass: Pass): void {
  const { currentStep, stepIndex, steps, next } = pass;
  if (!currentStep || stepIndex === null) return;
  next.currentStepIndex = stepIndex + 1;
  if (next.canary) {
    delete next.canary.currentStepAnalysisRunStatus;
    if (currentStep.experiment) delete next.canary.currentExperiment;
  }
  pass.removePause("CanaryPauseStep");
  pass.event(
    "RolloutStepCompleted",
    `Rollout step ${stepIndex + 1}/${steps.length} completed (${describeStep(currentStep)})`,
  );
}

/** Why the newest version becomes the stable one now; null: it does not (ARC-113, ARC-114). */
function promotionReason(pass: Pass, traffic: Traffic): string | null {
  const { status, next, newRS, replicas, steps, maxWeight, canary } = pass;
  if ((status.stableRS ?? "") === "") return newRS ? "Initial deploy" : null;
  if (pass.isAborted || pass.hasScaled || !newRS) return null;
  const available = availableOf(newRS);
  if (available < replicas && !meetsThreshold(available, replicas, canary?.replicaProgressThreshold)) return null;
  if (status.promoteFull) return "Full promotion requested";
  if (pass.isFullyPromoted) return null;
  if (pass.isRollbackWithinWindow) return "Rollback within window";
  if (pass.isHalted) return null;
  if (steps.length > 0 && next.currentStepIndex !== steps.length) return null;
  // All requests go to the new version before it becomes the stable one.
  if (steps.length > 0 && !hasShare(pass, traffic, maxWeight)) return null;
  return `Completed all ${steps.length} canary steps`;
}

function promote(pass: Pass, reason: string): void {
  const { next, steps } = pass;
  pass.clearPauses();
  pass.clearAbort();
  delete next.promoteFull;
  if (steps.length > 0) next.currentStepIndex = steps.length;
  else delete next.currentStepIndex;
  if (next.stableRS === pass.newHash) return;
  next.stableRS = pass.newHash;
  moveRoles(pass);
  pass.event("RolloutCompleted", `Rollout completed update to revision ${pass.revision} (${pass.newHash}): ${reason}`);
}

// Status --------------------------------------------------------------------------------------------------------------

/** Nobody can say what its pods were: neither they nor their share come back (ARC-221). */
function tellLostStable(pass: Pass): void {
  const { stableRS = "" } = pass.next;
  if (stableRS === "" || stableRS === pass.newHash || pass.stableRS !== null) return;
  const name = `${pass.rollout.metadata.name}-${stableRS}`;
  pass.trafficWait = `the stable version's ReplicaSet ${name} does not exist; only a full promotion ends this release`;
}

function finishCanary(pass: Pass, traffic: Traffic): Plan {
  const { next, status, steps } = pass;
  setCounts(pass);
  if (pass.isChanged) resetStatus(pass);
  else {
    if (status.promoteFull || (pass.isRollbackWithinWindow && !pass.isAborted)) {
      pass.clearPauses();
      pass.clearAbort();
      if (steps.length > 0) next.currentStepIndex = steps.length;
    }
    const reason = promotionReason(pass, traffic);
    if (reason !== null) promote(pass, reason);
    else if (pass.isAborted) markAborted(pass);
    else if (hasCompletedStep(pass, traffic)) completeStep(pass);
    if (pass.isFullyPromoted && status.promoteFull) delete next.promoteFull;
    if (!next.pauseConditions && next.controllerPause && !pass.currentStep?.pause) delete next.controllerPause;
  }
  if (pass.replicas === 0) pass.trafficWait = null; // no pods, nothing to send requests to
  tellLostStable(pass);
  concludeStatus(pass);
  return { ...pass.plan(), onRefusal: (write, error) => tellRefusedRoute(pass, write, error) };
}
