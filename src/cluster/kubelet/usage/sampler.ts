import { cpus, freemem, totalmem } from "node:os";
import { type Cancel, type Clock, sleep } from "../../../base/clock.ts";
import type { Instant } from "../../../base/time.ts";
import type { NodeUsage, PodUsage, UsageSnapshot, UsageSource } from "../../usage.ts";
import type { Pod } from "../pod.ts";
import type { GroupUsage, ReadGroups } from "./processes.ts";

export interface RunningContainer {
  readonly pod: Pod;
  readonly name: string;
  /** Of the process that leads the container's group. */
  readonly pid: number;
  readonly startedAt: Instant;
}

export interface SamplerOptions {
  readonly clock: Clock;
  readonly nodeName: string;
  /** From one measurement to the next, which is the window that the values are averages of. */
  readonly intervalMs: number;
  containers(): readonly RunningContainer[];
  readonly readGroups: ReadGroups;
  /** Why nothing can be measured; null: it can. */
  readonly problem: string | null;
  readonly readNode?: () => GroupUsage;
}

/** The first value comes soon: somebody waits for it at a terminal. */
const FIRST_WINDOW_MS = 1_000;
/** Nobody has asked for so long: the measuring ends. */
const IDLE_MS = 5 * 60_000;

/** Why this machine's pods cannot be measured; null: they can. */
export function usageProblem(platform: NodeJS.Platform): string | null {
  return platform === "linux" ? null : `CPU and memory of pods are measured on Linux only, and this is ${platform}`;
}

interface Mark {
  readonly at: Instant;
  readonly node: GroupUsage;
  /** By pod uid, container and process. */
  readonly containers: ReadonlyMap<string, GroupUsage>;
}

/** Measures while somebody asks, and only then (UsageSource). */
export class UsageSampler implements UsageSource {
  readonly #options: SamplerOptions;
  #askedAt: Instant = Number.NEGATIVE_INFINITY;
  #mark: Mark | null = null;
  #pods: readonly PodUsage[] = [];
  #node: NodeUsage | null = null;
  /** The end of the first whole window. */
  #wholeAt: Instant | null = null;
  #cancel: Cancel = () => {};
  #isStopped = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  snapshot(): UsageSnapshot {
    this.#ask();
    const { problem, clock } = this.#options;
    const pendingUntil = this.#wholeAt !== null && this.#wholeAt > clock.now() ? this.#wholeAt : null;
    return { pods: this.#pods, node: this.#node, pendingUntil, problem };
  }

  async whenMeasured(): Promise<UsageSnapshot> {
    this.#ask();
    if (this.#node === null && this.#mark !== null) {
      await sleep(this.#options.clock, Math.max(0, this.#mark.at + FIRST_WINDOW_MS - this.#options.clock.now()));
    }
    return this.snapshot();
  }

  stop(): void {
    this.#isStopped = true;
    this.#forget();
  }

  #ask(): void {
    const { clock, problem, intervalMs } = this.#options;
    this.#askedAt = clock.now();
    if (this.#mark !== null || this.#isStopped || problem !== null) return;
    const firstMs = Math.min(FIRST_WINDOW_MS, intervalMs);
    this.#wholeAt = clock.now() + firstMs + intervalMs;
    this.#measure();
    this.#cancel = clock.schedule(firstMs, () => this.#next());
  }

  #next(): void {
    const { clock, intervalMs } = this.#options;
    if (clock.now() - this.#askedAt > IDLE_MS) {
      this.#forget();
      return;
    }
    this.#measure();
    this.#cancel = clock.schedule(intervalMs, () => this.#next());
  }

  #forget(): void {
    this.#cancel();
    this.#mark = null;
    this.#wholeAt = null;
    this.#pods = [];
    this.#node = null;
  }

  #measure(): void {
    const { clock, containers, readGroups, nodeName, readNode = readHost } = this.#options;
    const running = containers();
    const groups = readGroups(new Set(running.map(({ pid }) => pid)));
    const used = new Map(running.flatMap((one) => (groups.has(one.pid) ? [[keyOf(one), groups.get(one.pid)!]] : [])));
    const mark: Mark = { at: clock.now(), node: readNode(), containers: used };
    const before = this.#mark;
    this.#mark = mark;
    if (before === null || mark.at <= before.at) return;
    const node = usageBetween(before.node, mark.node, mark.at - before.at);
    this.#node = { name: nodeName, labels: {}, at: mark.at, windowMs: mark.at - before.at, ...node };
    this.#pods = podsBetween(before, mark, running);
  }
}

function keyOf({ pod, name, pid }: RunningContainer): string {
  return `${pod.metadata.uid} ${name} ${pid}`;
}

/** A container that began within the window is measured from its start, where that is long enough; else its pod has to wait. */
function podsBetween(before: Mark, now: Mark, running: readonly RunningContainer[]): readonly PodUsage[] {
  const byPod = Map.groupBy(running, ({ pod }) => pod.metadata.uid ?? "");
  return [...byPod.values()].flatMap((ofPod) => {
    const measured = ofPod.flatMap((container) => containerBetween(before, now, container) ?? []);
    if (measured.length < ofPod.length) return [];
    const { namespace = "", name, uid = "", labels = {}, creationTimestamp } = ofPod[0]!.pod.metadata;
    const windowMs = Math.max(...measured.map((each) => each.windowMs));
    const containers = measured.map(({ windowMs: _, ...usage }) => usage);
    return [{ namespace, name, uid, labels, creationTimestamp, at: now.at, windowMs, containers }];
  });
}

const NOTHING: GroupUsage = { cpuMs: 0, memoryBytes: 0 };

function containerBetween(before: Mark, now: Mark, container: RunningContainer) {
  const last = now.containers.get(keyOf(container));
  const isNew = container.startedAt > before.at;
  const first = isNew ? NOTHING : before.containers.get(keyOf(container));
  const windowMs = now.at - Math.max(before.at, container.startedAt);
  if (!last || !first || windowMs < Math.min(FIRST_WINDOW_MS, now.at - before.at)) return null;
  return { name: container.name, windowMs, ...usageBetween(first, last, windowMs) };
}

/** A child for which nobody waited takes its time with it: no less than nothing was used. */
function usageBetween(first: GroupUsage, last: GroupUsage, windowMs: number) {
  const cpuNanos = Math.round((Math.max(0, last.cpuMs - first.cpuMs) / windowMs) * 1e9);
  return { cpuNanos, memoryBytes: last.memoryBytes };
}

/** The whole machine, other programs included: the node is this machine. */
function readHost(): GroupUsage {
  const cpuMs = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { cpuMs, memoryBytes: totalmem() - freemem() };
}
