import { isRecord } from "../../base/json.ts";
import type { Matcher, VectorSelector } from "../../promql/ast.ts";
import { ParseError } from "../../promql/errors.ts";
import { parse } from "../../promql/parser.ts";
import { unanchoredRegex } from "../pattern.ts";

/** All values that a label has on the series of a metric; null when the server does not tell. */
export type LabelValues = (metric: string, label: string) => Promise<readonly string[] | null>;

const NAME = "__name__";
const SHOWN_MAX = 5;

/**
 * Why a query may have found nothing (SE-003): the first label of the query that no series has as it is asked for, with
 * the values that exist. Null when there is nothing to say.
 */
export async function emptyHint(query: string, valuesOf: LabelValues): Promise<string | null> {
  const selectors = selectorsOf(query);
  for (const matchers of selectors) {
    const metric = matchers.find(({ name, operator }) => name === NAME && operator === "=")?.value;
    if (metric === undefined) continue;
    const names = await valuesOf(metric, NAME);
    if (names === null) return null;
    if (names.length === 0) return `query matched no series: ${metric} has none yet${question(metric)}`;
    for (const matcher of matchers) {
      if (matcher.name === NAME || matcher.operator === "!=" || matcher.operator === "!~") continue;
      const values = await valuesOf(metric, matcher.name);
      if (values === null) return null;
      if (!values.some((value) => matcher.matches(value))) return mismatch(metric, matcher, values);
    }
  }
  const isByLabels = selectors.some((matchers) => matchers.length > 1);
  if (!isByLabels) return "query gave no value, although its metrics have series";
  return `query matched no series: each label exists by itself, but no series has all of them${question(query)}`;
}

/** Counters of requests begin with the first one. */
function question(text: string): string {
  return text.includes("request") ? ": was there any request?" : "";
}

function mismatch(metric: string, { name, operator, value }: Matcher, values: readonly string[]): string {
  if (values.length === 0) return `query matched no series: ${metric} has no label ${name}`;
  const shown = values.slice(0, SHOWN_MAX).join(", ") + (values.length > SHOWN_MAX ? ", …" : "");
  const parts = [
    `query matched no series: ${metric} with ${name}${operator}${JSON.stringify(value)} does not exist`,
    ...(operator === "=~" ? ["regular expressions match the whole label value"] : []),
    `existing values of ${name}: ${shown}`,
  ];
  const similar = similarTo(value, values);
  return similar === undefined ? parts.join("; ") : `${parts.join("; ")}; did you mean ${similar}?`;
}

/** A value that the pattern would match if it were not anchored: the usual slip. */
export function similarTo(pattern: string, values: readonly string[]): string | undefined {
  const regex = unanchoredRegex(pattern);
  const matches = (value: string) => (pattern !== "" && "matches" in regex ? regex.matches(value) : false);
  // The pattern's own end stays: `canary.default` means the host that ends so, not one that merely contains it.
  return values.find((value) => matches(value) && value.endsWith(pattern)) ?? values.find(matches);
}

/** The matchers of each selector of a query; none when it cannot be read. */
export function selectorsOf(query: string): readonly (readonly Matcher[])[] {
  return selectorNodesOf(query).map(({ matchers }) => matchers);
}

/** The same with where each stands in the query. */
export function selectorNodesOf(query: string): readonly VectorSelector[] {
  try {
    return [...walk(parse(query))];
  } catch (error) {
    if (error instanceof ParseError) return [];
    throw error;
  }
}

function* walk(node: unknown): Iterable<VectorSelector> {
  if (Array.isArray(node)) for (const item of node) yield* walk(item);
  if (!isRecord(node)) return;
  if (node["kind"] === "selector") yield node as unknown as VectorSelector;
  else for (const member of Object.values(node)) yield* walk(member);
}
