import { enterState, type Outcome, withStep } from "../status.ts";
import { nextStepIndex, stepsOf } from "../strategy.ts";
import type { StepContext } from "./step.ts";

/** On to the next step, or the release is complete (KRUISE-156). */
export function stepReady({ view, status, index }: StepContext): Outcome {
  const { rollout, now } = view;
  if (index >= stepsOf(rollout).length) return { status: enterState(status, "Completed", now) };
  const next = withStep(status, { currentStepIndex: index + 1, nextStepIndex: nextStepIndex(rollout, index + 1) });
  return { status: enterState(next, "BeforeStepUpgrade", now) };
}
