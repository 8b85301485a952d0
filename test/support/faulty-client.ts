import type { KubeObject } from "../../src/api/meta.ts";
import type { Clock } from "../../src/base/clock.ts";
import { type Random, randomInt } from "../../src/base/random.ts";
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  Patch,
  SubresourceOptions,
  WatchHandle,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from "../../src/kube/client.ts";
import { type ApiError, failure } from "../../src/kube/errors.ts";
import type { ObjectKey, ResourceType } from "../../src/kube/resource.ts";

/** How often the world misbehaves: probabilities in [0, 1] of one call or one event. */
export interface Faults {
  /** Each watch event arrives up to this much later, in order. */
  readonly staleMs: number;
  /** A write is refused with 409 although nothing conflicts. */
  readonly conflict: number;
  /** A write fails with 500 and was not performed. */
  readonly failedWrite: number;
  /** A write was performed, but its answer is lost (504). */
  readonly lostAnswer: number;
  /** A stream ends after an event; one in four ends with 410, so that its reader lists anew. */
  readonly droppedWatch: number;
}

export const noFaults: Faults = { staleMs: 0, conflict: 0, failedWrite: 0, lostAnswer: 0, droppedWatch: 0 };

/** A client to which the network, the server and the clock of others do what they do in reality. */
export class FaultyClient implements KubeClient {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #random: Random;
  /** May be changed while running: a scenario ends its faults to see everything settle. */
  faults: Faults;
  /** Called with each answer to a write that reached the writer. */
  onAnswer: ((object: KubeObject, fieldManager: string) => void) | null = null;

  constructor(client: KubeClient, options: { clock: Clock; random: Random; faults: Faults }) {
    this.#client = client;
    this.#clock = options.clock;
    this.#random = options.random;
    this.faults = options.faults;
  }

  get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T> {
    return this.#client.get(type, key);
  }

  list<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
    return this.#client.list<T>(type, options);
  }

  create<T extends KubeObject>(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<T> {
    return this.#write(() => this.#client.create<T>(type, object, options), { canConflict: false, ...options });
  }

  update<T extends KubeObject>(type: ResourceType, object: KubeObject, options?: SubresourceOptions): Promise<T> {
    return this.#write(() => this.#client.update<T>(type, object, options), { canConflict: true, ...options });
  }

  patch<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    patch: Patch,
    options?: SubresourceOptions,
  ): Promise<T> {
    return this.#write(() => this.#client.patch<T>(type, key, patch, options), { canConflict: true, ...options });
  }

  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#write(() => this.#client.delete(type, key, options), { canConflict: false });
  }

  watch(type: ResourceType, options: WatchOptions, handler: WatchHandler): WatchHandle {
    const stream = new DelayedStream(handler, this.#clock, this.#random, () => this.faults);
    stream.source = this.#client.watch(type, options, stream);
    return stream;
  }

  async #write<T>(
    perform: () => Promise<T>,
    { canConflict, fieldManager = "" }: { canConflict: boolean; fieldManager?: string },
  ): Promise<T> {
    const { conflict, failedWrite, lostAnswer } = this.faults;
    if (canConflict && this.#random.next() < conflict) throw failure(409, "Conflict", "played: somebody was faster");
    if (this.#random.next() < failedWrite) throw failure(500, "InternalError", "played: the server failed");
    const answer = await perform();
    if (this.#random.next() < lostAnswer) throw failure(504, "Timeout", "played: the answer was lost");
    if (answer) this.onAnswer?.(answer as unknown as KubeObject, fieldManager);
    return answer;
  }
}

/** A watch stream whose events come late, in order, and which may break off. */
class DelayedStream implements WatchHandler, WatchHandle {
  readonly #handler: WatchHandler;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: () => Faults;
  #queue: (() => void)[] = [];
  #isDelivering = false;
  #isOver = false;
  source: WatchHandle | null = null;

  constructor(handler: WatchHandler, clock: Clock, random: Random, faults: () => Faults) {
    this.#handler = handler;
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
  }

  onEvent(event: Parameters<WatchHandler["onEvent"]>[0]): void {
    this.#enqueue(() => {
      this.#handler.onEvent(event);
      if (this.#random.next() < this.#faults().droppedWatch) this.#drop();
    });
  }

  onEnd(error: ApiError | null): void {
    this.#enqueue(() => this.#end(error));
  }

  stop(): void {
    this.#isOver = true;
    this.#queue = [];
    this.source?.stop();
  }

  #drop(): void {
    if (this.#isOver) return;
    const isExpired = randomInt(this.#random, 4) === 0;
    this.source?.stop();
    this.#end(isExpired ? failure(410, "Expired", "played: too old resource version") : null);
  }

  #end(error: ApiError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queue = [];
    this.#handler.onEnd(error);
  }

  #enqueue(call: () => void): void {
    if (this.#isOver) return;
    const { staleMs } = this.#faults();
    if (staleMs === 0 && !this.#isDelivering && this.#queue.length === 0) {
      call();
      return;
    }
    this.#queue.push(call);
    this.#deliverNext();
  }

  #deliverNext(): void {
    if (this.#isDelivering || this.#queue.length === 0 || this.#isOver) return;
    this.#isDelivering = true;
    const { staleMs } = this.#faults();
    this.#clock.schedule(staleMs === 0 ? 0 : randomInt(this.#random, staleMs), () => {
      this.#isDelivering = false;
      if (this.#isOver) return;
      // What waited as long as the first may come with it.
      const burst = 1 + randomInt(this.#random, this.#queue.length);
      for (const call of this.#queue.splice(0, burst)) if (!this.#isOver) call();
      this.#deliverNext();
    });
  }
}
