import { finalise } from "../finalising.ts";
import { messages, type Outcome, progress, statusCopy, succeeded, withStep } from "../status.ts";
import { stepsOf } from "../strategy.ts";
import type { RolloutView } from "../types.ts";
import { isSuperseded, supersede } from "./superseded.ts";

/** A rollback ends the release: traffic first, then the canary; stable's pods were never touched (KRUISE-145). */
export function cancel(view: RolloutView): Outcome {
  const { workload, rollout, now } = view;
  const status = statusCopy(view);
  if (workload && isSuperseded(status, workload)) return supersede(view, workload, status);

  const ending = finalise(view, status, { order: "rollback", policy: "Immediate" });
  if (!ending.isDone) return ending;
  // The original leaves the failed release's step behind, which approve then mistakes for a pause (BUG-05, KRUISE-185).
  const atRest = withStep(ending.status, {
    currentStepIndex: stepsOf(rollout).length,
    nextStepIndex: -1,
    currentStepState: "Completed",
    canaryReplicas: 0,
    canaryReadyReplicas: 0,
    canaryRevision: workload?.revision ?? "",
  });
  const completed = progress(atRest, "Completed", { now, message: messages.canceled });
  return { status: succeeded(completed, false, now) };
}
