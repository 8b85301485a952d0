import type { OutlierDetectionSpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";
import type { Instant } from "../base/time.ts";

/**
 * Outlier detection: when an endpoint that fails again and again gets a rest, and how long (MESH-195…199). Pure; the
 * proxy keeps one `HostHealth` per cluster and endpoint and feeds it with what attempts came to.
 */
export interface OutlierPolicy {
  /** 0: this kind of error is not counted. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  readonly consecutiveLocalFailures: number;
  /** Failures without an answer have a counter of their own instead of counting as 5xx. */
  readonly splitsLocalFailures: boolean;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly minHealthPercent: number;
}

/** Presence switches it on; the defaults are Envoy's (MESH-195). */
export function compileOutlier(spec: OutlierDetectionSpec | undefined): OutlierPolicy | null {
  if (!spec) return null;
  return {
    consecutive5xx: spec.consecutive5xxErrors ?? 5,
    consecutiveGatewayErrors: spec.consecutiveGatewayErrors ?? 0,
    consecutiveLocalFailures: spec.consecutiveLocalOriginFailures ?? 5,
    splitsLocalFailures: spec.splitExternalLocalOriginErrors === true,
    intervalMs: duration(spec.interval, 10_000),
    baseEjectionMs: duration(spec.baseEjectionTime, 30_000),
    maxEjectionPercent: spec.maxEjectionPercent || 10,
    minHealthPercent: spec.minHealthPercent ?? 0,
  };
}

function duration(text: string | undefined, fallbackMs: number): number {
  return (text ? parseDurationMs(text) : null) || fallbackMs;
}

/** MESH-198. */
const EJECTION_MS_MAX = 300_000;

/** What is known of one endpoint within one cluster. */
export interface HostHealth {
  readonly errors5xx: number;
  readonly gatewayErrors: number;
  readonly localFailures: number;
  /** How often in a row it was ejected: each time costs one `baseEjectionMs` more. */
  readonly ejections: number;
  /** It gets no request before this moment. */
  readonly ejectedUntil: Instant;
}

export const healthy: HostHealth = {
  errors5xx: 0,
  gatewayErrors: 0,
  localFailures: 0,
  ejections: 0,
  ejectedUntil: Number.NEGATIVE_INFINITY,
};

/** What one attempt came to: the status of the answer, or null when there was none. */
export type AttemptOutcome = number | null;

export function afterAttempt(policy: OutlierPolicy, before: HostHealth, status: AttemptOutcome): HostHealth {
  if (status === null && policy.splitsLocalFailures) return { ...before, localFailures: before.localFailures + 1 };
  const is5xx = status === null || status >= 500;
  const isGatewayError = status === null || (status >= 502 && status <= 504);
  return {
    ...before,
    errors5xx: is5xx ? before.errors5xx + 1 : 0,
    gatewayErrors: isGatewayError ? before.gatewayErrors + 1 : 0,
    localFailures: 0,
  };
}

export function isOverThreshold(policy: OutlierPolicy, health: HostHealth): boolean {
  return (
    reached(health.errors5xx, policy.consecutive5xx) ||
    reached(health.gatewayErrors, policy.consecutiveGatewayErrors) ||
    (policy.splitsLocalFailures && reached(health.localFailures, policy.consecutiveLocalFailures))
  );
}

function reached(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}

/** MESH-197: with the default of 10 % a cluster of fewer than ten endpoints never ejects. */
export function mayEject(policy: OutlierPolicy, { ejected, total }: { ejected: number; total: number }): boolean {
  return total > 0 && (100 * (ejected + 1)) / total <= policy.maxEjectionPercent;
}

/**
 * MESH-198. Envoy looks for endpoints that may return at each `interval`, counted from `since`, the beginning of the
 * cluster's watch; so does the number of ejections in a row fall by one at each interval spent healthy.
 */
export function eject(
  policy: OutlierPolicy,
  before: HostHealth,
  { now, since }: { now: Instant; since: Instant },
): HostHealth {
  const { intervalMs, baseEjectionMs } = policy;
  const tick = (instant: Instant) => Math.floor((instant - since) / intervalMs);
  const healthyIntervals = before.ejections === 0 ? 0 : tick(now) - tick(before.ejectedUntil);
  const ejections = Math.max(0, before.ejections - healthyIntervals) + 1;
  const over = now + Math.min(baseEjectionMs * ejections, Math.max(EJECTION_MS_MAX, baseEjectionMs));
  const ejectedUntil = since + Math.ceil((over - since) / intervalMs) * intervalMs;
  return { ...healthy, ejections, ejectedUntil };
}

/** MESH-199: too few healthy endpoints left, so that ejections do not count (panic). */
export function isPanic(policy: OutlierPolicy, { ejected, total }: { ejected: number; total: number }): boolean {
  return policy.minHealthPercent > 0 && (100 * (total - ejected)) / total < policy.minHealthPercent;
}
