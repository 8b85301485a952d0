import type { Pass } from "./pass.ts";
import type { FieldError } from "./validate.ts";
export function validateReferences(_pass: Pass): FieldError | null {
  return null;
}
