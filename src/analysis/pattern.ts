import { compileRegex, type Regex } from "../routing/regex.ts";

/** An RE2 pattern that may match anywhere in a text (AN-020, EX-016). */
export function unanchoredRegex(pattern: string): Regex | { readonly error: string } {
  // Compiled alone first, so that a pattern such as `)(` is refused and not made whole by the brackets around it.
  const alone = compileRegex(pattern);
  if ("error" in alone) return alone;
  return compileRegex(`[\\s\\S]*(?:${pattern})[\\s\\S]*`);
}
