import type { Expression, MatrixSelector } from "../../promql/ast.ts";
import { ParseError } from "../../promql/errors.ts";
import { parse } from "../../promql/parser.ts";

/**
 * Whether NaN as the answer of a query can only mean that there was no request (SE-013): the query divides by how fast a
 * counter of requests grew, and counters are finite, so NaN is 0/0. Of any other query nothing is claimed.
 */
export function countsRequests(query: string): boolean {
  const expression = parsed(query);
  return expression !== null && divisorOf(expression) !== null;
}

/** How many requests stand behind a query's value, by response code where the metric has that label. */
export interface RequestCount {
  /** PromQL. */
  readonly query: string;
  readonly windowMs: number;
  /** `irate`: the value tells only of the last two scrapes in the window, so these counts may look like another share. */
  readonly isOfLastTwo: boolean;
}

/**
 * The requests that a query judges: those of its divisor, or those of the histogram whose quantile it takes. Null: the
 * query does not tell.
 */
export function requestCount(query: string): RequestCount | null {
  const expression = parsed(query);
  if (expression === null) return null;
  const divisor = divisorOf(expression);
  if (divisor) return countOf(divisor, query.slice(divisor.range.start, divisor.range.end));
  const buckets = bucketsOf(expression);
  if (!buckets) return null;
  const text = query.slice(buckets.range.start, buckets.range.end);
  const counter = text.replace(/^(\w+)_bucket\b/, "$1_count");
  return counter === text ? null : countOf(buckets, counter);
}

/** All windows that a query looks back over, in milliseconds. */
export function windowsOf(query: string): readonly number[] {
  const windows = new Set<number>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { rangeMs } = node as { readonly rangeMs?: number };
    if (rangeMs !== undefined) windows.add(rangeMs);
    for (const member of Object.values(node)) visit(member);
  };
  visit(parsed(query));
  return [...windows];
}

function countOf({ range: { rangeMs, selector }, name }: Growth, text: string): RequestCount | null {
  if (selector.offsetMs !== 0 || selector.at !== null) return null;
  const query = `sum by (response_code) (increase(${text}))`;
  return { query, windowMs: rangeMs, isOfLastTwo: name === "irate" };
}

function parsed(query: string): Expression | null {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

const GROWTHS: ReadonlySet<string> = new Set(["rate", "irate", "increase"]);
const SUMS: ReadonlySet<string> = new Set(["sum", "avg", "max"]);
/** `istio_requests_total`, `http_requests_total`, `http_server_requests_seconds_count`, `envoy_cluster_upstream_rq_total`, … */
const REQUEST_COUNTER = /(?:^|_)(?:requests?|rq)(?:_\w+)?_(?:total|count)$|_rq$|_requests$/;
const REQUEST_HISTOGRAM = /(?:^|_)(?:requests?|rq)_(?:\w+_)?bucket$/;

/** A range of which a query takes the growth, and the function that takes it. */
interface Growth {
  readonly name: string;
  readonly range: MatrixSelector;
}

function divisorOf(expression: Expression): Growth | null {
  const quotient = unwrapped(expression);
  return quotient.kind === "binary" && quotient.operator === "/" ? growthOf(quotient.right, REQUEST_COUNTER) : null;
}

function bucketsOf(expression: Expression): Growth | null {
  const quantile = unwrapped(expression);
  const isQuantile = quantile.kind === "call" && quantile.name === "histogram_quantile";
  const buckets = isQuantile && quantile.args[1] ? growthOf(quantile.args[1], REQUEST_HISTOGRAM) : null;
  return buckets?.range.selector.matchers.some(({ name }) => name === "le") ? null : buckets;
}

/** The range of a counter of that name whose growth is taken: zero only when no request came. */
function growthOf(expression: Expression, counter: RegExp): Growth | null {
  const inner = unwrapped(expression);
  if (inner.kind === "aggregation") return SUMS.has(inner.operator) ? growthOf(inner.inner, counter) : null;
  if (inner.kind !== "call" || !GROWTHS.has(inner.name)) return null;
  const [range] = inner.args;
  if (range?.kind !== "matrix") return null;
  const name = range.selector.matchers.find((matcher) => matcher.name === "__name__" && matcher.operator === "=");
  return counter.test(name?.value ?? "") ? { name: inner.name, range } : null;
}

function unwrapped(expression: Expression): Expression {
  return expression.kind === "parentheses" ? unwrapped(expression.inner) : expression;
}
