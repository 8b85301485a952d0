import type { Condition } from "../../api/meta.ts";
import { formatTime, type Instant } from "../../base/time.ts";

/** What a status says of one aspect, before it is compared with what it said. */
export interface Verdict {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** A message is bounded by the schema; the first reasons say enough. */
const MESSAGE_LENGTH_MAX = 32_768;

/** Conditions in the given order; a transition is a change of `status` alone. */
export function conditionsOf(
  verdicts: readonly Verdict[],
  { before = [], generation, now }: { before?: readonly Condition[]; generation: number | undefined; now: Instant },
): Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const known = before.find((condition) => condition.type === type);
    const isSame = known?.status === status && known.lastTransitionTime !== undefined;
    return {
      type,
      status,
      reason,
      message: message.slice(0, MESSAGE_LENGTH_MAX),
      lastTransitionTime: isSame ? known.lastTransitionTime! : formatTime(now),
      observedGeneration: generation ?? 0,
    };
  });
}
