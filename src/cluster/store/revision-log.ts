import type { KubeObject } from "../../api/meta.ts";

/**
 * Where the store's writes survive the process. Memory is the truth for reads (K8S-290); the log is read once, at
 * start, so all it must give back is the last value of each key and the highest revision ever used.
 *
 * Everything is synchronous: a group of writes is decided, made durable and published in one go, so no reader ever
 * sees a write that a crash could take back (K8S-291).
 */
export interface RevisionLog {
  /** Called once, before the first append. */
  load(): LoadedLog;
  /** All or nothing; on return the batch is durable as the log's mode promises. Revisions rise within and across batches. */
  append(batch: readonly LogEntry[]): void;
  /** Calls `commit` when the group is complete: the end of the event-loop turn on disk, a microtask in memory. */
  schedule(commit: () => void): void;
  close(): void;
}

export interface LogEntry {
  readonly revision: number;
  /** `plural` or `plural.group`: all versions of a kind share one table. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The revision of the value that this write replaces or deletes; null for a new key. */
  readonly previous: number | null;
  /** Null: the object was deleted at this revision. */
  readonly object: KubeObject | null;
}

export interface LoadedLog {
  /** The last value of each key that is not deleted, in order of revision. */
  readonly entries: readonly LogEntry[];
  /** No revision up to this one may be given out again (K8S-292). */
  readonly revision: number;
}

/** The data directory cannot be used. The message is for the person who started the program; nothing was changed. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
}
