import { readdirSync, readFileSync } from "node:fs";

/** What processes of this machine have used, as Linux tells it in /proc. */

export interface GroupUsage {
  /** Since the group's first process began; of children that ended too, as far as somebody waited for them. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Groups by the process that leads them; one that is gone is not in the answer. */
export type ReadGroups = (leaders: ReadonlySet<number>) => ReadonlyMap<number, GroupUsage>;

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly cpuMs: number;
}

/** The kernel counts CPU time for user programs in hundredths of a second on every architecture that Node.js runs on. */
const MS_PER_TICK = 10;

export const readGroups: ReadGroups = (leaders) => {
  const processes = leaders.size === 0 ? [] : readProcesses();
  return groupUsage(processes, leaders, readMemory);
};

/** A process belongs to the group that it is in, or to that of the nearest parent: programs like to daemonize. */
export function groupUsage(
  processes: readonly Process[],
  leaders: ReadonlySet<number>,
  memoryOf: (pid: number) => number,
): ReadonlyMap<number, GroupUsage> {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const groups = new Map<number, GroupUsage>();
  for (const process of processes) {
    const leader = leaderOf(process, byPid, leaders);
    if (leader === null) continue;
    const { cpuMs, memoryBytes } = groups.get(leader) ?? { cpuMs: 0, memoryBytes: 0 };
    groups.set(leader, { cpuMs: cpuMs + process.cpuMs, memoryBytes: memoryBytes + memoryOf(process.pid) });
  }
  return groups;
}

function leaderOf(process: Process, byPid: ReadonlyMap<number, Process>, leaders: ReadonlySet<number>): number | null {
  const seen = new Set<number>();
  for (let at: Process | undefined = process; at && !seen.has(at.pid); at = byPid.get(at.parent)) {
    if (leaders.has(at.group)) return at.group;
    if (leaders.has(at.pid)) return at.pid;
    seen.add(at.pid);
  }
  return null;
}

function readProcesses(): readonly Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const line = readIfThere(`/proc/${name}/stat`);
    const process = line === null ? null : parseStat(line);
    return process === null ? [] : [process];
  });
}

/** One line of /proc/PID/stat, see proc(5). The program's name may hold anything, so fields count from its last bracket. */
export function parseStat(line: string): Process | null {
  const end = line.lastIndexOf(")");
  const pid = Number.parseInt(line, 10);
  const [, parent, group, ...rest] = line
    .slice(end + 2)
    .split(" ")
    .map(Number);
  // utime, stime, cutime and cstime are fields 14 to 17; `rest` begins with field 6.
  const ticks = rest.slice(8, 12);
  if (end < 0 || Number.isNaN(pid) || parent === undefined || group === undefined || ticks.length < 4) return null;
  return { pid, parent, group, cpuMs: ticks.reduce((sum, count) => sum + count, 0) * MS_PER_TICK };
}

/** Resident memory; what several processes share counts for each of them. */
function readMemory(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/status`) ?? "");
  return found ? Number(found[1]) * 1024 : 0;
}

/** Processes end while we look. */
function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return null;
  }
}
