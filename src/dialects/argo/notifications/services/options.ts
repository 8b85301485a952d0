import { parseDurationMs } from "../../../../base/duration.ts";
import { isRecord } from "../../../../base/json.ts";
import { NotificationError } from "../types.ts";

/** Readers of what people write into service configurations and templates. */

type Options = Readonly<Record<string, unknown>>;

export function textOption(options: Options, name: string): string {
  const value = options[name] ?? "";
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new NotificationError(`${name}: expected a text, found ${JSON.stringify(value)}`);
}

export function requiredText(options: Options, name: string): string {
  const value = textOption(options, name);
  if (value === "") throw new NotificationError(`${name} is missing`);
  return value;
}

export function urlOption(options: Options, name: string): string {
  const value = requiredText(options, name);
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) {
    throw new NotificationError(`${name}: expected an http or https URL, found "${value}"`);
  }
  return value;
}

export function flagOption(options: Options, name: string): boolean {
  const value = options[name] ?? false;
  if (typeof value !== "boolean")
    throw new NotificationError(`${name}: expected true or false, found ${JSON.stringify(value)}`);
  return value;
}

export function numberOption(options: Options, name: string, fallback: number): number {
  const value = options[name] ?? fallback;
  if (typeof value !== "number" || value < 0) {
    throw new NotificationError(`${name}: expected a number, found ${JSON.stringify(value)}`);
  }
  return value === 0 ? fallback : value;
}

/** Go reads a bare number as nanoseconds. */
export function durationMsOption(options: Options, name: string, fallbackMs: number): number {
  const value = options[name] ?? 0;
  const ms = typeof value === "number" ? value / 1e6 : typeof value === "string" ? parseDurationMs(value) : null;
  if (ms === null)
    throw new NotificationError(`${name}: expected a duration such as 3s, found ${JSON.stringify(value)}`);
  return ms === 0 ? fallbackMs : ms;
}

export function recordOption(options: Options, name: string): Options {
  const value = options[name] ?? {};
  if (!isRecord(value)) throw new NotificationError(`${name}: expected an object, found ${JSON.stringify(value)}`);
  return value;
}

export function listOption(options: Options, name: string): readonly unknown[] {
  const value = options[name] ?? [];
  if (!Array.isArray(value)) throw new NotificationError(`${name}: expected a list, found ${JSON.stringify(value)}`);
  return value;
}

export function basicAuthHeader(options: Options): Readonly<Record<string, string>> {
  if (options["basicAuth"] === undefined) return {};
  const auth = recordOption(options, "basicAuth");
  const pair = `${textOption(auth, "username")}:${textOption(auth, "password")}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** A part of a template that has to be JSON once it is rendered. */
export function parseJsonText(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NotificationError(`${what} is not JSON: ${(error as Error).message}: ${text.slice(0, 200)}`);
  }
}
