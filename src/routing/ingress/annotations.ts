import type { IngressDialect } from "./dialects.ts";

/** The annotations of one Ingress in the eyes of its dialect. */
export interface Annotations {
  /** Without space around it. "" counts as set: some annotations mean something when empty. */
  text(key: string): string | undefined;
  /** For what is sent: one printable ASCII word. Anything else is as if absent, and is among the problems. */
  word(key: string): string | undefined;
  /** The same with spaces in it. */
  line(key: string): string | undefined;
  /** As Go parses booleans; anything else is false. */
  isTrue(key: string): boolean;
  isFalse(key: string): boolean;
  /** A whole number that is not negative; anything else is as if absent. */
  count(key: string): number | undefined;
  /** Keys that are set, without prefix. */
  readonly keys: readonly string[];
}

/** What a header or a path may hold: nothing that could end it and begin another. */
export const PRINTABLE_WORD = /^[\x21-\x7e]+$/;
export const PRINTABLE_LINE = /^[\x20-\x7e]+$/;

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function readAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  { annotationPrefixes }: IngressDialect,
): Annotations {
  const values = new Map<string, string>();
  for (const prefix of annotationPrefixes) {
    for (const [name, value] of Object.entries(annotations ?? {})) {
      const key = name.slice(prefix.length);
      if (name.startsWith(prefix) && !values.has(key)) values.set(key, String(value).trim());
    }
  }
  const printable = (key: string, form: RegExp) => {
    const value = values.get(key);
    return value !== undefined && form.test(value) ? value : undefined;
  };
  return {
    text: (key) => values.get(key),
    word: (key) => printable(key, PRINTABLE_WORD),
    line: (key) => printable(key, PRINTABLE_LINE),
    isTrue: (key) => TRUE.has(values.get(key) ?? ""),
    isFalse: (key) => FALSE.has(values.get(key) ?? ""),
    count(key) {
      const value = values.get(key) ?? "";
      return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
    },
    keys: [...values.keys()],
  };
}
