import { rulesEngine } from "./lazy-rules.ts";
import type { FieldProblem, Schema } from "./resource.ts";
import { hasValidationRules, validateSchema } from "./schema/index.ts";
import { invalid } from "./schema/problems.ts";

/** Problems after which an object may not look as its rules expect it. */
const BLOCKING: ReadonlySet<FieldProblem["reason"]> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

const NOT_CHECKED =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/** The schema first, then its rules, when the object is of the shape that they are written for (K8S-153, K8S-157). */
export function validateCustomResource(schema: Schema, object: object, old: object | null): readonly FieldProblem[] {
  const problems = validateSchema(schema, object, old);
  if (!hasValidationRules(schema)) return problems;
  if (problems.some(({ reason }) => BLOCKING.has(reason))) return [...problems, invalid("<nil>", null, NOT_CHECKED)];
  return [...problems, ...rulesEngine().validateRules(schema, object, old)];
}
