import { type BinaryOperator, isComparison, isSetOperator, type Matching } from "./ast.ts";
import { QueryError } from "./errors.ts";
import { type Labels, METRIC_NAME, type Projection, projection } from "./labels.ts";
import type { Sample } from "./value.ts";

type ValueOperator = Exclude<BinaryOperator, "and" | "or" | "unless">;

/** Numbers as IEEE 754 has them: 0/0 and `% 0` are NaN, x/0 is infinite, NaN compares false (PQ-007). */
const operations: Readonly<Record<ValueOperator, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "%": (left, right) => left % right,
  "^": power,
  atan2: Math.atan2,
  "==": (left, right) => Number(left === right),
  "!=": (left, right) => Number(left !== right),
  "<": (left, right) => Number(left < right),
  ">": (left, right) => Number(left > right),
  "<=": (left, right) => Number(left <= right),
  ">=": (left, right) => Number(left >= right),
};

/** C and Go say that 1 to any power is 1, and so is -1 to an infinite one; JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1;
  return base ** exponent;
}

export function scalarBinary(operator: BinaryOperator, left: number, right: number): number {
  return operations[operator as ValueOperator](left, right);
}

interface VectorScalarOptions {
  readonly bool: boolean;
  /** The scalar stands on the left. */
  readonly isSwapped: boolean;
}

export function vectorScalarBinary(
  operator: BinaryOperator,
  samples: readonly Sample[],
  scalar: number,
  { bool, isSwapped }: VectorScalarOptions,
): Sample[] {
  const result: Sample[] = [];
  for (const sample of samples) {
    const computed = isSwapped
      ? scalarBinary(operator, scalar, sample.value)
      : scalarBinary(operator, sample.value, scalar);
    // A comparison is a filter: the vector's value stays, whichever side it stands on (PQ-007).
    if (isComparison(operator) && !bool) {
      if (computed === 1) result.push(sample);
    } else result.push({ labels: sample.labels.withoutName(), value: computed });
  }
  return result;
}

/** By the matching, which lives as long as its query: each step matches the same series. */
const projections = new WeakMap<Matching, Projection>();

/** The key by which two sides meet: of `on` the labels named, else all but those and the metric name (PQ-006). */
function matchLabels(matching: Matching): Projection {
  let known = projections.get(matching);
  if (known === undefined) {
    const { on, labels } = matching;
    known = on ? projection("only", labels) : projection("without", [...labels, METRIC_NAME]);
    projections.set(matching, known);
  }
  return known;
}

function setBinary(operator: BinaryOperator, left: readonly Sample[], right: readonly Sample[], matching: Matching) {
  const toMatch = matchLabels(matching);
  const keysOf = (samples: readonly Sample[]) => new Set(samples.map(({ labels }) => toMatch(labels).key));
  const isIn = (keys: ReadonlySet<string>) => (sample: Sample) => keys.has(toMatch(sample.labels).key);
  if (operator === "or") {
    const isMatched = isIn(keysOf(left));
    return [...left, ...right.filter((sample) => !isMatched(sample))];
  }
  const isMatched = isIn(keysOf(right));
  return left.filter((sample) => isMatched(sample) === (operator === "and"));
}

interface VectorOptions {
  readonly bool: boolean;
  readonly matching: Matching;
}

export function vectorBinary(
  operator: BinaryOperator,
  left: readonly Sample[],
  right: readonly Sample[],
  { bool, matching }: VectorOptions,
): readonly Sample[] {
  if (isSetOperator(operator)) return setBinary(operator, left, right, matching);
  // From here on "many" is the side that may repeat and "one" the other; without grouping the left is "many".
  const isSwapped = matching.many === "right";
  const [many, one] = isSwapped ? [right, left] : [left, right];
  const toMatch = matchLabels(matching);
  const ones = indexOnes(one, toMatch, isSwapped ? "left" : "right");
  const seen = new Set<string>();
  const result: Sample[] = [];
  for (const sample of many) {
    const key = toMatch(sample.labels).key;
    const other = ones.get(key);
    if (other === undefined) continue;
    const [leftValue, rightValue] = isSwapped ? [other.value, sample.value] : [sample.value, other.value];
    const computed = scalarBinary(operator, leftValue, rightValue);
    const isFilter = isComparison(operator) && !bool;
    if (isFilter && computed !== 1) continue;
    const labels = resultLabels(sample.labels, other.labels, matching, !isFilter);
    checkSingle(seen, matching.many === "none" ? key : labels.key, matching);
    result.push({ labels, value: isFilter ? leftValue : computed });
  }
  return result;
}

function indexOnes(samples: readonly Sample[], toMatch: Projection, side: "left" | "right"): Map<string, Sample> {
  const ones = new Map<string, Sample>();
  for (const sample of samples) {
    const group = toMatch(sample.labels);
    const twin = ones.get(group.key);
    if (twin !== undefined) {
      throw new QueryError(
        "execution",
        `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
          `[${sample.labels}, ${twin.labels}]` +
          ";many-to-many matching not allowed: matching labels must be unique on one side",
      );
    }
    ones.set(group.key, sample);
  }
  return ones;
}

function checkSingle(seen: Set<string>, key: string, { many }: Matching): void {
  if (seen.has(key)) {
    const why =
      many === "none"
        ? "many-to-one matching must be explicit (group_left/group_right)"
        : "grouping labels must ensure unique matches";
    throw new QueryError("execution", `multiple matches for labels: ${why}`);
  }
  seen.add(key);
}

function resultLabels(many: Labels, one: Labels, matching: Matching, dropsName: boolean): Labels {
  let labels = dropsName ? many.withoutName() : many;
  if (matching.many === "none") {
    const names = new Set(matching.labels);
    return matching.on ? labels.only(names) : labels.without(names);
  }
  for (const name of matching.include) labels = labels.with(name, one.get(name));
  return labels;
}
