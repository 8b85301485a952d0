import { events, messages, normalEvent, type Outcome, progress, withStep } from "../status.ts";
import type { RolloutStatus, RolloutView, WorkloadView } from "../types.ts";

/** The workload is no longer the one that this release set out with: rolled back, or changed once more. */
export function isSuperseded(status: RolloutStatus, workload: WorkloadView): boolean {
  const released = status.canaryStatus?.canaryRevision ?? "";
  // Without the mark the change went past admission and rolls natively; there is no release to supersede ours with.
  return workload.isInProgressing && released !== "" && released !== workload.revision;
}

/** Answers a changed template: back to stable cancels, anything else starts over (KRUISE-181, KRUISE-183). */
export function supersede(view: RolloutView, workload: WorkloadView, status: RolloutStatus): Outcome {
  return workload.isInRollback ? cancelRelease(view, status) : restartRelease(view, status);
}

export function cancelRelease(view: RolloutView, status: RolloutStatus): Outcome {
  const canaryRevision = view.workload?.revision ?? "";
  const marked = withStep(status, { canaryRevision, finalisingStep: "" });
  return {
    status: progress(marked, "Cancelling", { now: view.now, message: messages.rolledBack }),
    events: [normalEvent(view, events.rolledBack)],
  };
}

/**
 * Everything begins anew; stable stays paused at the version that it had (KRUISE-183). `initialize` takes the canary of
 * the version in between away before the new one's arrives, so two canaries never share a lane (INV-14).
 */
function restartRelease(view: RolloutView, status: RolloutStatus): Outcome {
  const { canaryStatus: _superseded, ...cleared } = status;
  return {
    status: progress(cleared, "Initializing", { now: view.now, message: messages.continuous }),
    events: [normalEvent(view, events.continuous)],
  };
}
