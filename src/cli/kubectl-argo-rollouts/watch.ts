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
  /** For programs: nothing is drawn over, and only what changed is printed. */
  readonly isStream: boolean;
  /** The picture of this moment; null when there is nothing to show. */
  draw(caches: CacheReader, parts: RolloutParts): Picture | null;
  /** Asked at each change, also of those that are not drawn; true ends the watch, after a last picture. */
  isOver?(caches: CacheReader): boolean;
}

export type WatchEnd = "over" | "interrupt" | "timeout";

/** Draws anew at each change until it is over, or till Ctrl-C or the end of the time (CL-029). */
export async function watchParts(
  context: CommandContext,
  type: ResourceType,
  picture: WatchedPicture,
): Promise<WatchEnd> {
  const { client, clock, namespace } = context;
  const caches = new CacheSet();
  const types = [...new Set([type, ...partTypes])];
  const isComplete = () => caches.all().every((cache) => cache.isSynced);
  const draw = () => (isComplete() ? picture.draw(caches, cachedParts(caches, namespace)) : null);
  const screen = new Screen(context, draw, picture.isStream);
  const { promise: end, resolve: finish, reject: fail } = Promise.withResolvers<WatchEnd>();
  const onProgress = () => {
    screen.change();
    try {
      if (isComplete() && picture.isOver?.(caches)) finish("over");
    } catch (error) {
      fail(error);
    }
  };
  const reflectors = types.map((one) => {
    const cache = caches.add(one);
    return new Reflector({ client, cache, clock, random: systemRandom, logger: silentLogger, namespace, onProgress });
  });
  const forget = context.onInterrupt(() => finish("interrupt"));
  const cancelTimeout = picture.timeoutMs > 0 ? clock.schedule(picture.timeoutMs, () => finish("timeout")) : () => {};
  for (const reflector of reflectors) reflector.start();
  try {
    const how = await end;
    if (how === "over") screen.draw();
    return how;
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
  readonly #isStream: boolean;
  readonly #isDrawnOver: boolean;
  #text = "";
  #notes = "";
  #drawnAt = Number.NEGATIVE_INFINITY;
  #next: { at: number; cancel: () => void } | null = null;

  constructor(context: CommandContext, picture: () => Picture | null, isStream: boolean) {
    this.#context = context;
    this.#picture = picture;
    this.#isStream = isStream;
    this.#isDrawnOver = context.isTerminal && !isStream;
  }

  change(): void {
    this.#drawAt(Math.max(this.#context.clock.now(), this.#drawnAt + PAUSE_BETWEEN_DRAWINGS_MS));
  }

  stop(): void {
    this.#next?.cancel();
    this.#next = null;
  }

  draw(): void {
    this.stop();
    this.#drawnAt = this.#context.clock.now();
    const picture = this.#picture();
    if (picture !== null) this.#show(picture);
    if (this.#isDrawnOver) this.#drawAt(this.#drawnAt + TICK_MS);
  }

  #drawAt(at: number): void {
    if (this.#next !== null && this.#next.at <= at) return;
    this.stop();
    const { clock } = this.#context;
    this.#next = { at, cancel: clock.schedule(at - clock.now(), () => this.draw()) };
  }

  /** Notes are wiped away with the picture on a terminal; elsewhere they stand, so only new ones are told. */
  #show({ text, notes }: Picture): void {
    const { print, printError } = this.#context;
    if (!this.#isStream || text !== this.#text) print(this.#isDrawnOver ? `${CLEAR}${text}` : text);
    if (this.#isDrawnOver || notes !== this.#notes) printError(notes);
    this.#text = text;
    this.#notes = notes;
  }
}
