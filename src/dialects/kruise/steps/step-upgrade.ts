import { deepEqual } from "../../../base/json.ts";
import { planHash } from "../batch-release/plan-hash.ts";
import { applyBatchRelease, wantedBatchReleaseSpec } from "../own-writes.ts";
import { enterState, events, messages, normalEvent, type Outcome } from "../status.ts";
import { stepsOf } from "../strategy.ts";
import type { BatchRelease, BatchReleaseSpec } from "../types.ts";
import type { StepContext } from "./step.ts";

/** Brings the canary's pods up to the step's number, through the BatchRelease (KRUISE-152). */
export function stepUpgrade({ view, status, index }: StepContext): Outcome {
  const { batchRelease, rollout, now } = view;
  const text = messages.upgrading(index, stepsOf(rollout).length);
  // What keeps the pods from coming is only in the original's log (BUG-10).
  const trouble = batchRelease?.status?.message;
  const upgrading = { ...status, message: trouble ? `${text}: ${trouble}` : text };

  // One that is being deleted belongs to the release before; its going wakes us.
  if (batchRelease?.metadata.deletionTimestamp !== undefined) return { status: upgrading };
  const wanted = wantedBatchReleaseSpec(view, status);
  if (!batchRelease || !isReached(batchRelease, wanted, index)) {
    return { status: upgrading, writes: applyBatchRelease(view, wanted) };
  }
  return {
    status: enterState({ ...upgrading, message: text }, "StepTrafficRouting", now),
    events: [normalEvent(view, events.stepUpgraded(index))],
  };
}

/** Ready for exactly this plan: a status that speaks of an earlier spec says nothing (INV-29). */
function isReached({ spec, status, metadata }: BatchRelease, wanted: BatchReleaseSpec, index: number): boolean {
  return (
    deepEqual(spec, wanted) &&
    status?.observedReleasePlanHash === planHash(wanted) &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    status.canaryStatus?.batchState === "Ready" &&
    status.canaryStatus.currentBatch + 1 >= index
  );
}
