import { finalise } from "../finalising.ts";
import { messages, type Outcome, progress, statusCopy, succeeded } from "../status.ts";
import type { RolloutView } from "../types.ts";
import { isSuperseded, supersede } from "./superseded.ts";

/** All steps are done: stable takes the new version over, then the canary goes (KRUISE-144). */
export function finishRelease(view: RolloutView): Outcome {
  const { workload, now } = view;
  const status = statusCopy(view);
  // A template applied while the last one is being finished is a release of its own, or a rollback; the original lets
  // it roll natively without any canary (BUG-08, KRUISE-286).
  if (workload && isSuperseded(status, workload)) return supersede(view, workload, status);

  const ending = finalise(view, status, { order: "forward", policy: "WaitResume" });
  if (!ending.isDone) return ending;
  const completed = progress(ending.status, "Completed", { now, message: messages.completed });
  return { status: succeeded(completed, true, now) };
}
