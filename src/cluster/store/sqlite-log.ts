import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { KubeObject } from "../../api/meta.ts";
import { assert } from "../../base/assert.ts";
import { acquireLock } from "./lock-file.ts";
import { DataDirectoryError, type LoadedLog, type LogEntry, type RevisionLog } from "./revision-log.ts";

/**
 * `durable`: every group is on the disk before it is answered. `fast`: the system may hold the last groups back, so a
 * power cut (not a crash of the process) can lose them, but never damages the file.
 */
export type Durability = "durable" | "fast";

/**
 * Revisions that a power cut may have taken back in `fast` mode are skipped at the next start, so that a client never
 * sees one number for two states (K8S-292).
 */
const REVISIONS_SKIPPED_AFTER_FAST = 10_000;

const FORMAT = 1;

/**
 * The log in one SQLite file (K8S-297). A row is a revision, so that writing is appending and needs no index; the row it
 * replaces goes in the same transaction. No older value is ever read again, because the watch window starts anew after a
 * restart (K8S-293), so there is nothing left to compact (K8S-294).
 */
export class SqliteLog implements RevisionLog {
  readonly #directory: string;
  /** Whether the writer before this one may have lost its last groups. */
  readonly #wasFast: boolean;
  readonly #releaseLock: () => void;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #setRevision: StatementSync;
  #revision = 0;
  #closed = false;

  constructor(directory: string, durability: Durability = "durable") {
    this.#directory = directory;
    prepareDirectory(directory);
    this.#releaseLock = acquireLock(directory);
    let database: DatabaseSync | null = null;
    try {
      database = openDatabase(directory, durability);
      this.#wasFast = (database.prepare("SELECT fast FROM meta").get() as { fast: number }).fast === 1;
      database.prepare("UPDATE meta SET fast = ?").run(durability === "fast" ? 1 : 0);
      this.#put = database.prepare(
        "INSERT INTO log (revision, resource, namespace, name, value) VALUES (?, ?, ?, ?, ?)",
      );
      this.#remove = database.prepare("DELETE FROM log WHERE revision = ?");
      this.#setRevision = database.prepare("UPDATE meta SET revision = ?");
      this.#database = database;
    } catch (error) {
      database?.close();
      this.#releaseLock();
      throw explain(error, directory);
    }
  }

  load(): LoadedLog {
    try {
      const meta = this.#database.prepare("SELECT revision FROM meta").get() as { revision: number };
      const rows = this.#database
        .prepare("SELECT resource, namespace, name, revision, value FROM log ORDER BY revision")
        .all() as unknown as Row[];
      const skipped = this.#wasFast && meta.revision > 0 ? REVISIONS_SKIPPED_AFTER_FAST : 0;
      this.#revision = meta.revision + skipped;
      return { entries: rows.map(toEntry), revision: this.#revision };
    } catch (error) {
      throw explain(error, this.#directory);
    }
  }

  append(batch: readonly LogEntry[]): void {
    if (batch.length === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      let revision = this.#revision;
      for (const entry of batch) {
        assert(entry.revision > revision, "revisions must rise");
        revision = entry.revision;
        const { resource, namespace, name, previous, object } = entry;
        if (previous !== null) this.#remove.run(previous);
        if (object !== null) this.#put.run(revision, resource, namespace, name, JSON.stringify(object));
      }
      this.#setRevision.run(revision);
      this.#database.exec("COMMIT");
      this.#revision = revision;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  schedule(commit: () => void): void {
    // The check phase: every request that this turn of the event loop read is in the group by then (K8S-291).
    setImmediate(commit);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
    this.#releaseLock();
  }
}

interface Row {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly value: string;
}

function toEntry({ resource, namespace, name, revision, value }: Row): LogEntry {
  return { resource, namespace, name, revision, previous: null, object: JSON.parse(value) as KubeObject };
}

function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new DataDirectoryError(`cannot write to data directory ${directory} (${code})`, { cause: error });
  }
}

/**
 * A new file is made beside its final name and moved there when it is complete, so a file that exists but is empty or
 * foreign is damage, and is never taken for a new cluster and overwritten.
 */
function openDatabase(directory: string, durability: Durability): DatabaseSync {
  const path = join(directory, "cluster.db");
  if (!existsSync(path)) {
    if (existsSync(`${path}-wal`)) throw damaged(directory, "cluster.db is missing beside its write-ahead log");
    createDatabase(path);
  }
  if (statSync(path).size === 0) throw damaged(directory, "cluster.db is empty");
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${durability === "durable" ? "FULL" : "NORMAL"}`);
    const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (check.quick_check !== "ok") throw damaged(directory, check.quick_check);
    const meta = database.prepare("SELECT format FROM meta").get() as { format: number } | undefined;
    if (meta?.format !== FORMAT) {
      throw new DataDirectoryError(
        `data directory ${directory} has format ${meta?.format}, this program reads format ${FORMAT}`,
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function createDatabase(path: string): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  const database = new DatabaseSync(draft);
  database.exec(`
    CREATE TABLE meta (format INTEGER NOT NULL, revision INTEGER NOT NULL, fast INTEGER NOT NULL);
    INSERT INTO meta VALUES (${FORMAT}, 0, 0);
    CREATE TABLE log (
      revision INTEGER PRIMARY KEY,
      resource TEXT NOT NULL,
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL
    );
  `);
  database.close();
  renameSync(draft, path);
}

function damaged(directory: string, detail: string): DataDirectoryError {
  return new DataDirectoryError(
    `data directory ${directory} is damaged (${detail}); nothing was changed: restore a copy or choose another directory`,
  );
}

/** SQLite result codes: 5 BUSY, 8 READONLY, 10 IOERR, 13 FULL, 14 CANTOPEN, 11 CORRUPT, 26 NOTADB (sqlite.org/rescode.html). */
function explain(error: unknown, directory: string): Error {
  if (error instanceof DataDirectoryError) return error;
  const { errcode, message } = error as { errcode?: number; message?: string };
  const code = (errcode ?? 0) & 0xff;
  if (code === 5) return new DataDirectoryError(`data directory ${directory} is in use by another process`);
  if ([8, 10, 13, 14].includes(code)) {
    return new DataDirectoryError(`cannot write to data directory ${directory} (${message})`, { cause: error });
  }
  return damaged(directory, message ?? String(error));
}
