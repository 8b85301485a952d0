import { functions } from "../signature.ts";
import { Duration, EvaluationError, ListValue, MapValue, Timestamp, TypeValue, Uint, type Value } from "../values.ts";
import { doubleText } from "./conversions.ts";
import { durationText, timestampText } from "./time-text.ts";

/** `"%s has %d".format([name, count])`. */
export const formatText = functions({ "string.format(list(dyn)): string": format }, ([text = "", list]) => {
  const items = list instanceof ListValue ? list.items : [];
  const size = items.reduce<number>((sum, item) => sum + sizeOfItem(item), String(text).length);
  return Math.ceil(size * 0.2) + 1;
});

/** Lists are written out: what they hold counts. */
function sizeOfItem(item: Value): number {
  if (typeof item === "string" || item instanceof Uint8Array) return item.length;
  if (item instanceof ListValue) return item.items.reduce<number>((sum, inner) => sum + sizeOfItem(inner), 1);
  if (!(item instanceof MapValue)) return 1;
  return [...item.entries()].reduce((sum, [key, value]) => sum + sizeOfItem(key) + sizeOfItem(value), 1);
}

const PRECISION_MAX = 100;

function format(text: string, { items }: ListValue): string {
  let next = 0;
  return text.replace(/%(?:%|(?:\.(\d+))?(.?))/gs, (whole, precision?: string, verb?: string) => {
    if (whole === "%%") return "%";
    const item = items[next];
    if (item === undefined) throw new EvaluationError(`index ${next} out of range`);
    next++;
    const digits = precision === undefined ? 6 : Number(precision);
    if (digits > PRECISION_MAX)
      throw new EvaluationError(`precision ${digits} of a format is more than ${PRECISION_MAX}`);
    const write = verbs[verb ?? ""];
    if (!write) throw new EvaluationError(`unrecognized formatting clause "${verb}"`);
    return write(item, digits);
  });
}

const verbs: Readonly<Record<string, (item: Value, digits: number) => string>> = {
  s: textOf,
  d: (item) => (typeof item === "number" ? doubleOf(item) : String(wholeOf(item, "d"))),
  f: (item, digits) => finiteOr(item, "f", (value) => value.toFixed(digits)),
  e: (item, digits) => finiteOr(item, "e", (value) => scientific(value.toExponential(digits))),
  b: (item) => (typeof item === "boolean" ? (item ? "1" : "0") : wholeOf(item, "b").toString(2)),
  o: (item) => wholeOf(item, "o").toString(8),
  x: hex,
  X: (item) => hex(item).toUpperCase(),
};

function refuse(clause: string): never {
  throw new EvaluationError(`error during formatting: ${clause} clause cannot take a value of this type`);
}

function wholeOf(item: Value, clause: string): bigint {
  if (typeof item === "bigint") return item;
  return item instanceof Uint ? item.value : refuse(clause);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** `3.140000×10⁰⁰`, as Kubernetes' version of the library writes it, whatever the language. */
function scientific(text: string): string {
  const [digits = "", exponent = "0"] = text.split("e");
  const power = exponent
    .replace(/^[+-]/, "")
    .padStart(2, "0")
    .replace(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)]!);
  return `${digits}×10${exponent.startsWith("-") ? "⁻" : ""}${power}`;
}

/** Texts that stand for numbers without an end, too. */
const ENDLESS: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, "-Infinity": -Infinity };

function finiteOr(item: Value, clause: string, write: (value: number) => string): string {
  const value = typeof item === "string" ? ENDLESS[item] : item;
  if (typeof value !== "number") return refuse(clause);
  if (Number.isFinite(value)) return write(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
}

function doubleOf(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return doubleText(value);
}

function hex(item: Value): string {
  if (typeof item === "string") return Buffer.from(item).toString("hex");
  if (item instanceof Uint8Array) return Buffer.from(item).toString("hex");
  return wholeOf(item, "x").toString(16);
}

function textOf(item: Value): string {
  if (item === null) return "null";
  if (typeof item === "string") return item;
  if (typeof item === "number") return doubleOf(item);
  if (typeof item === "bigint" || typeof item === "boolean") return String(item);
  if (item instanceof Uint) return String(item.value);
  if (item instanceof Uint8Array) return Buffer.from(item).toString();
  if (item instanceof Duration) return durationText(item.nanoseconds);
  if (item instanceof Timestamp) return timestampText(item);
  if (item instanceof TypeValue) return item.typeName;
  if (item instanceof ListValue) return `[${item.items.map(textOf).join(", ")}]`;
  if (item instanceof MapValue) {
    const entries = [...item.entries()].map(([key, value]) => `${textOf(key)}: ${textOf(value)}`);
    return `{${entries.sort().join(", ")}}`;
  }
  return refuse("string");
}
