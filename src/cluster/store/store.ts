import type { KubeObject } from "../../api/meta.ts";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { deepFreeze } from "../../base/json.ts";
import type { Logger } from "../../base/log.ts";
import { silentLogger } from "../../base/log.ts";
import type { Instant } from "../../base/time.ts";
import { EventRing } from "./event-ring.ts";
import { ResourceTable } from "./resource-table.ts";
import type { LogEntry, RevisionLog } from "./revision-log.ts";

/** One committed write. */
export interface StoreEvent {
  readonly revision: number;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly deleted: boolean;
  /** The new state; of a deletion the last state, carrying the revision of the deletion (K8S-125). */
  readonly object: KubeObject;
  /** Null: the object is new. */
  readonly old: KubeObject | null;
  readonly at: Instant;
}

/** What a unit of work may do. All of it becomes durable and visible together, or none of it. */
export interface Transaction {
  get(resource: string, namespace: string, name: string): KubeObject | null;
  /** Null lists all namespaces. */
  list(resource: string, namespace: string | null): readonly KubeObject[];
  /** Stores (and freezes) `object` under its metadata; sets its resourceVersion. The caller gives the object away. */
  put(resource: string, object: KubeObject): KubeObject;
  /** `last` is the state that the DELETED event shows; without it the stored one. */
  delete(resource: string, namespace: string, name: string, last?: KubeObject): KubeObject;
}

export interface StoreWatch {
  stop(): void;
}

/** Thrown for a revision that is no longer (or, in a list, not yet) known. */
export class RevisionError extends Error {
  override readonly name = "RevisionError";
  readonly oldest: number;

  constructor(oldest: number) {
    super(`revisions before ${oldest} are no longer kept`);
    this.oldest = oldest;
  }
}

interface Job {
  readonly work: (transaction: Transaction) => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Watcher {
  readonly resource: string;
  readonly namespace: string | null;
  after: number;
  readonly onEvent: (event: StoreEvent) => void;
}

/**
 * The cluster's state: objects in memory, every write numbered by one revision counter (K8S-110).
 *
 *   transact(work) ─▶ queue ─▶ [ work on memory ─▶ log.append ─▶ ring, watchers ─▶ promises ]   one synchronous step
 *
 * Because that step is synchronous, nobody can read a write that is not durable yet, and a write is decided on exactly
 * the state it is applied to: there are no retries and no locks.
 */
export class Store {
  readonly #log: RevisionLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tables = new Map<string, ResourceTable>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #waits = new Set<{ readonly revision: number; readonly callback: () => void }>();
  readonly #listeners: ((event: StoreEvent) => void)[] = [];
  #ring = new EventRing(0);
  #revision = 0;
  #queue: Job[] = [];
  /** The writes of the group being committed. */
  #group: StoreEvent[] = [];
  #closed = false;

  constructor(options: { log: RevisionLog; clock: Clock; logger?: Logger }) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
  }

  load(): void {
    const { entries, revision } = this.#log.load();
    for (const { resource, namespace, name, object } of entries) {
      if (object) this.#table(resource).set(namespace, name, deepFreeze(object));
    }
    this.#revision = revision;
    this.#ring = new EventRing(revision);
  }

  close(): void {
    this.#closed = true;
    this.#watchers.clear();
    for (const job of this.#queue.splice(0)) job.reject(new Error("the store is closed"));
    this.#log.close();
  }

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that `list` and `watch` still answer. */
  get oldestRevision(): number {
    return this.#ring.startRevision;
  }

  get(resource: string, namespace: string, name: string): KubeObject | null {
    return this.#tables.get(resource)?.get(namespace, name) ?? null;
  }

  list(resource: string, namespace: string | null): readonly KubeObject[] {
    return this.#tables.get(resource)?.list(namespace) ?? [];
  }

  /** The state as it was right after `revision`: the present, with the later events of the resource taken back. */
  listAt(resource: string, namespace: string | null, revision: number): readonly KubeObject[] {
    this.#requireKept(revision);
    const then = new Map<string, KubeObject | null>();
    for (const event of this.#ring.after(revision)) {
      if (event.resource !== resource || (namespace !== null && event.namespace !== namespace)) continue;
      const key = sortKey(event.namespace, event.name);
      if (!then.has(key)) then.set(key, event.old);
    }
    const now = this.list(resource, namespace);
    if (then.size === 0) return now;
    for (const object of now) {
      const key = sortKey(object.metadata.namespace ?? "", object.metadata.name);
      if (!then.has(key)) then.set(key, object);
    }
    return [...then.entries()]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([, object]) => (object === null ? [] : [object]));
  }

  /** Runs `work` in the next group. Resolves when its writes are durable and delivered; rejects with what it throws. */
  transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new Error("the store is closed"));
      this.#queue.push({ work, resolve, reject });
      if (this.#queue.length === 1) this.#log.schedule(() => this.#commitGroup());
    });
  }

  /** Called for every committed write before any watcher and before the writer gets its answer. */
  onCommit(listener: (event: StoreEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls back once a commit reaches `revision`, after its events were delivered. */
  whenReached(revision: number, callback: () => void): () => void {
    const wait = { revision, callback };
    this.#waits.add(wait);
    return () => void this.#waits.delete(wait);
  }

  /** The kept events after `revision` come first, in the same call; throws `RevisionError` when some are gone. */
  watch(
    resource: string,
    options: { namespace: string | null; after: number },
    onEvent: (event: StoreEvent) => void,
  ): StoreWatch {
    this.#requireKept(options.after);
    const watcher: Watcher = { resource, namespace: options.namespace, after: options.after, onEvent };
    for (const event of this.#ring.after(options.after)) deliver(watcher, event);
    let watchers = this.#watchers.get(resource);
    if (!watchers) {
      watchers = new Set();
      this.#watchers.set(resource, watchers);
    }
    watchers.add(watcher);
    return { stop: () => void watchers.delete(watcher) };
  }

  #requireKept(revision: number): void {
    if (revision < this.#ring.startRevision) throw new RevisionError(this.#ring.startRevision);
  }

  #commitGroup(): void {
    const jobs = this.#queue;
    this.#queue = [];
    const answers: (() => void)[] = [];
    for (const job of jobs) {
      const mark = this.#group.length;
      try {
        const value = job.work(this.#transaction);
        answers.push(() => job.resolve(value as never));
      } catch (error) {
        this.#undo(mark);
        answers.push(() => job.reject(error));
      }
    }
    const group = this.#group;
    try {
      if (group.length > 0) this.#log.append(group.map(toLogEntry));
    } catch (error) {
      this.#undo(0);
      this.#logger.error({ error: String(error), writes: group.length }, "cannot write to the data directory");
      for (const job of jobs) job.reject(error);
      return;
    }
    this.#group = [];
    this.#publish(group);
    for (const wait of this.#waits) {
      if (wait.revision > this.#revision) continue;
      this.#waits.delete(wait);
      wait.callback();
    }
    for (const answer of answers) answer();
  }

  readonly #transaction: Transaction = {
    get: (resource, namespace, name) => this.get(resource, namespace, name),
    list: (resource, namespace) => this.list(resource, namespace),
    put: (resource, object) => {
      const namespace = object.metadata.namespace ?? "";
      const { name } = object.metadata;
      const old = this.get(resource, namespace, name);
      object.metadata.resourceVersion = String(this.#revision + 1);
      deepFreeze(object);
      this.#table(resource).set(namespace, name, object);
      this.#record({ resource, namespace, name, deleted: false, object, old });
      return object;
    },
    delete: (resource, namespace, name, last) => {
      const old = this.get(resource, namespace, name);
      assert(old, "only an object that exists can be deleted");
      const final = last ?? old;
      const resourceVersion = String(this.#revision + 1);
      const object = deepFreeze({ ...final, metadata: { ...final.metadata, resourceVersion } });
      this.#table(resource).delete(namespace, name);
      this.#record({ resource, namespace, name, deleted: true, object, old });
      return object;
    },
  };

  #record(write: Omit<StoreEvent, "revision" | "at">): void {
    this.#revision++;
    this.#group.push({ ...write, revision: this.#revision, at: this.#clock.now() });
  }

  /** Takes back the group's writes from index `mark` on, newest first. Their revisions were never seen by anyone. */
  #undo(mark: number): void {
    for (const { resource, namespace, name, old } of this.#group.splice(mark).reverse()) {
      if (old) this.#table(resource).set(namespace, name, old);
      else this.#table(resource).delete(namespace, name);
      this.#revision--;
    }
  }

  #publish(group: readonly StoreEvent[]): void {
    for (const event of group) this.#ring.push(event);
    for (const event of group) {
      for (const listener of this.#listeners) listener(event);
      for (const watcher of this.#watchers.get(event.resource) ?? []) {
        try {
          deliver(watcher, event);
        } catch (error) {
          // A reader's mistake must never fail a write that is already durable.
          this.#watchers.get(event.resource)?.delete(watcher);
          this.#logger.error({ resource: event.resource, error: String(error) }, "a watcher failed and was dropped");
        }
      }
    }
  }

  #table(resource: string): ResourceTable {
    let table = this.#tables.get(resource);
    if (!table) {
      table = new ResourceTable();
      this.#tables.set(resource, table);
    }
    return table;
  }
}

/** A watcher made in the middle of a delivery has the group's events already: `after` keeps them from coming twice. */
function deliver(watcher: Watcher, event: StoreEvent): void {
  if (event.revision <= watcher.after || event.resource !== watcher.resource) return;
  watcher.after = event.revision;
  if (watcher.namespace !== null && watcher.namespace !== event.namespace) return;
  watcher.onEvent(event);
}

function sortKey(namespace: string, name: string): string {
  return `${namespace}\0${name}`;
}

function toLogEntry({ revision, resource, namespace, name, deleted, object, old }: StoreEvent): LogEntry {
  const previous = old ? Number(old.metadata.resourceVersion) : null;
  return { revision, resource, namespace, name, previous, object: deleted ? null : object };
}
