import type { FaultSpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";

/** Delay first, then abort, drawn independently (MESH-150). Shares are in [0, 1]. */
export interface CompiledFault {
  readonly delayMs: number;
  readonly delayShare: number;
  readonly abortStatus: number;
  readonly abortShare: number;
}

export function compileFault(spec: FaultSpec | undefined): CompiledFault | null {
  if (!spec) return null;
  const { delay, abort } = spec;
  return {
    delayMs: delay?.fixedDelay ? (parseDurationMs(delay.fixedDelay) ?? 0) : 0,
    // Without percentage nothing happens; the deprecated integer counts for delays only.
    delayShare: percentShare(delay?.percentage?.value ?? delay?.percent),
    abortStatus: abort?.httpStatus ?? 0,
    abortShare: abort?.httpStatus ? percentShare(abort.percentage?.value) : 0,
  };
}

/** Envoy draws in millionths: finer parts of a percentage do not count. */
export function percentShare(percent: number | undefined): number {
  return Math.floor((percent ?? 0) * 10_000) / 1_000_000;
}

/**
 * One uniform draw decides several independent questions: what is left of the interval that was hit, stretched back
 * to [0, 1), is uniform again and independent of the answer.
 */
export function takeDraw(draw: number, share: number): { readonly isHit: boolean; readonly rest: number } {
  if (share <= 0) return { isHit: false, rest: draw };
  if (share >= 1) return { isHit: true, rest: draw };
  return draw < share ? { isHit: true, rest: draw / share } : { isHit: false, rest: (draw - share) / (1 - share) };
}
