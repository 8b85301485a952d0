import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { TypeCache } from "./cache.ts";
import { revisionOf } from "./cache.ts";
import type { KubeClient, WatchEvent, WatchHandle } from "./client.ts";
import { type ApiError, isExpired, isNotFound } from "./errors.ts";
import { qualifiedPlural } from "./resource.ts";

/**
 *              list ok               stream ends
 *   listing ────────────> watching ───────────────> waiting ──> watching (goes on from the last revision)
 *      ^  └─ list fails ─────────────────────────────^  └─410─> listing (starts over)
 */
export type ReflectorState = "stopped" | "listing" | "watching" | "waiting";

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly cache: TypeCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Called after each list or event that reached the cache. */
  readonly onProgress?: () => void;
}

/** client-go's reflector back-off: 800 ms doubling to 30 s. The first retry after a healthy stream is immediate. */
const BACKOFF_FIRST_MS = 800;
const BACKOFF_MAX_MS = 30_000;
/** A stream that lived this long counts as healthy: its end is no reason to wait. */
const HEALTHY_STREAM_MS = 1000;

/** Keeps one cache equal to what the server holds: a list, then a watch, then again from where the watch ended. */
export class Reflector {
  readonly #options: ReflectorOptions;
  #state: ReflectorState = "stopped";
  #failures = 0;
  #watch: WatchHandle | null = null;
  #cancelWait: (() => void) | null = null;
  /** Counts starts: an answer to a request of an earlier life is ignored. */
  #life = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  start(): void {
    if (this.#state !== "stopped") return;
    this.#life++;
    void this.#list();
  }

  stop(): void {
    this.#life++;
    this.#state = "stopped";
    this.#leave();
  }

  /** Lists anew at once: for a cache that should have seen a write long ago. */
  relist(): void {
    if (this.#state === "stopped") return;
    this.#life++;
    this.#leave();
    void this.#list();
  }

  #leave(): void {
    this.#watch?.stop();
    this.#watch = null;
    this.#cancelWait?.();
    this.#cancelWait = null;
  }

  async #list(): Promise<void> {
    const life = this.#life;
    const { client, cache, namespace } = this.#options;
    this.#state = "listing";
    try {
      const answer = await client.list(cache.type, namespace === undefined ? {} : { namespace });
      if (life !== this.#life) return;
      cache.replace(answer.items, Number(answer.resourceVersion));
      this.#failures = 0;
      this.#watchFrom(answer.resourceVersion);
      this.#options.onProgress?.();
    } catch (error) {
      if (life !== this.#life) return;
      // A kind that is not served has no objects: readers need not wait for its CRD. The list is tried again later.
      if (isNotFound(error)) cache.replace([], 0);
      this.#wait(error, () => void this.#list());
      this.#options.onProgress?.();
    }
  }

  #watchFrom(resourceVersion: string): void {
    const life = this.#life;
    const { client, cache, clock, namespace } = this.#options;
    const startedAt = clock.now();
    this.#state = "watching";
    const options = { resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
    const handler = {
      onEvent: (event: WatchEvent) => {
        if (life !== this.#life) return;
        this.#apply(event);
        this.#options.onProgress?.();
      },
      onEnd: (error: ApiError | null) => {
        if (life !== this.#life) return;
        this.#watch = null;
        if (clock.now() - startedAt >= HEALTHY_STREAM_MS) this.#failures = 0;
        if (isExpired(error)) this.#wait(error, () => void this.#list());
        else this.#wait(error, () => this.#watchFrom(String(cache.revision)));
      },
    };
    try {
      const watch = client.watch(cache.type, options, handler);
      // The stream may have ended while it was being opened.
      if (this.#state === "watching" && life === this.#life) this.#watch = watch;
      else watch.stop();
    } catch (error) {
      this.#wait(error, () => void this.#list());
    }
  }

  #apply(event: WatchEvent): void {
    const { cache } = this.#options;
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        cache.put(event.object);
        return;
      case "DELETED":
        cache.remove(event.object);
        return;
      case "BOOKMARK":
        cache.advance(revisionOf(event.object));
    }
  }

  #wait(error: unknown, again: () => void): void {
    const { clock, random, logger, cache } = this.#options;
    const delayMs = this.#failures === 0 ? 0 : backoffMs(this.#failures - 1, random);
    this.#failures++;
    this.#state = "waiting";
    if (error !== null && this.#failures > 1) {
      const fields = { resource: qualifiedPlural(cache.type), error: String(error), delayMs };
      if (isNotFound(error)) logger.debug(fields, "the kind is not served");
      else logger.warn(fields, "watching failed");
    }
    this.#cancelWait = clock.schedule(delayMs, () => {
      this.#cancelWait = null;
      again();
    });
  }
}

/** Doubling, spread over [1, 2) of its value, so that many watches of one server do not return in step. */
function backoffMs(retries: number, random: Random): number {
  return Math.min(BACKOFF_FIRST_MS * 2 ** retries, BACKOFF_MAX_MS) * (1 + random.next());
}
