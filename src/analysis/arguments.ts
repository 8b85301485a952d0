import { isRecord } from "../base/json.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import type { Argument, Metric } from "./types.ts";

/** The values of a run's arguments by name. */
export type ArgumentValues = ReadonlyMap<string, string>;

/** Reads one key of a Secret in the run's namespace; throws an Error with the text for the user when it cannot. */
export type SecretLookup = (reference: { readonly name: string; readonly key: string }) => string;

export interface ResolvedArguments {
  readonly values: ArgumentValues;
  /** Values that came from Secrets: never to be shown (AN-019). */
  readonly secrets: readonly string[];
}

/** AN-019, AN-003: what is in the run itself, and what its Secrets say. */
export function resolveArguments(args: readonly Argument[] | undefined, secretOf: SecretLookup): ResolvedArguments {
  const values = new Map<string, string>();
  const secrets: string[] = [];
  for (const { name, value, valueFrom } of args ?? []) {
    if (valueFrom?.secretKeyRef) {
      const secret = secretOf(valueFrom.secretKeyRef);
      values.set(name, secret);
      if (secret !== "") secrets.push(secret);
    } else if (value === undefined) {
      throw new AnalysisSpecError(`argument "${name}" was not supplied`);
    } else values.set(name, value);
  }
  return { values, secrets };
}

/** AN-018: every `{{args.x}}` in any text of the metric. */
export function resolveMetric(metric: Metric, values: ArgumentValues): Metric {
  return substitute(metric, values) as Metric;
}

function substitute(value: unknown, values: ArgumentValues): unknown {
  if (typeof value === "string") return substituteText(value, values);
  if (Array.isArray(value)) return value.map((item) => substitute(item, values));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, member]) => [
    substituteText(key, values),
    substitute(member, values),
  ]);
  return Object.fromEntries(entries);
}

const TAG = /\{\{([\s\S]*?)\}\}/g;
/** Writes two braces where a text needs them itself, e.g. a Go template in a Job (SU-015). */
const BRACES = '"{{"';

export function substituteText(text: string, values: ArgumentValues): string {
  if (!text.includes("{{")) return text;
  return text.replace(TAG, (whole, tag: string) => {
    const name = tag.trim();
    if (name === BRACES) return "{{";
    const value = name.startsWith("args.") ? values.get(name.slice("args.".length)) : undefined;
    if (value === undefined) throw new AnalysisSpecError(`failed to resolve ${whole}`);
    return value;
  });
}

const HIDDEN = "*****";

/** AN-019: no secret in a text that people read. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);
}

const SECRET_PLACEHOLDER = "temp-for-secret"; // AN-019
const VALUE_PLACEHOLDER = "dummy-value";

/** Values good enough to check a template before a run exists. */
export function placeholderValues(args: readonly Argument[] | undefined): ArgumentValues {
  return new Map(
    (args ?? []).map(({ name, value, valueFrom }) => {
      if (value !== undefined && valueFrom)
        throw new AnalysisSpecError(`arg '${name}' has both Value and ValueFrom fields`);
      return [name, value ?? (valueFrom ? SECRET_PLACEHOLDER : VALUE_PLACEHOLDER)];
    }),
  );
}
