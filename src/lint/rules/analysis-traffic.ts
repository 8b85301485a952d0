import { allowsForNoData } from "../../analysis/condition.ts";
import { consecutiveErrorLimitOf, failureLimitOf } from "../../analysis/numbers.ts";
import { dataPolicyOf, ON_NO_DATA } from "../../analysis/policy.ts";
import { countsRequests } from "../../analysis/providers/prometheus-requests.ts";
import { ERROR_RETRY_MS } from "../../analysis/schedule.ts";
import { AnalysisSpecError } from "../../analysis/spec-error.ts";
import type { Metric } from "../../analysis/types.ts";
import { parseGoDuration } from "../../dialects/argo/go-duration.ts";
import type { Expression } from "../../promql/ast.ts";
import {
  annotated,
  FILLINGS,
  filledWith,
  type PrometheusMetric,
  prometheusMetrics,
  prometheusMetricsOf,
  selectorsIn,
  TEMPLATE_KINDS,
} from "../analysis-metrics.ts";
import type { Finding } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { argoRollouts, items, member, nameOf } from "../workloads.ts";

/** SE-004, SE-005, SE-013: how an analysis of requests ends that its author may not expect. Notes, no mistakes. */
export const analysisOfTraffic: Rule = (manifests) => [
  ...prometheusMetrics(manifests).flatMap((metric) => [
    ...threshold(metric),
    ...noGoodAnswer(metric),
    ...noData(metric),
    ...passesWithoutData(metric),
  ]),
  ...argoRollouts(manifests).flatMap((rollout) => pausedUnderAnalysis(rollout, manifests)),
];

function isAboutRequests({ query }: PrometheusMetric): boolean {
  return FILLINGS.some((filling) => countsRequests(filledWith(query, filling)));
}

/** The share of requests that were no errors. */
function isSuccessRatio({ expression, ...metric }: PrometheusMetric): boolean {
  if (!isAboutRequests({ expression, ...metric }) || expression.kind !== "binary") return false;
  return selectorsIn(expression.left).some(({ matchers }) =>
    matchers.some(({ name, operator }) => name === "response_code" && operator.startsWith("!")),
  );
}

const LEAST_SHARE = /^result(?:\[0\])?\s*(>=?)\s*(0?\.\d+)$/;

/** SE-004: a threshold of successes, told as one of errors. */
function threshold(metric: PrometheusMetric): readonly Finding[] {
  const { successCondition = "", failureCondition = "" } = metric.metric;
  const [, operator, least] = LEAST_SHARE.exec(successCondition) ?? [];
  if (least === undefined || failureCondition !== "" || !isSuccessRatio(metric)) return [];
  const share = Number(least);
  const percent = Number(((1 - share) * 100).toFixed(3));
  const [bound, errors] =
    operator === ">"
      ? [`${share} or less`, `${percent} % errors or more`]
      : [`below ${share}`, `more than ${percent} % errors`];
  const limit = failureLimitOf(metric.metric as Metric);
  const verdict = limit < 0 ? "" : `; ${limit + 1} such measurement${limit === 0 ? " fails" : "s fail"} the run`;
  return [note(metric, ["successCondition"], "SE-004", `fails at ${bound}, that is at ${errors}${verdict}`)];
}

/** SE-005. */
function noGoodAnswer(metric: PrometheusMetric): readonly Finding[] {
  if (!isSuccessRatio(metric) || isPrepared(metric) || hasFallback(metric.expression)) return [];
  const errors = consecutiveErrorLimitOf(metric.metric as Metric) + 1;
  const text =
    "errs instead of failing while no request at all was answered well: the upper sum then has no series, the result is [], " +
    `and ${errors} errors in a row end the run`;
  return [note(metric, ["provider", "prometheus", "query"], "SE-005", text)];
}

/** `… or vector(0)`: the author gave the upper sum a value where it has none. */
function hasFallback(expression: Expression): boolean {
  if (expression.kind === "parentheses") return hasFallback(expression.inner);
  if (expression.kind !== "binary") return false;
  return expression.operator === "or" || hasFallback(expression.left);
}

/** SU-002: a lone failure condition holds for no number, so that it lets NaN pass. */
function passesWithoutData(metric: PrometheusMetric): readonly Finding[] {
  const { successCondition = "", failureCondition = "" } = metric.metric;
  if (successCondition !== "" || failureCondition === "" || !isAboutRequests(metric) || isPrepared(metric)) return [];
  const text =
    "has a failureCondition alone, which NaN passes: measurements without requests count as Successful while any other " +
    `saw some; say what no data counts as (annotation ${ON_NO_DATA}), or begin the condition with isNaN(result[0]) ||`;
  return [{ ...note(metric, ["failureCondition"], "SU-002", text), level: "warning" }];
}

/** SE-013. */
function noData(metric: PrometheusMetric): readonly Finding[] {
  if (!needsTraffic(metric)) return [];
  const text =
    "does not allow for missing requests: the result is then [] or [NaN], and the run ends in Error or Failed; keep " +
    `requests flowing (fairway load), or begin the condition with ${GUARD}`;
  return [note(metric, ["successCondition"], "SE-013", text)];
}

const GUARD = "len(result) == 0 || isNaN(result[0]) ||";

function needsTraffic(metric: PrometheusMetric): boolean {
  return (metric.metric.successCondition ?? "") !== "" && isAboutRequests(metric) && !isPrepared(metric);
}

/** By the conditions, or by a policy that says what no data counts as (EC-021). */
function isPrepared({ manifest, name, metric }: PrometheusMetric): boolean {
  const { successCondition = "", failureCondition = "" } = metric;
  if (hasPolicy(manifest, name)) return true;
  return FILLINGS.some((filling) =>
    allowsForNoData({
      successCondition: filledWith(successCondition, filling),
      failureCondition: filledWith(failureCondition, filling),
    }),
  );
}

function hasPolicy(manifest: Manifest, metricName: string): boolean {
  try {
    return dataPolicyOf(annotated(manifest), metricName).onNoData !== null;
  } catch (error) {
    // Told by another rule.
    if (error instanceof AnalysisSpecError) return true;
    throw error;
  }
}

function note(metric: PrometheusMetric, field: readonly string[], code: string, text: string): Finding {
  const message = `${nameOf(metric.manifest)}: ${metric.name} ${text}`;
  return at(metric.manifest, [...metric.path, ...field], { code, level: "info", message });
}

/** SE-013: a release that waits for a person is aborted meanwhile when nobody calls the canary. */
function pausedUnderAnalysis(rollout: Manifest, manifests: readonly Manifest[]): readonly Finding[] {
  const canary = ["spec", "strategy", "canary"];
  const steps = items(member(rollout.object, ...canary, "steps"));
  const first = Number(member(rollout.object, ...canary, "analysis", "startingStep") ?? 0);
  const index = steps.findIndex((step, place) => place >= first && isOpenPause(member(step, "pause")));
  const metric = templatesOf(rollout, manifests).flatMap(prometheusMetricsOf).find(needsTraffic);
  if (index < 0 || !metric) return [];
  const begins = (parseGoDuration(String(metric.metric.initialDelay ?? "0")) ?? 0) / 1000;
  const errs = begins + (consecutiveErrorLimitOf(metric.metric as Metric) * ERROR_RETRY_MS) / 1000;
  const message =
    `${nameOf(rollout)}: step ${index + 1} waits for a person while the analysis runs: without requests to the canary ` +
    `${metric.name} aborts the release after ${begins} to ${errs} s`;
  return [at(rollout, [...canary, "steps", index, "pause"], { code: "SE-013", level: "info", message })];
}

function isOpenPause(pause: unknown): boolean {
  return pause !== undefined && member(pause, "duration") === undefined;
}

/** Those of the background analysis. */
function templatesOf(rollout: Manifest, manifests: readonly Manifest[]): readonly Manifest[] {
  const references = items(member(rollout.object, "spec", "strategy", "canary", "analysis", "templates"));
  return references.flatMap((reference) => {
    const isClusterWide = member(reference, "clusterScope") === true;
    return ofKind(manifests, "argoproj.io", TEMPLATE_KINDS[isClusterWide ? 1 : 0]).filter(
      (template) =>
        nameOf(template) === member(reference, "templateName") &&
        (isClusterWide || template.namespace === rollout.namespace),
    );
  });
}
