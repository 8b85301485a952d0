import { intValue } from "../../analysis/numbers.ts";
import { dataPolicyProblem } from "../../analysis/policy.ts";
import type { Metric } from "../../analysis/types.ts";
import { isRecord } from "../../base/json.ts";
import { ANALYSIS_KINDS, annotated } from "../analysis-metrics.ts";
import type { Finding, Level } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { items, member, nameOf } from "../workloads.ts";

/** Analyses that a cluster accepts and that do not do what they seem to say. */
export const analysisSurprises: Rule = (manifests) =>
  ANALYSIS_KINDS.flatMap((kind) => ofKind(manifests, "argoproj.io", kind)).flatMap((manifest) => [
    ...policies(manifest),
    ...patterns(manifest),
    ...items(member(manifest.object, "spec", "metrics")).flatMap((metric, index) => ofMetric(manifest, metric, index)),
  ]);

/** EC-021. */
function policies(manifest: Manifest): readonly Finding[] {
  const metrics = items(member(manifest.object, "spec", "metrics")).filter(isMetric);
  const isTemplate = manifest.object.kind !== "AnalysisRun";
  const problem = dataPolicyProblem(annotated(manifest), metrics, { isTemplate });
  if (problem === null) return [];
  const message = `${nameOf(manifest)}: ${problem}`;
  return [at(manifest, ["metadata", "annotations"], { code: "EC-021", level: "error", message })];
}

function isMetric(value: unknown): value is Metric {
  return isRecord(value) && typeof value["name"] === "string" && isRecord(value["provider"]);
}

/** SU-016: rules name metrics by regular expressions. */
function patterns(manifest: Manifest): readonly Finding[] {
  return ["dryRun", "measurementRetention"].flatMap((field) =>
    items(member(manifest.object, "spec", field)).flatMap((rule, index) => {
      if (member(rule, "metricName") !== "*") return [];
      const message = `${nameOf(manifest)}: ${field}: metricName is a regular expression, and "*" is none: for all metrics write ".*"`;
      return [at(manifest, ["spec", field, index, "metricName"], { code: "SU-016", level: "error", message })];
    }),
  );
}

interface Check {
  readonly code: string;
  readonly level: Level;
  readonly path: readonly string[];
  /** "": nothing to say. */
  readonly say: (metric: Readonly<Record<string, unknown>>) => string;
}

/** Providers that decide by themselves. */
const JUDGES: ReadonlySet<string> = new Set(["job", "kayenta", "plugin"]);
const TAG = /\{\{([\s\S]*?)\}\}/g;
/** What a run replaces: arguments, and braces that are meant. */
const KNOWN_TAG = /^\s*(?:args\.[\w-]+|"\{\{")\s*$/;

const checks: readonly Check[] = [
  {
    code: "SU-003",
    level: "warning",
    path: ["name"],
    say: (metric) => {
      const provider = Object.keys(isRecord(metric["provider"]) ? metric["provider"] : {})[0] ?? "";
      if (metric["successCondition"] || metric["failureCondition"] || JUDGES.has(provider)) return "";
      return "has no condition: whatever is measured counts as Successful";
    },
  },
  {
    code: "SU-003",
    level: "warning",
    path: ["count"],
    say: ({ count, interval }) => {
      if (count === undefined || !interval || /\{\{/.test(String(count)) || intValue(count as string) !== 0) return "";
      return `has count ${JSON.stringify(count)}, which means without end, not "do not measure"; a step or a switch refuses that`;
    },
  },
  {
    code: "SU-015",
    level: "error",
    path: ["provider"],
    say: (metric) => {
      const tags = [...texts(metric).join("\n").matchAll(TAG)];
      const tag = tags.find(([, inner = ""]) => !KNOWN_TAG.test(inner))?.[0];
      if (tag === undefined) return "";
      return `holds ${tag}, and only arguments can stand in double braces: the run ends at once; write {{"{{"}} for braces that are meant`;
    },
  },
  {
    code: "SU-030",
    level: "warning",
    path: ["successCondition"],
    say: (metric) => {
      const conditions = [metric["successCondition"], metric["failureCondition"]].join(" ");
      if (!/default\(\s*result\s*\[/.test(conditions)) return "";
      return "protects result[0] with default(), which does not help where the result is empty: ask len(result) first";
    },
  },
  {
    code: "SU-031",
    level: "warning",
    path: ["provider", "prometheus", "timeout"],
    say: (metric) =>
      member(metric, "provider", "prometheus", "timeout") === 0
        ? "has timeout 0, with which every query fails; leave it out for 30 s"
        : "",
  },
];

function texts(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(texts);
  return isRecord(value) ? Object.entries(value).flatMap(([key, part]) => [key, ...texts(part)]) : [];
}

function ofMetric(manifest: Manifest, metric: unknown, index: number): readonly Finding[] {
  if (!isRecord(metric)) return [];
  const name = `${nameOf(manifest)}: ${String(metric["name"] ?? index)}`;
  return checks.flatMap(({ code, level, path, say }) => {
    const text = say(metric);
    return text === ""
      ? []
      : [at(manifest, ["spec", "metrics", index, ...path], { code, level, message: `${name} ${text}` })];
  });
}
