import type { KubeObject } from "../api/meta.ts";
import { AssertionError, assert } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Instant } from "../base/time.ts";
import { type CacheReader, CacheSet, type Change, type TypeCache, typeKey } from "../kube/cache.ts";
import type { KubeClient } from "../kube/client.ts";
import { isEstablished } from "../kube/crd.ts";
import { type ApiError, isApiError } from "../kube/errors.ts";
import { Reflector } from "../kube/reflector.ts";
import { formatKey, keyOf, parseKey, qualifiedPlural, type ResourceType, resources } from "../kube/resource.ts";
import type { AnyController, Watch } from "./controller.ts";
import { EventRecorder } from "./events.ts";
import { type Expectations, execute, isEmptyPlan, type Outcome } from "./executor.ts";
import type { RunnerObserver } from "./observer.ts";
import type { Plan, PlannedEvent, StatusWrite, Write } from "./plan.ts";
import { WorkQueue } from "./queue.ts";

/**
 * Drives controllers: watches what they watch, keeps one queue each, and for every key goes round
 *
 *   key ──gather──> view ──reconcile──> plan ──execute──> writes ──(the cache has seen them)──> key may come again
 *
 * One process, one set of caches for all controllers. Deterministic: time and chance come in, the rest is promises.
 */
export interface RunnerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly controllers: readonly AnyController[];
  /** The kinds served now, for controllers with `everyKind`; read at the start and whenever a CRD changes. */
  readonly kinds?: () => readonly ResourceType[];
  /** Tests: called after the n-th accepted write (from 1); throwing `CrashError` stops everything there and then. */
  readonly onWrite?: (count: number, write: Write | StatusWrite) => void;
  /** Tests and metrics: each plan that was made, before it is performed. */
  readonly onPlan?: (controller: string, key: string, plan: Plan) => void;
  readonly observer?: RunnerObserver;
}

export interface Runner {
  start(): void;
  /** Begins no further write and ends all watches; resolves when the last write under way is over. */
  stop(): Promise<void>;
  /** Resolves when every cache was filled once: before that nothing is reconciled. */
  whenSynced(): Promise<void>;
  /** No key is ready, worked on or waiting for the cache. Keys may wait for their time. */
  isIdle(): boolean;
  /** Reads `kinds` anew. */
  refreshKinds(): void;
  /** Puts every key of every controller into its queue. */
  resync(): void;
  readonly caches: CacheReader;
  /** Writes that the server accepted, events not counted. */
  readonly writeCount: number;
  /** The crash that ended this runner. */
  readonly crash: CrashError | null;
  /** What would each key want now? Pure: nothing is written. For fixpoint tests and `explain`. */
  plans(): readonly KeyPlan[];
}

export interface KeyPlan {
  readonly controller: string;
  readonly key: string;
  readonly plan: Plan;
  /** No write, status or event would go out. */
  readonly isEmpty: boolean;
}

/** Thrown by `onWrite`: plays the death of the process right after that write. */
export class CrashError extends Error {
  override readonly name = "CrashError";
}

/** Keys of one controller worked on at once; the original's controllers use 5. */
const WORKERS = 5;
/** A cache that has not shown our own write after this time has lost its watch without noticing: list anew. */
const CATCH_UP_MS = 10_000;
/** A key that runs more often than this within one second does not settle: it waits for the next one and is reported (INV-33). */
const RUNS_PER_SECOND_MAX = 200;

export function createRunner(options: RunnerOptions): Runner {
  return new ControllerRunner(options);
}

class ControllerRunner implements Runner {
  readonly #options: RunnerOptions;
  readonly #caches = new CacheSet();
  readonly #reflectors = new Map<string, Reflector>();
  readonly #recorder: EventRecorder;
  readonly #loops: readonly ControllerLoop[];
  /** Kinds that a controller names itself; they stay watched whatever `kinds` says. */
  readonly #named: readonly ResourceType[];
  /** Watched while they are served. */
  readonly #optional: readonly ResourceType[];
  #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #isStopped = false;
  #writeCount = 0;
  #crash: CrashError | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#recorder = new EventRecorder(options.client, options.clock, options.logger);
    this.#loops = options.controllers.map((controller) => new ControllerLoop(controller, this.#context()));
    this.#named = options.controllers.flatMap(({ watches, reads = [] }) => [
      ...watches.flatMap(({ type, isOptional }) => (isOptional ? [] : [type])),
      ...reads,
    ]);
    this.#optional = options.controllers.flatMap(({ watches }) =>
      watches.flatMap(({ type, isOptional }) => (isOptional ? [type] : [])),
    );
  }

  get caches(): CacheReader {
    return this.#caches;
  }

  get writeCount(): number {
    return this.#writeCount;
  }

  get crash(): CrashError | null {
    return this.#crash;
  }

  start(): void {
    for (const type of this.#named) this.#watch(type);
    if (this.#wantsEveryKind() || this.#optional.length > 0) this.#watch(resources.customResourceDefinitions);
    this.refreshKinds();
    if (this.#reflectors.size === 0) this.#onProgress();
  }

  async stop(): Promise<void> {
    this.#halt();
    await Promise.all(this.#loops.map((loop) => loop.whenQuiet()));
  }

  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  isIdle(): boolean {
    if (this.#isStopped) return true;
    if (!this.#isSynced || !this.#recorder.isIdle) return false;
    return this.#caches.all().every((cache) => cache.isSynced) && this.#loops.every((loop) => loop.isIdle);
  }

  refreshKinds(): void {
    if (this.#isStopped) return;
    this.#refreshOptional();
    if (!this.#wantsEveryKind()) return;
    const served = this.#options.kinds?.() ?? [];
    const names = new Set(served.map(qualifiedPlural));
    const named = new Set(
      [...this.#named, ...this.#optional, resources.customResourceDefinitions].map(qualifiedPlural),
    );
    for (const type of served) {
      const isWatched = this.#caches.types().some((watched) => qualifiedPlural(watched) === qualifiedPlural(type));
      if (!isWatched) this.#watch(type);
    }
    for (const type of this.#caches.types()) {
      if (!names.has(qualifiedPlural(type)) && !named.has(qualifiedPlural(type))) this.#unwatch(type);
    }
  }

  resync(): void {
    for (const loop of this.#loops) this.#resyncLoop(loop);
  }

  plans(): readonly KeyPlan[] {
    return this.#loops.flatMap((loop) => {
      const keys = new Set<string>();
      this.#eachKey(loop, (key) => keys.add(key));
      return [...keys].sort().flatMap((key) => {
        const plan = loop.planOf(key);
        if (plan === null) return [];
        return [{ controller: loop.controller.name, key, plan, isEmpty: isEmptyPlan(plan, this.#caches) }];
      });
    });
  }

  #context(): LoopContext {
    const { clock, logger, client } = this.#options;
    return {
      clock,
      logger,
      caches: this.#caches,
      isReady: () => this.#isSynced && !this.#isStopped,
      onCrash: (crash) => {
        this.#crash = crash;
        this.#halt();
      },
      onOverflow: (loop) => this.#resyncLoop(loop),
      onBehind: (resource) => this.#relist(resource),
      onPlan: this.#options.onPlan,
      execute: (plan, controller) =>
        execute(plan, controller, {
          client,
          caches: this.#caches,
          record: (component, event) => this.#record(component, event),
          isStopped: () => this.#isStopped,
          onWrite: (write) => {
            this.#writeCount++;
            this.#options.onWrite?.(this.#writeCount, write);
          },
        }),
      record: (component, event) => this.#record(component, event),
      observer: this.#options.observer,
    };
  }

  #record(component: string, event: PlannedEvent): void {
    this.#options.observer?.onEvent?.(component, event);
    this.#recorder.record(component, event);
  }

  #halt(): void {
    this.#isStopped = true;
    this.#recorder.stop();
    for (const reflector of this.#reflectors.values()) reflector.stop();
    for (const loop of this.#loops) loop.halt();
  }

  #refreshOptional(): void {
    const served = this.#servedOptional();
    const named = new Set(this.#named.map(typeKey));
    for (const type of this.#caches.types()) {
      const wanted = served.find((one) => qualifiedPlural(one) === qualifiedPlural(type));
      const isOver = wanted ? typeKey(wanted) !== typeKey(type) : this.#isOptional(type);
      if (isOver && !named.has(typeKey(type))) this.#unwatch(type);
    }
    for (const type of served) this.#watch(type);
  }

  #isOptional(type: ResourceType): boolean {
    return this.#optional.some((one) => typeKey(one) === typeKey(type));
  }

  /** Of several versions of one resource the first: two caches would show each object twice. */
  #servedOptional(): readonly ResourceType[] {
    const byResource = Map.groupBy(this.#optional, qualifiedPlural);
    return [...byResource.values()].flatMap((types) => types.find((type) => this.#isServed(type)) ?? []);
  }

  #isServed(type: ResourceType): boolean {
    const key = { namespace: "", name: qualifiedPlural(type) };
    const crd = this.#caches.of(resources.customResourceDefinitions)?.get(key);
    const { versions = [] } = (crd?.["spec"] ?? {}) as { versions?: { name?: string; served?: boolean }[] };
    return versions.some(({ name, served }) => name === type.version && served !== false);
  }

  #wantsEveryKind(): boolean {
    return this.#options.controllers.some((controller) => controller.everyKind !== undefined);
  }

  #watch(type: ResourceType): void {
    if (this.#reflectors.has(typeKey(type))) return;
    const { client, clock, random, logger } = this.#options;
    const cache = this.#caches.add(type);
    cache.onChange((change) => this.#onChange(change));
    const onProgress = () => this.#onProgress();
    const reflector = new Reflector({ client, cache, clock, random, logger, onProgress });
    this.#reflectors.set(typeKey(type), reflector);
    reflector.start();
  }

  #unwatch(type: ResourceType): void {
    this.#reflectors.get(typeKey(type))?.stop();
    this.#reflectors.delete(typeKey(type));
    this.#caches.of(type)?.replace([], 0);
    this.#caches.delete(type);
  }

  #relist(resource: string): void {
    for (const cache of this.#caches.all()) {
      if (qualifiedPlural(cache.type) === resource) this.#reflectors.get(typeKey(cache.type))?.relist();
    }
  }

  /** A kind that was not served when we listed it is listed again once its definition is established, not later. */
  #onDefinition(definition: KubeObject): void {
    if (!isEstablished(definition)) return;
    for (const { type } of this.#caches.all()) {
      const reflector = this.#reflectors.get(typeKey(type));
      if (qualifiedPlural(type) === definition.metadata.name && reflector?.state === "waiting") reflector.relist();
    }
  }

  #onChange(change: Change): void {
    if (this.#isStopped) return;
    this.#options.observer?.onChange?.(change);
    for (const loop of this.#loops) loop.onChange(change);
    if (typeKey(change.type) !== typeKey(resources.customResourceDefinitions)) return;
    this.refreshKinds();
    if (change.after) this.#onDefinition(change.after);
  }

  #onProgress(): void {
    if (this.#isStopped) return;
    if (!this.#isSynced && this.#caches.all().every((cache) => cache.isSynced)) {
      this.#isSynced = true;
      // Changes seen while some caches were still empty may have mapped to too few keys.
      this.resync();
      this.#synced.resolve();
    }
    for (const loop of this.#loops) loop.onProgress();
  }

  #resyncLoop(loop: ControllerLoop): void {
    this.#eachKey(loop, (key) => loop.add(key));
  }

  #eachKey(loop: ControllerLoop, visit: (key: string) => void): void {
    for (const cache of this.#caches.all()) {
      for (const object of cache.list()) for (const key of loop.keysOf(cache.type, object)) visit(key);
    }
  }
}

interface LoopContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caches: CacheSet;
  isReady(): boolean;
  onCrash(crash: CrashError): void;
  onOverflow(loop: ControllerLoop): void;
  /** The caches of `plural.group` have not shown our own write in time. */
  onBehind(resource: string): void;
  readonly onPlan: RunnerOptions["onPlan"];
  execute(plan: Plan, controller: AnyController): Promise<Outcome>;
  record(component: string, event: PlannedEvent): void;
  readonly observer: RunnerObserver | undefined;
}

/** How a key's turn ended. */
interface TurnEnd {
  /** False: the key waits until the cache shows its writes. */
  readonly isSettled: boolean;
  readonly isError: boolean;
}

/** A key whose writes the cache has not shown yet. */
interface Waiting {
  readonly expectations: Expectations;
  readonly cancelTimeout: Cancel;
}

/** One controller's queue and workers. */
class ControllerLoop {
  readonly controller: AnyController;
  readonly #context: LoopContext;
  readonly #queue: WorkQueue;
  readonly #watches: ReadonlyMap<string, readonly Watch[]>;
  #active = 0;
  #waiting = new Map<string, Waiting>();
  #isPumpPlanned = false;
  #hasOverflowed = false;
  #runs = { since: 0, byKey: new Map<string, number>() };
  #quiet: (() => void)[] = [];

  constructor(controller: AnyController, context: LoopContext) {
    this.controller = controller;
    this.#context = context;
    this.#watches = Map.groupBy(controller.watches, ({ type }) => typeKey(type));
    this.#queue = new WorkQueue(context.clock, () => this.#planPump(), context.observer?.queue?.(controller.name));
  }

  get isIdle(): boolean {
    return this.#active === 0 && this.#queue.isIdle && !this.#isPumpPlanned;
  }

  whenQuiet(): Promise<void> {
    return this.#active === 0 ? Promise.resolve() : new Promise((resolve) => this.#quiet.push(resolve));
  }

  halt(): void {
    this.#queue.clear();
    for (const { cancelTimeout } of this.#waiting.values()) cancelTimeout();
    this.#waiting.clear();
  }

  add(key: string): void {
    if (!this.#queue.add(key) && !this.#hasOverflowed) {
      this.#hasOverflowed = true;
      this.#context.logger.error({ controller: this.controller.name }, "the work queue is full");
    }
  }

  keysOf(type: ResourceType, object: KubeObject): readonly string[] {
    const keys: string[] = [];
    const { caches } = this.#context;
    for (const watch of this.#watches.get(typeKey(type)) ?? []) keys.push(...watch.keysOf(object, caches));
    if (this.controller.everyKind) keys.push(...this.controller.everyKind(object, type, caches));
    return keys;
  }

  onChange(change: Change): void {
    const { type, before, after } = change;
    for (const event of this.controller.eventsOf?.(change) ?? []) this.#record(event);
    if (before) for (const key of this.keysOf(type, before)) this.add(key);
    if (after) for (const key of this.keysOf(type, after)) this.add(key);
  }

  /** A cache moved on: keys that waited for it may come again. */
  onProgress(): void {
    for (const [key, { expectations, cancelTimeout }] of this.#waiting) {
      if (!isSeen(expectations, this.#context.caches)) continue;
      cancelTimeout();
      this.#waiting.delete(key);
      this.#queue.done(key);
    }
    this.#planPump();
  }

  planOf(key: string): Plan | null {
    const { caches, clock } = this.#context;
    const view = this.controller.gather(parseKey(key), caches, clock.now());
    return view === null ? null : this.controller.reconcile(view);
  }

  /** Not at once: a change is told to all caches and controllers before anyone decides on it. */
  #planPump(): void {
    if (this.#isPumpPlanned || this.#queue.size === 0) return;
    this.#isPumpPlanned = true;
    queueMicrotask(() => {
      this.#isPumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#context.isReady() && this.#active < WORKERS) {
      const key = this.#queue.take();
      if (key === null) break;
      this.#active++;
      void this.#work(key);
    }
    if (this.#hasOverflowed && this.#queue.size === 0) {
      this.#hasOverflowed = false;
      this.#context.onOverflow(this);
    }
  }

  async #work(key: string): Promise<void> {
    const { clock, observer } = this.#context;
    const startedAt = clock.now();
    let turn: TurnEnd = { isSettled: true, isError: false };
    try {
      turn = await this.#reconcile(key);
    } catch (error) {
      if (error instanceof CrashError) this.#context.onCrash(error);
      else turn = { isSettled: true, isError: this.#fail(key, error) };
    }
    const { isSettled, isError } = turn;
    observer?.onTurn?.({ controller: this.controller.name, key, seconds: (clock.now() - startedAt) / 1000, isError });
    this.#active--;
    if (isSettled) this.#queue.done(key);
    if (this.#active === 0) for (const resolve of this.#quiet.splice(0)) resolve();
    this.#planPump();
  }

  async #reconcile(key: string): Promise<TurnEnd> {
    const coolAt = this.#hotUntil(key);
    if (coolAt !== null) {
      this.#queue.addAt(key, coolAt);
      return { isSettled: true, isError: false };
    }
    const plan = this.planOf(key);
    if (plan === null) {
      this.#queue.forget(key);
      return { isSettled: true, isError: false };
    }
    this.#context.onPlan?.(this.controller.name, key, plan);
    const { expectations, failure } = await this.#context.execute(plan, this.controller);
    if (!this.#context.isReady()) return { isSettled: true, isError: false };
    let isError = false;
    if (failure) isError = this.#handle(key, failure.error, failure.write);
    else {
      this.#queue.forget(key);
      if (plan.requeueAt !== null) this.#queue.addAt(key, plan.requeueAt);
    }
    if (isSeen(expectations, this.#context.caches)) return { isSettled: true, isError };
    this.#wait(key, expectations);
    return { isSettled: false, isError };
  }

  #wait(key: string, expectations: Expectations): void {
    const giveUp = () => {
      this.#context.logger.warn({ controller: this.controller.name, key }, "the cache is behind our own write");
      for (const resource of lateResources(expectations, this.#context.caches)) this.#context.onBehind(resource);
      this.#waiting.set(key, { expectations, cancelTimeout: this.#context.clock.schedule(CATCH_UP_MS, giveUp) });
    };
    this.#waiting.set(key, { expectations, cancelTimeout: this.#context.clock.schedule(CATCH_UP_MS, giveUp) });
  }

  /** The one table of what to do when the world refuses a write. Answers whether that is an error worth counting. */
  #handle(key: string, error: unknown, write: Write | StatusWrite): boolean {
    const { logger } = this.#context;
    const fields = { controller: this.controller.name, key, write: describeWrite(write), error: String(error) };
    if (!isApiError(error)) return this.#fail(key, error);
    switch (verdictOf(error)) {
      case "retry":
        // Silent: somebody was faster, or our view was old. The next view knows better (INV-30, K8S-245).
        logger.debug(fields, "retrying on a fresh view");
        this.#queue.addAfterFailure(key);
        return false;
      case "park":
        logger.warn(fields, "the server refused a write");
        this.#reportRefusal(key, error);
        return true;
      case "back-off":
        logger.warn({ ...fields, delayMs: this.#queue.addAfterFailure(key) }, "a write failed");
        return true;
    }
  }

  /** Our own mistake: this key backs off, the others go on. */
  #fail(key: string, error: unknown): boolean {
    if (!this.#context.isReady()) return false;
    const delayMs = this.#queue.addAfterFailure(key);
    const stack = error instanceof Error ? error.stack : undefined;
    const message = error instanceof AssertionError ? "an assertion failed" : "a reconciler failed";
    this.#context.logger.error(
      { controller: this.controller.name, key, delayMs, error: String(error), stack },
      message,
    );
    return true;
  }

  #reportRefusal(key: string, error: ApiError): void {
    const [primary] = this.controller.watches;
    const regarding = primary && this.#context.caches.get(primary.type, parseKey(key));
    if (!regarding) return;
    this.#record({ regarding, type: "Warning", reason: "WriteRefused", message: error.message });
  }

  #record(event: PlannedEvent): void {
    this.#context.record(this.controller.component ?? this.controller.name, event);
  }

  /** Null, or when the key may run again. A fixed time: a thousand wakes in one second are no thousand failures. */
  #hotUntil(key: string): Instant | null {
    const now = this.#context.clock.now();
    if (now - this.#runs.since >= 1000) this.#runs = { since: now, byKey: new Map() };
    const count = (this.#runs.byKey.get(key) ?? 0) + 1;
    this.#runs.byKey.set(key, count);
    if (count <= RUNS_PER_SECOND_MAX) return null;
    if (count === RUNS_PER_SECOND_MAX + 1) {
      this.#context.logger.error({ controller: this.controller.name, key }, "a key does not settle");
    }
    return this.#runs.since + 1000;
  }
}

/**
 * 404, 409, 410: retry on a fresh view. 400, 405, 413, 415, 422: nothing but a change of the objects helps, so the key
 * waits for one. Everything else (403, which a quota or a missing service account may cause, 429, 5xx, no connection):
 * back off.
 */
export function verdictOf(error: ApiError): "retry" | "park" | "back-off" {
  if ([404, 409, 410].includes(error.code)) return "retry";
  if ([400, 405, 413, 415, 422].includes(error.code)) return "park";
  return "back-off";
}

function isSeen(expectations: Expectations, caches: CacheSet): boolean {
  return lateResources(expectations, caches).length === 0;
}

/** The `plural.group`s whose caches have not yet shown what is expected. Kinds that nobody watches are never late. */
function lateResources({ revisions, deletions }: Expectations, caches: CacheSet): readonly string[] {
  const late = new Set<string>();
  for (const [resource, revision] of revisions) {
    if (caches.ofResource(resource).some((cache) => cache.revision < revision)) late.add(resource);
  }
  for (const { type, key, uid } of deletions) {
    const resource = qualifiedPlural(type);
    if (caches.ofResource(resource).some((cache) => isStillThere(cache, key, uid))) late.add(resource);
  }
  return [...late];
}

function isStillThere(cache: TypeCache, key: { namespace: string; name: string }, uid: string): boolean {
  const { metadata } = cache.get(key) ?? {};
  return metadata?.uid === uid && metadata.deletionTimestamp === undefined;
}

function describeWrite(write: Write | StatusWrite): string {
  if (!("op" in write)) return `status ${formatKey(keyOf(write.object))}`;
  const key = write.op === "patch" ? write.key : keyOf(write.object);
  assert(key.name !== undefined);
  return `${write.op} ${qualifiedPlural(write.type)} ${formatKey(key)}`;
}
