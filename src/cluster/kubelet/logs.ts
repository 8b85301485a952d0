import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../base/clock.ts";
import { failure } from "../../kube/errors.ts";
import type { LogLine, LogOptions, LogSource } from "../apiserver/wire/logs.ts";
import type { Pod } from "./pod.ts";

/**
 * What containers wrote, as files: `<pod uid>/<container>/<instance>.<part>.log`, one line `<milliseconds> <o|e> <text>`
 * each. An instance is one run of a container; the current and the one before are kept (K8S-265). A reader that follows
 * reads on in the file and is only told that there is more, so a slow reader costs no memory.
 */
export interface LogStore extends LogSource {
  /** Starts the log of a new run; older runs than the previous one are removed. */
  begin(podUid: string, container: string, instance: number): ContainerLog;
  /** The pod is gone: so are its logs. */
  removePod(podUid: string): void;
  /** Removes the logs of all other pods: what was deleted while the node was down. */
  retainPods(podUids: ReadonlySet<string>): void;
}

export interface ContainerLog {
  append(stream: LogLine["stream"], lines: readonly string[]): void;
  /** The container ended: readers that follow end after the last line. */
  end(): void;
}

/** K8S-265: rotated at 10 MiB, five parts kept. */
const PART_BYTES_MAX = 10 * 1024 * 1024;
const PARTS_KEPT = 5;
const READ_CHUNK_BYTES = 64 * 1024;

export interface LogStoreOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly partBytesMax?: number;
}

export function createLogStore({ directory, clock, partBytesMax = PART_BYTES_MAX }: LogStoreOptions): LogStore {
  const live = new Map<string, LiveLog>();
  const folderOf = (podUid: string, container: string) => path.join(directory, podUid, container);

  const removePod = (podUid: string) => {
    const folder = path.join(directory, podUid);
    for (const [key, log] of live) {
      if (!key.startsWith(folder + path.sep)) continue;
      log.end();
      live.delete(key);
    }
    rmSync(folder, { recursive: true, force: true });
  };

  return {
    removePod,
    retainPods(podUids) {
      for (const podUid of listFolder(directory)) if (!podUids.has(podUid)) removePod(podUid);
    },
    begin(podUid, container, instance) {
      const folder = folderOf(podUid, container);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      removeInstances(folder, (old) => old < instance - 1 || old >= instance);
      live.get(folder)?.end();
      const log = new LiveLog({ folder, instance, clock, partBytesMax });
      live.set(folder, log);
      return log;
    },
    open(pod, container, options, signal) {
      const folder = folderOf(pod.metadata.uid ?? "", container);
      const instance = chooseInstance(folder, pod, container, options.previous);
      if (instance === null) {
        const message = `the log of container "${container}" in pod "${pod.metadata.name}" is no longer kept`;
        throw failure(404, "NotFound", message);
      }
      const current = live.get(folder);
      const source = current?.instance === instance ? current : finishedLog(folder, instance);
      return selectLines(source, options, signal);
    },
  };
}

/** What a reader needs to know of a log: which parts there are, and whether more will come. */
interface ReadableLog {
  readonly folder: string;
  readonly instance: number;
  readonly part: number;
  readonly hasEnded: boolean;
  /** Resolves at the next line, or at the end. */
  nextChange(signal: AbortSignal): Promise<void>;
}

class LiveLog implements ContainerLog, ReadableLog {
  readonly folder: string;
  readonly instance: number;
  readonly #clock: Clock;
  readonly #partBytesMax: number;
  #part = 0;
  #partBytes = 0;
  #file: number | null;
  #waiting = new Set<() => void>();

  constructor(options: { folder: string; instance: number; clock: Clock; partBytesMax: number }) {
    this.folder = options.folder;
    this.instance = options.instance;
    this.#clock = options.clock;
    this.#partBytesMax = options.partBytesMax;
    this.#file = openSync(partFile(this.folder, this.instance, 0), "a", 0o600);
  }

  get part(): number {
    return this.#part;
  }

  get hasEnded(): boolean {
    return this.#file === null;
  }

  append(stream: LogLine["stream"], lines: readonly string[]): void {
    if (this.#file === null) return;
    const prefix = `${this.#clock.now()} ${stream === "stdout" ? "o" : "e"} `;
    const bytes = Buffer.from(lines.map((line) => `${prefix}${line}\n`).join(""), "utf8");
    if (this.#partBytes > 0 && this.#partBytes + bytes.length > this.#partBytesMax) this.#rotate();
    // Synchronous, into the system's page cache: a line that was read from the process is there for every later reader.
    writeSync(this.#file, bytes);
    this.#partBytes += bytes.length;
    this.#wake();
  }

  end(): void {
    if (this.#file === null) return;
    closeSync(this.#file);
    this.#file = null;
    this.#wake();
  }

  nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #rotate(): void {
    closeSync(this.#file!);
    this.#part++;
    this.#partBytes = 0;
    this.#file = openSync(partFile(this.folder, this.instance, this.#part), "a", 0o600);
    rmSync(partFile(this.folder, this.instance, this.#part - PARTS_KEPT), { force: true });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function finishedLog(folder: string, instance: number): ReadableLog {
  const parts = listParts(folder).filter((each) => each.instance === instance);
  const part = Math.max(0, ...parts.map((each) => each.part));
  return { folder, instance, part, hasEnded: true, nextChange: () => Promise.resolve() };
}

/** All lines of one instance, oldest first; with `follow` also those to come. */
async function* readLines(log: ReadableLog, follow: boolean, signal: AbortSignal): AsyncGenerator<LogLine> {
  for (let part = Math.max(0, log.part - PARTS_KEPT + 1); !signal.aborted; part++) {
    const file = await openPart(partFile(log.folder, log.instance, part));
    try {
      let offset = 0;
      for (;;) {
        // Both asked before reading: what is written after this moment wakes the next round.
        const isComplete = part < log.part || log.hasEnded;
        const changed = follow && !isComplete ? log.nextChange(signal) : null;
        if (file !== null) {
          for await (const { line, end } of readFrom(file, offset)) {
            offset = end;
            yield line;
          }
        }
        if (signal.aborted) return;
        if (isComplete) break;
        if (changed === null) return;
        await changed;
      }
    } finally {
      await file?.close();
    }
    if (part >= log.part) return;
  }
}

/** Null when rotation has removed the part meanwhile. */
async function openPart(name: string): Promise<FileHandle | null> {
  try {
    return await open(name, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The whole lines from a byte offset to the present end of the file, each with the offset behind it. */
async function* readFrom(file: FileHandle, start: number): AsyncGenerator<{ line: LogLine; end: number }> {
  const chunk = Buffer.alloc(READ_CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let consumed = start;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, consumed + rest.length);
    if (bytesRead === 0) return;
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10)) {
      consumed += newline + 1;
      yield { line: parseLine(rest.toString("utf8", 0, newline)), end: consumed };
      rest = rest.subarray(newline + 1);
    }
  }
}

function parseLine(text: string): LogLine {
  const space = text.indexOf(" ");
  const stream = text[space + 1] === "e" ? "stderr" : "stdout";
  return { time: Number(text.slice(0, space)), stream, text: text.slice(space + 3) };
}

/**
 * Time and stream select first, then the tail is counted, over what is there at the start. Counting is a reading of its
 * own, so that the tail of a large log is not kept in memory.
 */
async function* selectLines(log: ReadableLog, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine> {
  const { since, stream, tailLines, follow } = options;
  const isWanted = (line: LogLine) =>
    (since === null || line.time >= since) && (stream === "all" || stream === line.stream);
  let skip = 0;
  if (tailLines !== null) {
    for await (const line of readLines(log, false, signal)) if (isWanted(line)) skip++;
    skip = Math.max(0, skip - tailLines);
  }
  for await (const line of readLines(log, follow, signal)) {
    if (isWanted(line) && skip-- <= 0) yield line;
  }
}

interface Part {
  readonly instance: number;
  readonly part: number;
}

function partFile(folder: string, instance: number, part: number): string {
  return path.join(folder, `${instance}.${part}.log`);
}

function listParts(folder: string): readonly Part[] {
  return listFolder(folder).flatMap((name) => {
    const match = /^(\d+)\.(\d+)\.log$/.exec(name);
    return match ? [{ instance: Number(match[1]), part: Number(match[2]) }] : [];
  });
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function removeInstances(folder: string, isOld: (instance: number) => boolean): void {
  for (const { instance, part } of listParts(folder)) {
    if (isOld(instance)) rmSync(partFile(folder, instance, part), { force: true });
  }
}

/**
 * The newest instance, or with `previous` the one before. While a container waits for its restart there is no current
 * run: then the last one is both, as in the original.
 */
function chooseInstance(folder: string, pod: KubeObject, container: string, previous: boolean): number | null {
  const instances = [...new Set(listParts(folder).map(({ instance }) => instance))].sort((a, b) => b - a);
  const { status } = pod as Pod;
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const isWaiting = statuses.find(({ name }) => name === container)?.state.waiting !== undefined;
  return instances[previous && !isWaiting ? 1 : 0] ?? null;
}
