import type { Aggregation, Aggregator } from "./ast.ts";
import { QueryError } from "./errors.ts";
import { type Labels, METRIC_NAME, type Projection, projection } from "./labels.ts";
import { formatPlain, formatValue } from "./number.ts";
import { mean, preciseSum, quantile, variance } from "./sums.ts";
import type { Sample } from "./value.ts";

/** One value of a group's values, which are never empty (PQ-005). */
const reducers: Partial<Record<Aggregator, (values: readonly number[], parameter: number) => number>> = {
  sum: preciseSum,
  avg: mean,
  count: (values) => values.length,
  group: () => 1,
  min: (values) => values.reduce((least, value) => (value < least || Number.isNaN(least) ? value : least)),
  max: (values) => values.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most)),
  stddev: (values) => Math.sqrt(variance(values)),
  stdvar: variance,
  quantile: (values, q) => quantile(q, values),
};

type Grouping = Pick<Aggregation, "operator" | "labels" | "without">;

/** `parameter` is a number, of `count_values` a label name, otherwise unused. */
export function aggregate(
  grouping: Grouping,
  samples: readonly Sample[],
  parameter: number | string,
): readonly Sample[] {
  const { operator } = grouping;
  switch (operator) {
    case "topk":
    case "bottomk":
    case "limitk":
      return pick(operator, groups(grouping, samples), parameter as number);
    case "count_values":
      return countValues(grouping, samples, parameter as string);
    default:
      return groups(grouping, samples).map((group) => ({
        labels: group.labels,
        value: reducers[operator]!(
          group.samples.map(({ value }) => value),
          parameter as number,
        ),
      }));
  }
}

interface Group {
  readonly labels: Labels;
  readonly samples: Sample[];
}

/** By the expression, which lives as long as its query: each step asks for the same groups. */
const projections = new WeakMap<Grouping, Projection>();

function projectionOf(grouping: Grouping): Projection {
  const { labels, without } = grouping;
  let known = projections.get(grouping);
  if (known === undefined) {
    known = without ? projection("without", [...labels, METRIC_NAME]) : projection("only", labels);
    projections.set(grouping, known);
  }
  return known;
}

function groups(grouping: Grouping, samples: readonly Sample[]): Group[] {
  const project = projectionOf(grouping);
  const found = new Map<string, Group>();
  for (const sample of samples) {
    const kept = project(sample.labels);
    const group = found.get(kept.key) ?? { labels: kept, samples: [] };
    found.set(kept.key, group);
    group.samples.push(sample);
  }
  return [...found.values()];
}

/** `topk` and `bottomk` keep whole series, best first; NaN is the worst of both. */
function pick(operator: "topk" | "bottomk" | "limitk", found: readonly Group[], parameter: number): Sample[] {
  if (Number.isNaN(parameter) || Math.abs(parameter) >= 2 ** 63) {
    throw new QueryError("execution", `Scalar value ${formatValue(parameter)} overflows int64`);
  }
  const count = Math.trunc(parameter);
  if (count < 1) return [];
  const sign = operator === "topk" ? -1 : 1;
  return found.flatMap(({ samples }) => {
    if (operator === "limitk") return samples.slice(0, count);
    return samples.toSorted((left, right) => byValue(left.value, right.value, sign)).slice(0, count);
  });
}

export function byValue(left: number, right: number, sign: 1 | -1): number {
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
  if (Number.isNaN(right)) return -1;
  return left === right ? 0 : left < right ? -sign : sign;
}

function countValues({ labels, without }: Grouping, samples: readonly Sample[], label: string): Sample[] {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) throw new QueryError("execution", `invalid label name "${label}"`);
  const valued = samples.map((sample) => ({ ...sample, labels: sample.labels.with(label, formatPlain(sample.value)) }));
  const grouping = { labels: without ? labels.filter((name) => name !== label) : [...labels, label], without };
  return groups({ operator: "count_values", ...grouping }, valued).map((group) => ({
    labels: group.labels,
    value: group.samples.length,
  }));
}
