import { assert } from "../../base/assert.ts";
import type { LoadedLog, LogEntry, RevisionLog } from "./revision-log.ts";

/**
 * For tests and the simulation: survives a restart of the API server on the same log object, not the process. Commits
 * in a microtask, so a run on a virtual clock needs no real timer and is the same each time.
 */
export class MemoryLog implements RevisionLog {
  readonly #entries = new Map<string, LogEntry>();
  #revision = 0;

  load(): LoadedLog {
    const entries = [...this.#entries.values()].sort((left, right) => left.revision - right.revision);
    return { entries, revision: this.#revision };
  }

  append(batch: readonly LogEntry[]): void {
    for (const entry of batch) {
      assert(entry.revision > this.#revision, "revisions must rise");
      this.#revision = entry.revision;
      const key = `${entry.resource}\0${entry.namespace}\0${entry.name}`;
      if (entry.object === null) this.#entries.delete(key);
      else this.#entries.set(key, entry);
    }
  }

  schedule(commit: () => void): void {
    queueMicrotask(commit);
  }

  close(): void {}
}
