import { compile, type Program } from "../cel/index.ts";
import { boolType, optionalOf, stringType, type Type } from "../cel/types.ts";
import type { Schema } from "../resource.ts";
import { typeOfSchema } from "./declarations.ts";
import { normalizeFieldPath } from "./field-path.ts";
import { readRule, type ValidationRule } from "./rule.ts";

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program | null;
  /** Why there is no program. */
  readonly problem: string;
  readonly messageProgram: Program | null;
  readonly messageProblem: string;
  /** A transition rule: it compares with what was stored before (K8S-157). */
  readonly usesOldSelf: boolean;
  /** Below the place of the rule, as problems spell it; empty: the place itself. */
  readonly fieldPath: string;
}

/** The variables in the order in which programs get them. */
export const VARIABLES = ["self", "oldSelf"] as const;

/** The rules of one schema, those of its parts left out. `rulesOwner` differs from it in `allOf`. */
export function compileRules(schema: Schema, isResource: boolean, rulesOwner: Schema): readonly CompiledRule[] {
  const entries = rulesOwner["x-kubernetes-validations"] ?? [];
  if (entries.length === 0) return [];
  const type = typeOfSchema(schema, isResource);
  return entries.map((entry) => compileRule(readRule(entry), schema, type));
}

function compileRule(rule: ValidationRule, schema: Schema, type: Type | null): CompiledRule {
  const fieldPath = rule.fieldPath === "" ? "" : (normalizeFieldPath(rule.fieldPath, schema) ?? "");
  const nothing = { rule, fieldPath, program: null, messageProgram: null, messageProblem: "", usesOldSelf: false };
  if (rule.rule.trim() === "") return { ...nothing, problem: "" };
  if (!type) return { ...nothing, problem: "failed to convert to declType for CEL validation rules" };
  const variables = new Map<string, Type>([
    ["self", type],
    ["oldSelf", rule.optionalOldSelf ? optionalOf(type) : type],
  ]);
  const compiled = compile(rule.rule, variables, {
    type: boolType,
    wrongType: "cel expression must evaluate to a bool",
    failed: "compilation failed",
  });
  if ("problem" in compiled) return { ...nothing, problem: compiled.problem };
  const { program, usedVariables } = compiled;
  const result = { ...nothing, program, problem: "", usesOldSelf: usedVariables.has("oldSelf") };
  if (rule.messageExpression.trim() === "") return result;
  const message = compile(rule.messageExpression, variables, {
    type: stringType,
    wrongType: "messageExpression must evaluate to a string",
    failed: "messageExpression compilation failed",
  });
  return "problem" in message
    ? { ...result, messageProblem: message.problem }
    : { ...result, messageProgram: message.program };
}
