import type { KubeObject } from "../api/meta.ts";
import { providerField } from "./provider.ts";
import { requestCount } from "./providers/prometheus-requests.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import type { AnalysisTemplate, Metric } from "./types.ts";

/**
 * What a measurement that saw nothing counts as, by annotations of templates and runs (EC-021). Without them it is judged
 * as the original judges it. `wait` is one value for all metrics, `success-rate=wait, latency=fail` one for each.
 */
export const ON_NO_DATA = "argo.fairway.dev/on-no-data";
/** A measurement of fewer requests counts as one without data. */
export const MIN_SAMPLES = "argo.fairway.dev/min-samples";

export type NoDataPolicy = "error" | "fail" | "pass" | "pause" | "wait";

const POLICIES: readonly NoDataPolicy[] = ["error", "fail", "pass", "pause", "wait"];

export interface DataPolicy {
  /** Null: nothing was asked for. */
  readonly onNoData: NoDataPolicy | null;
  /** 0: any number will do. */
  readonly minSamples: number;
}

type Annotated = { readonly metadata: Pick<KubeObject["metadata"], "annotations"> };

/** Throws `AnalysisSpecError` for a value that is none. */
export function dataPolicyOf({ metadata: { annotations } }: Annotated, metricName: string): DataPolicy {
  const policy = entryOf(ON_NO_DATA, annotations?.[ON_NO_DATA], metricName);
  const least = entryOf(MIN_SAMPLES, annotations?.[MIN_SAMPLES], metricName);
  const onNoData = POLICIES.find((one) => one === policy) ?? null;
  if (policy !== null && onNoData === null) {
    throw new AnalysisSpecError(
      `annotation ${ON_NO_DATA}: ${JSON.stringify(policy)} is none of ${POLICIES.join(", ")}`,
    );
  }
  if (least !== null && !/^[1-9]\d{0,8}$/.test(least)) {
    throw new AnalysisSpecError(`annotation ${MIN_SAMPLES}: ${JSON.stringify(least)} is no number of requests above 0`);
  }
  return { onNoData: onNoData ?? (least === null ? null : "error"), minSamples: Number(least ?? 0) };
}

/**
 * What is wrong with the annotations of an object with these metrics; null when nothing is. Only a run's queries can be
 * read: a template's still have its arguments in them.
 */
export function dataPolicyProblem(
  object: Annotated,
  metrics: readonly Metric[],
  { isTemplate = false }: { readonly isTemplate?: boolean } = {},
): string | null {
  try {
    for (const key of [ON_NO_DATA, MIN_SAMPLES]) {
      for (const { metric } of entriesOf(object.metadata.annotations?.[key])) {
        if (metric === null || metrics.some(({ name }) => name === metric)) continue;
        return `annotation ${key}: there is no metric ${JSON.stringify(metric)}`;
      }
    }
    const uncounted = metrics.find(
      (metric) => dataPolicyOf(object, metric.name).minSamples > 0 && !tellsRequests(metric),
    );
    if (!uncounted || isTemplate) return null;
    return `annotation ${MIN_SAMPLES}: the requests behind metric ${JSON.stringify(uncounted.name)} cannot be counted; that takes a Prometheus query which divides by the rate of a counter of requests, or takes a quantile of their durations. Name the metrics that it is for: ${MIN_SAMPLES}: METRIC=NUMBER`;
  } catch (error) {
    if (error instanceof AnalysisSpecError) return error.message;
    throw error;
  }
}

/** Whether the provider can tell how many requests a measurement saw. */
function tellsRequests(metric: Metric): boolean {
  const { prometheus } = metric.provider;
  if (providerField(metric) !== "prometheus" || prometheus?.rangeQuery) return false;
  return requestCount(prometheus?.query ?? "") !== null;
}

/** The annotations that a run of these templates takes over: each template speaks of its own metrics. */
export function runPolicies(templates: readonly AnalysisTemplate[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of [ON_NO_DATA, MIN_SAMPLES]) {
    const entries = templates.flatMap((template) =>
      (template.spec.metrics ?? []).flatMap(({ name }) => {
        const value = entryOf(key, template.metadata.annotations?.[key], name);
        return value === null ? [] : [`${name}=${value}`];
      }),
    );
    const [only] = templates;
    if (entries.length === 0) continue;
    found[key] = templates.length === 1 ? (only?.metadata.annotations?.[key] ?? "") : entries.join(", ");
  }
  return found;
}

/** Of each template, before a run exists. */
export function templatePoliciesProblem(templates: readonly AnalysisTemplate[]): string | null {
  for (const template of templates) {
    const problem = dataPolicyProblem(template, template.spec.metrics ?? [], { isTemplate: true });
    if (problem !== null) return `${template.metadata.name}: ${problem}`;
  }
  return null;
}

interface Entry {
  /** Null: for every metric that has no entry of its own. */
  readonly metric: string | null;
  readonly value: string;
}

function entriesOf(text: string | undefined): readonly Entry[] {
  if (text === undefined) return [];
  return text.split(",").map((part) => {
    const split = part.lastIndexOf("=");
    if (split < 0) return { metric: null, value: part.trim() };
    return { metric: part.slice(0, split).trim(), value: part.slice(split + 1).trim() };
  });
}

function entryOf(key: string, text: string | undefined, metricName: string): string | null {
  const entries = entriesOf(text);
  const names = entries.map(({ metric }) => metric);
  if (new Set(names).size < names.length) {
    throw new AnalysisSpecError(`annotation ${key}: ${JSON.stringify(text)} says two things about one metric`);
  }
  const entry = entries.find(({ metric }) => metric === metricName) ?? entries.find(({ metric }) => metric === null);
  return entry?.value ?? null;
}
