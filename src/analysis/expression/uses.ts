import { ExpressionError } from "./ast.ts";
import { compileExpression } from "./index.ts";

/** Whether the expression calls one of the functions; false for a text that is no expression. */
export function callsAny(text: string, names: readonly string[]): boolean {
  try {
    const expression = compileExpression(text);
    return names.some((name) => expression.calls(name));
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}
