import type { Cluster, Endpoint, ForwardDecision, LateFailure } from "../routing/types.ts";
import type { Failure } from "./connection.ts";
import { type Outcome, wantsRetry } from "./retry.ts";

/**
 * What may still be done for a request whose attempt came to nothing, given what was done already. It decides; the
 * exchange acts.
 */

/** A kept connection can be lost once, then pods of a fast rollout; more than that is no race. Our bound. */
const CLOSING_RACES_MAX = 3;

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** LANE-205 F5. */
const LATE_FALLBACK_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** How much of the request body another attempt could send. */
export interface BodyState {
  readonly isReplayable: boolean;
  readonly isUntouched: boolean;
}

export class Recovery {
  readonly #decision: ForwardDecision;
  readonly #method: string;
  attempts = 0;
  retries = 0;
  /** Endpoints that another attempt should avoid. */
  tried: Endpoint[] = [];
  /** The policy would have retried once more, but its number of attempts was used up. */
  isExhausted = false;
  /** The policy would have retried, but the cluster has as many retries under way as it may have (MESH-190). */
  isOverflown = false;
  #hasFallenBack = false;
  #closingRaces = 0;

  constructor(decision: ForwardDecision, method: string) {
    this.#decision = decision;
    this.#method = method;
  }

  /** True at most `retry.attempts` times; counts. `hasRoom`: the cluster may have one more retry under way. */
  takeRetry(outcome: Outcome, { isReplayable }: BodyState, hasRoom = true): boolean {
    const { retry } = this.#decision;
    if (!wantsRetry(retry, outcome) || !isReplayable) return false;
    if (this.retries >= retry.attempts) {
      this.isExhausted = true;
      return false;
    }
    if (!hasRoom) {
      this.isOverflown = true;
      return false;
    }
    this.retries += 1;
    return true;
  }

  /**
   * The peer closed the connection just as we used it, and answered nothing. Again on a fresh connection, for:
   * - a kept connection: requests that may run twice, or of which no body byte was sent (MESH-212);
   * - a pod that is leaving, whose program closes what it has not read yet: requests that may run twice (MESH-211);
   * - a lane's pod that died under the request: requests that may run twice. If it stays dead, the next attempt is
   *   refused, and the lane's fallback serves (LANE-205 F4).
   */
  takeClosingRace({ kind, isReused, isUnanswered }: Failure, body: BodyState, isLeaving: boolean): boolean {
    if (kind !== "closed" || !isUnanswered || this.#closingRaces >= CLOSING_RACES_MAX) return false;
    const isIdempotent = IDEMPOTENT.has(this.#method) && body.isReplayable;
    const isRace = isReused ? isIdempotent || body.isUntouched : isIdempotent && (isLeaving || this.#hasFallback);
    if (isRace) this.#closingRaces += 1;
    return isRace;
  }

  /** LANE-205 F4: nothing of the request was processed, so the lane's fallback may have it, once. */
  takeFallback({ isReplayable }: BodyState): Cluster | null {
    if (!this.#hasFallback || !isReplayable) return null;
    this.#hasFallenBack = true;
    this.tried = [];
    this.retries = 0;
    this.isExhausted = false;
    return this.#decision.connectFallback;
  }

  /** LANE-205 F5: processing began, so only where the group opted in, and with methods that may run twice. */
  takeLateFallback(outcome: number | "timeout", body: BodyState): { cluster: Cluster; failure: LateFailure } | null {
    if (!LATE_FALLBACK_METHODS.has(this.#method)) return null;
    const failure = this.#decision.fallbackOn.find((candidate) => isLateFailure(candidate, outcome));
    const cluster = failure === undefined ? null : this.takeFallback(body);
    return cluster === null ? null : { cluster, failure: failure! };
  }

  get #hasFallback(): boolean {
    return !this.#hasFallenBack && this.#decision.connectFallback !== null;
  }
}

function isLateFailure(failure: LateFailure, outcome: number | "timeout"): boolean {
  if (failure === "timeout" || outcome === "timeout") return failure === outcome;
  return failure === "5xx" ? outcome >= 500 : outcome >= 502 && outcome <= 504;
}
