import { SCRAPE_INTERVAL_MS } from "../../promql/scrape.ts";
import { callsIn, metricName, type PrometheusMetric, prometheusMetrics, selectorsIn } from "../analysis-metrics.ts";
import type { Finding } from "../finding.ts";
import { at, type Rule } from "../rule.ts";
import { member, nameOf } from "../workloads.ts";

/** SE-006, SE-007, SE-008: queries that the embedded Prometheus answers otherwise than their author expects. */
export const analysisQuery: Rule = (manifests) =>
  prometheusMetrics(manifests).flatMap((metric) => [
    ...shortRange(metric),
    ...unknownLabel(metric),
    ...placeholderAddress(metric),
  ]);

const RATES: ReadonlySet<string> = new Set(["rate", "irate", "increase", "delta", "idelta"]);

/** SE-006: a rate needs two samples in its range. */
function shortRange({ manifest, path, name, query, expression }: PrometheusMetric): readonly Finding[] {
  // The range is an argument: nobody knows it yet.
  if (/\[[^\]]*\{\{/.test(query)) return [];
  const leastMs = 2 * SCRAPE_INTERVAL_MS;
  const short = callsIn(expression).find(({ name: called, args: [range] }) => {
    return RATES.has(called) && range?.kind === "matrix" && range.rangeMs < leastMs;
  });
  const range = short?.args[0];
  if (!short || range?.kind !== "matrix") return [];
  const message =
    `${nameOf(manifest)}: ${name} finds nothing: ${short.name} over ${seconds(range.rangeMs)} needs two samples, ` +
    `and the embedded Prometheus takes one each ${seconds(SCRAPE_INTERVAL_MS)}; use ${seconds(leastMs)} or more`;
  return [at(manifest, [...path, ...QUERY], { code: "SE-006", level: "warning", message })];
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

const QUERY = ["provider", "prometheus", "query"] as const;

/** MESH-205 with SE-007, and what a scrape adds. */
export const REQUEST_LABELS: readonly string[] = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
];
const KNOWN: ReadonlySet<string> = new Set([...REQUEST_LABELS, "__name__", "le", "job", "instance"]);

/** SE-007. */
function unknownLabel({ manifest, path, name, expression }: PrometheusMetric): readonly Finding[] {
  const unknown = selectorsIn(expression)
    .filter((selector) => metricName(selector).startsWith("istio_request"))
    .flatMap(({ matchers }) => matchers)
    .filter((matcher) => !KNOWN.has(matcher.name) && !matcher.matches(""));
  return [...new Set(unknown.map((matcher) => matcher.name))].map((label) =>
    at(manifest, [...path, ...QUERY], {
      code: "SE-007",
      level: "warning",
      message: `${nameOf(manifest)}: ${name} finds nothing on the embedded mesh: its metrics have no label ${label}`,
    }),
  );
}

/** Hosts that are meant to be replaced: `xxx.aliyuncs.com`, `prometheus.example.com`, `<your-prometheus>`. */
const PLACEHOLDER = /^x{2,}\b|\bexample\.(?:com|org|net)$|^your[-_.]|[<>]/i;

/** SE-008. */
function placeholderAddress({ manifest, path, name, metric }: PrometheusMetric): readonly Finding[] {
  const address = member(metric, "provider", "prometheus", "address");
  const host = typeof address === "string" ? (/^\w+:\/\/([^/:]+)/.exec(address)?.[1] ?? "") : "";
  if (!PLACEHOLDER.test(host)) return [];
  const message =
    `${nameOf(manifest)}: ${name} asks ${host}, which looks like a placeholder: ` +
    "as long as the name does not resolve, the embedded Prometheus answers";
  return [at(manifest, [...path, "provider", "prometheus", "address"], { code: "SE-008", level: "info", message })];
}
