import type { RetriesSpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";
import type { RetryPolicy } from "./types.ts";

/** Back-off base of Envoy's default policy (MESH-143). */
const BACKOFF_BASE_MS = 25;

/** Istio's default since 1.24: only failures before the application saw the request (MESH-140). */
export const defaultRetry: RetryPolicy = {
  attempts: 2,
  perTryTimeoutMs: null,
  retryOn: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
  retriableStatusCodes: [],
  backoffBaseMs: BACKOFF_BASE_MS,
};

/** The tokens of `retryOn` (MESH-142); numbers stand for status codes. */
export const RETRY_TOKENS: ReadonlySet<string> = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "resource-exhausted",
  "internal",
  "unavailable",
]);

export function isStatusCode(token: string): boolean {
  return /^[1-5]\d\d$/.test(token);
}

export function splitRetryOn(retryOn: string): string[] {
  return retryOn
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
}

export function compileRetry(spec: RetriesSpec | undefined): RetryPolicy {
  if (!spec) return defaultRetry;
  const tokens = splitRetryOn(spec.retryOn ?? "");
  const codes = tokens.filter(isStatusCode).map(Number);
  const names = tokens.filter((token) => !isStatusCode(token));
  if (codes.length > 0 && !names.includes("retriable-status-codes")) names.push("retriable-status-codes");
  return {
    attempts: spec.attempts ?? 0,
    perTryTimeoutMs: spec.perTryTimeout ? parseDurationMs(spec.perTryTimeout) || null : null,
    retryOn: tokens.length === 0 ? defaultRetry.retryOn : names,
    retriableStatusCodes: codes,
    backoffBaseMs: (spec.backoff ? parseDurationMs(spec.backoff) : null) ?? BACKOFF_BASE_MS,
  };
}
