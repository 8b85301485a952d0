import { compare, equals, includes } from "../equality.ts";
import type { Meter } from "../meter.ts";
import { functions, type Implementation } from "../signature.ts";
import {
  type Duration,
  EvaluationError,
  isObjectValue,
  ListValue,
  MapValue,
  Optional,
  type Timestamp,
  Uint,
  type Value,
} from "../values.ts";
import { divide, duration, int, remainder, timestamp, uint } from "./arithmetic.ts";
import { walkAll } from "./costs.ts";

const arithmetic = functions({
  "_+_(int, int): int": (left: bigint, right: bigint) => int(left + right),
  "_-_(int, int): int": (left: bigint, right: bigint) => int(left - right),
  "_*_(int, int): int": (left: bigint, right: bigint) => int(left * right),
  "_/_(int, int): int": (left: bigint, right: bigint) => int(divide(left, right)),
  "_%_(int, int): int": (left: bigint, right: bigint) => remainder(left, right),
  "-_(int): int": (value: bigint) => int(-value),
  "_+_(uint, uint): uint": (left: Uint, right: Uint) => uint(left.value + right.value),
  "_-_(uint, uint): uint": (left: Uint, right: Uint) => uint(left.value - right.value),
  "_*_(uint, uint): uint": (left: Uint, right: Uint) => uint(left.value * right.value),
  "_/_(uint, uint): uint": (left: Uint, right: Uint) => uint(divide(left.value, right.value)),
  "_%_(uint, uint): uint": (left: Uint, right: Uint) => uint(remainder(left.value, right.value)),
  "_+_(double, double): double": (left: number, right: number) => left + right,
  "_-_(double, double): double": (left: number, right: number) => left - right,
  "_*_(double, double): double": (left: number, right: number) => left * right,
  "_/_(double, double): double": (left: number, right: number) => left / right,
  "-_(double): double": (value: number) => -value,
  "_+_(duration, duration): duration": (left: Duration, right: Duration) =>
    duration(left.nanoseconds + right.nanoseconds),
  "_-_(duration, duration): duration": (left: Duration, right: Duration) =>
    duration(left.nanoseconds - right.nanoseconds),
  "_+_(timestamp, duration): timestamp": (left: Timestamp, right: Duration) =>
    timestamp(left.nanoseconds + right.nanoseconds, left.offsetMinutes),
  "_+_(duration, timestamp): timestamp": (left: Duration, right: Timestamp) =>
    timestamp(left.nanoseconds + right.nanoseconds, right.offsetMinutes),
  "_-_(timestamp, duration): timestamp": (left: Timestamp, right: Duration) =>
    timestamp(left.nanoseconds - right.nanoseconds, left.offsetMinutes),
  "_-_(timestamp, timestamp): duration": (left: Timestamp, right: Timestamp) =>
    duration(left.nanoseconds - right.nanoseconds),
  "!_(bool): bool": (value: boolean) => !value,
});

const concatenation = functions(
  {
    "_+_(string, string): string": (left: string, right: string) => left + right,
    "_+_(bytes, bytes): bytes": (left: Uint8Array, right: Uint8Array) => new Uint8Array([...left, ...right]),
    "_+_(list(A), list(A)): list(A)": concatenate,
  },
  // Items are copied, unlike in Go: each counts.
  (args) => walkAll(args) * (typeof args[0] === "string" ? 1 : 10),
);

/** Kubernetes' lists keep what they are: a set takes each item once, a map list replaces the item with the same keys. */
function concatenate(left: ListValue, right: ListValue, meter: Meter): ListValue {
  const { identity } = left;
  if (identity === "place") return new ListValue([...left.items, ...right.items]);
  if (identity === "value") {
    const added = right.items.filter((item) => !includes(left, item, meter));
    return new ListValue([...left.items, ...added], identity);
  }
  const byKey = new Map(left.items.map((item) => [identity(item), item]));
  for (const item of right.items) byKey.set(identity(item), item);
  return new ListValue([...byKey.values()], identity);
}

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  "_<_": (order) => order < 0,
  "_<=_": (order) => order <= 0,
  "_>_": (order) => order > 0,
  "_>=_": (order) => order >= 0,
};

/** Types that have an order; numbers compare across types. */
const ORDERED_PAIRS: readonly string[] = [
  ...["int", "uint", "double"].flatMap((left) => ["int", "uint", "double"].map((right) => `${left}, ${right}`)),
  ...["bool", "string", "bytes", "timestamp", "duration"].map((type) => `${type}, ${type}`),
];

const ordering = functions(
  Object.fromEntries(
    Object.entries(comparisons).flatMap(([operator, holds]) =>
      ORDERED_PAIRS.map((pair): [string, Implementation] => [
        `${operator}(${pair}): bool`,
        (left: Value, right: Value) => holds(compare(left, right)),
      ]),
    ),
  ),
  walkAll,
);

const relations = functions({
  "_==_(A, A): bool": equals,
  "_!=_(A, A): bool": (left: Value, right: Value, meter: Meter) => !equals(left, right, meter),
  "@in(A, list(A)): bool": (item: Value, list: ListValue, meter: Meter) => includes(list, item, meter),
  "@in(A, map(A, B)): bool": (key: Value, map: MapValue) => map.get(key) !== undefined,
  // An object that came through dyn.
  "@in(string, dyn): bool": (key: string, holder: Value) =>
    holder !== null && isObjectValue(holder) && holder.field(key) !== undefined,
});

const indexing = functions({
  "_[_](list(A), int): A": (list: Value, index: bigint) => present(at(list, index), `index out of bounds: ${index}`),
  "_[_](map(A, B), A): B": (map: Value, key: Value) => present(at(map, key), `no such key: ${keyText(key)}`),
  "_[_](optional(list(A)), int): optional(A)": (list: Optional, index: bigint) => optionally(list.value, index),
  "_[_](optional(map(A, B)), A): optional(B)": (map: Optional, key: Value) => optionally(map.value, key),
  "_[?_](list(A), int): optional(A)": (list: Value, index: bigint) => optionally(list, index),
  "_[?_](map(A, B), A): optional(B)": (map: Value, key: Value) => optionally(map, key),
  "_[?_](optional(list(A)), int): optional(A)": (list: Optional, index: bigint) => optionally(list.value, index),
  "_[?_](optional(map(A, B)), A): optional(B)": (map: Optional, key: Value) => optionally(map.value, key),
});

function at(whole: Value, index: Value): Value | undefined {
  if (whole instanceof MapValue) return whole.get(index);
  if (whole instanceof ListValue && typeof index === "bigint") return whole.items[Number(index)];
  throw new EvaluationError("no such overload");
}

function present(value: Value | undefined, problem: string): Value {
  if (value === undefined) throw new EvaluationError(problem);
  return value;
}

function optionally(whole: Value | undefined, index: Value): Value {
  const found = whole === undefined ? undefined : at(whole, index);
  return found === undefined ? Optional.none : new Optional(found);
}

function keyText(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key);
}

export const operators = [...arithmetic, ...concatenation, ...ordering, ...relations, ...indexing];
