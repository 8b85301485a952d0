import { CHARACTER_COST, type Meter } from "./meter.ts";
import {
  Duration,
  EvaluationError,
  isObjectValue,
  ListValue,
  MapValue,
  type ObjectValue,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

/** CEL's equality: numbers by value, maps by key, set and map lists of Kubernetes in any order. */
export function equals(left: Value, right: Value, meter: Meter): boolean {
  meter.spend(CHARACTER_COST);
  const numeric = compareNumbers(left, right);
  if (numeric !== undefined) return numeric === 0;
  if (left === null || right === null || typeof left !== "object" || typeof right !== "object") {
    if (typeof left === "string") meter.spend(left.length * CHARACTER_COST);
    return left === right;
  }
  if (left instanceof ListValue) return right instanceof ListValue && sameLists(left, right, meter);
  if (left instanceof MapValue) return right instanceof MapValue && sameMaps(left, right, meter);
  if (left instanceof Duration) return right instanceof Duration && left.nanoseconds === right.nanoseconds;
  if (left instanceof Timestamp) return right instanceof Timestamp && left.nanoseconds === right.nanoseconds;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.typeName === right.typeName;
  if (left instanceof Uint8Array) return right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  if (left instanceof Optional) return right instanceof Optional && sameOptionals(left, right, meter);
  if (isObjectValue(left)) return isObjectValue(right) && sameObjects(left, right, meter);
  return "isOpaque" in left && "isOpaque" in right && left.typeName === right.typeName && left.equals(right);
}

function sameLists(left: ListValue, right: ListValue, meter: Meter): boolean {
  if (left.items.length !== right.items.length) return false;
  const { identity } = left;
  if (identity === "value") return left.items.every((item) => includes(right, item, meter));
  if (identity === "place") return left.items.every((item, index) => equals(item, right.items[index]!, meter));
  meter.spend(left.items.length);
  const others = new Map(right.items.map((item) => [identity(item), item]));
  return left.items.every((item) => {
    const other = others.get(identity(item));
    return other !== undefined && equals(item, other, meter);
  });
}

export function includes({ items }: ListValue, wanted: Value, meter: Meter): boolean {
  return items.some((item) => equals(item, wanted, meter));
}

function sameMaps(left: MapValue, right: MapValue, meter: Meter): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left.entries()) {
    const other = right.get(key);
    if (other === undefined || !equals(value, other, meter)) return false;
  }
  return true;
}

function sameObjects(left: ObjectValue, right: ObjectValue, meter: Meter): boolean {
  const names = left.fieldNames;
  if (names.length !== right.fieldNames.length) return false;
  meter.spend(left.unknownText.length * CHARACTER_COST);
  if (left.unknownText !== right.unknownText) return false;
  return names.every((name) => {
    const [value, other] = [left.field(name), right.field(name)];
    return value !== undefined && other !== undefined && equals(value, other, meter);
  });
}

function sameOptionals(left: Optional, right: Optional, meter: Meter): boolean {
  if (left.value === undefined || right.value === undefined) return left.value === right.value;
  return equals(left.value, right.value, meter);
}

function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof Uint ? value.value : undefined;
}

/** Undefined: not two numbers. NaN is like nothing. JavaScript compares bigints with numbers exactly. */
function compareNumbers(left: Value, right: Value): number | undefined {
  const [first, second] = [numberOf(left), numberOf(right)];
  if (first === undefined || second === undefined) return undefined;
  if (first < second) return -1;
  if (first > second) return 1;
  // biome-ignore lint/suspicious/noDoubleEquals: 1n and 1 are the same number.
  return first == second ? 0 : Number.NaN;
}

/** Order of two values of comparable types; NaN when a NaN is among them. */
export function compare(left: Value, right: Value): number {
  const numeric = compareNumbers(left, right);
  if (numeric !== undefined) return numeric;
  if (typeof left === "string" && typeof right === "string") return compareTexts(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  const isTime =
    (left instanceof Duration && right instanceof Duration) ||
    (left instanceof Timestamp && right instanceof Timestamp);
  if (isTime) return Number(left.nanoseconds > right.nanoseconds) - Number(left.nanoseconds < right.nanoseconds);
  throw new EvaluationError("no such overload");
}

/** By code point, as UTF-8 sorts; JavaScript would put what lies outside the basic plane before U+E000. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    if (left[at] === right[at]) continue;
    return rank(left.charCodeAt(at)) - rank(right.charCodeAt(at));
  }
  return left.length - right.length;
}

const SURROGATES_START = 0xd800;
const SURROGATES_END = 0xdfff;

function rank(unit: number): number {
  return unit >= SURROGATES_START && unit <= SURROGATES_END ? unit + 0x10000 : unit;
}
