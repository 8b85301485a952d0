import { compare, equals, includes } from "../equality.ts";
import type { Meter } from "../meter.ts";
import { functions, type Implementation } from "../signature.ts";
import { type Duration, EvaluationError, ListValue, type Uint, type Value } from "../values.ts";
import { duration, int, uint } from "./arithmetic.ts";
import { perItem } from "./costs.ts";

const COMPARABLE = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"] as const;
const SUMMABLE = ["int", "uint", "double", "duration"] as const;

const sums: Readonly<Record<(typeof SUMMABLE)[number], Implementation>> = {
  int: (list: ListValue) => int(sumOf(list, (item) => item as bigint)),
  uint: (list: ListValue) => uint(sumOf(list, (item) => (item as Uint).value)),
  double: (list: ListValue) => list.items.reduce<number>((sum, item) => sum + (item as number), 0),
  duration: (list: ListValue) => duration(sumOf(list, (item) => (item as Duration).nanoseconds)),
};

/** One overload for each type of item, as Kubernetes declares them. */
function perType(
  types: readonly string[],
  signatureOf: (type: string) => string,
  apply: Implementation,
): Readonly<Record<string, Implementation>> {
  return Object.fromEntries(types.map((type) => [signatureOf(type), apply]));
}

export const listFunctions = functions(
  {
    ...perType(
      COMPARABLE,
      (type) => `list(${type}).isSorted(): bool`,
      ({ items }: ListValue) => items.every((item, index) => index === 0 || compare(items[index - 1]!, item) <= 0),
    ),
    ...perType(
      COMPARABLE,
      (type) => `list(${type}).min(): ${type}`,
      (list: ListValue) => extreme(list, "min", -1),
    ),
    ...perType(
      COMPARABLE,
      (type) => `list(${type}).max(): ${type}`,
      (list: ListValue) => extreme(list, "max", 1),
    ),
    ...perType(
      COMPARABLE,
      (type) => `list(${type}).sort(): list(${type})`,
      ({ items }: ListValue) => new ListValue([...items].sort(compare)),
    ),
    ...Object.fromEntries(SUMMABLE.map((type) => [`list(${type}).sum(): ${type}`, sums[type]])),
    "list(A).indexOf(A): int": ({ items }: ListValue, wanted: Value, meter: Meter) =>
      BigInt(items.findIndex((item) => equals(item, wanted, meter))),
    "list(A).lastIndexOf(A): int": ({ items }: ListValue, wanted: Value, meter: Meter) =>
      BigInt(items.findLastIndex((item) => equals(item, wanted, meter))),
    "list(A).distinct(): list(A)": distinct,
    "list(A).reverse(): list(A)": ({ items }: ListValue) => new ListValue(items.toReversed()),
    "list(A).slice(int, int): list(A)": slice,
    "list(A).flatten(): list(dyn)": (list: ListValue) => new ListValue(flatten(list.items, 1)),
    "list(A).flatten(int): list(dyn)": (list: ListValue, depth: bigint) => {
      if (depth < 0n) throw new EvaluationError("level must be non-negative");
      return new ListValue(flatten(list.items, Number(depth)));
    },
    "lists.range(int): list(int)": range,
  },
  perItem,
);

function extreme({ items }: ListValue, name: string, sign: 1 | -1): Value {
  if (items.length === 0) throw new EvaluationError(`${name} called on empty list`);
  return items.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
}

function sumOf({ items }: ListValue, amount: (item: Value) => bigint): bigint {
  return items.reduce<bigint>((sum, item) => sum + amount(item), 0n);
}

function distinct(list: ListValue, meter: Meter): ListValue {
  const kept: Value[] = [];
  for (const item of list.items) if (!includes(new ListValue(kept), item, meter)) kept.push(item);
  return new ListValue(kept);
}

function slice({ items }: ListValue, start: bigint, end: bigint): ListValue {
  if (start < 0n || end < 0n)
    throw new EvaluationError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end)
    throw new EvaluationError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > BigInt(items.length)) {
    throw new EvaluationError(`cannot slice(${start}, ${end}), list is length ${items.length}`);
  }
  return new ListValue(items.slice(Number(start), Number(end)));
}

function flatten(items: readonly Value[], depth: number): readonly Value[] {
  if (depth === 0) return items;
  return items.flatMap((item) => (item instanceof ListValue ? flatten(item.items, depth - 1) : [item]));
}

/** A list costs its items, and this makes them from nothing. */
function range(count: bigint, meter: Meter): ListValue {
  const length = Number(count);
  meter.spend(Math.max(0, length));
  return new ListValue(Array.from({ length: Math.max(0, length) }, (_, index) => BigInt(index)));
}
