import type { Instant } from "../base/time.ts";
import { byValue } from "./aggregate.ts";
import type { Call, Expression, Span } from "./ast.ts";
import { QueryError } from "./errors.ts";
import { histogramFraction, histogramQuantile, histograms } from "./histogram.ts";
import { Labels, METRIC_NAME } from "./labels.ts";
import { keepsName, rangeFunctions } from "./range-functions.ts";
import { compileAnchored, expand } from "./regexp.ts";
import { checkUnique, type Matrix, type Sample, type Value, vector } from "./value.ts";

export interface CallContext {
  readonly call: Call;
  /** The step's instant. */
  readonly now: Instant;
  readonly checkQuantile: (q: number, argument: Expression) => void;
  readonly warn: (problem: string, span: Span) => void;
  readonly inform: (remark: string, span: Span) => void;
}

type PromFunction = (args: readonly Value[], context: CallContext) => Value;

/** Calls by name; the parser has checked that the function exists and what it is given. */
export function callFunction(args: readonly Value[], context: CallContext): Value {
  const { name } = context.call;
  const onValue = valueFunctions[name];
  if (onValue) return mapValues(args, onValue);
  const onDate = dateFunctions[name];
  if (onDate) return ofDates(args, onDate, context);
  return rangeFunctions[name] ? overRange(args, context) : functions[name]!(args, context);
}

/** One number to one number, the scalar arguments behind it. The metric name goes. */
const valueFunctions: Readonly<Record<string, (value: number, ...parameters: number[]) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  deg: (value) => (value * 180) / Math.PI,
  rad: (value) => (value * Math.PI) / 180,
  clamp_min: Math.max,
  clamp_max: Math.min,
  /** To a multiple of `to`, ties up (PQ-011). The inverse keeps `round(x, 0.1)` exact. */
  round: (value, to = 1) => Math.floor(value * (1 / to) + 0.5) / (1 / to),
};

function mapValues(args: readonly Value[], compute: (value: number, ...parameters: number[]) => number): Value {
  const parameters = args.slice(1).map(scalarOf);
  return mapSamples(args[0]!, (value) => compute(value, ...parameters));
}

function mapSamples(value: Value, compute: (value: number) => number): Value {
  const samples = samplesOf(value).map((sample) => ({
    labels: sample.labels.withoutName(),
    value: compute(sample.value),
  }));
  return vector(checkUnique(samples));
}

/** Of a Unix time in seconds, in UTC; without an argument of the step's own time. */
const dateFunctions: Readonly<Record<string, (date: Date) => number>> = {
  minute: (date) => date.getUTCMinutes(),
  hour: (date) => date.getUTCHours(),
  day_of_week: (date) => date.getUTCDay(),
  day_of_month: (date) => date.getUTCDate(),
  day_of_year: (date) =>
    (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 0)) /
    86_400_000,
  days_in_month: (date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
  month: (date) => date.getUTCMonth() + 1,
  year: (date) => date.getUTCFullYear(),
};

function ofDates(args: readonly Value[], compute: (date: Date) => number, { now }: CallContext): Value {
  const subject = args[0] ?? vector([{ labels: Labels.empty, value: now / 1000 }]);
  return mapSamples(subject, (seconds) => compute(new Date(Math.trunc(seconds) * 1000)));
}

/** Functions of one window; scalar arguments may stand on either side of the range vector. */
function overRange(args: readonly Value[], context: CallContext): Value {
  const { call, now } = context;
  const compute = rangeFunctions[call.name]!;
  const matrix = matrixOf(args);
  const parameters = args.filter((argument) => argument.type === "scalar").map(({ value }) => value);
  const samples: Sample[] = [];
  if (call.name === "quantile_over_time") context.checkQuantile(parameters[0]!, call.args[0]!);
  for (const { labels, times, values } of matrix.series) {
    const value = compute({ times, values, from: matrix.from, to: matrix.to, now }, parameters);
    if (value === null) continue;
    samples.push({ labels: keepsName.has(call.name) ? labels : labels.withoutName(), value });
    if (counterFunctions.has(call.name)) informOfName(labels.metricName, context);
  }
  return vector(checkUnique(samples));
}

const counterFunctions: ReadonlySet<string> = new Set(["rate", "irate", "increase"]);

function informOfName(metric: string, { call, inform }: CallContext): void {
  if (metric === "" || /_(?:total|sum|count|bucket)$/.test(metric)) return;
  const remark = `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "${metric}"`;
  inform(remark, call.args[0]!);
}

const functions: Readonly<Record<string, PromFunction>> = {
  time: (_, { now }) => ({ type: "scalar", value: now / 1000 }),
  pi: () => ({ type: "scalar", value: Math.PI }),
  timestamp: ([value], { now }) => mapSamples(value!, () => now / 1000),
  vector: ([value]) => vector([{ labels: Labels.empty, value: scalarOf(value!) }]),
  scalar([value]) {
    const samples = samplesOf(value!);
    return { type: "scalar", value: samples.length === 1 ? samples[0]!.value : Number.NaN };
  },
  clamp(args) {
    const [low, high] = [scalarOf(args[1]!), scalarOf(args[2]!)];
    if (low > high) return vector([]);
    return mapSamples(args[0]!, (value) => Math.max(low, Math.min(high, value)));
  },
  absent([value], { call }) {
    return vector(samplesOf(value!).length > 0 ? [] : [{ labels: labelsOfAbsent(call.args[0]!), value: 1 }]);
  },
  absent_over_time(args, { call }) {
    const isPresent = matrixOf(args).series.length > 0;
    return vector(isPresent ? [] : [{ labels: labelsOfAbsent(call.args[0]!), value: 1 }]);
  },
  sort: ([value]) => vector(samplesOf(value!).toSorted((left, right) => byValue(left.value, right.value, 1))),
  sort_desc: ([value]) => vector(samplesOf(value!).toSorted((left, right) => byValue(left.value, right.value, -1))),
  sort_by_label: (args) => sortedByLabels(args, 1),
  sort_by_label_desc: (args) => sortedByLabels(args, -1),
  histogram_quantile(args, context) {
    const q = scalarOf(args[0]!);
    context.checkQuantile(q, context.call.args[0]!);
    return ofHistograms(args[1]!, context, (histogram) => histogramQuantile(q, histogram));
  },
  histogram_fraction(args, context) {
    const [lower, upper] = [scalarOf(args[0]!), scalarOf(args[1]!)];
    return ofHistograms(args[2]!, context, (histogram) => histogramFraction(lower, upper, histogram));
  },
  // Native histograms are not kept; of plain numbers these functions give nothing on a real Prometheus too.
  histogram_avg: () => vector([]),
  histogram_count: () => vector([]),
  histogram_sum: () => vector([]),
  histogram_stddev: () => vector([]),
  histogram_stdvar: () => vector([]),
  label_replace: labelReplace,
  label_join: labelJoin,
};

/** What equality matchers say of the series that is not there; a label matched twice says nothing. */
function labelsOfAbsent(argument: Expression): Labels {
  const selector = argument.kind === "matrix" ? argument.selector : argument;
  if (selector.kind !== "selector") return Labels.empty;
  let labels = Labels.empty;
  const seen = new Set<string>([METRIC_NAME]);
  for (const { name, operator, value } of selector.matchers) {
    if (name === METRIC_NAME) continue;
    const isFirst = operator === "=" && !seen.has(name);
    labels = labels.with(name, isFirst ? value : "");
    if (isFirst) seen.add(name);
  }
  return labels;
}

function sortedByLabels(args: readonly Value[], sign: 1 | -1): Value {
  const names = args.slice(1).map(stringOf);
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return vector(
    samplesOf(args[0]!).toSorted((left, right) => {
      for (const name of names) {
        const order = compare(left.labels.get(name), right.labels.get(name));
        if (order !== 0) return sign * order;
      }
      return sign * (left.labels.key < right.labels.key ? -1 : 1);
    }),
  );
}

function ofHistograms(
  value: Value,
  { call, warn }: CallContext,
  compute: (histogram: ReturnType<typeof histograms>[number]) => number,
): Value {
  const found = histograms(samplesOf(value), (bound) =>
    warn(`bucket label "le" is missing or has a malformed value of "${bound}"`, call.args.at(-1)!),
  );
  return vector(found.map((histogram) => ({ labels: histogram.labels, value: compute(histogram) })));
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function labelReplace(args: readonly Value[]): Value {
  const [target, replacement, source, pattern] = args.slice(1).map(stringOf) as [string, string, string, string];
  let form: RegExp;
  try {
    form = compileAnchored(pattern);
  } catch {
    throw new QueryError("execution", `invalid regular expression in label_replace(): ${pattern}`);
  }
  checkLabelName(target, "destination", "label_replace");
  const samples = samplesOf(args[0]!).map((sample) => {
    const match = form.exec(sample.labels.get(source));
    return match === null ? sample : { ...sample, labels: sample.labels.with(target, expand(replacement, match)) };
  });
  return vector(checkUnique(samples));
}

function labelJoin(args: readonly Value[]): Value {
  const [target, separator, ...sources] = args.slice(1).map(stringOf) as [string, string, ...string[]];
  for (const source of sources) checkLabelName(source, "source", "label_join");
  checkLabelName(target, "destination", "label_join");
  const samples = samplesOf(args[0]!).map((sample) => {
    const joined = sources.map((source) => sample.labels.get(source)).join(separator);
    return { ...sample, labels: sample.labels.with(target, joined) };
  });
  return vector(checkUnique(samples));
}

function checkLabelName(name: string, role: string, caller: string): void {
  if (!LABEL_NAME.test(name)) throw new QueryError("execution", `invalid ${role} label name in ${caller}(): ${name}`);
}

function samplesOf(value: Value): readonly Sample[] {
  return value.type === "vector" ? value.samples : [];
}

function scalarOf(value: Value): number {
  return value.type === "scalar" ? value.value : Number.NaN;
}

function stringOf(value: Value): string {
  return value.type === "string" ? value.value : "";
}

function matrixOf(args: readonly Value[]): Matrix {
  const found = args.find((argument) => argument.type === "matrix");
  return found ?? { type: "matrix", series: [], from: 0, to: 0 };
}
