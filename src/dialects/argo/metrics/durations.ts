import { HistogramVector, type Rendered } from "../../../base/metrics.ts";
import { parseTime } from "../../../base/time.ts";
import type { CompletionStatus } from "../status/duration.ts";
import type { Rollout, RolloutDuration } from "../types.ts";

/** An attempt that came to its end. */
export interface Ended {
  readonly status: CompletionStatus;
  readonly totalSeconds: number;
  readonly manualPauseSeconds: number;
}

/**
 * The attempt that ended with this change of a Rollout, if any. Read off what was stored, so nothing is counted before its
 * write, and nothing twice: a controller that starts sees no state before (ARC-802).
 */
export function endedAttempt(before: Rollout, after: Rollout): Ended | null {
  const [was, is] = [before.status?.duration, after.status?.duration];
  if (was?.rolloutStartedAt === undefined || was.finishedAt !== undefined) return null;
  if (is?.rolloutStartedAt === was.rolloutStartedAt) {
    return is.finishedAt === undefined
      ? null
      : ended(is, is.finishedAt, (is.completionStatus ?? "") as CompletionStatus);
  }
  // Another attempt took its place: it was superseded at the moment that the other one began.
  return is?.rolloutStartedAt === undefined ? null : ended(was, is.rolloutStartedAt, "Superseded");
}

function ended(duration: RolloutDuration, finishedAt: string, status: CompletionStatus): Ended | null {
  const [from, to] = [parseTime(duration.rolloutStartedAt), parseTime(finishedAt)];
  if (from === null || to === null) return null;
  const pausedSince = parseTime(duration.manualPauseStartedAt);
  const openPauseSeconds = pausedSince === null ? 0 : Math.floor((to - pausedSince) / 1000);
  const manualPauseSeconds = (duration.totalManualPauseDurationSeconds ?? 0) + openPauseSeconds;
  return { status, totalSeconds: (to - from) / 1000, manualPauseSeconds };
}

export class DurationMetrics implements Rendered {
  readonly #total = new HistogramVector(
    {
      name: "rollout_duration_seconds",
      help: "Time of a rollout from its start until it completed, was aborted or superseded.",
      labels: ["status"],
    },
    [30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800],
  );
  readonly #progression = new HistogramVector(
    {
      name: "rollout_progression_duration_seconds",
      help: "Time of a rollout without its manual pauses.",
      labels: ["status"],
    },
    [30, 60, 120, 300, 600, 900, 1800, 3600],
  );
  readonly #manualPause = new HistogramVector(
    {
      name: "rollout_manual_pause_duration_seconds",
      help: "Time that a rollout waited for a person.",
      labels: ["status"],
    },
    [0, 60, 300, 600, 1800, 3600, 7200, 14400, 28800],
  );

  observe({ status, totalSeconds, manualPauseSeconds }: Ended): void {
    this.#total.observe([status], totalSeconds);
    this.#progression.observe([status], totalSeconds - manualPauseSeconds);
    this.#manualPause.observe([status], manualPauseSeconds);
  }

  render(lines: string[]): void {
    for (const metric of [this.#total, this.#progression, this.#manualPause]) metric.render(lines);
  }
}
