import { annotations } from "../keys.ts";
import { phaseOf } from "../status.ts";
import type { Rollout } from "../types.ts";

export interface ShownPhase {
  readonly phase: string;
  readonly message: string;
}

/**
 * What a client may believe of `status.phase`: nothing while the controller has not yet seen the newest wish (ARC-632).
 * A Rollout that no controller has looked at yet has no phase, nor has one of a controller before 1.0: it is worked out
 * here, from the same conditions and counts.
 */
export function shownPhase(rollout: Rollout): ShownPhase {
  const { status } = rollout;
  if (!isSpecObserved(rollout)) return waiting("waiting for rollout spec update to be observed");
  if (status?.controllerPause && (status.pauseConditions ?? []).length === 0) {
    return waiting("waiting for rollout to unpause");
  }
  if (!isWorkloadObserved(rollout)) {
    return waiting("waiting for rollout spec update to be observed for the reference workload");
  }
  if (!status?.phase) return calculated(rollout);
  return { phase: status.phase, message: status.message ?? "" };
}

/** The status speaks of the newest wish, and not of one before. */
export function isUpToDate(rollout: Rollout): boolean {
  return isSpecObserved(rollout) && isWorkloadObserved(rollout);
}

function calculated(rollout: Rollout): ShownPhase {
  const [phase, message] = phaseOf({ rollout, status: rollout.status ?? {}, trafficWait: null });
  return { phase, message };
}

function waiting(message: string): ShownPhase {
  return { phase: "Progressing", message };
}

/** Versions before 0.10 wrote a hash there: what is not a number says nothing, and neither does a number ahead of us. */
function isSpecObserved({ metadata, status }: Rollout): boolean {
  const observed = status?.observedGeneration ?? "";
  return !/^\d+$/.test(observed) || Number(observed) >= (metadata.generation ?? 0);
}

function isWorkloadObserved({ metadata, spec, status }: Rollout): boolean {
  const generation = metadata.annotations?.[annotations.workloadGeneration];
  const observed = status?.workloadObservedGeneration ?? "";
  if (!spec.workloadRef || generation === undefined || !/^\d+$/.test(observed)) return true;
  return Number(observed) === Number(generation);
}
