import { isRecord } from "../../../base/json.ts";

/** One entry of `x-kubernetes-validations`. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression: string;
  readonly reason: Reason | undefined;
  readonly fieldPath: string;
  readonly optionalOldSelf: boolean | undefined;
}

/** Sorted, as Kubernetes lists them. */
export const REASONS = [
  "FieldValueDuplicate",
  "FieldValueForbidden",
  "FieldValueInvalid",
  "FieldValueRequired",
] as const;

export type Reason = (typeof REASONS)[number];

export function readRule(entry: unknown): ValidationRule {
  const members = isRecord(entry) ? entry : {};
  const text = (key: string) => (typeof members[key] === "string" ? (members[key] as string) : "");
  const { reason, optionalOldSelf } = members;
  return {
    rule: text("rule"),
    message: text("message"),
    messageExpression: text("messageExpression"),
    reason: REASONS.find((known) => known === reason),
    fieldPath: text("fieldPath"),
    optionalOldSelf: typeof optionalOldSelf === "boolean" ? optionalOldSelf : undefined,
  };
}

/** What a rule is called in problems. */
export function ruleLabel({ rule, message }: ValidationRule): string {
  return (message || rule).trim();
}
