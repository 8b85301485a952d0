import { assert } from "../base/assert.ts";
import type { Instant } from "../base/time.ts";
import type { Matcher } from "./ast.ts";
import { type Labels, METRIC_NAME } from "./labels.ts";

/** Prometheus keeps 15 days on disk; analysis windows are minutes, and this store lives in memory. */
export const RETENTION_MS = 2 * 3_600_000;
/** One mesh of the seeds has a few thousand series; a label that explodes must not take the process with it. */
export const SERIES_MAX = 100_000;
/** 17 bytes each: 68 MB, before growth of the arrays. */
export const SAMPLES_MAX = 4_000_000;

const FIRST_CAPACITY = 64;

/** The samples of one label set in order of time. Arrays grow by doubling; what retention drops is cut off lazily. */
export class Series {
  readonly labels: Labels;
  #times = new Float64Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  /** 1 where the sample is a staleness marker: "gone from here on". */
  #stale = new Uint8Array(FIRST_CAPACITY);
  #from = 0;
  #to = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  get size(): number {
    return this.#to - this.#from;
  }

  get lastTime(): Instant {
    return this.size === 0 ? Number.NEGATIVE_INFINITY : this.#times[this.#to - 1]!;
  }

  get endsStale(): boolean {
    return this.size === 0 || this.#stale[this.#to - 1] === 1;
  }

  timeAt(index: number): Instant {
    return this.#times[this.#from + index]!;
  }

  valueAt(index: number): number {
    return this.#values[this.#from + index]!;
  }

  isStaleAt(index: number): boolean {
    return this.#stale[this.#from + index] === 1;
  }

  /** How many samples are at or before `time`. */
  countUntil(time: Instant): number {
    const times = this.#times;
    let low = this.#from;
    let high = this.#to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low - this.#from;
  }

  /** The samples in (from, to], without markers. The hot loop of range queries: arrays by their own index, no calls. */
  window(from: Instant, to: Instant): { times: number[]; values: number[] } {
    const first = this.#from + this.countUntil(from);
    const end = this.#from + this.countUntil(to);
    const [allTimes, allValues, stale] = [this.#times, this.#values, this.#stale];
    const times: number[] = [];
    const values: number[] = [];
    for (let index = first; index < end; index++) {
      if (stale[index] === 1) continue;
      times.push(allTimes[index]!);
      values.push(allValues[index]!);
    }
    return { times, values };
  }

  append(time: Instant, value: number, isStale: boolean): void {
    assert(time > this.lastTime, "samples of a series are in order of time");
    if (this.#to === this.#times.length) this.#makeRoom();
    this.#times[this.#to] = time;
    this.#values[this.#to] = value;
    this.#stale[this.#to] = isStale ? 1 : 0;
    this.#to++;
  }

  /** Drops what is before `time`; the number of samples dropped. */
  dropBefore(time: Instant): number {
    let dropped = 0;
    while (this.#from < this.#to && this.#times[this.#from]! < time) {
      this.#from++;
      dropped++;
    }
    return dropped;
  }

  #makeRoom(): void {
    const size = this.size;
    const capacity = size * 2 > this.#times.length ? this.#times.length * 2 : this.#times.length;
    const move = <T extends Float64Array | Uint8Array>(old: T, next: T): T => {
      next.set(old.subarray(this.#from, this.#to));
      return next;
    };
    this.#times = move(this.#times, new Float64Array(capacity));
    this.#values = move(this.#values, new Float64Array(capacity));
    this.#stale = move(this.#stale, new Uint8Array(capacity));
    this.#from = 0;
    this.#to = size;
  }
}

export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

export interface StoreLimits {
  readonly retentionMs?: number;
  readonly seriesMax?: number;
  readonly samplesMax?: number;
}

export interface StoreStatistics {
  readonly series: number;
  readonly samples: number;
  /** Refused because `seriesMax` was reached. */
  readonly refusedSeries: number;
  /** Refused because a newer sample of the series, or one of the same time, is there. */
  readonly refusedSamples: number;
}

/** What a query reads. */
export interface SampleSource {
  select(matchers: readonly Matcher[]): readonly Series[];
}

/** Samples of the last hours in memory, bounded in series and samples; the oldest go first. */
export class SampleStore implements SampleSource {
  readonly #retentionMs: number;
  readonly #seriesMax: number;
  readonly #samplesMax: number;
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Set<Series>>();
  readonly #metadata = new Map<string, MetricMetadata>();
  #samples = 0;
  #refusedSeries = 0;
  #refusedSamples = 0;
  #cleanedAt: Instant = Number.NEGATIVE_INFINITY;

  constructor({ retentionMs = RETENTION_MS, seriesMax = SERIES_MAX, samplesMax = SAMPLES_MAX }: StoreLimits = {}) {
    this.#retentionMs = retentionMs;
    this.#seriesMax = seriesMax;
    this.#samplesMax = samplesMax;
  }

  /** Keeps one sample; null where it is refused (see the statistics). */
  append(labels: Labels, time: Instant, value: number): Series | null {
    return this.#append(labels, time, value, false);
  }

  /** Says that the series is gone: from `time` on instant selectors no longer see its last sample (PQ-002). */
  markStale(series: Series, time: Instant): void {
    if (!series.endsStale) this.#append(series.labels, time, Number.NaN, true);
  }

  describe(metric: string, metadata: MetricMetadata): void {
    if (this.#metadata.size < this.#seriesMax || this.#metadata.has(metric)) this.#metadata.set(metric, metadata);
  }

  /** In the order of their labels, so that results are stable (PQ-013). */
  select(matchers: readonly Matcher[]): readonly Series[] {
    const name = matchers.find((matcher) => matcher.name === METRIC_NAME && matcher.operator === "=")?.value;
    const candidates = name === undefined ? this.#byKey.values() : (this.#byName.get(name) ?? []);
    const selected: Series[] = [];
    for (const series of candidates) {
      if (matchers.every((matcher) => matcher.matches(series.labels.get(matcher.name)))) selected.push(series);
    }
    return selected.sort((left, right) => (left.labels.key < right.labels.key ? -1 : 1));
  }

  series(): Iterable<Series> {
    return this.#byKey.values();
  }

  metadata(): ReadonlyMap<string, MetricMetadata> {
    return this.#metadata;
  }

  statistics(): StoreStatistics {
    return {
      series: this.#byKey.size,
      samples: this.#samples,
      refusedSeries: this.#refusedSeries,
      refusedSamples: this.#refusedSamples,
    };
  }

  /** Drops what is older than the retention, and series without samples. */
  clean(now: Instant): void {
    this.#cleanedAt = now;
    this.#dropBefore(now - this.#retentionMs);
  }

  #append(labels: Labels, time: Instant, value: number, isStale: boolean): Series | null {
    const series = this.#byKey.get(labels.key) ?? this.#create(labels);
    if (series === null) return null;
    if (time <= series.lastTime) {
      this.#refusedSamples++;
      return series;
    }
    series.append(time, value, isStale);
    this.#samples++;
    // A tenth of the retention between cleanings: never more than 1.1 times what was asked for.
    if (time - this.#cleanedAt > this.#retentionMs / 10) this.clean(time);
    if (this.#samples > this.#samplesMax) this.#shrink();
    return series;
  }

  #create(labels: Labels): Series | null {
    if (this.#byKey.size >= this.#seriesMax) {
      this.#refusedSeries++;
      return null;
    }
    const series = new Series(labels);
    this.#byKey.set(labels.key, series);
    const sameName = this.#byName.get(labels.metricName);
    if (sameName) sameName.add(series);
    else this.#byName.set(labels.metricName, new Set([series]));
    return series;
  }

  /** At the bound on samples the oldest tenth of the kept time goes, whatever the retention says. */
  #shrink(): void {
    let oldest = Number.POSITIVE_INFINITY;
    let newest = Number.NEGATIVE_INFINITY;
    for (const series of this.#byKey.values()) {
      if (series.size > 0) oldest = Math.min(oldest, series.timeAt(0));
      newest = Math.max(newest, series.lastTime);
    }
    this.#dropBefore(oldest + Math.max(1, (newest - oldest) / 10));
  }

  #dropBefore(time: Instant): void {
    for (const [key, series] of this.#byKey) {
      this.#samples -= series.dropBefore(time);
      if (series.size > 0) continue;
      this.#byKey.delete(key);
      const sameName = this.#byName.get(series.labels.metricName);
      sameName?.delete(series);
      if (sameName?.size === 0) this.#byName.delete(series.labels.metricName);
    }
  }
}
