/** What is wrong with one field of an object, as the original and Kubernetes word it (ARC-701). */

export interface FieldError {
  readonly path: string;
  readonly kind: "invalid" | "required" | "internal";
  readonly value?: unknown;
  readonly detail: string;
}

/** ARC-701. */
export function formatFieldError({ path, kind, value, detail }: FieldError): string {
  if (kind === "required") return `${path}: Required value: ${detail}`;
  if (kind === "internal") return `${path}: Internal error: ${detail}`;
  return `${path}: Invalid value: ${JSON.stringify(value === undefined ? "" : value)}: ${detail}`;
}

export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { path, kind: "invalid", value, detail };
}

export function required(path: string, detail: string): FieldError {
  return { path, kind: "required", detail };
}

/** What a check finds; several things stand for nothing, so that conditions can be written as they are. */
export type Found = FieldError | null | undefined | false | "";

export const NEGATIVE = "must be greater than or equal to 0";

/** In most paths the original leaves out which strategy it is. */
export const STRATEGY = "spec.strategy";
