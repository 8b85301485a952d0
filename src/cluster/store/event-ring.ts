import type { Instant } from "../../base/time.ts";
import type { StoreEvent } from "./store.ts";

/** Kept at least (K8S-290); a watch or a list page may come back to any revision of that window (K8S-122). */
const KEEP_EVENTS = 10_000;
const KEEP_MS = 5 * 60_000;
/**
 * The bound on memory, above both: under a load of many or large writes the window is shorter, never wrong. Some 35 000
 * states of a pod, or 120 of the largest ConfigMap.
 */
const KEEP_BYTES_MAX = 128 * 1024 * 1024;

interface Kept {
  readonly event: StoreEvent;
  readonly bytes: number;
}

/** The recent events of all resources in order of revision. */
export class EventRing {
  readonly #bytesMax: number;
  /** What was dropped is undefined at once; the array itself is cut only when half of it is. */
  #events: (Kept | undefined)[] = [];
  /** Index of the oldest kept event. */
  #head = 0;
  #bytes = 0;
  /** Everything after this revision is kept. */
  #startRevision: number;

  constructor(startRevision: number, bytesMax = KEEP_BYTES_MAX) {
    this.#startRevision = startRevision;
    this.#bytesMax = bytesMax;
  }

  /** Events after `startRevision` are complete; a question about an older moment has no answer (Expired). */
  get startRevision(): number {
    return this.#startRevision;
  }

  push(event: StoreEvent): void {
    const bytes = roughBytes(event.object);
    this.#events.push({ event, bytes });
    this.#bytes += bytes;
    this.#drop(event.at);
  }

  after(revision: number): readonly StoreEvent[] {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.event.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low).map((kept) => kept!.event);
  }

  #drop(now: Instant): void {
    while (this.#head < this.#events.length) {
      const oldest = this.#events[this.#head]!;
      const isWanted = this.#events.length - this.#head <= KEEP_EVENTS || now - oldest.event.at < KEEP_MS;
      if (isWanted && this.#bytes <= this.#bytesMax) break;
      this.#startRevision = oldest.event.revision;
      this.#bytes -= oldest.bytes;
      this.#events[this.#head++] = undefined;
    }
    if (this.#head < KEEP_EVENTS || this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}

/** Of a member, and of the array or object itself. With these a pod counts 3.6 kB and takes 2.4 kB (Node.js 26). */
const MEMBER_BYTES = 24;
const HEAD_BYTES = 40;

/** What a JSON value takes in memory, to within a factor of two. */
function roughBytes(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let bytes = HEAD_BYTES;
  for (const key in value) bytes += MEMBER_BYTES + roughBytes((value as Record<string, unknown>)[key]);
  return bytes;
}
