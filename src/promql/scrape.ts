import { type Cancel, type Clock, sleep } from "../base/clock.ts";
import type { Instant } from "../base/time.ts";
import { type LabelCache, parseExposition } from "./exposition.ts";
import { Labels, METRIC_NAME } from "./labels.ts";
import type { SampleStore, Series } from "./store.ts";

/** Short enough for `irate(x[40s])` and for a demo to react (SE-006). */
export const SCRAPE_INTERVAL_MS = 5000;

export interface Target {
  /** Answers with Prometheus text. */
  readonly url: string;
  /** Put on every series of the target; an exposed label of the same name becomes `exported_…`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes the answers of one target into the store; knows what the last one held, so that what vanishes is marked. */
export class TargetSamples {
  readonly #store: SampleStore;
  readonly #labels: readonly (readonly [string, string])[];
  #live = new Set<Series>();
  readonly #own = new Map<string, Series>();
  readonly #cache: LabelCache = new Map();
  readonly #labelledOnce = new WeakMap<Labels, Labels>();

  constructor(store: SampleStore, labels: Target["labels"]) {
    this.#store = store;
    this.#labels = Object.entries(labels);
  }

  /** Keeps what `text` exposes; throws ExpositionError, and counts the target as down, where it is no exposition. */
  scrape(text: string, time: Instant, durationMs = 0): void {
    let exposed: ReturnType<typeof parseExposition>;
    try {
      exposed = parseExposition(text, this.#cache);
    } catch (error) {
      this.fail(time, durationMs);
      throw error;
    }
    const seen = new Set<Series>();
    for (const sample of exposed.samples) {
      const series = this.#store.append(this.#labelled(sample.labels), sample.time ?? time, sample.value);
      // A sample that brings its own time outlives its target's silence, as on a real Prometheus.
      if (series !== null && sample.time === null) seen.add(series);
    }
    for (const [metric, metadata] of exposed.metadata) this.#store.describe(metric, metadata);
    this.#replaceLive(seen, time);
    this.#report(time, { up: 1, scrape_samples_scraped: exposed.samples.length, durationMs });
  }

  /** The target did not answer: all its series end, `up` is 0. */
  fail(time: Instant, durationMs = 0): void {
    this.#replaceLive(new Set(), time);
    this.#report(time, { up: 0, scrape_samples_scraped: 0, durationMs });
  }

  /** The target is no more: `up` ends too. */
  end(time: Instant): void {
    this.#replaceLive(new Set(), time);
    for (const series of this.#own.values()) this.#store.markStale(series, time);
    this.#own.clear();
  }

  #replaceLive(seen: Set<Series>, time: Instant): void {
    for (const series of this.#live) if (!seen.has(series)) this.#store.markStale(series, time);
    this.#live = seen;
  }

  #labelled(labels: Labels): Labels {
    const known = this.#labelledOnce.get(labels);
    if (known !== undefined) return known;
    let labelled = labels;
    for (const [name, value] of this.#labels) {
      const exposed = labels.get(name);
      if (exposed !== "") labelled = labelled.with(`exported_${name}`, exposed);
      labelled = labelled.with(name, value);
    }
    this.#labelledOnce.set(labels, labelled);
    return labelled;
  }

  #report(time: Instant, values: { up: number; scrape_samples_scraped: number; durationMs: number }): void {
    const { durationMs, ...counts } = values;
    for (const [name, value] of Object.entries({ ...counts, scrape_duration_seconds: durationMs / 1000 })) {
      const series = this.#store.append(Labels.of([...this.#labels, [METRIC_NAME, name]]), time, value);
      if (series !== null) this.#own.set(name, series);
    }
  }
}

export interface ScrapingOptions {
  /** Asked before each round: targets come and go. */
  readonly targets: () => readonly Target[];
  readonly intervalMs?: number;
  readonly clock: Clock;
  /** The body of a 200 answer, or a rejection. */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<string>;
  readonly store: SampleStore;
  /** Told once when a target goes down and once when it is back (problem null). */
  readonly onHealth?: (target: Target, problem: string | null) => void;
}

export interface Scraping {
  /** One round now, besides the regular ones. */
  readonly scrapeNow: () => Promise<void>;
  readonly stop: () => void;
}

/** Scrapes every target each `intervalMs`. A target that answers slower than that is down; rounds never overlap. */
export function startScraping(options: ScrapingOptions): Scraping {
  const { clock, intervalMs = SCRAPE_INTERVAL_MS } = options;
  const known = new Map<string, KnownTarget>();
  const stopped = new AbortController();
  let cancel: Cancel = () => {};
  let round: Promise<void> | null = null;

  const scrapeNow = (): Promise<void> => {
    round ??= scrapeAll(options, known, stopped.signal).finally(() => {
      round = null;
    });
    return round;
  };
  const tick = (): void => {
    const startedAt = clock.now();
    void scrapeNow().then(() => {
      if (stopped.signal.aborted) return;
      cancel = clock.schedule(Math.max(0, startedAt + intervalMs - clock.now()), tick);
    });
  };
  tick();
  return {
    scrapeNow,
    stop() {
      cancel();
      stopped.abort();
    },
  };
}

interface KnownTarget {
  readonly samples: TargetSamples;
  problem: string | null;
}

async function scrapeAll(
  options: ScrapingOptions,
  known: Map<string, KnownTarget>,
  stopped: AbortSignal,
): Promise<void> {
  const { store, clock } = options;
  const targets = new Map(options.targets().map((target) => [JSON.stringify([target.url, target.labels]), target]));
  for (const [key, { samples }] of known) {
    if (targets.has(key)) continue;
    samples.end(clock.now());
    known.delete(key);
  }
  await Promise.all(
    [...targets].map(([key, target]) => {
      let state = known.get(key);
      if (state === undefined) {
        state = { samples: new TargetSamples(store, target.labels), problem: null };
        known.set(key, state);
      }
      return scrapeOne(options, target, state, stopped);
    }),
  );
}

async function scrapeOne(
  options: ScrapingOptions,
  target: Target,
  state: KnownTarget,
  stopped: AbortSignal,
): Promise<void> {
  const { clock, fetch, intervalMs = SCRAPE_INTERVAL_MS, onHealth } = options;
  const startedAt = clock.now();
  let problem: string | null = null;
  try {
    const text = await withTimeout(clock, intervalMs, stopped, (signal) => fetch(target.url, signal));
    if (stopped.aborted) return;
    // A sample belongs to the moment it was asked for, as on a real Prometheus.
    state.samples.scrape(text, startedAt, clock.now() - startedAt);
  } catch (error) {
    if (stopped.aborted) return;
    problem = error instanceof Error ? error.message : String(error);
    if (!(error instanceof Error && error.name === "ExpositionError")) {
      state.samples.fail(startedAt, clock.now() - startedAt);
    }
  }
  if ((problem === null) !== (state.problem === null)) onHealth?.(target, problem);
  state.problem = problem;
}

async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  stopped: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const finished = new AbortController();
  const signal = AbortSignal.any([finished.signal, stopped]);
  const timeout = sleep(clock, timeoutMs, signal).then(() => {
    throw new Error("context deadline exceeded");
  });
  try {
    return await Promise.race([work(signal), timeout]);
  } finally {
    // Ends the loser of the race, whose rejection nobody else sees.
    timeout.catch(() => {});
    finished.abort();
  }
}
