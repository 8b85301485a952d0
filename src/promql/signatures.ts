import type { ValueType } from "./ast.ts";

export interface Signature {
  readonly takes: readonly ValueType[];
  readonly returns: ValueType;
  /** How many of the last arguments may be left out; -1: the last one may also be repeated. */
  readonly optional: number;
}

function signature(returns: ValueType, takes: readonly ValueType[], optional = 0): Signature {
  return { takes, returns, optional };
}

function each(names: string, value: Signature): Record<string, Signature> {
  return Object.fromEntries(names.split(" ").map((name) => [name, value]));
}

/** What each function takes and gives; the evaluator holds one implementation for each. */
export const signatures: Readonly<Record<string, Signature>> = {
  ...each("abs ceil floor exp sqrt ln log2 log10 sgn", signature("vector", ["vector"])),
  ...each("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad", signature("vector", ["vector"])),
  ...each("histogram_avg histogram_count histogram_sum", signature("vector", ["vector"])),
  ...each("histogram_stddev histogram_stdvar", signature("vector", ["vector"])),
  ...each("sort sort_desc absent timestamp", signature("vector", ["vector"])),
  ...each("sort_by_label sort_by_label_desc", signature("vector", ["vector", "string"], -1)),
  ...each("clamp_min clamp_max", signature("vector", ["vector", "scalar"])),
  clamp: signature("vector", ["vector", "scalar", "scalar"]),
  round: signature("vector", ["vector", "scalar"], 1),
  scalar: signature("scalar", ["vector"]),
  vector: signature("vector", ["scalar"]),
  ...each("time pi", signature("scalar", [])),
  ...each("minute hour month year days_in_month", signature("vector", ["vector"], 1)),
  ...each("day_of_month day_of_week day_of_year", signature("vector", ["vector"], 1)),
  ...each("rate increase delta irate idelta", signature("vector", ["matrix"])),
  ...each("changes resets deriv", signature("vector", ["matrix"])),
  ...each("sum_over_time avg_over_time min_over_time max_over_time", signature("vector", ["matrix"])),
  ...each("count_over_time last_over_time first_over_time present_over_time", signature("vector", ["matrix"])),
  ...each("stddev_over_time stdvar_over_time mad_over_time absent_over_time", signature("vector", ["matrix"])),
  quantile_over_time: signature("vector", ["scalar", "matrix"]),
  predict_linear: signature("vector", ["matrix", "scalar"]),
  ...each("double_exponential_smoothing holt_winters", signature("vector", ["matrix", "scalar", "scalar"])),
  histogram_quantile: signature("vector", ["scalar", "vector"]),
  histogram_fraction: signature("vector", ["scalar", "scalar", "vector"]),
  label_replace: signature("vector", ["vector", "string", "string", "string", "string"]),
  label_join: signature("vector", ["vector", "string", "string", "string"], -1),
};

/** Known to Prometheus behind a feature switch that is off, and not offered here. */
export const disabledFunctions: ReadonlySet<string> = new Set(["info"]);
