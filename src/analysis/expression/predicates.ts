import { ExpressionError } from "./ast.ts";
import { equals, goType, isList, isMap, isNumber, type Value } from "./values.ts";

/** Which argument of a function is a predicate: the place in its list (EX-011). */
export const predicateArguments: Readonly<Record<string, number>> = {
  all: 1,
  any: 1,
  none: 1,
  one: 1,
  filter: 1,
  map: 1,
  count: 1,
  sum: 1,
  find: 1,
  findIndex: 1,
  findLast: 1,
  findLastIndex: 1,
  groupBy: 1,
  countBy: 1,
  sortBy: 1,
  reduce: 1,
};

/** What the predicate says of one element; `accumulated` only for `reduce`. */
export type Predicate = (item: Value, index: number, accumulated?: Value) => Value;

export function callPredicate(
  name: string,
  list: Value,
  { predicate, rest }: { predicate: Predicate | null; rest: readonly Value[] },
): Value {
  const items = itemsOf(list, name);
  const body = predicate ?? ((item: Value) => item);
  const holds = (item: Value, index: number) => asBool(body(item, index));
  switch (name) {
    case "all":
      return items.every(holds);
    case "any":
      return items.some(holds);
    case "none":
      return !items.some(holds);
    case "one":
      return items.filter(holds).length === 1;
    case "filter":
      return items.filter(holds);
    case "map":
      return items.map((item, index) => body(item, index));
    case "count":
      return BigInt(items.filter(holds).length);
    case "sum":
      return sum(items.map((item, index) => body(item, index)));
    case "find":
      return items.find(holds) ?? null;
    case "findIndex":
      return BigInt(items.findIndex(holds));
    case "findLast":
      return items.findLast(holds) ?? null;
    case "findLastIndex":
      return BigInt(items.findLastIndex(holds));
    case "groupBy":
      return Object.fromEntries(Map.groupBy(items, (item, index) => keyText(body(item, index))));
    case "countBy":
      return counts(items.map((item, index) => keyText(body(item, index))));
    case "sortBy":
      return sortedBy(items, body, rest[0] === "desc");
    default:
      return reduced(items, body, rest);
  }
}

function itemsOf(list: Value, name: string): readonly Value[] {
  if (isList(list)) return list;
  if (isMap(list)) return Object.values(list);
  throw new ExpressionError(`builtin ${name} takes only array (got ${goType(list)})`);
}

function asBool(value: Value): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`predicate should return boolean (got ${goType(value)})`);
}

export function sum(values: readonly Value[]): Value {
  if (values.every((value) => typeof value === "bigint")) return values.reduce((total, value) => total + value, 0n);
  return values.reduce((total: number, value) => {
    if (!isNumber(value)) throw new ExpressionError(`cannot sum ${goType(value)}`);
    return total + Number(value);
  }, 0);
}

function keyText(value: Value): string {
  return typeof value === "string" ? value : String(value);
}

function counts(keys: readonly string[]): Value {
  const result: Record<string, bigint> = {};
  for (const key of keys) result[key] = (result[key] ?? 0n) + 1n;
  return result;
}

function sortedBy(items: readonly Value[], body: Predicate, isDescending: boolean): Value {
  return items
    .map((item, index) => ({ item, key: body(item, index) }))
    .sort((left, right) => (isDescending ? -1 : 1) * order(left.key, right.key))
    .map(({ item }) => item);
}

/** Negative, zero or positive; for lists of one sort of value. */
export function order(left: Value, right: Value): number {
  if (equals(left, right)) return 0;
  if ((isNumber(left) && isNumber(right)) || (typeof left === "string" && typeof right === "string")) {
    return left < right ? -1 : 1;
  }
  throw new ExpressionError(`cannot compare ${goType(left)} with ${goType(right)}`);
}

function reduced(items: readonly Value[], body: Predicate, rest: readonly Value[]): Value {
  if (rest.length === 0 && items.length === 0) throw new ExpressionError("reduce of empty array with no initial value");
  const hasStart = rest.length > 0;
  let accumulated: Value = hasStart ? rest[0]! : items[0]!;
  items.forEach((item, index) => {
    if (hasStart || index > 0) accumulated = body(item, index, accumulated);
  });
  return accumulated;
}
