import { addSeconds, parseTime } from "../../../base/time.ts";
import { enterState, messages, type Outcome } from "../status.ts";
import { stepsOf } from "../strategy.ts";
import type { StepContext } from "./step.ts";

/** Waits for approval, or for the step's duration; a last step of "100%" waits for nothing (KRUISE-155). */
export function stepPaused({ view, status, index }: StepContext): Outcome {
  const { rollout, now } = view;
  const steps = stepsOf(rollout);
  const step = steps[index - 1];
  const ready: Outcome = { status: enterState(status, "StepReady", now) };
  if (index === steps.length && step?.replicas === "100%") return ready;

  const duration = step?.pause?.duration;
  if (duration === undefined) return { status: { ...status, message: messages.needsApproval(index, steps.length) } };

  const startedAt = parseTime(status.canaryStatus?.lastUpdateTime) ?? now;
  const endsAt = addSeconds(startedAt, duration);
  if (now >= endsAt) return ready;
  return { status: { ...status, message: messages.waits(index, steps.length, duration) }, requeueAt: endsAt };
}
