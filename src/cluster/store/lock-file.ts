import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DataDirectoryError } from "./revision-log.ts";

/**
 * One writer per data directory (K8S-295). The file holds the owner's pid and, where the system tells it, the owner's
 * start time, so that a lock left by a crash is not mistaken for an unrelated process that got the same pid later.
 * SQLite's own exclusive lock stands behind it: two starts that both take over a stale file cannot both win.
 */
export function acquireLock(directory: string): () => void {
  const path = join(directory, "lock");
  for (let attempt = 0; attempt < 3; attempt++) {
    if (tryCreate(path)) return () => rmSync(path, { force: true });
    const owner = readOwner(path);
    if (owner !== null && isRunning(owner)) {
      throw new DataDirectoryError(
        `data directory ${directory} is in use by process ${owner.pid}; stop it first or choose another directory`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new DataDirectoryError(`data directory ${directory} is being opened by another process`);
}

interface Owner {
  readonly pid: number;
  readonly startedAt: string;
}

function tryCreate(path: string): boolean {
  try {
    const file = openSync(path, "wx", 0o600);
    writeSync(file, `${process.pid} ${startTimeOf(process.pid)}\n`);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readOwner(path: string): Owner | null {
  try {
    const match = /^(\d+) (\S*)/.exec(readFileSync(path, "utf8"));
    return match ? { pid: Number(match[1]), startedAt: match[2] ?? "" } : null;
  } catch {
    return null; // It went away between the two looks.
  }
}

function isRunning({ pid, startedAt }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, but belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const fields = statOf(pid);
  if (fields.length === 0) return true;
  // A zombie holds its pid until its parent looks, but nothing else: its files are closed.
  return fields[STATE] !== "Z" && (startedAt === "" || startedAt === fields[START_TIME]);
}

/** Places in /proc/PID/stat (proc(5), fields 3 and 22), counted from the state. The start is in ticks since boot. */
const STATE = 0;
const START_TIME = 19;

function startTimeOf(pid: number): string {
  return statOf(pid)[START_TIME] ?? "";
}

/** Empty where there is no /proc. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name, field 2, may hold spaces and parentheses; the fields after its last ")" do not.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
