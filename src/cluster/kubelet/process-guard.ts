import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Clock, sleep } from "../../base/clock.ts";
import { signalGroup } from "./process-runtime.ts";

/**
 * No pod outlives its cluster, however that ends (K8S-259, K8S-283):
 *
 *   orderly stop       the kubelet ends every process itself
 *   our process dies   a watcher, a tiny shell that reads a pipe from us, sees the pipe close and ends the groups
 *   both die           the next start finds what is left, by pid, start time and the token in the environment
 */
export interface ProcessGuard {
  add(pid: number, token: string): void;
  remove(pid: number): void;
  /** The watcher ends too, and with it whatever was not removed. */
  stop(): void;
}

/** In the environment of each pod process: tells our processes from others that got the same pid later. */
export const TOKEN_VARIABLE = "FAIRWAY_POD_TOKEN";

/** Lines `add N` and `del N` on standard input; its end, our death, ends the groups that are left. */
const WATCHER_SCRIPT = `
trap '' HUP INT TERM
groups=' '
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    del) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
[ "$groups" = ' ' ] && exit 0
for group in $groups; do kill -TERM "-$group" 2>/dev/null; done
sleep 1
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
`;

export function startProcessGuard(directory: string): ProcessGuard {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const watcher = spawn("/bin/sh", ["-c", WATCHER_SCRIPT], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  // Without a watcher the next start's sweep still stands.
  watcher.on("error", () => {});
  watcher.stdin.on("error", () => {});
  watcher.unref();
  return {
    add(pid, token) {
      watcher.stdin.write(`add ${pid}\n`);
      const record: ProcessRecord = { pid, startTime: startTimeOf(pid), token };
      writeFileSync(recordFile(directory, pid), JSON.stringify(record), { mode: 0o600 });
    },
    remove(pid) {
      watcher.stdin.write(`del ${pid}\n`);
      rmSync(recordFile(directory, pid), { force: true });
    },
    stop() {
      watcher.stdin.end();
    },
  };
}

interface ProcessRecord {
  readonly pid: number;
  /** As the system tells it, not as a time; null where it does not (a process that ended at once). */
  readonly startTime: string | null;
  readonly token: string;
}

/** How long orphans may take to end in order: nobody waits for their answers any more. */
const ORPHAN_GRACE_MS = 500;

/** Ends the processes that an earlier run left behind; answers how many process groups there were. */
export async function endOrphans(directory: string, clock: Clock): Promise<number> {
  const records = readRecords(directory);
  const groups = orphanGroups(records);
  for (const group of groups) signalGroup(group, "SIGTERM");
  if (groups.size > 0) await sleep(clock, ORPHAN_GRACE_MS);
  for (const group of groups) signalGroup(group, "SIGKILL");
  for (const { pid } of records) rmSync(recordFile(directory, pid), { force: true });
  return groups.size;
}

/** Where the system shows environments the token decides, so that children of a dead leader are found as well. */
function orphanGroups(records: readonly ProcessRecord[]): Set<number> {
  const groups = new Set<number>();
  if (records.length === 0) return groups;
  const pids = listProcesses();
  if (pids === null) {
    for (const { pid, startTime } of records) {
      if (startTime !== null && startTimeOf(pid) === startTime) groups.add(pid);
    }
    return groups;
  }
  const tokens = new Set(records.map(({ token }) => token));
  for (const pid of pids) {
    const token = tokenOf(pid);
    const group = token !== null && tokens.has(token) ? Number(readStat(pid)?.[STAT_GROUP]) : 0;
    // A process that left its group is ended alone by the group of its own that it leads.
    if (group > 1) groups.add(group);
  }
  return groups;
}

function recordFile(directory: string, pid: number): string {
  return path.join(directory, `${pid}.json`);
}

function readRecords(directory: string): ProcessRecord[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(path.join(directory, name), "utf8")) as ProcessRecord];
    } catch {
      // Written halfway when we died.
      rmSync(path.join(directory, name), { force: true });
      return [];
    }
  });
}

/** Positions in /proc/PID/stat after the closing parenthesis of the command (proc(5): fields 5 and 22). */
const STAT_GROUP = 2;
const STAT_START_TIME = 19;

/** Ticks since boot, or what ps says where there is no /proc; null when there is no such process. */
function startTimeOf(pid: number): string | null {
  if (existsSync("/proc/self/stat")) return readStat(pid)?.[STAT_START_TIME] ?? null;
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || null;
  } catch {
    return null;
  }
}

function readStat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function listProcesses(): number[] | null {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return null;
  }
}

function tokenOf(pid: number): string | null {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const found = variables.find((variable) => variable.startsWith(`${TOKEN_VARIABLE}=`));
    return found?.slice(TOKEN_VARIABLE.length + 1) ?? null;
  } catch {
    // Ended meanwhile, or another user's.
    return null;
  }
}
