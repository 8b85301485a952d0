import type { PlannedEvent } from "../../../runtime/plan.ts";
import { type Outcome, withStep } from "../status.ts";
import type { RolloutStatus, RolloutView } from "../types.ts";

/**
 * Approval is a write of `StepReady` into the sub-status (KRUISE-160). The step at the top of the status is written by
 * this controller alone, so it still tells which state the approver found. Only an approval of StepPaused counts: any
 * other would skip the rest of a step, for instance of the next one after a double click (KRUISE-162, BUG-04).
 *
 * Null: nothing to restore. A top without a state (an object last written through v1alpha1) proves nothing.
 */
export function restoreState(view: RolloutView, status: RolloutStatus): Outcome | null {
  const found = status.currentStepState;
  if (status.canaryStatus?.currentStepState !== "StepReady" || found === "") return null;
  if (found === "StepPaused" || found === "StepReady") return null;
  // After a change of plan we wrote StepReady ourselves, and the copy at the top with it.
  const message =
    `step(${status.canaryStatus.currentStepIndex}) was approved in state ${found}; ` +
    "only a step in state StepPaused can be approved";
  const event: PlannedEvent = { regarding: view.rollout, type: "Warning", reason: "ApprovalIgnored", message };
  return { status: withStep(status, { currentStepState: found }), events: [event] };
}
