/**
 * Metrics that this process counts, and Prometheus' text format 0.0.4 that they are shown in. `promql/exposition.ts` reads
 * what is written here.
 */

export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** What stands between the braces; the empty string without labels. */
export function renderLabels(labels: LabelPairs): string {
  return labels.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(",");
}

function escapeValue(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n") : value;
}

/** Counts of observations at or below each bound. The last bucket, `+Inf`, is the count itself. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index++;
    this.#counts[index]! += 1;
    this.#sum += value;
  }

  render(name: string, labels: string, lines: string[]): void {
    const before = labels === "" ? "" : `${labels},`;
    const braces = labels === "" ? "" : `{${labels}}`;
    let total = 0;
    for (const [index, bound] of this.#bounds.entries()) {
      total += this.#counts[index] as number;
      lines.push(`${name}_bucket{${before}le="${bound}"} ${total}`);
    }
    total += this.#counts[this.#bounds.length] as number;
    lines.push(`${name}_bucket{${before}le="+Inf"} ${total}`);
    lines.push(`${name}_sum${braces} ${this.#sum}`, `${name}_count${braces} ${total}`);
  }
}

export type MetricType = "gauge" | "counter" | "histogram";

export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  /** In the order in which they are shown. */
  readonly labels: readonly string[];
}

/** Something that adds its lines to an answer. */
export interface Rendered {
  render(lines: string[]): void;
}

/** Several metrics as the body of one answer. */
export function renderMetrics(metrics: readonly Rendered[]): string {
  const lines: string[] = [];
  for (const metric of metrics) metric.render(lines);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

function renderHead(name: string, help: string, type: MetricType, lines: string[]): void {
  lines.push(`# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}`, `# TYPE ${name} ${type}`);
}

/** A sample of a metric that is read off the world at the moment of the answer. */
export interface GaugeSample {
  /** As many as the description names labels. */
  readonly labels: readonly string[];
  readonly value: number;
}

export function gauge(description: MetricDescription, samples: readonly GaugeSample[]): Rendered {
  return {
    render(lines) {
      if (samples.length === 0) return;
      renderHead(description.name, description.help, "gauge", lines);
      for (const { labels, value } of samples) lines.push(`${seriesOf(description, labels)} ${value}`);
    },
  };
}

function seriesOf({ name, labels }: MetricDescription, values: readonly string[]): string {
  const text = renderLabels(pair(labels, values));
  return text === "" ? name : `${name}{${text}}`;
}

function pair(names: readonly string[], values: readonly string[]): LabelPairs {
  return names.map((name, index) => [name, values[index] ?? ""]);
}

/** What is counted by label values; series are made at their first use and dropped by `forget`. */
abstract class Vector<Value> implements Rendered {
  readonly description: MetricDescription;
  readonly type: MetricType;
  readonly #series = new Map<string, { readonly labels: readonly string[]; value: Value }>();

  constructor(description: MetricDescription, type: MetricType) {
    this.description = description;
    this.type = type;
  }

  protected abstract fresh(): Value;
  protected abstract renderOne(series: { readonly labels: string; readonly value: Value }, lines: string[]): void;

  protected at(labels: readonly string[]): { value: Value } {
    const key = labels.join("\0");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, value: this.fresh() };
      this.#series.set(key, series);
    }
    return series;
  }

  get size(): number {
    return this.#series.size;
  }

  /** Drops every series whose labels have these values. */
  forget(matching: Readonly<Record<string, string>>): void {
    const wanted = Object.entries(matching).map(([name, value]) => [this.description.labels.indexOf(name), value]);
    for (const [key, { labels }] of this.#series) {
      if (wanted.every(([index, value]) => labels[index as number] === value)) this.#series.delete(key);
    }
  }

  render(lines: string[]): void {
    if (this.#series.size === 0) return;
    const { name, help } = this.description;
    renderHead(name, help, this.type, lines);
    for (const { labels, value } of this.#series.values()) {
      this.renderOne({ labels: renderLabels(pair(this.description.labels, labels)), value }, lines);
    }
  }
}

export class CounterVector extends Vector<number> {
  constructor(description: MetricDescription) {
    super(description, "counter");
  }

  add(labels: readonly string[], by = 1): void {
    this.at(labels).value += by;
  }

  protected override fresh(): number {
    return 0;
  }

  protected override renderOne(
    { labels, value }: { readonly labels: string; readonly value: number },
    lines: string[],
  ): void {
    const { name } = this.description;
    lines.push(`${labels === "" ? name : `${name}{${labels}}`} ${value}`);
  }
}

export class HistogramVector extends Vector<Histogram> {
  readonly #bounds: readonly number[];

  constructor(description: MetricDescription, bounds: readonly number[]) {
    super(description, "histogram");
    this.#bounds = bounds;
  }

  observe(labels: readonly string[], value: number): void {
    this.at(labels).value.observe(value);
  }

  protected override fresh(): Histogram {
    return new Histogram(this.#bounds);
  }

  protected override renderOne(
    { labels, value }: { readonly labels: string; readonly value: Histogram },
    lines: string[],
  ): void {
    value.render(this.description.name, labels, lines);
  }
}
