import { canonicalJson } from "../../../base/json.ts";
import type { FieldProblem } from "../resource.ts";

/** The kinds of field problems with Kubernetes' words for them (K8S-77). Each makes the text after the path. */

export function required(field: string, detail = ""): FieldProblem {
  return { field, reason: "FieldValueRequired", message: withDetail("Required value", detail) };
}

export function invalid(field: string, value: unknown, detail: string): FieldProblem {
  return { field, reason: "FieldValueInvalid", message: withDetail(`Invalid value: ${valueText(value)}`, detail) };
}

export function typeInvalid(field: string, value: unknown, detail: string): FieldProblem {
  return { ...invalid(field, value, detail), reason: "FieldValueTypeInvalid" };
}

export function notSupported(field: string, value: unknown, supported: readonly unknown[]): FieldProblem {
  const values = supported.map((item) => JSON.stringify(typeof item === "string" ? item : canonicalJson(item)));
  return {
    field,
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${valueText(value)}: supported values: ${values.join(", ")}`,
  };
}

export function forbidden(field: string, detail: string): FieldProblem {
  return { field, reason: "FieldValueForbidden", message: withDetail("Forbidden", detail) };
}

export function duplicate(field: string, value: unknown): FieldProblem {
  return { field, reason: "FieldValueDuplicate", message: `Duplicate value: ${valueText(value)}` };
}

export function notFound(field: string, value: unknown): FieldProblem {
  return { field, reason: "FieldValueNotFound", message: `Not found: ${valueText(value)}` };
}

export function tooLong(field: string, maxBytes: number): FieldProblem {
  return {
    field,
    reason: "FieldValueTooLong",
    message: `Too long: may not be more than ${maxBytes} bytes`,
  };
}

export function tooMany(field: string, count: number, max: number): FieldProblem {
  return {
    field,
    reason: "FieldValueTooMany",
    message: `Too many: ${count}: must have at most ${max} items`,
  };
}

function valueText(value: unknown): string {
  return value === null || value === undefined ? '"null"' : canonicalJson(value);
}

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}
