import { SourceError } from "./source.ts";
import type { Expression, FoldKind } from "./syntax.ts";

/**
 * Calls that are more than a call, because an argument names a variable or is a field that is looked for. Null: not a
 * macro, with this number of arguments at least.
 */
export function expandMacro(
  at: number,
  name: string,
  target: Expression | null,
  args: readonly Expression[],
): Expression | null {
  if (target === null) return name === "has" && args.length === 1 ? has(at, args[0]!) : null;
  const fold = folds[`${name}/${args.length}`];
  if (fold) return expandFold(at, fold, target, args);
  if ((name === "optMap" || name === "optFlatMap") && args.length === 2) {
    const [variable, body] = [nameOf(args[0]!), args[1]!];
    return { kind: "withValue", at, operand: target, variable, body, isFlat: name === "optFlatMap" };
  }
  return null;
}

interface FoldForm {
  readonly fold: FoldKind;
  readonly variableCount: 1 | 2;
  readonly hasCondition?: boolean;
}

/** By name and number of arguments. */
const folds: Readonly<Record<string, FoldForm>> = {
  "all/2": { fold: "all", variableCount: 1 },
  "all/3": { fold: "all", variableCount: 2 },
  "exists/2": { fold: "exists", variableCount: 1 },
  "exists/3": { fold: "exists", variableCount: 2 },
  "exists_one/2": { fold: "existsOne", variableCount: 1 },
  "exists_one/3": { fold: "existsOne", variableCount: 2 },
  "existsOne/2": { fold: "existsOne", variableCount: 1 },
  "existsOne/3": { fold: "existsOne", variableCount: 2 },
  "filter/2": { fold: "filter", variableCount: 1 },
  "map/2": { fold: "map", variableCount: 1 },
  "map/3": { fold: "map", variableCount: 1, hasCondition: true },
  "transformList/3": { fold: "map", variableCount: 2 },
  "transformList/4": { fold: "map", variableCount: 2, hasCondition: true },
  "transformMap/3": { fold: "transformMap", variableCount: 2 },
  "transformMap/4": { fold: "transformMap", variableCount: 2, hasCondition: true },
  "transformMapEntry/3": { fold: "transformMapEntry", variableCount: 2 },
  "transformMapEntry/4": { fold: "transformMapEntry", variableCount: 2, hasCondition: true },
  "sortBy/2": { fold: "sortBy", variableCount: 1 },
};

function expandFold(
  at: number,
  { fold, variableCount, hasCondition }: FoldForm,
  range: Expression,
  args: readonly Expression[],
): Expression {
  const first = nameOf(args[0]!);
  const variables = variableCount === 1 ? ([first] as const) : ([first, nameOf(args[1]!)] as const);
  if (variables[0] === variables[1] && variables[0] !== "_") {
    throw new SourceError(args[1]!.at, "duplicate variable name in a macro");
  }
  const condition = hasCondition ? args[variableCount]! : null;
  return { kind: "fold", at, fold, range, variables, condition, body: args.at(-1)! };
}

/** The result of a macro while it is made, which has this name in CEL. */
const ACCUMULATOR = "__result__";

function nameOf(argument: Expression): string {
  if (argument.kind === "name") {
    if (argument.name !== ACCUMULATOR) return argument.name;
    throw new SourceError(argument.at, "iteration variable overwrites accumulator variable");
  }
  throw new SourceError(argument.at, "argument must be a simple name");
}

function has(at: number, argument: Expression): Expression {
  if (argument.kind === "select" && !argument.isTest) return { ...argument, at, isTest: true };
  throw new SourceError(argument.at, "invalid argument to has() macro");
}
