import { functions } from "../signature.ts";
import {
  type Duration,
  EvaluationError,
  type ListValue,
  type MapValue,
  type Timestamp,
  TypeValue,
  typeNameOf,
  type Uint,
  type Value,
} from "../values.ts";
import { duration, int, timestamp, uint, wholeOf } from "./arithmetic.ts";
import { perItem, walk } from "./costs.ts";
import { lengthOf } from "./text.ts";
import { durationText, millisecondsOf, parseDuration, parseTimestamp, timestampText } from "./time-text.ts";

const plain = functions({
  "dyn(A): dyn": (value: Value) => value,
  "type(A): type(A)": (value: Value) => new TypeValue(typeNameOf(value)),
  "bool(bool): bool": (value: boolean) => value,
  "int(int): int": (value: bigint) => value,
  "int(uint): int": (value: Uint) => int(value.value),
  "int(double): int": (value: number) => int(wholeOf(value)),
  "int(timestamp): int": (value: Timestamp) => BigInt(Math.floor(millisecondsOf(value.nanoseconds) / 1000)),
  "int(duration): int": (value: Duration) => value.nanoseconds,
  "uint(uint): uint": (value: Uint) => value,
  "uint(int): uint": (value: bigint) => uint(value),
  "uint(double): uint": (value: number) => uint(wholeOf(value)),
  "double(double): double": (value: number) => value,
  "double(int): double": (value: bigint) => Number(value),
  "double(uint): double": (value: Uint) => Number(value.value),
  "string(int): string": (value: bigint) => String(value),
  "string(uint): string": (value: Uint) => String(value.value),
  "string(double): string": doubleText,
  "string(bool): string": (value: boolean) => String(value),
  "string(timestamp): string": (value: Timestamp) => timestampText(value),
  "string(duration): string": (value: Duration) => durationText(value.nanoseconds),
  "duration(duration): duration": (value: Duration) => value,
  "duration(int): duration": (value: bigint) => duration(value),
  "timestamp(timestamp): timestamp": (value: Timestamp) => value,
  "timestamp(int): timestamp": (value: bigint) => timestamp(value * 1_000_000_000n),
  "size(list(A)): int": ({ items }: ListValue) => BigInt(items.length),
  "list(A).size(): int": ({ items }: ListValue) => BigInt(items.length),
  "size(map(A, B)): int": ({ size }: MapValue) => BigInt(size),
  "map(A, B).size(): int": ({ size }: MapValue) => BigInt(size),
});

const ofText = functions(
  {
    "bool(string): bool": parseBool,
    "int(string): int": (text: string) => int(wholeNumber(text, "int")),
    "uint(string): uint": (text: string) => uint(wholeNumber(text, "uint")),
    "double(string): double": parseDouble,
    "string(string): string": (text: string) => text,
    "string(bytes): string": decodeUtf8,
    "bytes(bytes): bytes": (value: Uint8Array) => value,
    "bytes(string): bytes": (text: string) => new Uint8Array(Buffer.from(text)),
    "duration(string): duration": (text: string) => {
      const nanoseconds = parseDuration(text);
      if (nanoseconds === null) throw new EvaluationError(`time: invalid duration ${JSON.stringify(text)}`);
      return duration(nanoseconds);
    },
    "timestamp(string): timestamp": (text: string) => {
      const parsed = parseTimestamp(text);
      if (parsed === null) throw new EvaluationError(`cannot parse ${JSON.stringify(text)} as a timestamp`);
      return timestamp(parsed.nanoseconds, parsed.offsetMinutes);
    },
    "size(string): int": (text: string) => BigInt(lengthOf(text)),
    "string.size(): int": (text: string) => BigInt(lengthOf(text)),
    "size(bytes): int": ({ length }: Uint8Array) => BigInt(length),
    "bytes.size(): int": ({ length }: Uint8Array) => BigInt(length),
  },
  walk,
);

// Turning a decimal text into a bigint takes time that grows faster than the text.
const slow = new Set(["int", "uint"]);

/** Go's spellings. */
function parseBool(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw new EvaluationError(`type conversion error from 'string' to 'bool'`);
}

/** No number of 64 bits has more digits; longer texts are not even tried. */
const DIGITS_MAX = 400;

function wholeNumber(text: string, type: string): bigint {
  if (!/^[+-]?\d+$/.test(text) || text.length > DIGITS_MAX) {
    throw new EvaluationError(`type conversion error from 'string' to '${type}'`);
  }
  return BigInt(text.replace(/^\+/, ""));
}

function parseDouble(text: string): number {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    throw new EvaluationError("type conversion error from 'string' to 'double'");
  }
  return Number(text);
}

/** The shortest form, as Go's %g writes it. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return String(value);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new EvaluationError("invalid UTF-8 in bytes, cannot convert to string");
  }
}

export const conversions = [
  ...plain,
  ...ofText.map((overload) => (slow.has(overload.name) ? { ...overload, cost: perItem } : overload)),
];
