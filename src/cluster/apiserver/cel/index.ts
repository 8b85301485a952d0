import { check } from "./check.ts";
import { parse } from "./parser.ts";
import { buildProgram, type Program } from "./program.ts";
import { drawError, SourceError } from "./source.ts";
import { type Type, typeText } from "./types.ts";
import { sameType } from "./unify.ts";

/**
 * The Common Expression Language as Kubernetes sets it up for the rules of CRDs (K8S-157, K8S-158): parsed and checked
 * against the types of the schema, then turned into closures that count their work.
 */
export interface Compiled {
  readonly program: Program;
  readonly usedVariables: ReadonlySet<string>;
}

export type CompileResult = Compiled | { readonly problem: string };

/** `wrongType` is said when the expression is sound, but yields something else than `wanted`. */
export function compile(
  source: string,
  variables: ReadonlyMap<string, Type>,
  wanted: { readonly type: Type; readonly wrongType: string; readonly failed: string },
): CompileResult {
  try {
    const checked = check(parse(source), variables);
    if (checked.problems.length > 0) {
      const problems = [...checked.problems].sort((left, right) => left.at - right.at);
      return { problem: `${wanted.failed}: ${problems.map((problem) => drawError(source, problem)).join("\n")}` };
    }
    if (!sameType(checked.type, wanted.type)) return { problem: wanted.wrongType };
    return { program: buildProgram(checked, [...variables.keys()]), usedVariables: checked.usedVariables };
  } catch (error) {
    if (error instanceof SourceError) return { problem: `${wanted.failed}: ${drawError(source, error)}` };
    throw error;
  }
}

export { CostExceeded, Meter } from "./meter.ts";
export type { Program } from "./program.ts";
export { typeText };
