import { withWorkloadObserved } from "../healthy.ts";
import { jump } from "../jump.ts";
import { enterState, type Outcome, withStep } from "../status.ts";
import { type RolloutStatus, type RolloutView, type StepState, stepStates, type WorkloadView } from "../types.ts";
import { restoreState } from "./approval.ts";
import { beforeStepUpgrade } from "./before-step-upgrade.ts";
import { stepMetricsAnalysis } from "./step-metrics-analysis.ts";
import { stepPaused } from "./step-paused.ts";
import { stepReady } from "./step-ready.ts";
import { stepTrafficRouting } from "./step-traffic-routing.ts";
import { stepUpgrade } from "./step-upgrade.ts";

/** What one state of a step decides on; `status` is the working copy with this pass's observations in it. */
export interface StepContext {
  readonly view: RolloutView;
  readonly workload: WorkloadView;
  readonly status: RolloutStatus;
  /** From 1. */
  readonly index: number;
}

/** BeforeStepUpgrade → StepUpgrade → StepTrafficRouting → StepMetricsAnalysis → StepPaused → StepReady (KRUISE-150). */
const states: Readonly<Record<StepState, (context: StepContext) => Outcome>> = {
  BeforeStepUpgrade: beforeStepUpgrade,
  StepUpgrade: stepUpgrade,
  StepTrafficRouting: stepTrafficRouting,
  StepMetricsAnalysis: stepMetricsAnalysis,
  StepPaused: stepPaused,
  StepReady: stepReady,
  Completed: ({ status }) => ({ status }),
};

/** States in which the canary has to be there. */
const needsCanary: readonly string[] = ["StepTrafficRouting", "StepMetricsAnalysis", "StepPaused"];

/** One transition of the step under way. */
export function runStep(view: RolloutView, workload: WorkloadView, stored: RolloutStatus): Outcome {
  const status = withWorkloadObserved(observeBatchRelease(view, workload, stored), workload);
  const jumped = jump(view, workload, status);
  if (jumped) return { status: jumped };

  const restored = restoreState(view, status);
  if (restored) return restored;

  const sub = status.canaryStatus;
  const state = sub?.currentStepState ?? "";
  // Somebody deleted the BatchRelease, and with it the canary: make it again instead of pausing over nothing (INV-39).
  if (view.batchRelease === null && needsCanary.includes(state)) {
    return { status: enterState(status, "StepUpgrade", view.now) };
  }
  const run = isStepState(state) ? states[state] : states.BeforeStepUpgrade;
  return run({ view, workload, status, index: sub?.currentStepIndex ?? 1 });
}

function isStepState(text: string): text is StepState {
  return (stepStates as readonly string[]).includes(text);
}

/** Replica counts and message are the BatchRelease's (KRUISE-016, KRUISE-150). */
function observeBatchRelease(
  { batchRelease }: RolloutView,
  workload: WorkloadView,
  status: RolloutStatus,
): RolloutStatus {
  const observed = batchRelease?.status;
  const batch = observed?.canaryStatus;
  if (!observed || !batch) return status;
  const text =
    `BatchRelease is at state ${batch.batchState ?? ""}, rollout-id ${observed.observedRolloutID ?? ""}, ` +
    `step ${batch.currentBatch + 1}`;
  return withStep(status, {
    canaryReplicas: batch.updatedReplicas ?? 0,
    canaryReadyReplicas: batch.updatedReadyReplicas ?? 0,
    message: observed.message ? `${text}, ${observed.message}` : text,
    ...(status.canaryStatus?.podTemplateHash || workload.canaryTemplateHash === ""
      ? {}
      : { podTemplateHash: workload.canaryTemplateHash }),
  });
}
