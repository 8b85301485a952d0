import type { Expression } from "../../promql/ast.ts";
import { ParseError } from "../../promql/errors.ts";
import { parse } from "../../promql/parser.ts";

/**
 * Whether NaN as the answer of a query can only mean that there was no request (SE-013): the query divides by how fast a
 * counter of requests grew, and counters are finite, so NaN is 0/0. Of any other query nothing is claimed.
 */
export function countsRequests(query: string): boolean {
  let expression: Expression;
  try {
    expression = parse(query);
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
  const quotient = unwrapped(expression);
  return quotient.kind === "binary" && quotient.operator === "/" && isGrowthOfRequests(quotient.right);
}

const GROWTHS: ReadonlySet<string> = new Set(["rate", "irate", "increase"]);
const SUMS: ReadonlySet<string> = new Set(["sum", "avg", "max"]);
/** `istio_requests_total`, `http_requests_total`, `http_server_requests_seconds_count`, `envoy_cluster_upstream_rq_total`, … */
const REQUEST_COUNTER = /(?:^|_)(?:requests?|rq)(?:_\w+)?_(?:total|count)$|_rq$|_requests$/;

/** Zero only when no request came. */
function isGrowthOfRequests(expression: Expression): boolean {
  const inner = unwrapped(expression);
  if (inner.kind === "aggregation") return SUMS.has(inner.operator) && isGrowthOfRequests(inner.inner);
  if (inner.kind !== "call" || !GROWTHS.has(inner.name)) return false;
  const [range] = inner.args;
  if (range?.kind !== "matrix") return false;
  const name = range.selector.matchers.find((matcher) => matcher.name === "__name__" && matcher.operator === "=");
  return REQUEST_COUNTER.test(name?.value ?? "");
}

function unwrapped(expression: Expression): Expression {
  return expression.kind === "parentheses" ? unwrapped(expression.inner) : expression;
}
