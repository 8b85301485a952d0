import type { ReplicaSet } from "../../api/apps.ts";
import { formatTime, parseTime } from "../../base/time.ts";
import { annotations } from "./keys.ts";
import type { Pass } from "./pass.ts";
import {
  availableOf,
  desiredAnnotation,
  hashOf,
  presentOf,
  readyOf,
  scaleDownDeadline,
  sumOf,
  wantedOf,
} from "./replica-sets/replica-sets.ts";
import { formatSelector } from "./selector.ts";
import { type ConditionChange, conditionOf, putCondition, removeCondition, setCondition } from "./status/conditions.ts";
import type { AnalysisRunSummary, Rollout, RolloutPhase, RolloutStatus } from "./types.ts";

const DEADLINE_SECONDS = 600; // ARC 1.1

/** The counts of the status (ARC 1.5); `pass.next` carries them from here on. */
export function setCounts(pass: Pass): void {
  const { next, allRSs, newRS, rollout } = pass;
  next.replicas = sumOf(allRSs, presentOf);
  next.updatedReplicas = presentOf(newRS);
  const active = pass.blueGreen ? activeReplicaSet(pass) : null;
  next.readyReplicas = active ? readyOf(active) : sumOf(allRSs, readyOf);
  next.availableReplicas = active ? availableOf(active) : sumOf(allRSs, availableOf);
  next.HPAReplicas = presentForAutoscaler(pass, active);
  next.selector = formatSelector(active ? active.spec.selector : (rollout.spec.selector ?? {}));
  next.observedGeneration = String(rollout.metadata.generation ?? 0);
  const generation = rollout.metadata.annotations?.[annotations.workloadGeneration];
  if (rollout.spec.workloadRef && generation !== undefined) next.workloadObservedGeneration = generation;
  else delete next.workloadObservedGeneration;
  next.canary ??= {};
  next.blueGreen ??= {};
}

/**
 * What an autoscaler takes for the present size. Beside a full stable version the canary's pods come on top, up to twice
 * the size that was asked for; counting them would make it ask for more and more (ARC-821).
 */
function presentForAutoscaler({ allRSs, stableRS, canary, isRouted }: Pass, active: ReplicaSet | null): number {
  if (active) return presentOf(active);
  if (isRouted && !canary?.dynamicStableScale && stableRS) return presentOf(stableRS);
  return sumOf(allRSs, presentOf);
}

/** The ReplicaSet that production traffic goes to now. */
export function activeReplicaSet(pass: Pass) {
  const hash = pass.next.blueGreen?.activeSelector ?? "";
  return hash === "" ? null : (pass.allRSs.find((one) => hashOf(one) === hash) ?? null);
}

export function isPromoted(status: RolloutStatus): boolean {
  return (status.stableRS ?? "") !== "" && status.stableRS === status.currentPodHash;
}

/** ARC-611. `status` is the new one; the generation is the one that was stored before. */
function isHealthy(pass: Pass): boolean {
  const { next, status, rollout, replicas, steps } = pass;
  if (rollout.spec.paused || (next.pauseConditions ?? []).length > 0) return false;
  if (next.updatedReplicas !== replicas || next.availableReplicas !== replicas) return false;
  if (status.observedGeneration !== String(rollout.metadata.generation ?? 0)) return false;
  if (pass.blueGreen) {
    const { activeSelector, previewSelector } = next.blueGreen ?? {};
    const hasPreview = pass.blueGreen.previewService === undefined || previewSelector === next.currentPodHash;
    return activeSelector === next.currentPodHash && hasPreview && isPromoted(next);
  }
  const hasStepsDone = steps.length === 0 || next.currentStepIndex === steps.length;
  return hasStepsDone && isPromoted(next) && next.replicas === replicas;
}

/** ARC-612. */
function hasProgressed({ status: old, next, canary }: Pass): boolean {
  const olds = (status: RolloutStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  if ((old.updatedReplicas ?? 0) !== (next.updatedReplicas ?? 0) || olds(next) < olds(old)) return true;
  if ((next.readyReplicas ?? 0) > (old.readyReplicas ?? 0)) return true;
  if ((next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)) return true;
  if (canary) {
    return (
      old.stableRS !== next.stableRS ||
      old.currentStepIndex !== next.currentStepIndex ||
      old.currentStepHash !== next.currentStepHash
    );
  }
  return (
    old.blueGreen?.activeSelector !== next.blueGreen?.activeSelector ||
    old.blueGreen?.previewSelector !== next.blueGreen?.previewSelector
  );
}

/** All conditions of the new status (ARC section 8), after everything else in it is decided. */
export function setConditions(pass: Pass): void {
  const { next, now, newRS, rollout } = pass;
  const healthyBefore = conditionOf(next, "Healthy");
  const healthy = isHealthy(pass);
  let becameUnhealthy = false;
  if (healthy) setCondition(next, condition("Healthy", "True", "RolloutHealthy", "Rollout is healthy"), now);
  else if (healthyBefore) {
    becameUnhealthy = healthyBefore.status === "True";
    setCondition(next, condition("Healthy", "False", "RolloutHealthy", "Rollout is not healthy"), now);
  }
  const completed = isPromoted(next) ? "True" : "False";
  const hasTurned = setCondition(next, condition("Completed", completed, "RolloutCompleted", "RolloutCompleted"), now);
  // A blue-green's first version is stable as soon as it exists: the original tells of no update there (ARC-647).
  const isFirstBlueGreen = pass.blueGreen !== undefined && (pass.status.stableRS ?? "") === "";
  if (hasTurned && completed === "False" && !isFirstBlueGreen) {
    pass.event(
      "RolloutNotCompleted",
      `Rollout not completed, started update to revision ${pass.revision} (${pass.newHash})`,
    );
  }
  if (pass.isAborted) setAborted(pass);
  else setProgressing(pass, healthy, becameUnhealthy);

  const isAvailable = pass.blueGreen ? isActiveSaturated(pass) : (next.availableReplicas ?? 0) >= pass.replicas;
  setCondition(
    next,
    isAvailable
      ? condition("Available", "True", "AvailableReason", "Rollout has minimum availability")
      : condition("Available", "False", "AvailableReason", NOT_AVAILABLE),
    now,
  );
  setReplicaFailure(pass);
  removeCondition(next, "InvalidSpec");
  if (newRS && !conditionOf(next, "Progressing")) {
    const found = `Found new replica set "${newRS.metadata.name}"`;
    setCondition(next, condition("Progressing", "True", "FoundNewReplicaSet", found), now);
  }
  if (next.restartedAt === undefined && rollout.spec.restartAt === undefined) delete next.restartedAt;
}

const NOT_AVAILABLE = "Rollout does not have minimum availability";

function condition(
  type: ConditionChange["type"],
  status: ConditionChange["status"],
  reason: string,
  message: string,
): ConditionChange {
  return { type, status, reason, message };
}

function setProgressing(pass: Pass, healthy: boolean, becameUnhealthy: boolean): void {
  const { next, now, newRS, rollout } = pass;
  const current = conditionOf(next, "Progressing");
  const subject = newRS ? `ReplicaSet "${newRS.metadata.name}"` : `Rollout "${rollout.metadata.name}"`;
  if (healthy) {
    setCondition(
      next,
      condition("Progressing", "True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`),
      now,
    );
  } else if (hasProgressed(pass) || becameUnhealthy) {
    const lostHealth = becameUnhealthy && isPromoted(next);
    const change = lostHealth
      ? condition("Progressing", "True", "ReplicaSetNotAvailable", NOT_AVAILABLE)
      : condition("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`);
    // The pause is told by ARC-615's pass; what moves meanwhile does not unsay it.
    if (current?.reason !== "RolloutPaused" || (next.pauseConditions ?? []).length === 0)
      putCondition(next, change, now);
  } else if (isTimedOut(pass)) {
    const text = `${subject} has timed out progressing.`;
    setCondition(next, condition("Progressing", "False", "ProgressDeadlineExceeded", text), now);
    if (rollout.spec.progressDeadlineAbort && !isPromoted(next)) {
      pass.event("RolloutAborted", text, "Warning");
      pass.abort(text);
      markAborted(pass);
      setAborted(pass);
    }
  }
}

/** ARC-613; also plans the wake-up. */
function isTimedOut(pass: Pass): boolean {
  const { next, rollout, now, currentStep } = pass;
  const current = conditionOf(next, "Progressing");
  if (!current || ["RolloutPaused", "RolloutAborted"].includes(current.reason ?? "")) return false;
  if (current.reason === "NewReplicaSetAvailable" || current.reason === "ProgressDeadlineExceeded") return false;
  if (currentStep && (currentStep.pause || currentStep.analysis || currentStep.experiment)) return false;
  if (conditionOf(next, "Paused")?.status === "True" || pass.isPaused) return false;
  const isWaiting = pass.otherRSs.some((one) => wantedOf(one) > 0 && (scaleDownDeadline(one) ?? 0) > now);
  const since = parseTime(current.lastUpdateTime);
  if (isWaiting || since === null) return false;
  const deadline = since + (rollout.spec.progressDeadlineSeconds ?? DEADLINE_SECONDS) * 1000;
  if (now > deadline) return true;
  pass.wakeAt(deadline + 1000);
  return false;
}

/** ARC-131. */
function setAborted(pass: Pass): void {
  const { next, now } = pass;
  const reason = pass.abortReason ? `: ${pass.abortReason}` : "";
  const message = `Rollout aborted update to revision ${pass.revision}${reason}`;
  if (setCondition(next, condition("Progressing", "False", "RolloutAborted", message), now)) {
    pass.event("RolloutAborted", message, "Warning");
  }
}

/** ARC-130: what an abort does to the rest of the status. */
export function markAborted(pass: Pass): void {
  const { next, status, steps, now } = pass;
  pass.clearPauses();
  next.abort = true;
  next.abortedAt = status.abortedAt ?? formatTime(now);
  if (steps.length > 0) next.currentStepIndex = isPromoted(next) ? steps.length : 0;
}

/** ARC-606. */
function setReplicaFailure({ next, newRS, allRSs, now }: Pass): void {
  const failed = [newRS, ...allRSs]
    .flatMap((one) => one?.status?.conditions ?? [])
    .find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  if (failed) setCondition(next, condition("ReplicaFailure", "True", failed.reason ?? "", failed.message ?? ""), now);
  else removeCondition(next, "ReplicaFailure");
}

/** ARC-600: the active ReplicaSet has all its pods. */
function isActiveSaturated(pass: Pass): boolean {
  const active = activeReplicaSet(pass);
  if (!active) return false;
  return (
    wantedOf(active) === pass.replicas &&
    desiredAnnotation(active) === pass.replicas &&
    availableOf(active) === pass.replicas
  );
}

export interface PhaseInput {
  readonly rollout: Rollout;
  readonly status: RolloutStatus;
  readonly trafficWait: string | null;
}

/** ARC-620…631: the first that applies. */
export function phaseOf({ rollout, status, trafficWait }: PhaseInput): [RolloutPhase, string] {
  const { spec } = rollout;
  for (const { type, status: state, reason, message = "" } of status.conditions ?? []) {
    if (type === "InvalidSpec" && state === "True") return ["Degraded", `InvalidSpec: ${message}`];
    if (reason === "RolloutAborted" || reason === "ProgressDeadlineExceeded")
      return ["Degraded", `${reason}: ${message}`];
  }
  if (spec.paused) return ["Paused", "manually paused"];
  const pauses = status.pauseConditions ?? [];
  const held = pauses.find(({ reason }) => reason === "FailedAnalysisRun");
  if (held) return ["Paused", `${held.reason}: ${failureText(status)}`];
  const [pause] = pauses;
  if (pause) return ["Paused", pause.reason];
  // Whatever else the release waits for, this needs somebody.
  const traffic = (status.conditions ?? []).find(({ type }) => type === "TrafficRoutingError");
  if (traffic) return ["Progressing", traffic.message ?? ""];
  if (spec.restartAt !== undefined && spec.restartAt !== status.restartedAt) {
    return ["Progressing", "rollout is restarting"];
  }
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status;
  if (updatedReplicas < (spec.replicas ?? 1)) return ["Progressing", "more replicas need to be updated"];
  if (availableReplicas < updatedReplicas) return ["Progressing", "updated replicas are still becoming available"];
  if (spec.strategy?.blueGreen) {
    if (status.blueGreen?.activeSelector !== status.currentPodHash) {
      return ["Progressing", "active service cutover pending"];
    }
    if (!isPromoted(status)) return ["Progressing", "waiting for analysis to complete"];
    return ["Healthy", ""];
  }
  if (trafficWait !== null) return ["Progressing", trafficWait];
  if (!spec.strategy?.canary?.trafficRouting && replicas > updatedReplicas) {
    return ["Progressing", "old replicas are pending termination"];
  }
  if (!isPromoted(status)) return ["Progressing", "waiting for all steps to complete"];
  return ["Healthy", ""];
}

/** EC-022: which run holds the release, and what it says. */
function failureText(status: RolloutStatus): string {
  const failed = failedRunOf(status);
  return failed ? `analysis run '${failed.name}' ${failed.status}: ${failed.message ?? "no message"}` : "";
}

export function failedRunOf({ canary, blueGreen }: RolloutStatus): AnalysisRunSummary | undefined {
  const runs = [
    canary?.currentBackgroundAnalysisRunStatus,
    canary?.currentStepAnalysisRunStatus,
    blueGreen?.prePromotionAnalysisRunStatus,
    blueGreen?.postPromotionAnalysisRunStatus,
  ];
  return runs.findLast((run) => run?.status === "Failed" || run?.status === "Error");
}

export function setPhase(pass: Pass): void {
  const { rollout, next, trafficWait } = pass;
  const [phase, message] = phaseOf({ rollout, status: next, trafficWait });
  next.phase = phase;
  if (message === "") delete next.message;
  else next.message = message;
}
