import type { ArgumentValues } from "../../analysis/arguments.ts";
import { substituteText } from "../../analysis/arguments.ts";
import { selectorsOf, similarTo } from "../../analysis/providers/prometheus-hint.ts";
import type { Matcher } from "../../promql/ast.ts";
import type { Finding } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { argoRollouts, items, member, nameOf, services } from "../workloads.ts";

type Path = readonly (string | number)[];

/** One place of a Rollout where analysis templates and their arguments stand. */
interface Analysis {
  readonly rollout: Manifest;
  readonly path: Path;
}

interface LiteralArgument {
  readonly name: string;
  readonly value: string;
  readonly path: Path;
}

/** SE-003: a query of an AnalysisTemplate, as a Rollout fills it in, asks for a service that does not exist. */
export const analysisOfUnknownService: Rule = (manifests) => {
  const known = services(manifests).map((service) => `${nameOf(service)}.${service.namespace}.svc.cluster.local`);
  if (known.length === 0) return [];
  return argoRollouts(manifests).flatMap((rollout) =>
    analysesOf(rollout).flatMap((analysis) =>
      templatesOf(analysis, manifests).flatMap((template) => findingsOf(analysis, template, known)),
    ),
  );
};

function analysesOf(rollout: Manifest): readonly Analysis[] {
  const canary = ["spec", "strategy", "canary"];
  const blueGreen = ["spec", "strategy", "blueGreen"];
  const steps = items(member(rollout.object, ...canary, "steps"));
  const paths: readonly Path[] = [
    [...canary, "analysis"],
    ...steps.map((_, index) => [...canary, "steps", index, "analysis"]),
    [...blueGreen, "prePromotionAnalysis"],
    [...blueGreen, "postPromotionAnalysis"],
  ];
  return paths.map((path) => ({ rollout, path }));
}

function templatesOf({ rollout, path }: Analysis, manifests: readonly Manifest[]): readonly Manifest[] {
  return items(member(rollout.object, ...path, "templates")).flatMap((reference) => {
    const isClusterWide = member(reference, "clusterScope") === true;
    const kind = isClusterWide ? "ClusterAnalysisTemplate" : "AnalysisTemplate";
    return ofKind(manifests, "argoproj.io", kind).filter(
      (template) =>
        nameOf(template) === member(reference, "templateName") &&
        (isClusterWide || template.namespace === rollout.namespace),
    );
  });
}

function findingsOf(analysis: Analysis, template: Manifest, known: readonly string[]): readonly Finding[] {
  const literals = literalArguments(analysis);
  const values = argumentValues(analysis, template, literals);
  const metrics = items(member(template.object, "spec", "metrics"));
  // The same matcher stands above and below the fraction line: one finding.
  const told = new Map<string, Finding>();
  for (const metric of metrics) {
    const query = member(metric, "provider", "prometheus", "query");
    const text = typeof query === "string" ? filledIn(query, values) : null;
    if (typeof query !== "string" || text === null) continue;
    const unknown = selectorsOf(text).flat().filter(isServiceMatcher);
    for (const matcher of unknown.filter(({ matches }) => !known.some(matches))) {
      const source = literals.find(
        ({ name, value }) => query.includes(`{{args.${name}}}`) && matcher.value.includes(value),
      );
      const finding = findingOf(analysis, template, matcher, known, source);
      told.set(finding.message, finding);
    }
  }
  return [...told.values()];
}

function isServiceMatcher({ name, operator }: Matcher): boolean {
  return name === "destination_service" && (operator === "=" || operator === "=~");
}

function findingOf(
  { rollout, path }: Analysis,
  template: Manifest,
  { name, operator, value }: Matcher,
  known: readonly string[],
  source: LiteralArgument | undefined,
): Finding {
  const similar = similarTo(value, known);
  const parts = [
    `query of ${nameOf(template)}: no Service here matches ${name}${operator}${JSON.stringify(value)}`,
    ...(operator === "=~" ? ["regular expressions match the whole label value"] : []),
    `Services: ${known.join(", ")}`,
  ];
  const message = similar === undefined ? parts.join("; ") : `${parts.join("; ")}; did you mean ${similar}?`;
  const right = similar?.split(".")[0];
  const edit = source && right ? rollout.replaceWithin(source.path, source.value, right) : null;
  // Without a Service of a similar name the right one may stand in a file that was not given.
  return at(rollout, source?.path ?? path, {
    code: "SE-003",
    level: similar === undefined ? "warning" : "error",
    message,
    ...(edit ? { edit } : {}),
  });
}

function literalArguments({ rollout, path }: Analysis): readonly LiteralArgument[] {
  return items(member(rollout.object, ...path, "args")).flatMap((argument, index) => {
    const name = member(argument, "name");
    const value = member(argument, "value");
    if (typeof name !== "string" || typeof value !== "string" || value === "") return [];
    return [{ name, value, path: [...path, "args", index, "value"] }];
  });
}

/** What is known before the run: the template's defaults, the Rollout's literals, and its name and namespace. */
function argumentValues(
  { rollout, path }: Analysis,
  template: Manifest,
  literals: readonly LiteralArgument[],
): ArgumentValues {
  const values = new Map<string, string>();
  for (const argument of items(member(template.object, "spec", "args"))) {
    const [name, value] = [member(argument, "name"), member(argument, "value")];
    if (typeof name === "string" && typeof value === "string") values.set(name, value);
  }
  for (const { name, value } of literals) values.set(name, value);
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": nameOf(rollout),
    "metadata.namespace": rollout.namespace,
  };
  for (const argument of items(member(rollout.object, ...path, "args"))) {
    const name = member(argument, "name");
    const field = member(argument, "valueFrom", "fieldRef", "fieldPath");
    const value = typeof field === "string" ? fields[field] : undefined;
    if (typeof name === "string" && value !== undefined) values.set(name, value);
  }
  return values;
}

/** Null when an argument is known only once the run begins. */
function filledIn(query: string, values: ArgumentValues): string | null {
  try {
    const text = substituteText(query, values);
    return text.includes("{{") ? null : text;
  } catch {
    return null;
  }
}
