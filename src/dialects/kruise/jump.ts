import type { IntOrPercent } from "../../base/int-or-percent.ts";
import { formatTime } from "../../base/time.ts";
import { desiredReplicas, targetReplicas } from "../../workloads/replicas.ts";
import { withStep } from "./status.ts";
import { nextStepIndex, stepsOf } from "./strategy.ts";
import type { RolloutStatus, RolloutView, WorkloadView } from "./types.ts";

/** How many pods a step's `replicas` means for the workload's present size. */
export function ceilingOf(replicas: IntOrPercent, { deployment }: WorkloadView): number {
  return targetReplicas(replicas, desiredReplicas(deployment));
}

/**
 * A `nextStepIndex` other than the usual one is a wish to go there, in any state (KRUISE-170); also when the list of
 * steps became so short that the current one is gone. Null: no jump.
 */
export function jump(
  { rollout, now }: RolloutView,
  workload: WorkloadView,
  status: RolloutStatus,
): RolloutStatus | null {
  const sub = status.canaryStatus;
  const steps = stepsOf(rollout);
  if (!sub || steps.length === 0) return null;
  const isCurrentGone = sub.currentStepIndex > steps.length || sub.currentStepIndex < 1;
  const wished = sub.nextStepIndex;
  const isWish = wished >= 1 && wished <= steps.length && wished !== nextStepIndex(rollout, sub.currentStepIndex);
  if (!isWish && !isCurrentGone) return null;

  const target = isWish ? wished : Math.min(Math.max(1, sub.currentStepIndex), steps.length);
  const hasPods = ceilingOf(steps[target - 1]?.replicas ?? 0, workload) === sub.canaryReplicas;
  return withStep(status, {
    currentStepIndex: target,
    nextStepIndex: nextStepIndex(rollout, target),
    currentStepState: hasPods ? "StepTrafficRouting" : "BeforeStepUpgrade",
    lastUpdateTime: formatTime(now),
  });
}
