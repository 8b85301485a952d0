import { setImmediate as endOfTurn } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/api/meta.ts";
import { assert } from "../../src/base/assert.ts";
import { VirtualClock } from "../../src/base/clock.ts";
import { deepCopy } from "../../src/base/json.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { ApiServer, type ServerPack } from "../../src/cluster/apiserver/api-server.ts";
import { builtinDefinitions } from "../../src/cluster/apiserver/builtin/index.ts";
import { createLocalClient } from "../../src/cluster/apiserver/local-client.ts";
import { builtinControllers, listableTypes } from "../../src/cluster/controllers/index.ts";
import { type FakeKubeletOptions, fakeKubelet } from "../../src/cluster/kubelet/fake-kubelet.ts";
import { MemoryLog } from "../../src/cluster/store/memory-log.ts";
import type { CacheReader } from "../../src/kube/cache.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { isAlreadyExists } from "../../src/kube/errors.ts";
import { formatKey, keyOf, type ObjectKey, type ResourceType } from "../../src/kube/resource.ts";
import type { AnyController } from "../../src/runtime/controller.ts";
import type { RunnerObserver } from "../../src/runtime/observer.ts";
import type { Plan, StatusWrite, Write } from "../../src/runtime/plan.ts";
import { CrashError, createRunner, type Runner } from "../../src/runtime/runner.ts";
import { type Faults, FaultyClient, noFaults } from "./faulty-client.ts";

/**
 * A whole cluster in memory on virtual time: the real API server on a memory log, the built-in controllers, the dialects
 * given, and a node without processes. Nothing waits for real time, and one seed gives one history.
 *
 *   const world = await startWorld({ packs: [istioPack], controllers: asmControllers() });
 *   await world.apply(yamlText);          // like kubectl apply
 *   await world.settle();                 // until nothing is left to do but far timers
 *   world.get(resources.deployments, { namespace: "default", name: "web" });
 */
export interface WorldOptions {
  readonly seed?: number;
  readonly packs?: readonly ServerPack[];
  /** Besides the built-in ones. A function is called anew for each life of the controllers. */
  readonly controllers?: readonly AnyController[] | ((world: WorldBasics) => readonly AnyController[]);
  /** False: without Deployment controller and the like. */
  readonly builtinControllers?: boolean;
  readonly kubelet?: FakeKubeletOptions;
  readonly faults?: Partial<Faults>;
  readonly logger?: Logger;
  readonly onPlan?: (controller: string, key: string, plan: Plan) => void;
  readonly observer?: RunnerObserver;
}

export interface WorldBasics {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly client: KubeClient;
}

/** A timer that is further away than this does not count as something left to do. */
const QUIET_MS = 30_000;
/** A world that has not settled after this many wakes never will. */
const WAKES_MAX = 200_000;

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.start();
  return world;
}

export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly server: ApiServer;
  /** Without faults: what the test itself and the node use. */
  readonly client: KubeClient;
  /** What the controllers use. */
  readonly faulty: FaultyClient;
  readonly #options: WorldOptions;
  readonly #node: Runner;
  #runner: Runner;
  #crashAt: number | null = null;
  #writeCount = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    const seed = options.seed ?? 1;
    this.random = seededRandom(seed);
    this.server = new ApiServer({
      log: new MemoryLog(),
      clock: this.clock,
      random: seededRandom(seed + 1_000_000),
      builtins: builtinDefinitions,
      packs: options.packs ?? [],
      logger: options.logger ?? silentLogger,
    });
    this.client = createLocalClient(this.server, { userAgent: "test" });
    const faults = { ...noFaults, ...options.faults };
    const inner = createLocalClient(this.server, { userAgent: "controllers" });
    this.faulty = new FaultyClient(inner, { clock: this.clock, random: this.random, faults });
    this.#node = createRunner({
      client: this.client,
      clock: this.clock,
      random: this.random,
      logger: options.logger ?? silentLogger,
      controllers: [fakeKubelet(options.kubelet)],
    });
    this.#runner = this.#makeRunner();
  }

  /** The controllers' runner of the present life. */
  get runner(): Runner {
    return this.#runner;
  }

  /** What the controllers see: with stale faults it lags. */
  get caches(): CacheReader {
    return this.#runner.caches;
  }

  /** Writes of all controllers in all lives. */
  get writeCount(): number {
    return this.#writeCount;
  }

  get hasCrashed(): boolean {
    return this.#runner.crash !== null;
  }

  async start(): Promise<void> {
    await this.server.start();
    this.#node.start();
    this.#runner.start();
    await this.settle();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#node.stop(), this.#runner.stop()]);
    this.server.stop();
  }

  /** Creates the objects, or replaces all but status of those that are there. Takes YAML or objects. */
  async apply(source: string | KubeObject | readonly KubeObject[]): Promise<void> {
    for (const object of parseObjects(source)) {
      const type = this.typeOf(object);
      const wanted = deepCopy(object);
      if (type.namespaced) wanted.metadata.namespace ??= "default";
      try {
        await this.client.create(type, wanted);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const body = wanted as Record<string, unknown>;
        await this.client.patch(type, keyOf(wanted), { kind: "merge", body });
      }
    }
  }

  /** Runs until nothing is left to do but timers further away than `quietMs`. */
  async settle({ quietMs = QUIET_MS }: { quietMs?: number } = {}): Promise<void> {
    for (let wakes = 0; wakes < WAKES_MAX; wakes++) {
      await endOfTurn();
      const next = this.clock.nextWakeAt();
      const isQuiet = next === null || next - this.clock.now() > quietMs;
      if (isQuiet) {
        if (this.#isIdle()) return;
        await endOfTurn();
        assert(this.#isIdle() || this.clock.nextWakeAt() !== next, "the world waits for something that never comes");
        continue;
      }
      this.clock.runNext();
    }
    assert(false, `the world did not settle within ${WAKES_MAX} wakes`);
  }

  /** Lets so much time pass, doing all that falls due on the way. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.clock.now() + milliseconds;
    for (;;) {
      await endOfTurn();
      const next = this.clock.nextWakeAt();
      if (next === null || next > until) break;
      this.clock.runNext();
    }
    this.clock.advanceTo(until);
    await endOfTurn();
  }

  /** One wake of the clock and all that follows from it at once. False when nothing is scheduled. */
  async step(): Promise<boolean> {
    await endOfTurn();
    const hasRun = this.clock.runNext();
    await endOfTurn();
    return hasRun;
  }

  /** The controllers die right after their n-th write from now. */
  crashAfterWrites(count: number): void {
    this.#crashAt = this.#writeCount + count;
  }

  /** New controllers with empty caches, as after the death of their process. */
  async restartControllers(): Promise<void> {
    this.#crashAt = null;
    await this.#runner.stop();
    this.#runner = this.#makeRunner();
    this.#runner.start();
  }

  setFaults(faults: Partial<Faults>): void {
    this.faulty.faults = { ...noFaults, ...faults };
  }

  /** The stored object, whatever the caches show; null when there is none. */
  async get<T extends KubeObject = KubeObject>(type: ResourceType, key: ObjectKey): Promise<T | null> {
    const found = await this.list<T>(type, key.namespace);
    return found.find((object) => object.metadata.name === key.name) ?? null;
  }

  async list<T extends KubeObject = KubeObject>(type: ResourceType, namespace = ""): Promise<readonly T[]> {
    return (await this.client.list<T>(type, namespace === "" ? {} : { namespace })).items;
  }

  /** Merge-patches one object, e.g. `world.patch(deployments, key, { spec: { replicas: 3 } })`. */
  async patch(type: ResourceType, key: ObjectKey, body: Record<string, unknown>): Promise<void> {
    await this.client.patch(type, key, { kind: "merge", body });
  }

  /** The served kind of an object as written. */
  typeOf({ apiVersion, kind, metadata }: KubeObject): ResourceType {
    const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
    const definition = this.server
      .definitions()
      .find(({ type }) => type.group === group && type.version === version && type.kind === kind);
    assert(definition, `${apiVersion} ${kind} of ${metadata.name} is not served: is its pack given?`);
    return definition.type;
  }

  /** Every listable kind once. */
  types(): readonly ResourceType[] {
    return listableTypes(this.server.definitions());
  }

  #isIdle(): boolean {
    return this.#node.isIdle() && (this.hasCrashed || this.#runner.isIdle());
  }

  #makeRunner(): Runner {
    const { controllers = [], logger = silentLogger, onPlan, observer } = this.#options;
    const builtin = builtinControllers({ rootCertificate: "-----BEGIN CERTIFICATE-----", apiServer: null });
    const given = typeof controllers === "function" ? controllers(this) : controllers;
    return createRunner({
      client: this.faulty,
      clock: this.clock,
      random: this.random,
      logger,
      controllers: [...(this.#options.builtinControllers === false ? [] : builtin), ...given],
      kinds: () => this.types(),
      onWrite: (_count, write) => this.#onWrite(write),
      ...(onPlan ? { onPlan } : {}),
      ...(observer ? { observer } : {}),
    });
  }

  #onWrite(write: Write | StatusWrite): void {
    this.#writeCount++;
    if (this.#crashAt !== null && this.#writeCount >= this.#crashAt) {
      throw new CrashError(`after write ${this.#writeCount}: ${describe(write)}`);
    }
  }
}

function describe(write: Write | StatusWrite): string {
  if (!("op" in write)) return `status of ${write.type.plural} ${formatKey(keyOf(write.object))}`;
  return `${write.op} ${write.type.plural} ${formatKey(write.op === "patch" ? write.key : keyOf(write.object))}`;
}

/** Objects of a YAML text with any number of documents, or the objects themselves. */
export function parseObjects(source: string | KubeObject | readonly KubeObject[]): readonly KubeObject[] {
  if (typeof source !== "string") return Array.isArray(source) ? source : [source as KubeObject];
  return parseAllDocuments(source)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}
