import { ExpressionError, type Node } from "./ast.ts";
import { Budget } from "./budget.ts";
import { check } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import { type ParseOptions, parseExpression } from "./parse.ts";
import { goType, type Value } from "./values.ts";

export { ExpressionError } from "./ast.ts";
export { plain } from "./functions.ts";
export { Duration, formatFloat, goType, Time, type Value } from "./values.ts";

/** What a condition can see besides `result`. */
export interface Environment {
  readonly result?: Value;
  /** Go's type of the result where it says more than the value, e.g. `[]float64` (MP-041). */
  readonly resultType?: string;
  /** Further names, by what they stand for. */
  readonly variables?: Readonly<Record<string, Value>>;
  readonly now: number;
}

/** A parsed expression: evaluated as often as wanted. Throws `ExpressionError`. */
export interface Expression {
  evaluate(environment: Environment): Value;
  /** Whether the author calls this function, e.g. `isNaN`. */
  calls(name: string): boolean;
}

export function compileExpression(text: string, options: ParseOptions = {}): Expression {
  const root = parseExpression(text, options);
  return {
    evaluate: (environment) => run(root, environment),
    calls: (name) => callsOf(root, name),
  };
}

function run(root: Node, { result, resultType, variables = {}, now }: Environment): Value {
  const names = new Map<string, Value>(Object.entries(variables));
  const types = new Map<string, string | null>([...names].map(([name, value]) => [name, goType(value)]));
  if (result !== undefined) {
    names.set("result", result);
    // A missing result has no type: each operator finds out for itself.
    types.set("result", result === null ? null : (resultType ?? goType(result)));
  }
  check(root, types);
  return evaluate(root, { names, now, budget: new Budget() });
}

/** EX-003: a condition answers yes or no. */
export function evaluateCondition(text: string, environment: Environment): boolean {
  const answer = compileExpression(text).evaluate(environment);
  if (typeof answer !== "boolean") throw new ExpressionError(`expected bool, but got ${goType(answer)}`);
  return answer;
}

function callsOf(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  const candidate = node as { kind?: unknown; name?: unknown };
  if (candidate.kind === "call" && candidate.name === name) return true;
  return Object.values(node).some((member) => callsOf(member, name));
}
