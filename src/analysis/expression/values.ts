import { isRecord } from "../../base/json.ts";

/**
 * Values of the condition language. Go tells integers from floats, and so do the language's rules (EX-013): here a
 * bigint is an `int` and a number a `float64`. JSON and Prometheus give floats only.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value }
  | Time
  | Duration;

export class Time {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

export class Duration {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

export type ValueMap = { readonly [key: string]: Value };

export function isMap(value: Value): value is ValueMap {
  return isRecord(value) && !(value instanceof Time) && !(value instanceof Duration);
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isNumber(value: Value): value is bigint | number {
  return typeof value === "number" || typeof value === "bigint";
}

/** Go's name of a value's type, as error texts show it. A list of floats alone is what Prometheus answers. */
export function goType(value: Value): string {
  if (value === null) return "<nil>";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float64";
  if (typeof value === "string") return "string";
  if (value instanceof Time) return "time.Time";
  if (value instanceof Duration) return "time.Duration";
  return isList(value) ? "[]interface {}" : "map[string]interface {}";
}

export function equals(left: Value, right: Value): boolean {
  if (isNumber(left) && isNumber(right)) {
    // biome-ignore lint/suspicious/noDoubleEquals: the one comparison that takes an int and a float.
    return left == right;
  }
  if (left instanceof Time && right instanceof Time) return left.ms === right.ms;
  if (left instanceof Duration && right instanceof Duration) return left.ms === right.ms;
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => equals(item, right[index]!));
  }
  if (isMap(left) && isMap(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && equals(left[key]!, right[key]!))
    );
  }
  return left === right;
}

/** Go's shortest decimal without an exponent (MP-005). */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const text = String(value);
  if (!text.includes("e")) return Object.is(value, -0) ? "-0" : text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, "0");
}
