import { formatDuration } from "../promql/duration.ts";
import type { SeenRequests } from "./provider.ts";
import type { AnalysisPhase, Metric } from "./types.ts";

/**
 * Why a measurement did not succeed, in numbers (EC-020): what was measured, which condition decided, and how much stands
 * behind it. The original's messages stay as they are; this stands beside them, in the metadata of the metric's result.
 */
export interface Measured {
  readonly phase: AnalysisPhase;
  /** The value as it is stored. */
  readonly text: string;
  readonly windowMs: number | undefined;
  readonly seen: SeenRequests | null;
}

export function reasonText(metric: Metric, { phase, text, windowMs, seen }: Measured): string {
  const decided = conditionText(metric, phase);
  const parts = [`measured ${text}`, ...(decided === "" ? [] : [decided])];
  return [parts.join(": "), seen ? seenText(seen) : windowText(windowMs)].filter((part) => part !== "").join("; ");
}

function conditionText({ successCondition = "", failureCondition = "" }: Metric, phase: AnalysisPhase): string {
  const success = `successCondition ${JSON.stringify(successCondition)}`;
  const failure = `failureCondition ${JSON.stringify(failureCondition)}`;
  if (phase === "Failed") return failureCondition === "" ? `${success} does not hold` : `${failure} holds`;
  if (phase === "Inconclusive") return `neither ${success} nor ${failure} holds`;
  return "";
}

/** `about 37 requests in 40s: 30 × 200, 7 × 503`. */
export function seenText({ total, windowMs, codes, isOfLastTwo }: SeenRequests): string {
  const shown = codes.slice(0, CODES_MAX).map(([code, count]) => `${count} × ${code}`);
  const amount = `about ${total} request${total === 1 ? "" : "s"} in ${formatDuration(windowMs)}`;
  const counts = shown.length === 0 ? amount : `${amount}: ${shown.join(", ")}`;
  // Else 501 × 200 beside a measured success rate of 0 looks like a mistake of ours.
  return isOfLastTwo && total > 0 ? `${counts}; irate looks only at the last two scrapes of them` : counts;
}

const CODES_MAX = 5;

function windowText(windowMs: number | undefined): string {
  return windowMs === undefined ? "" : `in a window of ${formatDuration(windowMs)}`;
}
