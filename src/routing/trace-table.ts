import type { Instant } from "../base/time.ts";
import type { TraceLane } from "./types.ts";

/** How long a value is remembered after its last inbound request closed: fire-and-forget work (LANE-262). */
export const TRACE_LIFE_MS = 30_000;
/** Keys per proxy (LANE-263). */
const TRACE_KEYS_MAX = 65_536;
/** Characters of a trace value that count (LANE-260); trace values are ASCII, so these are bytes. */
const TRACE_VALUE_LENGTH_MAX = 256;

/** One inbound request; given back when it closes. */
export interface TraceRecord {
  readonly key: string;
  readonly lane: string;
}

interface Entry {
  /** Open inbound requests per lane. */
  readonly open: Map<string, number>;
  openCount: number;
  recentLane: string;
  closedAt: Instant;
}

/**
 * The memory that ties a pod's outbound calls to the lane of the inbound request they belong to (LANE-260…268).
 * One table per pod, never shared. Written when an inbound request opens and closes, read on every outbound call.
 *
 *   inbound  my-request-id: 7, lane canary  ──open──>  7 -> {canary: 1}
 *   outbound my-request-id: 7               ──lane──>  canary
 */
export class TraceTable {
  readonly #keysMax: number;
  readonly #entries = new Map<string, Entry>();
  /** Keys without open requests, in the order in which they closed: what may be evicted. */
  readonly #closed = new Map<string, Entry>();
  /** LANE-263, LANE-264: for metrics. */
  droppedCount = 0;
  conflictCount = 0;

  constructor(keysMax = TRACE_KEYS_MAX) {
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Null when every key is open and there is no room (LANE-263): the request's calls then resolve without the table. */
  open(group: string, traceValue: string, lane: string, now: Instant): TraceRecord | null {
    this.#expire(now);
    const key = keyOf(group, traceValue);
    const entry = this.#entries.get(key) ?? this.#insert(key);
    if (entry === null) {
      this.droppedCount++;
      return null;
    }
    this.#closed.delete(key);
    // Only open requests can conflict: once all are closed, a new request says what the value means now.
    if (entry.openCount > 0 && !entry.open.has(lane)) this.conflictCount++;
    entry.open.set(lane, (entry.open.get(lane) ?? 0) + 1);
    entry.openCount++;
    entry.recentLane = lane;
    return { key, lane };
  }

  close({ key, lane }: TraceRecord, now: Instant): void {
    const entry = this.#entries.get(key);
    const count = entry?.open.get(lane) ?? 0;
    if (entry === undefined || count === 0) return;
    if (count === 1) entry.open.delete(lane);
    else entry.open.set(lane, count - 1);
    entry.openCount--;
    if (entry.openCount > 0) return;
    entry.closedAt = now;
    this.#closed.set(key, entry);
  }

  lane(group: string, traceValue: string, now: Instant): TraceLane | null {
    const entry = this.#entries.get(keyOf(group, traceValue));
    if (entry === undefined) return null;
    if (entry.openCount === 0) {
      return now - entry.closedAt < TRACE_LIFE_MS ? { lane: entry.recentLane, ambiguous: false } : null;
    }
    if (entry.open.size > 1) return { lane: entry.recentLane, ambiguous: true };
    // The most recent request may have closed; the lane of those still open counts.
    for (const lane of entry.open.keys()) return { lane, ambiguous: false };
    return null;
  }

  #insert(key: string): Entry | null {
    if (this.#entries.size >= this.#keysMax) {
      const oldest = this.#closed.keys().next();
      if (oldest.done) return null;
      this.#forget(oldest.value);
    }
    const entry: Entry = { open: new Map(), openCount: 0, recentLane: "", closedAt: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #expire(now: Instant): void {
    for (const [key, { closedAt }] of this.#closed) {
      if (now - closedAt < TRACE_LIFE_MS) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#entries.delete(key);
    this.#closed.delete(key);
  }
}

/** Group names hold no space, so that no two pairs share a key. */
function keyOf(group: string, traceValue: string): string {
  return `${group} ${traceValue.slice(0, TRACE_VALUE_LENGTH_MAX)}`;
}
