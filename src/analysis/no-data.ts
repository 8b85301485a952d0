import type { Instant } from "../base/time.ts";
import { MIN_SAMPLES, type NoDataPolicy, ON_NO_DATA } from "./policy.ts";
import type { SeenRequests } from "./provider.ts";
import { seenText } from "./reason.ts";
import { pauseAfter } from "./schedule.ts";
import type { MeasurementOutcome } from "./status.ts";
import type { AnalysisPhase, Metric } from "./types.ts";

/** What a measurement without data, or with too little, becomes by the policy that was asked for (EC-021). */
interface NoDataOptions {
  readonly policy: NoDataPolicy;
  readonly metric: Metric;
  readonly now: Instant;
}

const PHASES: Readonly<Record<NoDataPolicy, AnalysisPhase>> = {
  error: "Error",
  fail: "Failed",
  pass: "Successful",
  // A run without verdict pauses its Rollout.
  pause: "Inconclusive",
  // Not counted: the same measurement is taken again.
  wait: "Running",
};

/** `outcome` is what the original would have made of it; its message says what is missing. */
export function withoutData(outcome: MeasurementOutcome, { policy, metric, now }: NoDataOptions): MeasurementOutcome {
  const { isNoData: _, message: what = "no data", ...rest } = outcome;
  const phase = PHASES[policy];
  const message = `${what} (${ON_NO_DATA}: ${policy})`;
  // Whoever asks for it to pass has decided that nothing is good enough (assess.ts).
  if (policy === "pass") {
    const { reason: __, ...passed } = rest;
    return { ...passed, phase, message };
  }
  const isWaiting = policy === "wait";
  return {
    ...rest,
    phase,
    message,
    isNoData: true,
    reason: message,
    ...(isWaiting ? { resumeAt: now + pauseAfter(metric, phase) } : {}),
  };
}

export function tooFew(
  outcome: MeasurementOutcome,
  { seen, minSamples, ...options }: NoDataOptions & { readonly seen: SeenRequests | null; readonly minSamples: number },
): MeasurementOutcome {
  const found = seen ? seenText(seen) : "the requests behind the value could not be counted";
  return withoutData({ ...outcome, message: `${found}; ${MIN_SAMPLES} is ${minSamples}` }, options);
}
