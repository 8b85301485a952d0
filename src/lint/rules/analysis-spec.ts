import type { Metric } from "../../analysis/types.ts";
import { metricsProblem } from "../../analysis/validate.ts";
import { ANALYSIS_KINDS, FILLINGS, filledWith } from "../analysis-metrics.ts";
import type { Finding } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { nearestName } from "../near.ts";
import { at, type Rule } from "../rule.ts";
import { items, member, nameOf } from "../workloads.ts";
import { schemaFindings } from "./schema.ts";

/** AN-018, AN-021: a cluster takes these templates, and each run of them ends in Error before anything is measured. */
export const analysisRefused: Rule = (manifests) =>
  ANALYSIS_KINDS.flatMap((kind) => ofKind(manifests, "argoproj.io", kind)).flatMap((manifest) =>
    // What is not even of the right shape cannot be judged.
    schemaFindings(manifest).length > 0 ? [] : [...unknownArguments(manifest), ...invalidMetrics(manifest)],
  );

function invalidMetrics(manifest: Manifest): readonly Finding[] {
  const metrics = member(manifest.object, "spec", "metrics");
  if (items(metrics).length === 0) return [];
  const problems = FILLINGS.map((filling) =>
    metricsProblem(JSON.parse(filledWith(JSON.stringify(metrics), filling)) as Metric[]),
  );
  // Wrong is only what is wrong with each filling.
  const [problem] = problems;
  if (!problem || problems.includes(null)) return [];
  const index = Number(/^metrics\[(\d+)\]/.exec(problem)?.[1] ?? 0);
  const message = `${nameOf(manifest)}: ${problem}`;
  return [at(manifest, ["spec", "metrics", index], { code: "AN-021", level: "error", message })];
}

function unknownArguments(manifest: Manifest): readonly Finding[] {
  const known = items(member(manifest.object, "spec", "args")).map((argument) => String(member(argument, "name")));
  return items(member(manifest.object, "spec", "metrics")).flatMap((metric, index) => {
    const named = [...JSON.stringify(metric).matchAll(/\{\{\s*args\.([\w.-]+)\s*\}\}/g)].map(([, name = ""]) => name);
    const unknown = [...new Set(named)].filter((name) => !known.includes(name));
    return unknown.map((name) => {
      const similar = nearestName(name, known);
      const hint = similar === undefined ? `args: ${known.join(", ") || "none"}` : `did you mean ${similar}?`;
      const message = `${nameOf(manifest)}: metrics[${index}] uses {{args.${name}}}, and there is no such argument; ${hint}`;
      // A template that is composed with it may bring the argument along.
      const level = manifest.object.kind === "AnalysisRun" ? "error" : "warning";
      return at(manifest, ["spec", "metrics", index], { code: "AN-018", level, message });
    });
  });
}
