import { type Outcome, progress, statusCopy } from "../status.ts";
import { restoreState } from "../steps/approval.ts";
import type { RolloutView } from "../types.ts";
import { isSuperseded, supersede } from "./superseded.ts";

/**
 * `strategy.paused` stops the release between any two actions (KRUISE-146, KRUISE-172). A rollback does not wait for
 * resume, as it does in the original (BUG-07): who rolls back wants the old version now.
 */
export function holdWhilePaused(view: RolloutView): Outcome {
  const { rollout, workload, now } = view;
  const status = statusCopy(view);
  if (workload?.isInRollback && isSuperseded(status, workload)) return supersede(view, workload, status);
  // An approval is remembered until resume, one of a state that cannot be approved is not (KRUISE-172).
  if (rollout.spec.strategy.paused) return restoreState(view, status) ?? { status };
  return { status: progress(status, "InRolling", { now }) };
}
