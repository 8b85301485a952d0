import { finalise } from "../finalising.ts";
import { messages, type Outcome, progress, statusCopy, succeeded, withStepAtRest } from "../status.ts";
import type { RolloutView } from "../types.ts";
import { isSuperseded, supersede } from "./superseded.ts";

/** A rollback ends the release: traffic first, then the canary; stable's pods were never touched (KRUISE-145). */
export function cancel(view: RolloutView): Outcome {
  const { workload, now } = view;
  const status = statusCopy(view);
  if (workload && isSuperseded(status, workload)) return supersede(view, workload, status);

  const ending = finalise(view, status, { order: "rollback", policy: "Immediate" });
  if (!ending.isDone) return ending;
  const completed = progress(withStepAtRest(ending.status, view), "Completed", { now, message: messages.canceled });
  return { status: succeeded(completed, false, now) };
}
