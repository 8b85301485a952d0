import type { Cancel, Clock } from "../base/clock.ts";
import type { Instant } from "../base/time.ts";
import type { QueueObserver } from "./observer.ts";

/** Back-off of a failing key: 5 ms doubling to 1000 s (K8S-245). */
const BACKOFF_FIRST_MS = 5;
const BACKOFF_MAX_MS = 1_000_000;
/** More keys than this at once means a runaway `keysOf`; etcd clusters hold far fewer objects of one kind. */
const KEYS_MAX = 1_000_000;

/**
 * The keys that a controller has to look at. Each key is in the queue at most once; a key that is being worked on and
 * is added meanwhile comes back when it is done.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #observer: QueueObserver | undefined;
  /** In order of arrival. */
  #ready = new Set<string>();
  #running = new Set<string>();
  /** Added while running. */
  #dirty = new Set<string>();
  #timers = new Map<string, { readonly at: Instant; readonly cancel: Cancel }>();
  #failures = new Map<string, number>();

  constructor(clock: Clock, onReady: () => void, observer?: QueueObserver) {
    this.#clock = clock;
    this.#onReady = onReady;
    this.#observer = observer;
  }

  /** Nothing to do now and nothing being done; keys may wait for their time. */
  get isIdle(): boolean {
    return this.#ready.size === 0 && this.#running.size === 0;
  }

  get size(): number {
    return this.#ready.size;
  }

  /** False when the queue is full: the caller must look at everything anew once it has drained. */
  add(key: string): boolean {
    if (this.#running.has(key)) {
      if (!this.#dirty.has(key)) this.#observer?.added(key);
      this.#dirty.add(key);
      return true;
    }
    if (this.#ready.has(key)) return true;
    if (this.#ready.size >= KEYS_MAX) return false;
    this.#observer?.added(key);
    this.#enqueue(key);
    return true;
  }

  #enqueue(key: string): void {
    this.#ready.add(key);
    this.#onReady();
  }

  /** Adds the key at that time, or at an earlier time that it already has. */
  addAt(key: string, at: Instant): void {
    const timer = this.#timers.get(key);
    if (timer && timer.at <= at) return;
    timer?.cancel();
    const cancel = this.#clock.schedule(at - this.#clock.now(), () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { at, cancel });
  }

  /** Adds the key after its next back-off; returns the delay in milliseconds. */
  addAfterFailure(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(BACKOFF_FIRST_MS * 2 ** failures, BACKOFF_MAX_MS);
    this.#observer?.retried(key);
    this.addAt(key, this.#clock.now() + delayMs);
    return delayMs;
  }

  /** The key did well: its next failure starts the back-off anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key to work on; `done` must follow. Its timer is dropped: the new plan says when to look again. */
  take(): string | null {
    for (const key of this.#ready) {
      this.#ready.delete(key);
      this.#running.add(key);
      this.#timers.get(key)?.cancel();
      this.#timers.delete(key);
      this.#observer?.taken(key);
      return key;
    }
    return null;
  }

  done(key: string): void {
    this.#running.delete(key);
    this.#observer?.done(key);
    // Its coming back was told when it was added.
    if (this.#dirty.delete(key)) this.#enqueue(key);
  }

  clear(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#ready.clear();
    this.#dirty.clear();
    this.#failures.clear();
  }
}
