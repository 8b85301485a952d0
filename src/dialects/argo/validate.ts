import type { RolloutView } from "./view.ts";
export interface FieldError {
  readonly path: string;
  readonly kind: "invalid" | "required" | "internal";
  readonly value?: unknown;
  readonly detail: string;
}
export function formatFieldError({ path, kind, value, detail }: FieldError): string {
  if (kind === "required") return `${path}: Required value: ${detail}`;
  if (kind === "internal") return `${path}: Internal error: ${detail}`;
  return `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`;
}
export function validateSpec(_view: RolloutView): FieldError | null {
  return null;
}
