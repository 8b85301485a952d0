import type { Instant } from "../base/time.ts";
import { queryInstant } from "./evaluate.ts";
import { Labels } from "./labels.ts";
import { formatValue } from "./number.ts";
import { parseSelector } from "./parser.ts";
import { SampleStore } from "./store.ts";

/** Short notations for table tests: series as text, time in seconds, results as text. */

/** `x{a="b"}` → `0:1 15:2 30:stale`: seconds and values. */
export type SeriesTable = Readonly<Record<string, string>>;

export function storeOf(table: SeriesTable): SampleStore {
  const store = new SampleStore({ retentionMs: Number.MAX_SAFE_INTEGER });
  for (const [text, samples] of Object.entries(table)) {
    const labels = labelsOf(text);
    for (const [time, value] of samples.split(" ").map((sample) => sample.split(":"))) {
      const at = Number(time) * 1000;
      if (value === "stale")
        for (const series of store.select(parseSelector(text).matchers)) store.markStale(series, at);
      else store.append(labels, at, value === "NaN" ? Number.NaN : Number(value));
    }
  }
  return store;
}

export function labelsOf(text: string): Labels {
  return Labels.of(parseSelector(text).matchers.map(({ name, value }) => [name, value] as const));
}

/** `x{a="b"}` and `{}` as a query writes them. */
export function show(labels: Labels): string {
  const pairs = labels.withoutName().pairs.map(([name, value]) => `${name}="${value}"`);
  const name = labels.metricName;
  return name !== "" && pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}

/** The answer as lines `labels value`, or `error: …`. */
export function ask(store: SampleStore, query: string, atSeconds: number): readonly string[] {
  const at: Instant = atSeconds * 1000;
  try {
    const { value } = queryInstant(store, query, at);
    switch (value.type) {
      case "scalar":
        return [formatValue(value.value)];
      case "string":
        return [value.value];
      case "vector":
        return value.samples.map((sample) => `${show(sample.labels)} ${formatValue(sample.value)}`);
      case "matrix":
        return value.series.map(({ labels, times, values }) => {
          const points = times.map((time, index) => `${time / 1000}:${formatValue(values[index]!)}`);
          return `${show(labels)} ${points.join(" ")}`;
        });
    }
  } catch (error) {
    return [`error: ${(error as Error).message}`];
  }
}
