import { formatTime, type Instant, parseTime } from "../../../base/time.ts";
import { createdAt, type Pass } from "../pass.ts";
import { availableOf } from "../replica-sets/replica-sets.ts";
import { isPromoted } from "../status.ts";
import type { RolloutDuration } from "../types.ts";
import { conditionOf } from "./conditions.ts";

/**
 * `status.duration` (ARC 1.5): when the attempt under way began, how long people kept it waiting, how it ended. Metrics
 * (ARC-802) and nothing else read it; no decision rests on it.
 */

/** How an attempt ended. `Superseded` is never stored: the next attempt takes its place in the same write. */
export type CompletionStatus = "Promoted" | "FastPromoted" | "Aborted" | "Superseded" | "RolledBack" | "FastRolledBack";

/** After everything else in the status is decided. */
export function setDuration(pass: Pass): void {
  const duration = attempt(pass, hasBegunAnew(pass));
  if (duration === null) delete pass.next.duration;
  else pass.next.duration = duration.finishedAt === undefined ? withManualPause(pass, duration) : duration;
}

/** The status speaks of another template, or of other steps, than it did. */
function hasBegunAnew({ status, next, canary }: Pass): boolean {
  const hasNewSteps = canary !== undefined && status.currentStepHash !== next.currentStepHash;
  return status.currentPodHash !== next.currentPodHash || hasNewSteps;
}

function attempt(pass: Pass, isChanged: boolean): RolloutDuration | null {
  const { status, next, newRS, replicas, now } = pass;
  const isReached = isPromoted(next) && newRS !== null && availableOf(newRS) >= replicas;
  const isRetry = !pass.isAborted && conditionOf(status, "Progressing")?.reason === "RolloutAborted";
  let duration: RolloutDuration | null = status.duration ?? null;
  if (duration !== null && duration.finishedAt === undefined) {
    duration = underWay(pass, duration, { isChanged, isReached });
    if (duration !== null && duration.finishedAt !== undefined && isReached) return duration;
  }
  const isOver = duration === null || (duration.finishedAt !== undefined && !isReached);
  const begins = (isChanged && !isReached) || isRetry;
  return isOver && begins ? { rolloutStartedAt: formatTime(now) } : duration;
}

/** Null: superseded, another attempt begins. */
function underWay(
  pass: Pass,
  duration: RolloutDuration,
  { isChanged, isReached }: { readonly isChanged: boolean; readonly isReached: boolean },
): RolloutDuration | null {
  const { status, next, now } = pass;
  let known = duration.completionStatus;
  if (isChanged) {
    if (!isRollback(pass)) return null;
    known = pass.isFastRollback ? "FastRolledBack" : "RolledBack";
  }
  if (known === undefined && isPromoted(next) && status.stableRS !== next.stableRS) {
    known = status.promoteFull ? "FastPromoted" : "Promoted";
  }
  if (isReached) return finished(duration, known ?? "Promoted", now);
  if (pass.isAborted) return finished(duration, known ?? "Aborted", now);
  return known === undefined ? duration : { ...duration, completionStatus: known };
}

/** Back to stable, or to what was made before it. */
function isRollback({ newRS, stableRS }: Pass): boolean {
  if (!newRS || !stableRS) return false;
  return newRS === stableRS || createdAt(newRS) < createdAt(stableRS);
}

function finished(duration: RolloutDuration, completionStatus: string, now: Instant): RolloutDuration {
  return { ...endPause(duration, now), finishedAt: formatTime(now), completionStatus };
}

function withManualPause(pass: Pass, duration: RolloutDuration): RolloutDuration {
  const isPaused = needsPerson(pass);
  const isNoted = duration.manualPauseStartedAt !== undefined;
  if (isPaused && !isNoted) return { ...duration, manualPauseStartedAt: formatTime(pass.now) };
  return isPaused ? duration : endPause(duration, pass.now);
}

function endPause(duration: RolloutDuration, now: Instant): RolloutDuration {
  const { manualPauseStartedAt, ...others } = duration;
  const since = parseTime(manualPauseStartedAt);
  if (since === null) return duration;
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  return { ...others, totalManualPauseDurationSeconds: (others.totalManualPauseDurationSeconds ?? 0) + seconds };
}

/** A pause that time alone does not end. */
function needsPerson({ rollout, next, currentStep, blueGreen }: Pass): boolean {
  if (rollout.spec.paused) return true;
  return (next.pauseConditions ?? []).some(({ reason }) => {
    if (reason === "CanaryPauseStep")
      return currentStep?.pause !== undefined && currentStep.pause.duration === undefined;
    if (reason === "BlueGreenPause") return blueGreen?.autoPromotionEnabled === false;
    return true;
  });
}
