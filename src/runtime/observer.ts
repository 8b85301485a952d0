import type { Change } from "../kube/cache.ts";
import type { PlannedEvent } from "./plan.ts";

/**
 * Who looks on while a runner works: metrics, notifications. It is told and changes nothing; what it throws is the
 * runner's own failure, so it must not.
 */
export interface RunnerObserver {
  /** Every change that a cache shows, of every watched kind. */
  onChange?(change: Change): void;
  /** A key was gathered, decided on and its plan performed. */
  onTurn?(turn: Turn): void;
  /** An event about to be recorded, before repeats are merged. */
  onEvent?(component: string, event: PlannedEvent): void;
  /** Undefined: nobody watches that controller's queue. */
  queue?(controller: string): QueueObserver | undefined;
}

export interface Turn {
  readonly controller: string;
  readonly key: string;
  readonly seconds: number;
  /** The key backs off: a write failed, or the reconciler did. A conflict is not an error: it is tried again (INV-30). */
  readonly isError: boolean;
}

/** A key's way through a work queue. */
export interface QueueObserver {
  added(key: string): void;
  taken(key: string): void;
  done(key: string): void;
  retried(key: string): void;
}
