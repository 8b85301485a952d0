import type { Instant } from "../../base/time.ts";
import type { StoreEvent } from "./store.ts";

/** Kept at least (K8S-290); a watch or a list page may come back to any revision of that window (K8S-122). */
const KEEP_EVENTS = 10_000;
const KEEP_MS = 5 * 60_000;
/** The bound on memory: under more than 660 writes a second the window is shorter than five minutes, never wrong. */
const KEEP_EVENTS_MAX = 200_000;

/** The recent events of all resources in order of revision. */
export class EventRing {
  #events: StoreEvent[] = [];
  /** Index of the oldest kept event; the array is cut only when half of it is dead. */
  #head = 0;
  /** Everything after this revision is kept. */
  #startRevision: number;

  constructor(startRevision: number) {
    this.#startRevision = startRevision;
  }

  /** Events after `startRevision` are complete; a question about an older moment has no answer (Expired). */
  get startRevision(): number {
    return this.#startRevision;
  }

  push(event: StoreEvent): void {
    this.#events.push(event);
    this.#drop(event.at);
  }

  after(revision: number): readonly StoreEvent[] {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }

  #drop(now: Instant): void {
    for (let kept = this.#events.length - this.#head; kept > KEEP_EVENTS; kept--) {
      const oldest = this.#events[this.#head]!;
      if (kept <= KEEP_EVENTS_MAX && now - oldest.at < KEEP_MS) break;
      this.#startRevision = oldest.revision;
      this.#head++;
    }
    if (this.#head < KEEP_EVENTS || this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}
