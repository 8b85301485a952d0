import type { Write } from "../../../runtime/plan.ts";
import type { BatchReleaseStatus } from "../types.ts";

/** What a pass over a BatchRelease found out: the next status, and what is to be done. */
export interface BatchOutcome {
  readonly status: BatchReleaseStatus;
  readonly writes?: readonly Write[];
}

type BatchStatus = NonNullable<BatchReleaseStatus["canaryStatus"]>;

export function withBatch(status: BatchReleaseStatus, change: Partial<BatchStatus>): BatchReleaseStatus {
  return { ...status, canaryStatus: { currentBatch: 0, ...status.canaryStatus, ...change } };
}
