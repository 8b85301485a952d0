import { ceilingOf } from "../jump.ts";
import { messages, type Outcome, progress, statusCopy, withStep } from "../status.ts";
import { runStep } from "../steps/step.ts";
import { nextStepIndex, rolloutHash, stepsOf } from "../strategy.ts";
import type { RolloutStatus, RolloutView, WorkloadView } from "../types.ts";
import { isSuperseded, supersede } from "./superseded.ts";

/** A release under way: the first case that applies, the steps last (KRUISE-141). */
export function roll(view: RolloutView): Outcome {
  const { rollout, workload, now } = view;
  const status = statusCopy(view);
  if (!workload) return { status };
  if (!status.canaryStatus) return { status: progress(status, "Initializing", { now }) };

  if (isSuperseded(status, workload) && (workload.isInRollback || !rollout.spec.strategy.paused)) {
    return supersede(view, workload, status);
  }
  if (rollout.spec.strategy.paused) return { status: progress(status, "Paused", { now, message: messages.paused }) };
  if (status.canaryStatus.rolloutHash !== rolloutHash(rollout)) return replan(view, workload, status);
  if (status.canaryStatus.currentStepState === "Completed") {
    return { status: progress(status, "Finalising", { now, message: messages.finalising }) };
  }
  return runStep(view, workload, status);
}

/** The steps were edited in mid-release: go on at the step that fits what is already there (KRUISE-171). */
function replan(view: RolloutView, workload: WorkloadView, status: RolloutStatus): Outcome {
  const { rollout } = view;
  const current = status.canaryStatus?.currentStepIndex ?? 1;
  const target = fittingStep(view, workload, current);
  const replanned = withStep(status, { rolloutHash: rolloutHash(rollout) });
  const expected = nextStepIndex(rollout, current);
  if (target === expected && status.canaryStatus?.nextStepIndex === expected) {
    return { status: withStep(replanned, { currentStepState: "StepReady" }) };
  }
  return { status: withStep(replanned, { nextStepIndex: target }) };
}

/** The current step if it still asks for at least the pods that are there, else the first that does, else the last. */
function fittingStep({ rollout, batchRelease }: RolloutView, workload: WorkloadView, current: number): number {
  const steps = stepsOf(rollout);
  const { batches = [], batchPartition = 0 } = batchRelease?.spec.releasePlan ?? {};
  const batch = batches[batchPartition];
  if (!batch) return 1;
  const present = ceilingOf(batch.canaryReplicas, workload);
  const candidates = [current, ...steps.map((_, index) => index + 1).filter((number) => number !== current)];
  const fitting = candidates.find((number) => {
    const step = steps[number - 1];
    return step !== undefined && present <= ceilingOf(step.replicas ?? 0, workload);
  });
  return fitting ?? steps.length;
}
