import type { Plan } from "../../runtime/plan.ts";
import { finalise, isReleaseUnderWay } from "./finalising.ts";
import { messages, settle, statusCopy, withStep, withStepAtRest } from "./status.ts";
import type { RolloutView } from "./types.ts";

/**
 * `spec.disabled`: a release under way is let go to the new version, then the Rollout does nothing (KRUISE-136).
 * Switched on again while disabling, it finishes disabling first.
 */
export function disable(view: RolloutView): Plan {
  const status = statusCopy(view);
  if (status.phase !== "Disabling") {
    if (status.phase !== "Progressing" && !isReleaseUnderWay(view)) {
      return settle(view, { status: { ...status, phase: "Disabled", message: messages.disabled } });
    }
    const begun = withStep(status, { finalisingStep: "" });
    return settle(view, { status: { ...begun, phase: "Disabling", message: messages.disabling } });
  }
  const ending = finalise(view, status, { order: "forward", policy: "Immediate" });
  if (!ending.isDone) return settle(view, ending);
  return settle(view, {
    status: { ...withStepAtRest(ending.status, view), phase: "Disabled", message: messages.disabled },
  });
}
