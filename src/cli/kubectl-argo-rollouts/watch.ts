import { silentLogger } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import type { RolloutParts } from "../../dialects/argo/summary.ts";
import { type CacheReader, CacheSet } from "../../kube/cache.ts";
import { Reflector } from "../../kube/reflector.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { cachedParts, partTypes } from "./objects.ts";

/** So that ages tick, and so that a burst of changes does not make the screen flicker (CL-029). */
const TICK_MS = 1000;
const PAUSE_BETWEEN_DRAWINGS_MS = 200;

/** Home, clear, home: what the original sends. */
const CLEAR = "\u001b[H\u001b[2J\u001b[0;0H";

export interface Picture {
  readonly text: string;
  /** For standard error; "" when there is nothing to add. */
  readonly notes: string;
}

export interface WatchedPicture {
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** The picture of this moment; null when there is nothing to show. */
  draw(caches: CacheReader, parts: RolloutParts): Picture | null;
}

/** Draws anew at each change until Ctrl-C or the end of the time, which are no failures (CL-029). */
export async function watchParts(context: CommandContext, type: ResourceType, picture: WatchedPicture): Promise<void> {
  const { client, clock, namespace } = context;
  const caches = new CacheSet();
  const types = [...new Set([type, ...partTypes])];
  const screen = new Screen(context, () => {
    const isComplete = caches.all().every((cache) => cache.isSynced);
    return isComplete ? picture.draw(caches, cachedParts(caches, namespace)) : null;
  });
  const reflectors = types.map((one) => {
    const cache = caches.add(one);
    const onProgress = () => screen.change();
    return new Reflector({ client, cache, clock, random: systemRandom, logger: silentLogger, namespace, onProgress });
  });
  const { promise: end, resolve: finish } = Promise.withResolvers<void>();
  const forget = context.onInterrupt(finish);
  const cancelTimeout = picture.timeoutMs > 0 ? clock.schedule(picture.timeoutMs, finish) : () => {};
  for (const reflector of reflectors) reflector.start();
  try {
    await end;
  } finally {
    forget();
    cancelTimeout();
    screen.stop();
    for (const reflector of reflectors) reflector.stop();
  }
}

/** A terminal is drawn over and ages tick on it; into a file or pipe goes one picture a change. */
class Screen {
  readonly #context: CommandContext;
  readonly #picture: () => Picture | null;
  #notes = "";
  #drawnAt = Number.NEGATIVE_INFINITY;
  #next: { at: number; cancel: () => void } | null = null;

  constructor(context: CommandContext, picture: () => Picture | null) {
    this.#context = context;
    this.#picture = picture;
  }

  change(): void {
    this.#drawAt(Math.max(this.#context.clock.now(), this.#drawnAt + PAUSE_BETWEEN_DRAWINGS_MS));
  }

  stop(): void {
    this.#next?.cancel();
    this.#next = null;
  }

  #drawAt(at: number): void {
    if (this.#next !== null && this.#next.at <= at) return;
    this.stop();
    const { clock } = this.#context;
    this.#next = { at, cancel: clock.schedule(at - clock.now(), () => this.#draw()) };
  }

  #draw(): void {
    const { clock, isTerminal } = this.#context;
    this.#next = null;
    this.#drawnAt = clock.now();
    const picture = this.#picture();
    if (picture !== null) this.#show(picture);
    if (isTerminal) this.#drawAt(clock.now() + TICK_MS);
  }
  /** Notes are wiped away with the picture on a terminal; elsewhere they stand, so only new ones are told. */
  #show({ text, notes }: Picture): void {
    const { isTerminal, print, printError } = this.#context;
    print(isTerminal ? `${CLEAR}${text}` : text);
    if (isTerminal || notes !== this.#notes) printError(notes);
    this.#notes = notes;
  }
}
