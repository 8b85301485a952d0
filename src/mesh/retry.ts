import type { Random } from "../base/random.ts";
import type { RetryPolicy } from "../routing/types.ts";
import type { FailureKind } from "./connection.ts";

/** What an attempt came to: a status, a failure, or the per-try timeout. Pure decisions about trying again. */
export type Outcome =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: FailureKind | "per-try-timeout" };

/** MESH-142: whether a token of `retryOn` covers the outcome. gRPC and HTTP/3 tokens never match HTTP/1. */
function covers(token: string, outcome: Outcome): boolean {
  const status = outcome.kind === "status" ? outcome.status : null;
  const isConnectFailure = outcome.kind === "connect" || outcome.kind === "connect-timeout";
  switch (token) {
    case "5xx":
      return status === null || status >= 500;
    case "gateway-error":
      return status === 502 || status === 503 || status === 504 || outcome.kind === "per-try-timeout";
    case "reset":
      return outcome.kind === "closed" || outcome.kind === "protocol" || isConnectFailure;
    case "connect-failure":
      return isConnectFailure;
    case "per-try-timeout": // Ours: what a retry of Gateway API asks for (MESH-367); VirtualServices cannot name it.
      return outcome.kind === "per-try-timeout";
    case "retriable-4xx":
      return status === 409;
    default:
      return false;
  }
}

/** True when the policy wants another attempt after this outcome, whatever the number of attempts so far. */
export function wantsRetry(policy: RetryPolicy, outcome: Outcome): boolean {
  if (policy.attempts === 0) return false;
  if (outcome.kind === "status" && policy.retriableStatusCodes.includes(outcome.status)) return true;
  return policy.retryOn.some((token) => covers(token, outcome));
}

/** MESH-143: uniform in [0, (2^N − 1) · base), at most ten times the base. `retryNumber` starts at 1. */
export function backoffMs(policy: RetryPolicy, retryNumber: number, random: Random): number {
  const ceiling = Math.min((2 ** retryNumber - 1) * policy.backoffBaseMs, 10 * policy.backoffBaseMs);
  return random.next() * ceiling;
}
