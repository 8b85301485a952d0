import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { type Change, TypeCache } from "../../kube/cache.ts";
import type { KubeClient } from "../../kube/client.ts";
import { Reflector } from "../../kube/reflector.ts";
import { keyOf, resources } from "../../kube/resource.ts";
import { EventRecorder } from "../../runtime/events.ts";
import type { LogSource } from "../apiserver/wire/logs.ts";
import type { UsageSource } from "../usage.ts";
import type { ImageTable } from "./images.ts";
import { createLogStore } from "./logs.ts";
import { type BackoffSettings, defaultBackoff } from "./next-action.ts";
import { readHostFacts, registerNode } from "./node.ts";
import type { NodeContext } from "./node-context.ts";
import type { Pod } from "./pod.ts";
import { PodIpPool } from "./pod-ip.ts";
import { PodWorker } from "./pod-worker.ts";
import { endOrphans, startProcessGuard } from "./process-guard.ts";
import { createSpawn, type Spawn } from "./process-runtime.ts";
import { readGroups } from "./usage/processes.ts";
import { type RunningContainer, UsageSampler, usageProblem } from "./usage/sampler.ts";

export interface KubeletOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Null: the machine's host name at the first start; later that same name, since pods are bound to it. */
  readonly nodeName: string | null;
  readonly images: ImageTable;
  /** Addresses for the pods, for example `127.64.16.0/20`. */
  readonly podRange: string;
  /** Logs, working directories and records of running processes. */
  readonly dataDirectory: string;
  /** Resolves once the data plane no longer sends requests to the pod; bounded by the caller. */
  readonly drainGate: (pod: Pod) => Promise<void>;
  /** Where the mesh listens on each pod's address; null: no proxy in the pods' environment. */
  readonly proxyPort: number | null;
  /** Of these only PATH, HOME and LANG reach the pods. */
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  readonly spawn?: Spawn;
  readonly backoff?: BackoffSettings;
  /** K8S-250: 250 unless configured. */
  readonly podsMax?: number;
  /** From one measurement of the pods' CPU and memory to the next, while somebody asks for them. */
  readonly usageIntervalMs?: number;
}

export interface Kubelet {
  readonly nodeName: string;
  readonly logSource: LogSource;
  /** What pods and node use (K8S-262, K8S-29). */
  readonly usage: UsageSource;
  /** Resolves when the node is registered and every stored pod's status tells what is true now. */
  start(): Promise<void>;
  /** Ends every process, with SIGKILL after `graceMs`; resolves when all are gone. */
  stop(graceMs?: number): Promise<void>;
}

const PODS_MAX = 250;
/** The usual `--metric-resolution` of metrics-server. */
const USAGE_INTERVAL_MS = 15_000;
const STOP_GRACE_MS = 3_000;
const ADDRESS_RETRY_MS = 1_000;

/** The node: runs the pods that are bound to it as processes of this machine. */
export function createKubelet(options: KubeletOptions): Kubelet {
  const { client, clock, random, logger, dataDirectory } = options;
  const nodeName = options.nodeName ?? rememberedName(dataDirectory, hostname());
  const host = readHostFacts(nodeName, options.podsMax ?? PODS_MAX);
  const logs = createLogStore({ directory: path.join(dataDirectory, "logs"), clock });
  const recorder = new EventRecorder(client, clock, logger);
  const pods = new TypeCache(resources.pods);
  const services = new TypeCache(resources.services);
  const processRecords = path.join(dataDirectory, "processes");
  let node: RunningNode | null = null;
  const usage = new UsageSampler({
    clock,
    nodeName: host.name,
    intervalMs: options.usageIntervalMs ?? USAGE_INTERVAL_MS,
    containers: () => node?.workers.running() ?? [],
    readGroups,
    problem: usageProblem(process.platform),
  });

  async function start(): Promise<void> {
    const ended = await endOrphans(processRecords, clock);
    if (ended > 0) logger.info({ processGroups: ended }, "ended processes that an earlier run left behind");
    const guard = startProcessGuard(processRecords);
    const context: NodeContext = {
      client,
      clock,
      random,
      logger,
      nodeName: host.name,
      hostIp: host.ip,
      images: options.images,
      logs,
      guard,
      spawn: options.spawn ?? createSpawn(clock),
      backoff: options.backoff ?? defaultBackoff,
      proxyPort: options.proxyPort,
      hostEnvironment: passedOn(options.hostEnvironment),
      workDirectory: path.join(dataDirectory, "work"),
      services: () => services.list(),
      record: (regarding, type, reason, message) => recorder.record("kubelet", { regarding, type, reason, message }),
    };
    const registration = await registerNode({ client, clock, logger, host });
    const workers = new PodWorkers(context, options);
    const reflectors = await synced([services, pods], { client, clock, random, logger });
    const settled = workers.adopt(pods);
    node = { guard, registration, reflectors, workers };
    await settled;
  }

  async function stop(graceMs = STOP_GRACE_MS): Promise<void> {
    if (!node) return;
    const { guard, registration, reflectors, workers } = node;
    node = null;
    usage.stop();
    registration.stop();
    for (const reflector of reflectors) reflector.stop();
    await workers.stop(graceMs);
    recorder.stop();
    guard.stop();
  }

  return { nodeName: host.name, logSource: logs, usage, start, stop };
}

/** A host name may change with the network (laptops, containers); pods stay bound to the node that they know. */
function rememberedName(dataDirectory: string, name: string): string {
  const file = path.join(dataDirectory, "node-name");
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${name}\n`);
  return name;
}

interface RunningNode {
  readonly guard: { stop(): void };
  readonly registration: { stop(): void };
  readonly reflectors: readonly Reflector[];
  readonly workers: PodWorkers;
}

/** K8S-283: nothing else of our own environment reaches a pod. */
const PASSED_ON = ["PATH", "HOME", "LANG"] as const;

function passedOn(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

/** Starts a reflector for each cache; resolves when all have listed once. */
function synced(
  caches: readonly TypeCache[],
  options: { client: KubeClient; clock: Clock; random: Random; logger: Logger },
): Promise<readonly Reflector[]> {
  return new Promise((resolve) => {
    const onProgress = () => {
      if (caches.every(({ isSynced }) => isSynced)) resolve(reflectors);
    };
    const reflectors = caches.map((cache) => new Reflector({ ...options, cache, onProgress }));
    for (const reflector of reflectors) reflector.start();
  });
}

/** One worker for each pod of the node, by uid: a new pod of the same name is another pod. */
class PodWorkers {
  readonly #context: NodeContext;
  readonly #options: KubeletOptions;
  readonly #addresses: PodIpPool;
  readonly #workers = new Map<string, PodWorker>();
  /** Removed pods whose processes still run: stop() waits for them too. */
  readonly #leaving = new Set<Promise<void>>();
  #isStopped = false;

  constructor(context: NodeContext, options: KubeletOptions) {
    this.#context = context;
    this.#options = options;
    this.#addresses = new PodIpPool(options.podRange);
  }

  /** Takes over the stored pods, those with an address first, so that they get theirs back; then follows the cache. */
  async adopt(pods: TypeCache): Promise<void> {
    const stored = (pods.list() as readonly Pod[]).filter((pod) => this.#isOurs(pod));
    const withAddress = stored.filter((pod) => pod.status?.podIP);
    const others = stored.filter((pod) => !pod.status?.podIP);
    this.#context.logs.retainPods(new Set(stored.map(({ metadata }) => metadata.uid ?? "")));
    pods.onChange((change) => this.#onChange(change));
    await Promise.all([...withAddress, ...others].map((pod) => this.#place(pod)));
  }

  running(): readonly RunningContainer[] {
    return [...this.#workers.values()].flatMap((worker) => worker.running);
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    const workers = [...this.#workers.values()].map((worker) => worker.stop(graceMs));
    await Promise.all([...workers, ...this.#leaving]);
  }

  #isOurs(pod: Pod): boolean {
    return pod.spec.nodeName === this.#context.nodeName;
  }

  #onChange({ before, after }: Change): void {
    if (this.#isStopped) return;
    if (after === null) {
      if (this.#isOurs(before as Pod)) this.#remove((before as Pod).metadata.uid ?? "");
      return;
    }
    const pod = after as Pod;
    if (!this.#isOurs(pod)) return;
    const worker = this.#workers.get(pod.metadata.uid ?? "");
    if (worker) worker.update(pod);
    else void this.#place(pod);
  }

  async #place(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? "";
    const isFinished = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    // Nothing to do for a finished pod, unless it waits for its removal.
    if (isFinished && pod.metadata.deletionTimestamp === undefined) return;
    const podIp = this.#addresses.allocate(pod.status?.podIP);
    if (podIp === null) return this.#retryLater(pod);
    const worker = new PodWorker({
      context: this.#context,
      pod,
      podIp,
      drainGate: this.#options.drainGate,
      onEnd: () => this.#addresses.release(podIp),
    });
    this.#workers.set(uid, worker);
    await worker.start();
  }

  #retryLater(pod: Pod): void {
    const { clock, record } = this.#context;
    record(
      pod,
      "Warning",
      "FailedCreatePodSandBox",
      `no free pod address in ${this.#options.podRange}: delete pods, or give the node a larger range`,
    );
    clock.schedule(ADDRESS_RETRY_MS, () => {
      if (!this.#isStopped) void this.#retry(pod);
    });
  }

  /** With the newest version of the object; a pod that is gone meanwhile needs no address. */
  async #retry(pod: Pod): Promise<void> {
    try {
      const current = await this.#context.client.get<Pod>(resources.pods, keyOf(pod));
      if (current.metadata.uid === pod.metadata.uid && !this.#workers.has(pod.metadata.uid ?? "")) {
        await this.#place(current);
      }
    } catch {
      // Gone, or the server cannot be reached: the watch tells when there is something new.
    }
  }

  #remove(uid: string): void {
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    // A pod that had ended before the node started has no worker, but it has files.
    const leaving = Promise.resolve(worker?.remove()).then(() => {
      this.#leaving.delete(leaving);
      this.#context.logs.removePod(uid);
      rmSync(path.join(this.#context.workDirectory, uid), { recursive: true, force: true });
    });
    this.#leaving.add(leaving);
  }
}
