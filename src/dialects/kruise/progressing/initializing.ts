import { addSeconds, formatTime, parseTime } from "../../../base/time.ts";
import { withWorkloadObserved } from "../healthy.ts";
import { deleteBatchRelease } from "../own-writes.ts";
import { conditionOf, messages, type Outcome, progress, statusCopy } from "../status.ts";
import { nextStepIndex, rolloutHash } from "../strategy.ts";
import type { CanaryStatus, RolloutStatus, RolloutView, WorkloadView } from "../types.ts";
import { cancelRelease } from "./superseded.ts";

/**
 * A release was noticed: its sub-status is made anew, and a short wait lets an edit of the Rollout that was applied
 * together with the workload arrive (KRUISE-140).
 */
export function initialize(view: RolloutView): Outcome {
  const { workload, batchRelease, now, settleSeconds } = view;
  if (!workload) return { status: statusCopy(view) };
  const status = begin(view, workload);

  // Taken back before it began. The original would release the stable version to itself; a rollout id says that
  // exactly this is wanted (KRUISE-105).
  if (workload.isInRollback && workload.rolloutId === "") return cancelRelease(view, status);
  // Left over from a release that was superseded: the new one must not inherit its canary (INV-26).
  if (batchRelease) return { status, writes: deleteBatchRelease(view) };

  const noticedAt = parseTime(conditionOf(status, "Progressing")?.lastUpdateTime) ?? now;
  const settledAt = addSeconds(noticedAt, settleSeconds);
  if (now < settledAt) return { status, requeueAt: settledAt };
  return { status: progress(status, "InRolling", { now, message: messages.progressing }) };
}

function begin(view: RolloutView, workload: WorkloadView): RolloutStatus {
  const { rollout, now } = view;
  const stored = statusCopy(view);
  const noticed = conditionOf(stored, "Progressing") ? stored : progress(stored, "Initializing", { now });
  const hash = rolloutHash(rollout);
  // Made once and then kept, so that waiting does not write a new time at every look (INV-33).
  const isMade = isBegunFor(workload, stored.canaryStatus) && stored.canaryStatus?.rolloutHash === hash;
  if (isMade) return withWorkloadObserved(noticed, workload);
  return {
    ...noticed,
    canaryStatus: {
      observedWorkloadGeneration: workload.deployment.metadata.generation ?? 0,
      observedRolloutID: workload.rolloutId || workload.revision,
      rolloutHash: hash,
      stableRevision: workload.stableRevision,
      canaryRevision: workload.revision,
      podTemplateHash: "",
      currentStepIndex: 1,
      nextStepIndex: nextStepIndex(rollout, 1),
      currentStepState: "BeforeStepUpgrade",
      finalisingStep: "",
      canaryReplicas: 0,
      canaryReadyReplicas: 0,
      lastUpdateTime: formatTime(now),
    },
  };
}

function isBegunFor(workload: WorkloadView, sub: CanaryStatus | undefined): boolean {
  return (
    sub?.currentStepState === "BeforeStepUpgrade" &&
    sub.currentStepIndex === 1 &&
    sub.canaryRevision === workload.revision &&
    sub.stableRevision === workload.stableRevision
  );
}
