import type { VectorSelector } from "../../promql/ast.ts";
import type { ProviderContext, SeenRequests } from "../provider.ts";
import type { PrometheusMetric } from "../types.ts";
import { countRequests, emptyAnswerHint } from "./prometheus.ts";
import { parseAnswer, parseSample, type Sample } from "./prometheus-answer.ts";
import { selectorNodesOf } from "./prometheus-hint.ts";
import { query } from "./prometheus-query.ts";
import { requestCount } from "./prometheus-requests.ts";

/** What a query looks at, for somebody who tries it out (EC-024). */
export interface QueryExplanation {
  readonly selectors: readonly SelectorExplanation[];
  /** The requests behind the value; null: the query does not tell. */
  readonly requests: SeenRequests | null;
}

export interface SelectorExplanation {
  /** As it stands in the query, on one line. */
  readonly selector: string;
  /** Present series; null: the server did not tell. */
  readonly seriesCount: number | null;
  /** What the labels that the selector names are on those series, and how many have them so. */
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly count: number }[];
  /** Why there are none (SE-003); "": nothing is known. */
  readonly hint: string;
}

export async function explainQuery(config: PrometheusMetric, context: ProviderContext): Promise<QueryExplanation> {
  const text = config.query ?? "";
  const distinct = new Map<string, VectorSelector>();
  for (const selector of selectorNodesOf(text)) {
    distinct.set(text.slice(selector.start, selector.end).replace(/\s+/g, " "), selector);
  }
  const count = config.rangeQuery ? null : requestCount(text);
  const { rangeQuery: _, ...instant } = config;
  return {
    selectors: await Promise.all(
      [...distinct].map(([own, selector]) => explainSelector({ ...instant, query: own }, selector, context)),
    ),
    requests: count ? await countRequests(instant, count, context) : null,
  };
}

interface Group {
  readonly metric?: Readonly<Record<string, string>>;
  readonly value: Sample;
}

async function explainSelector(
  config: PrometheusMetric,
  { matchers }: VectorSelector,
  context: ProviderContext,
): Promise<SelectorExplanation> {
  const selector = config.query ?? "";
  const names = [...new Set(matchers.map(({ name }) => name))].filter((name) => name !== "__name__");
  try {
    const { answer, address } = await query(
      { ...config, query: `count by (${names.join(", ")}) (${selector})` },
      context,
    );
    parseAnswer(answer);
    const { data } = JSON.parse(answer.text) as { data: { result: readonly Group[] } };
    const series = data.result.map(({ metric = {}, value }) => ({ labels: metric, count: parseSample(value) }));
    const seriesCount = series.reduce((sum, { count }) => sum + count, 0);
    const { hint = "" } = seriesCount === 0 ? await emptyAnswerHint(config, address, context) : {};
    return { selector, seriesCount, series, hint };
  } catch (error) {
    return { selector, seriesCount: null, series: [], hint: error instanceof Error ? error.message : String(error) };
  }
}
