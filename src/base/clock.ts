import { assert } from "./assert.ts";
import type { Instant } from "./time.ts";

/** Stops a scheduled call; calling it twice, or after the call ran, does nothing. */
export type Cancel = () => void;

/**
 * The only way to learn the time or to be woken. Production uses `systemClock`; tests and the simulation use a
 * `VirtualClock`, on which a day passes in a millisecond and every run of a seed is the same.
 */
export interface Clock {
  now(): Instant;
  /** Calls `wake` once, no earlier than `delayMs` from now. */
  schedule(delayMs: number, wake: () => void): Cancel;
}

/** setTimeout takes a signed 32-bit number of milliseconds; longer delays would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, wake) {
    const timer = setTimeout(wake, Math.min(Math.max(0, delayMs), TIMEOUT_MS_MAX));
    return () => clearTimeout(timer);
  },
};

interface Wake {
  readonly at: Instant;
  readonly order: number;
  readonly wake: () => void;
}

/** Time that moves only when told to. Wakes of one instant run in the order in which they were scheduled. */
export class VirtualClock implements Clock {
  #now: Instant;
  #order = 0;
  #wakes: Wake[] = [];

  constructor(start: Instant = Date.UTC(2030, 0, 1)) {
    this.#now = start;
  }

  now(): Instant {
    return this.#now;
  }

  schedule(delayMs: number, wake: () => void): Cancel {
    const entry: Wake = { at: this.#now + Math.max(0, delayMs), order: this.#order++, wake };
    this.#wakes.push(entry);
    return () => {
      const index = this.#wakes.indexOf(entry);
      if (index >= 0) this.#wakes.splice(index, 1);
    };
  }

  /** The instant of the next wake, or null when nothing is scheduled. */
  nextWakeAt(): Instant | null {
    let earliest: Instant | null = null;
    for (const { at } of this.#wakes) if (earliest === null || at < earliest) earliest = at;
    return earliest;
  }

  /** Jumps to the next wake and runs it. False when nothing is scheduled. */
  runNext(): boolean {
    let next: Wake | null = null;
    for (const entry of this.#wakes) {
      if (next === null || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) next = entry;
    }
    if (next === null) return false;
    this.#wakes.splice(this.#wakes.indexOf(next), 1);
    this.#now = Math.max(this.#now, next.at);
    next.wake();
    return true;
  }

  /** Moves to `instant`, running on the way every wake that falls due. */
  advanceTo(instant: Instant): void {
    assert(instant >= this.#now, "time cannot go back");
    for (let at = this.nextWakeAt(); at !== null && at <= instant; at = this.nextWakeAt()) this.runNext();
    this.#now = instant;
  }
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
