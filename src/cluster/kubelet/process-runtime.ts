import { spawn as spawnChild } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "../../base/clock.ts";

/** A program to run as (a part of) a container. */
export interface ProcessSpec {
  readonly command: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whole lines, without their ends, as they arrive. */
  onOutput(stream: "stdout" | "stderr", lines: readonly string[]): void;
}

export interface RunningProcess {
  /** Null when the program could not be started; `ended` then says why. */
  readonly pid: number | null;
  readonly ended: Promise<ProcessEnd>;
  /** To the whole process group. Does nothing once the group is gone. */
  signal(name: NodeJS.Signals): void;
}

export interface ProcessEnd {
  /** 128 + n for a process that signal n ended, as shells and container runtimes report it. */
  readonly exitCode: number;
  /** Why the program could not be started; null when it ran. */
  readonly startError: string | null;
}

export type Spawn = (spec: ProcessSpec) => RunningProcess;

/** The code of a program that cannot be found or executed, as shells report it. */
const CANNOT_RUN_EXIT_CODE = 127;

/** A container without line ends must not fill our memory: longer lines are cut into pieces. */
const LINE_LENGTH_MAX = 256 * 1024;

/** What left the process group and still holds the output open is waited for this long, then no longer read. */
const OUTPUT_GRACE_MS = 200;

/**
 * Runs a program as the leader of its own process group, so that signals reach whatever it starts. When the leader
 * ends the rest of the group is killed, as the end of process 1 ends a container.
 */
export function createSpawn(clock: Clock): Spawn {
  return ({ command, directory, env, onOutput }) => {
    const [program = "", ...args] = command;
    const child = spawnChild(program, args, {
      cwd: directory,
      env: { ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const pid = child.pid ?? null;
    readLines(child.stdout, (lines) => onOutput("stdout", lines));
    readLines(child.stderr, (lines) => onOutput("stderr", lines));

    const signal = (name: NodeJS.Signals) => {
      if (pid !== null) signalGroup(pid, name);
    };
    const ended = new Promise<ProcessEnd>((resolve) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        if (pid !== null) return;
        resolve({ exitCode: CANNOT_RUN_EXIT_CODE, startError: startErrorText(program, directory, error) });
      });
      child.once("exit", () => {
        signal("SIGKILL");
        const cancel = clock.schedule(OUTPUT_GRACE_MS, () => {
          child.stdout.destroy();
          child.stderr.destroy();
        });
        child.once("close", cancel);
      });
      // After "exit", once the last line was read.
      child.once("close", (code, signalName) => {
        if (pid !== null) resolve({ exitCode: code ?? 128 + signalNumber(signalName), startError: null });
      });
    });
    return { pid, ended, signal };
  };
}

export function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // Nobody is left in the group: what the signal was for has happened.
  }
}

function signalNumber(name: NodeJS.Signals | null): number {
  return name === null ? 0 : constants.signals[name];
}

function startErrorText(program: string, directory: string, error: NodeJS.ErrnoException): string {
  const why: Record<string, string> = {
    ENOENT: `the program was not found on this machine, or the directory ${directory} does not exist`,
    EACCES: "permission denied",
  };
  return `cannot run "${program}": ${why[error.code ?? ""] ?? error.message}`;
}

function readLines(stream: Readable, onLines: (lines: readonly string[]) => void): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop()!;
    while (rest.length > LINE_LENGTH_MAX) {
      lines.push(rest.slice(0, LINE_LENGTH_MAX));
      rest = rest.slice(LINE_LENGTH_MAX);
    }
    if (lines.length > 0) onLines(lines);
  });
  stream.on("end", () => {
    rest += decoder.end();
    if (rest !== "") onLines([rest]);
  });
  // The pipe may break with the process; its end is reported by "close".
  stream.on("error", () => {});
}
