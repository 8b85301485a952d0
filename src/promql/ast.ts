/** What an expression yields; a "vector" is an instant vector, a "matrix" a range vector. */
export type ValueType = "scalar" | "vector" | "matrix" | "string";

/** The names of the types in messages. */
export const documentedType: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

/** Where in the text an expression stands: offsets of its first character and behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** Whether a series whose label has this value (empty: no such label) is selected. */
  readonly matches: (value: string) => boolean;
}

/** `@ 1700000000` in milliseconds, or the bounds of the query. */
export type At = number | "start" | "end" | null;

export interface NumberLiteral extends Span {
  readonly kind: "number";
  readonly value: number;
}
export interface StringLiteral extends Span {
  readonly kind: "string";
  readonly value: string;
}
export interface VectorSelector extends Span {
  readonly kind: "selector";
  readonly matchers: readonly Matcher[];
  readonly offsetMs: number;
  readonly at: At;
}
export interface MatrixSelector extends Span {
  readonly kind: "matrix";
  readonly selector: VectorSelector;
  readonly rangeMs: number;
}
export interface Subquery extends Span {
  readonly kind: "subquery";
  readonly inner: Expression;
  readonly rangeMs: number;
  /** null: the default resolution. */
  readonly stepMs: number | null;
  readonly offsetMs: number;
  readonly at: At;
}
export interface Call extends Span {
  readonly kind: "call";
  readonly name: string;
  readonly args: readonly Expression[];
}
export interface Aggregation extends Span {
  readonly kind: "aggregation";
  readonly operator: Aggregator;
  readonly inner: Expression;
  readonly parameter: Expression | null;
  readonly labels: readonly string[];
  readonly without: boolean;
}
export interface Unary extends Span {
  readonly kind: "unary";
  readonly operator: "+" | "-";
  readonly inner: Expression;
}
export interface Parentheses extends Span {
  readonly kind: "parentheses";
  readonly inner: Expression;
}
export interface Binary extends Span {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  readonly bool: boolean;
  readonly matching: Matching;
}

export interface Matching {
  /** true: `on(labels)`; false: `ignoring(labels)`, also when nothing is written. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Which side may have several series for each of the other (`group_left`, `group_right`). */
  readonly many: "left" | "right" | "none";
  /** Labels copied from the "one" side. */
  readonly include: readonly string[];
}

export type Expression =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Unary
  | Parentheses
  | Binary;

/** Binding strength of each operator (PQ-010); `^` alone binds to the right. */
export const precedence = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  "<": 3,
  ">": 3,
  "<=": 3,
  ">=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 6,
} as const;
export type BinaryOperator = keyof typeof precedence;

export function isComparison(operator: BinaryOperator): boolean {
  return precedence[operator] === 3;
}

export function isSetOperator(operator: BinaryOperator): operator is "and" | "or" | "unless" {
  return precedence[operator] <= 2;
}

/** The aggregations, and the type of the parameter of those that take one. */
export const aggregators = {
  sum: null,
  avg: null,
  count: null,
  min: null,
  max: null,
  group: null,
  stddev: null,
  stdvar: null,
  topk: "scalar",
  bottomk: "scalar",
  limitk: "scalar",
  quantile: "scalar",
  count_values: "string",
} as const satisfies Record<string, ValueType | null>;
export type Aggregator = keyof typeof aggregators;
