import type { Metric } from "../analysis/types.ts";
import { isRecord } from "../base/json.ts";
import type { Call, Expression, VectorSelector } from "../promql/ast.ts";
import { QueryError } from "../promql/errors.ts";
import { parse } from "../promql/parser.ts";
import { type Manifest, ofKind } from "./manifest.ts";
import { items, member } from "./workloads.ts";

/** What the rules read of analysis templates and runs. */

export const TEMPLATE_KINDS = ["AnalysisTemplate", "ClusterAnalysisTemplate"] as const;
export const ANALYSIS_KINDS = [...TEMPLATE_KINDS, "AnalysisRun"] as const;

type Path = readonly (string | number)[];

/** A metric that asks Prometheus something that can be read. */
export interface PrometheusMetric {
  readonly manifest: Manifest;
  readonly path: Path;
  readonly name: string;
  /** As the file has it; files may hold anything. */
  readonly metric: Partial<Metric>;
  readonly query: string;
  readonly expression: Expression;
}

export function prometheusMetrics(manifests: readonly Manifest[]): readonly PrometheusMetric[] {
  return ANALYSIS_KINDS.flatMap((kind) => ofKind(manifests, "argoproj.io", kind)).flatMap(prometheusMetricsOf);
}

export function prometheusMetricsOf(manifest: Manifest): readonly PrometheusMetric[] {
  return items(member(manifest.object, "spec", "metrics")).flatMap((metric, index) => {
    const query = member(metric, "provider", "prometheus", "query");
    const expression = typeof query === "string" ? readable(query) : null;
    if (!isRecord(metric) || typeof query !== "string" || expression === null) return [];
    const name = String(metric["name"] ?? index);
    return [{ manifest, path: ["spec", "metrics", index], name, metric, query, expression }];
  });
}

/** The object's annotations as texts: files may hold anything. */
export function annotated({ object }: Manifest): {
  readonly metadata: { readonly annotations: Record<string, string> };
} {
  const written = member(object, "metadata", "annotations");
  const entries = Object.entries(isRecord(written) ? written : {}).map(([key, value]) => [key, String(value)]);
  return { metadata: { annotations: Object.fromEntries(entries) } };
}

/** What an argument may stand for: a number or a word, and a duration. */
export const FILLINGS = ["1", "1m"] as const;

export function filledWith(text: string, filling: string): string {
  return text.replace(/\{\{[^}]*\}\}/g, filling);
}

function readable(query: string): Expression | null {
  for (const filling of FILLINGS) {
    try {
      return parse(filledWith(query, filling));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
    }
  }
  return null;
}

/** The nodes of a query, from the outside in. */
function* nodesOf(value: unknown): Iterable<Expression> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item);
  if (!isRecord(value)) return;
  if ("start" in value && "kind" in value) yield value as unknown as Expression;
  for (const part of Object.values(value)) yield* nodesOf(part);
}

export function selectorsIn(expression: Expression): readonly VectorSelector[] {
  return [...nodesOf(expression)].filter((node) => node.kind === "selector");
}

export function callsIn(expression: Expression): readonly Call[] {
  return [...nodesOf(expression)].filter((node) => node.kind === "call");
}

export function metricName({ matchers }: VectorSelector): string {
  return matchers.find(({ name, operator }) => name === "__name__" && operator === "=")?.value ?? "";
}
