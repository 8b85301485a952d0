import { compileExpression, ExpressionError } from "../../analysis/expression/index.ts";
import { QueryError } from "../../promql/errors.ts";
import { parse } from "../../promql/parser.ts";
import { ANALYSIS_KINDS, FILLINGS, filledWith } from "../analysis-metrics.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { at, type Rule } from "../rule.ts";
import { items, member, nameOf } from "../workloads.ts";

interface Check {
  readonly code: string;
  readonly path: readonly string[];
  readonly read: (text: string) => unknown;
}

const checks: readonly Check[] = [
  { code: "PQ-010", path: ["provider", "prometheus", "query"], read: parse },
  { code: "EX-010", path: ["successCondition"], read: compileExpression },
  { code: "EX-010", path: ["failureCondition"], read: compileExpression },
];

/** PQ-010, EX-010: queries and conditions that cannot be read. A cluster accepts them; each measurement then errs. */
export const analysisUnreadable: Rule = (manifests) =>
  ANALYSIS_KINDS.flatMap((kind) => ofKind(manifests, "argoproj.io", kind)).flatMap(findingsOf);

function findingsOf(manifest: Manifest) {
  return items(member(manifest.object, "spec", "metrics")).flatMap((metric, index) =>
    checks.flatMap(({ code, path, read }) => {
      const text = member(metric, ...path);
      const problem = typeof text === "string" && text !== "" ? problemOf(text, read) : null;
      if (problem === null) return [];
      const message = `${nameOf(manifest)}: ${path.join(".")} cannot be read: ${problem}`;
      return [at(manifest, ["spec", "metrics", index, ...path], { code, level: "error", message })];
    }),
  );
}

/** Wrong is only what is wrong with each filling. */
function problemOf(text: string, read: Check["read"]): string | null {
  const problems = FILLINGS.map((filling) => readingProblem(filledWith(text, filling), read));
  return problems.every((problem) => problem !== null) ? (problems[0] ?? null) : null;
}

function readingProblem(text: string, read: Check["read"]): string | null {
  try {
    read(text);
    return null;
  } catch (error) {
    if (error instanceof QueryError || error instanceof ExpressionError) return error.message;
    throw error;
  }
}
