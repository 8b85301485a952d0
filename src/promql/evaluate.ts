import type { Instant } from "../base/time.ts";
import { aggregate } from "./aggregate.ts";
import {
  type Aggregation,
  type At,
  type Binary,
  type Call,
  documentedType,
  type Expression,
  isSetOperator,
  type MatrixSelector,
  type Subquery,
  type VectorSelector,
} from "./ast.ts";
import { scalarBinary, vectorBinary, vectorScalarBinary } from "./binary.ts";
import { position, QueryError } from "./errors.ts";
import { type CallContext, callFunction } from "./functions.ts";
import { compareLabels, Labels } from "./labels.ts";
import { formatValue } from "./number.ts";
import { parse, typeOf } from "./parser.ts";
import type { SampleSource, Series } from "./store.ts";
import { checkUnique, type Matrix, type RangeSeries, type Sample, type Value, vector } from "./value.ts";

/** How long a sample stands for the present (PQ-002). */
export const LOOKBACK_MS = 5 * 60_000;
/** Step of a subquery that names none: Prometheus' default evaluation interval (PQ-012). */
const SUBQUERY_STEP_MS = 60_000;
/** Prometheus' `--query.max-samples`. */
const SAMPLES_TOUCHED_MAX = 50_000_000;
/** Of the query and all its subqueries: seconds of work, where `[1y:1ms]` would ask for years. */
const STEPS_MAX = 5_000_000;
/** Prometheus' bound on the answer of a range query (6.3). */
const POINTS_MAX = 11_000;

export interface QueryOptions {
  /** Called between steps; throws when the time allowed is over. */
  readonly checkTime?: () => void;
  readonly lookbackMs?: number;
}

export interface QueryResult {
  readonly value: Value;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/** Answers `query` at one instant; series in the order of their labels unless the query sorts (PQ-013). */
export function queryInstant(
  source: SampleSource,
  query: string,
  at: Instant,
  options: QueryOptions = {},
): QueryResult {
  const expression = parse(query);
  const evaluation = new Evaluation(source, query, { start: at, end: at, ...options });
  const value = evaluation.evaluate(expression, at);
  return evaluation.result(value.type === "vector" && !isOrdered(expression) ? sorted(value.samples) : value);
}

export interface Range {
  readonly start: Instant;
  readonly end: Instant;
  readonly stepMs: number;
}

/** Answers `query` at every step of the range; a series has points where the query had a value. */
export function queryRange(source: SampleSource, query: string, range: Range, options: QueryOptions = {}): QueryResult {
  const { start, end, stepMs } = range;
  if ((end - start) / stepMs > POINTS_MAX) {
    throw new QueryError(
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    );
  }
  const expression = parse(query);
  const type = typeOf(expression);
  if (type !== "vector" && type !== "scalar") {
    const problem = `invalid expression type "${documentedType[type]}" for range query, must be Scalar or instant Vector`;
    throw new QueryError("bad_data", `invalid parameter "query": ${problem}`);
  }
  const evaluation = new Evaluation(source, query, { start, end, ...options });
  return evaluation.result({ type: "matrix", series: evaluation.steps(expression, range), from: start, to: end });
}

function sorted(samples: readonly Sample[]): Value {
  return vector(samples.toSorted((left, right) => compareLabels(left.labels, right.labels)));
}

const ordering: ReadonlySet<string> = new Set([
  "sort",
  "sort_desc",
  "sort_by_label",
  "sort_by_label_desc",
  "topk",
  "bottomk",
]);

function isOrdered(expression: Expression): boolean {
  if (expression.kind === "parentheses") return isOrdered(expression.inner);
  if (expression.kind === "call") return ordering.has(expression.name);
  return expression.kind === "aggregation" && ordering.has(expression.operator);
}

interface EvaluationBounds extends QueryOptions {
  readonly start: Instant;
  readonly end: Instant;
}

/** One query under way. The tree is walked once for each step; what a selector selects is looked up once. */
class Evaluation {
  readonly #source: SampleSource;
  readonly #query: string;
  readonly #bounds: EvaluationBounds;
  readonly #selected = new Map<VectorSelector, readonly Series[]>();
  readonly #warnings = new Set<string>();
  readonly #infos = new Set<string>();
  #samplesTouched = 0;
  #stepsMade = 0;

  constructor(source: SampleSource, query: string, bounds: EvaluationBounds) {
    this.#source = source;
    this.#query = query;
    this.#bounds = bounds;
  }

  result(value: Value): QueryResult {
    return { value, warnings: [...this.#warnings], infos: [...this.#infos] };
  }

  steps(expression: Expression, { start, end, stepMs }: Range): RangeSeries[] {
    const found = new Map<string, { labels: Labels; times: Instant[]; values: number[] }>();
    for (let at = start; at <= end; at += stepMs) {
      this.#bounds.checkTime?.();
      if (++this.#stepsMade > STEPS_MAX) {
        throw new QueryError(
          "execution",
          `query asks for more than ${STEPS_MAX} steps; try a larger subquery resolution`,
        );
      }
      const value = this.evaluate(expression, at);
      const samples = value.type === "vector" ? value.samples : [{ labels: Labels.empty, value: scalarOf(value) }];
      for (const sample of samples) {
        let series = found.get(sample.labels.key);
        if (series === undefined) {
          series = { labels: sample.labels, times: [], values: [] };
          found.set(sample.labels.key, series);
        }
        series.times.push(at);
        series.values.push(sample.value);
      }
      this.#touch(samples.length);
    }
    return [...found.values()].sort((left, right) => compareLabels(left.labels, right.labels));
  }

  evaluate(expression: Expression, at: Instant): Value {
    switch (expression.kind) {
      case "number":
        return { type: "scalar", value: expression.value };
      case "string":
        return { type: "string", value: expression.value };
      case "parentheses":
        return this.evaluate(expression.inner, at);
      case "selector":
        return vector(
          this.#latest(expression, at).map(({ series, index }) => ({
            labels: series.labels,
            value: series.valueAt(index),
          })),
        );
      case "matrix":
        return this.#window(expression, at);
      case "subquery":
        return this.#subquery(expression, at);
      case "unary":
        return this.#unary(this.evaluate(expression.inner, at), expression.operator);
      case "binary":
        return this.#binary(expression, at);
      case "aggregation":
        return vector(this.#aggregation(expression, at));
      case "call":
        return this.#call(expression, at);
    }
  }

  #select(selector: VectorSelector): readonly Series[] {
    let series = this.#selected.get(selector);
    if (series === undefined) {
      series = this.#source.select(selector.matchers);
      this.#selected.set(selector, series);
    }
    return series;
  }

  #touch(samples: number): void {
    this.#samplesTouched += samples;
    if (this.#samplesTouched > SAMPLES_TOUCHED_MAX) {
      throw new QueryError("execution", "query processing would load too many samples into memory in query execution");
    }
  }

  /** The instant a selector speaks of: `@` replaces the step, `offset` shifts either (PQ-012). */
  #reference(at: Instant, { at: modifier, offsetMs }: { readonly at: At; readonly offsetMs: number }): Instant {
    const { start, end } = this.#bounds;
    const base = modifier === null ? at : modifier === "start" ? start : modifier === "end" ? end : modifier;
    return base - offsetMs;
  }

  /** Each series' newest sample in (t − lookback, t]; none if that is a staleness marker (PQ-002). */
  #latest(selector: VectorSelector, at: Instant): { series: Series; index: number }[] {
    const reference = this.#reference(at, selector);
    const oldest = reference - (this.#bounds.lookbackMs ?? LOOKBACK_MS);
    const found: { series: Series; index: number }[] = [];
    for (const series of this.#select(selector)) {
      const index = series.countUntil(reference) - 1;
      if (index >= 0 && series.timeAt(index) > oldest && !series.isStaleAt(index)) found.push({ series, index });
    }
    this.#touch(found.length);
    return found;
  }

  #window({ selector, rangeMs }: MatrixSelector, at: Instant): Matrix {
    const to = this.#reference(at, selector);
    const from = to - rangeMs;
    const found: RangeSeries[] = [];
    for (const series of this.#select(selector)) {
      const { times, values } = series.window(from, to);
      if (times.length > 0) found.push({ labels: series.labels, times, values });
      this.#touch(times.length);
    }
    return { type: "matrix", series: found, from, to };
  }

  /** Steps lie on multiples of the step, whatever the query's own instants are (PQ-012). */
  #subquery(subquery: Subquery, at: Instant): Matrix {
    const stepMs = subquery.stepMs ?? SUBQUERY_STEP_MS;
    const to = this.#reference(at, subquery);
    const from = to - subquery.rangeMs;
    const start = (Math.floor(from / stepMs) + 1) * stepMs;
    return { type: "matrix", series: this.steps(subquery.inner, { start, end: to, stepMs }), from, to };
  }

  #unary(value: Value, operator: "+" | "-"): Value {
    if (operator === "+") return value;
    if (value.type === "scalar") return { type: "scalar", value: -value.value };
    return vector(
      checkUnique(samplesOf(value).map((sample) => ({ labels: sample.labels.withoutName(), value: -sample.value }))),
    );
  }

  #binary({ operator, left, right, bool, matching }: Binary, at: Instant): Value {
    const first = this.evaluate(left, at);
    const second = this.evaluate(right, at);
    if (first.type === "scalar" && second.type === "scalar") {
      return { type: "scalar", value: scalarBinary(operator, first.value, second.value) };
    }
    if (second.type === "scalar") {
      const options = { bool, isSwapped: false };
      return vector(checkUnique(vectorScalarBinary(operator, samplesOf(first), second.value, options)));
    }
    if (first.type === "scalar") {
      const options = { bool, isSwapped: true };
      return vector(checkUnique(vectorScalarBinary(operator, samplesOf(second), first.value, options)));
    }
    const samples = vectorBinary(operator, samplesOf(first), samplesOf(second), { bool, matching });
    return vector(isSetOperator(operator) && operator !== "or" ? samples : checkUnique(samples));
  }

  #aggregation(aggregation: Aggregation, at: Instant): readonly Sample[] {
    const { operator, inner, parameter } = aggregation;
    const value = parameter === null ? null : this.evaluate(parameter, at);
    const samples = samplesOf(this.evaluate(inner, at));
    if (operator === "quantile" && parameter !== null) this.#checkQuantile(scalarOf(value!), parameter);
    return aggregate(
      aggregation,
      samples,
      value?.type === "string" ? value.value : value === null ? 0 : scalarOf(value),
    );
  }

  #call(call: Call, at: Instant): Value {
    const [first] = call.args;
    if (call.name === "timestamp" && first !== undefined) {
      const selector = withoutParentheses(first);
      // Only here does a sample's own time show; behind any other expression it is the step's.
      if (selector.kind === "selector") {
        return vector(
          checkUnique(
            this.#latest(selector, at).map(({ series, index }) => ({
              labels: series.labels.withoutName(),
              value: series.timeAt(index) / 1000,
            })),
          ),
        );
      }
    }
    const context: CallContext = {
      call,
      now: at,
      checkQuantile: (q, argument) => this.#checkQuantile(q, argument),
      warn: (problem, span) => this.#warnings.add(`PromQL warning: ${problem} (${position(this.#query, span.start)})`),
      inform: (remark, span) => this.#infos.add(`PromQL info: ${remark} (${position(this.#query, span.start)})`),
    };
    return callFunction(
      call.args.map((argument) => this.evaluate(argument, at)),
      context,
    );
  }

  #checkQuantile(q: number, { start }: Expression): void {
    if (q >= 0 && q <= 1) return;
    const problem = `quantile value should be between 0 and 1, got ${formatValue(q)}`;
    this.#warnings.add(`PromQL warning: ${problem} (${position(this.#query, start)})`);
  }
}

function withoutParentheses(expression: Expression): Expression {
  return expression.kind === "parentheses" ? withoutParentheses(expression.inner) : expression;
}

function samplesOf(value: Value): readonly Sample[] {
  return value.type === "vector" ? value.samples : [];
}

function scalarOf(value: Value): number {
  return value.type === "scalar" ? value.value : Number.NaN;
}
