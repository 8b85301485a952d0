import type { KubeObject } from "../api/meta.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { formatTime, type Instant } from "../base/time.ts";
import type { KubeClient } from "../kube/client.ts";
import { isAlreadyExists, isNotFound } from "../kube/errors.ts";
import { resources } from "../kube/resource.ts";
import type { PlannedEvent } from "./plan.ts";

/**
 * Records Kubernetes Events as client-go's recorder does (K8S-244): a repeat raises the count of the first, many
 * similar ones become one, and an object that never stops talking is cut off. Events are not state: a failure to write
 * one is logged and forgotten, and nobody waits for it.
 */

/** Distinct messages of one reason about one object within `SIMILAR_WINDOW_MS`; further ones are merged. */
const SIMILAR_MAX = 10;
const SIMILAR_WINDOW_MS = 10 * 60 * 1000;
const MERGED_PREFIX = "(combined from similar events): ";
/** Token bucket per source, object and type: what a release tells of its progress leaves room for its warnings. */
const BURST = 25;
const REFILL_MS = 5 * 60 * 1000;
/** Least recently used memory entries go first; client-go keeps as many. */
const MEMORY_MAX = 4096;
/** Events waiting to be written; more are dropped. */
const PENDING_MAX = 1000;
/** Tries to find a free name when another process took the same nanosecond. */
const NAME_TRIES = 3;

interface Recorded {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

interface Similar {
  readonly messages: Set<string>;
  lastAt: Instant;
}

interface Bucket {
  tokens: number;
  refilledAt: Instant;
}

export class EventRecorder {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #recorded = new Map<string, Recorded>();
  #similar = new Map<string, Similar>();
  #buckets = new Map<string, Bucket>();
  #pending: { readonly component: string; readonly event: PlannedEvent }[] = [];
  #isWriting = false;
  #isStopped = false;
  /** Distinguishes names within one millisecond. */
  #sequence = 0;

  constructor(client: KubeClient, clock: Clock, logger: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#logger = logger;
  }

  get isIdle(): boolean {
    return !this.#isWriting && this.#pending.length === 0;
  }

  record(component: string, event: PlannedEvent): void {
    if (this.#isStopped || this.#pending.length >= PENDING_MAX) return;
    this.#pending.push({ component, event });
    if (!this.#isWriting) void this.#drain();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pending = [];
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      try {
        await this.#write(next.component, next.event);
      } catch (error) {
        this.#logger.debug({ reason: next.event.reason, error: String(error) }, "an event could not be written");
      }
    }
    this.#isWriting = false;
  }

  async #write(component: string, event: PlannedEvent): Promise<void> {
    if (!this.#spend(`${component}\0${event.type}\0${identityOf(event.regarding)}`)) return;
    const message = this.#merge(component, event);
    const key = `${similarKey(component, event)}\0${message.startsWith(MERGED_PREFIX) ? MERGED_PREFIX : message}`;
    const before = this.#recorded.get(key);
    if (before && (await this.#repeat(component, before, message))) {
      touch(this.#recorded, key, before);
      return;
    }
    touch(this.#recorded, key, await this.#create(component, event, message));
  }

  /** False when the earlier event is gone, e.g. expired (K8S-205). */
  async #repeat(component: string, before: Recorded, message: string): Promise<boolean> {
    const body = { count: before.count + 1, lastTimestamp: formatTime(this.#clock.now()), message };
    try {
      const { namespace, name } = before;
      const options = { fieldManager: component };
      await this.#client.patch(resources.events, { namespace, name }, { kind: "merge", body }, options);
      before.count++;
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(component: string, event: PlannedEvent, message: string): Promise<Recorded> {
    for (let tries = 1; ; tries++) {
      const object = renderEvent(component, event, message, this.#clock.now(), this.#sequence++ % 1_000_000);
      try {
        await this.#client.create(resources.events, object, { fieldManager: component });
        return { namespace: object.metadata.namespace ?? "", name: object.metadata.name, count: 1 };
      } catch (error) {
        if (!isAlreadyExists(error) || tries === NAME_TRIES) throw error;
      }
    }
  }

  #spend(key: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, refilledAt: now };
    const refill = Math.floor((now - bucket.refilledAt) / REFILL_MS);
    bucket.tokens = Math.min(BURST, bucket.tokens + refill);
    bucket.refilledAt += refill * REFILL_MS;
    touch(this.#buckets, key, bucket);
    if (bucket.tokens === 0) return false;
    bucket.tokens--;
    return true;
  }

  /** The message, marked as merged once too many different ones came for the same reason. */
  #merge(component: string, event: PlannedEvent): string {
    const key = similarKey(component, event);
    const now = this.#clock.now();
    let similar = this.#similar.get(key);
    if (!similar || now - similar.lastAt > SIMILAR_WINDOW_MS) similar = { messages: new Set(), lastAt: now };
    similar.lastAt = now;
    touch(this.#similar, key, similar);
    if (similar.messages.has(event.message)) return event.message;
    if (similar.messages.size >= SIMILAR_MAX) return MERGED_PREFIX + event.message;
    similar.messages.add(event.message);
    return event.message;
  }
}

/** The Event object as the recorder writes it first; `sequence` becomes the nanoseconds below the millisecond. */
export function renderEvent(
  component: string,
  event: PlannedEvent,
  message: string,
  now: Instant,
  sequence: number,
): KubeObject {
  const { regarding } = event;
  const { name, namespace, uid, resourceVersion } = regarding.metadata;
  const nanoseconds = BigInt(now) * 1_000_000n + BigInt(sequence);
  return {
    apiVersion: "v1",
    kind: "Event",
    // Events about cluster-scoped objects live in `default`, as the original's do.
    metadata: { name: `${name}.${nanoseconds.toString(16)}`, namespace: namespace || "default" },
    involvedObject: {
      apiVersion: regarding.apiVersion,
      kind: regarding.kind,
      name,
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
    },
    reason: event.reason,
    message,
    type: event.type,
    source: { component },
    reportingComponent: component,
    reportingInstance: "",
    firstTimestamp: formatTime(now),
    lastTimestamp: formatTime(now),
    count: 1,
  };
}

function identityOf({ apiVersion, kind, metadata }: KubeObject): string {
  return [apiVersion, kind, metadata.namespace ?? "", metadata.name, metadata.uid ?? ""].join("\0");
}

function similarKey(component: string, event: PlannedEvent): string {
  return [component, identityOf(event.regarding), event.type, event.reason].join("\0");
}

/** Sets the entry as the most recently used one and drops the least recently used above the bound. */
function touch<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size > MEMORY_MAX) {
    for (const oldest of memory.keys()) {
      memory.delete(oldest);
      break;
    }
  }
}
