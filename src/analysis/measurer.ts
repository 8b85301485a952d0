import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type Instant, parseTime } from "../base/time.ts";
import { TypeCache } from "../kube/cache.ts";
import type { KubeClient } from "../kube/client.ts";
import { isConflict, isNotFound } from "../kube/errors.ts";
import { Reflector } from "../kube/reflector.ts";
import { keyOf, resources } from "../kube/resource.ts";
import { measureOnce } from "./measure.ts";
import { type ProviderContext, type Providers, providerField } from "./provider.ts";
import {
  finishMeasurement,
  isCompleted,
  isTerminating,
  type MeasurementOutcome,
  openMeasurement,
  resultOf,
} from "./status.ts";
import type { AnalysisRun, Measurement, Metric, MetricResult } from "./types.ts";

/**
 * Performs measurements, the one part of analysis that is I/O. The reconciler marks a due measurement in the run's status
 * (Running, with its start); this watches runs, asks the provider, and puts the outcome in the mark's place together with
 * the counters, in one patch that names the revision it was decided on. A crash in between leaves the mark: the next life
 * measures again, and nothing is ever counted twice.
 */
export interface MeasurerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** By the member of `metric.provider`; without `job`, which the reconciler does by itself. */
  readonly providers: Providers;
  readonly context: ProviderContext;
  /** Runs that another controller sees to are left alone; absent: all are ours. */
  readonly isOurs?: (run: AnalysisRun) => boolean;
}

const CONCURRENT_MAX = 30; // the original's --analysis-threads
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;

/** One measurement to perform. */
interface Task {
  /** Names this very measurement: see `taskId`. */
  readonly id: string;
  readonly run: AnalysisRun;
  readonly metric: Metric;
  readonly measurement: Measurement;
  readonly ordinal: number;
}

export function createMeasurer(options: MeasurerOptions): Measurer {
  return new Measurer(options);
}

export class Measurer {
  readonly #options: MeasurerOptions;
  readonly #cache = new TypeCache(resources.analysisRuns);
  readonly #reflector: Reflector;
  /** Measurements under way, waiting or just recorded; an entry goes once the cache no longer shows it as open. */
  readonly #known = new Map<string, { cancel: () => void }>();
  readonly #queue: Task[] = [];
  #running = 0;
  #isStopped = true;

  constructor(options: MeasurerOptions) {
    this.#options = options;
    const { client, clock, random, logger } = options;
    this.#reflector = new Reflector({ client, clock, random, logger, cache: this.#cache });
    this.#cache.onChange(({ before, after }) => this.#look(before as AnalysisRun | null, after as AnalysisRun | null));
  }

  /** No request is under way or waits for its turn; measurements to be asked about later do not count. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.length === 0;
  }

  start(): void {
    this.#isStopped = false;
    this.#reflector.start();
  }

  /** What is under way is abandoned: its outcome is not written. */
  stop(): void {
    this.#isStopped = true;
    this.#reflector.stop();
    for (const { cancel } of this.#known.values()) cancel();
    this.#known.clear();
    this.#queue.length = 0;
  }

  #look(before: AnalysisRun | null, after: AnalysisRun | null): void {
    const uid = (after ?? before)?.metadata.uid ?? "";
    const open = after ? this.#openTasks(after) : [];
    this.#forget(uid, new Set(open.map(({ id }) => id)));
    for (const task of open) this.#plan(task);
  }

  #openTasks(run: AnalysisRun): readonly Task[] {
    if (run.metadata.deletionTimestamp !== undefined || isCompleted(run.status?.phase)) return [];
    if (this.#options.isOurs?.(run) === false) return [];
    return (run.status?.metricResults ?? []).flatMap((result) => {
      const measurement = openMeasurement(result);
      const metric = run.spec.metrics?.find(({ name }) => name === result.name);
      if (!measurement || !metric || providerField(metric) === "job") return [];
      return [{ id: taskId(run, result, measurement), run, metric, measurement, ordinal: ordinalOf(result) }];
    });
  }

  #forget(uid: string, open: ReadonlySet<string>): void {
    for (const [id, { cancel }] of this.#known) {
      if (!id.startsWith(`${uid}/`) || open.has(id)) continue;
      cancel();
      this.#known.delete(id);
    }
  }

  #plan(task: Task): void {
    if (this.#known.has(task.id)) return;
    const now = this.#options.clock.now();
    const at = parseTime(task.measurement.resumeAt);
    const begin = () => {
      this.#queue.push(task);
      this.#next();
    };
    // An asynchronous provider is asked when it said, or at once to learn that the run ends.
    if (at === null || at <= now || isTerminating(task.run, task.run.status ?? {})) {
      this.#known.set(task.id, { cancel: () => {} });
      begin();
    } else this.#known.set(task.id, { cancel: this.#options.clock.schedule(at - now, begin) });
  }

  #next(): void {
    while (this.#running < CONCURRENT_MAX) {
      const task = this.#queue.shift();
      if (!task) return;
      this.#running++;
      void this.#perform(task).finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }

  async #perform(task: Task): Promise<void> {
    const { logger, providers, context } = this.#options;
    const { run, metric, measurement } = task;
    const outcome = await measureOnce({ run, metric, measurement }, { providers, context });
    const fields = { analysisRun: `${run.metadata.namespace}/${run.metadata.name}`, metric: metric.name };
    logger.debug({ ...fields, phase: outcome.phase }, "a measurement was taken");
    for (let delayMs = RETRY_FIRST_MS; !this.#isStopped; delayMs = Math.min(2 * delayMs, RETRY_MAX_MS)) {
      try {
        return await this.#record(task, outcome);
      } catch (error) {
        logger.warn({ ...fields, error: String(error) }, "a measurement could not be recorded yet");
        await new Promise<void>((resolve) => this.#options.clock.schedule(delayMs, resolve));
      }
    }
  }

  /** Writes the outcome where the mark still stands; anything else in the meantime makes it obsolete. */
  async #record(task: Task, outcome: MeasurementOutcome): Promise<void> {
    const { client, clock } = this.#options;
    const key = keyOf(task.run);
    let run: AnalysisRun | null = this.#cache.get(key) as AnalysisRun | null;
    for (;;) {
      try {
        run ??= await client.get<AnalysisRun>(resources.analysisRuns, key);
        const patch = recordPatch(run, task, { outcome, now: clock.now() });
        if (!patch || this.#isStopped) return;
        await client.patch(resources.analysisRuns, key, { kind: "merge", body: patch }, { fieldManager: "analysis" });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error)) throw error;
        run = null;
      }
    }
  }
}

/** Null when the measurement is no longer open in this state of the run. */
function recordPatch(
  run: AnalysisRun,
  { run: { metadata }, metric, measurement, ordinal }: Task,
  { outcome, now }: { readonly outcome: MeasurementOutcome; readonly now: Instant },
): Record<string, unknown> | null {
  const result = resultOf(run.status ?? {}, metric.name);
  const open = openMeasurement(result);
  const isSame =
    run.metadata.uid === metadata.uid &&
    result !== undefined &&
    ordinalOf(result) === ordinal &&
    open?.resumeAt === measurement.resumeAt;
  const status = isSame && finishMeasurement(run.status ?? {}, { run, name: metric.name, outcome, now });
  if (!status) return null;
  return {
    metadata: { resourceVersion: run.metadata.resourceVersion },
    status: { metricResults: status.metricResults },
  };
}

/** How many measurements of the metric were concluded before: grows with each, so it names the next. */
function ordinalOf({ count = 0, error = 0 }: MetricResult): number {
  return count + error;
}

function taskId(run: AnalysisRun, result: MetricResult, { resumeAt = "" }: Measurement): string {
  const isEnding = isTerminating(run, run.status ?? {}) ? "ending" : "";
  return [run.metadata.uid, result.name, ordinalOf(result), resumeAt, resumeAt && isEnding].join("/");
}
