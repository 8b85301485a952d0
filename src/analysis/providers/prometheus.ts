import type { Result } from "../condition.ts";
import { MeasurementError, type Provider, type ProviderContext, type SeenRequests } from "../provider.ts";
import type { PrometheusMetric } from "../types.ts";
import { type ApiAnswer, parseAnswer, parseSample, type Sample } from "./prometheus-answer.ts";
import { emptyHint, type LabelValues } from "./prometheus-hint.ts";
import { query } from "./prometheus-query.ts";
import { countsRequests, type RequestCount, requestCount, windowsOf } from "./prometheus-requests.ts";

/** Prometheus' HTTP API, as the original uses it (section 5.1). */
export const prometheus: Provider = {
  type: "Prometheus",
  async measure({ metric }, context) {
    const config = metric.provider.prometheus ?? {};
    const metricMetadata = { ResolvedPrometheusQuery: config.query ?? "" };
    try {
      const { answer, address } = await query(config, context);
      const { result: found, warnings } = parseAnswer(answer);
      const result: Result = countsRequests(config.query ?? "") ? { ...found, absence: "requests" } : found;
      const metadata = {
        ...(warnings.length > 0 ? { warnings: warnings.map((text) => `"${text}"`).join(", ") } : {}),
        ...(result.text === "[]" ? await emptyAnswerHint(config, address, context) : {}),
      };
      const count = config.rangeQuery ? null : requestCount(config.query ?? "");
      const [windowMs, ...otherWindows] = windowsOf(config.query ?? "");
      return {
        kind: "result",
        result,
        ...(windowMs === undefined || otherWindows.length > 0 ? {} : { windowMs }),
        ...(count ? { countRequests: () => countRequests(config, count, context) } : {}),
        ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
        // SE-008: whoever reads the status sees which address really answered.
        metricMetadata: address === config.address ? metricMetadata : { ...metricMetadata, PrometheusAddress: address },
      };
    } catch (error) {
      throw new MeasurementError(error instanceof Error ? error.message : String(error), metricMetadata);
    }
  },
};

const HINT_TIMEOUT_MS = 2000;

/** SE-003: why nothing was found. Only a help: whatever fails on the way leaves it out. */
export async function emptyAnswerHint(
  config: PrometheusMetric,
  address: string,
  context: ProviderContext,
): Promise<{ hint?: string }> {
  const { headers = [], insecure = false, query: text = "" } = config;
  const ask: LabelValues = async (name, label) => {
    const form = new URLSearchParams({ "match[]": name });
    const answer = await context.http({
      method: "GET",
      url: `${address.replace(/\/+$/, "")}/api/v1/label/${label}/values?${form}`,
      headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])),
      timeoutMs: HINT_TIMEOUT_MS,
      insecure,
    });
    const { data } = JSON.parse(answer.text) as { data?: unknown };
    return answer.status === 200 && Array.isArray(data) ? data.map(String) : null;
  };
  try {
    const found = await emptyHint(text, ask);
    return found === null ? {} : { hint: found };
  } catch {
    return {};
  }
}

const COUNT_TIMEOUT_SECONDS = 5;

/** The requests behind a value (EC-020, EC-021). The same address is asked in the same way as for the value. */
export async function countRequests(
  config: PrometheusMetric,
  { query: text, windowMs, isOfLastTwo }: RequestCount,
  context: ProviderContext,
): Promise<SeenRequests | null> {
  try {
    const { answer } = await query({ ...config, query: text, timeout: COUNT_TIMEOUT_SECONDS }, context);
    const { status, data } = JSON.parse(answer.text) as ApiAnswer;
    if (status !== "success" || data?.resultType !== "vector") return null;
    const series = (data.result as readonly CountSeries[]).map(
      ({ metric, value }) => [metric?.["response_code"] ?? "", parseSample(value)] as const,
    );
    const total = Math.round(series.reduce((sum, [, count]) => sum + count, 0));
    const codes = series
      .map(([code, count]) => [code, Math.round(count)] as const)
      .filter(([code, count]) => code !== "" && count > 0)
      .sort(([, left], [, right]) => right - left);
    return { windowMs, total, codes, isOfLastTwo };
  } catch {
    return null;
  }
}

interface CountSeries {
  readonly metric?: Readonly<Record<string, string>>;
  readonly value: Sample;
}
