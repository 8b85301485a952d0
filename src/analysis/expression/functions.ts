import { parseDurationMs } from "../../base/duration.ts";
import { isRecord } from "../../base/json.ts";
import { parseTime } from "../../base/time.ts";
import { ExpressionError } from "./ast.ts";
import { order, sum } from "./predicates.ts";
import { Duration, equals, formatFloat, goType, isList, isMap, isNumber, Time, type Value } from "./values.ts";

/** What functions may know besides their arguments. */
export interface FunctionContext {
  readonly now: number;
}

export interface FunctionRule {
  /** Least and most arguments. */
  readonly arity: readonly [number, number];
  /** Go's type of the answer where it is always the same: lets a mistake show before evaluation (EX-006). */
  readonly type?: string;
  call(args: readonly Value[], context: FunctionContext): Value;
}

/** The functions of the environment (section 4.2) and of the language (EX-011, EX-012). */
export const functions: Readonly<Record<string, FunctionRule>> = {
  asInt: rule([1, 1], ([x]) => asInt(x!), "int"),
  asFloat: rule([1, 1], ([x]) => asFloat(x!), "float64"),
  isNaN: rule([1, 1], ([x]) => Number.isNaN(floatArgument(x!, "isNaN")), "bool"),
  isInf: rule([1, 1], ([x]) => Math.abs(floatArgument(x!, "isInf")) === Infinity, "bool"),
  isNil: rule([1, 1], ([x]) => x === null, "bool"),
  default: rule([2, 2], ([x, y]) => (x === null ? y! : x!)),

  len: rule([1, 1], ([x]) => BigInt(lengthOf(x!)), "int"),
  type: rule([1, 1], ([x]) => typeName(x!), "string"),
  int: rule([1, 1], ([x]) => toInt(x!), "int"),
  float: rule([1, 1], ([x]) => toFloat(x!), "float64"),
  string: rule([1, 1], ([x]) => toText(x!), "string"),
  abs: rule([1, 1], ([x]) => {
    const value = numeric(x!, "abs");
    return value < 0 ? -value : value;
  }),
  ceil: rule([1, 1], ([x]) => Math.ceil(Number(numeric(x!, "ceil"))), "float64"),
  floor: rule([1, 1], ([x]) => Math.floor(Number(numeric(x!, "floor"))), "float64"),
  round: rule([1, 1], ([x]) => roundHalfAway(Number(numeric(x!, "round"))), "float64"),
  max: rule([1, Infinity], (args) => extreme(args, "max", (a, b) => a > b)),
  min: rule([1, Infinity], (args) => extreme(args, "min", (a, b) => a < b)),
  mean: rule([1, Infinity], (args) => mean(numbersOf(args, "mean")), "float64"),
  median: rule([1, Infinity], (args) => median(numbersOf(args, "median")), "float64"),

  trim: text(1, 2, (s, [cut]) => trim(s, cut)),
  trimPrefix: text(1, 2, (s, [prefix = " "]) => (s.startsWith(prefix) ? s.slice(prefix.length) : s)),
  trimSuffix: text(1, 2, (s, [suffix = " "]) => (suffix !== "" && s.endsWith(suffix) ? s.slice(0, -suffix.length) : s)),
  upper: text(1, 1, (s) => s.toUpperCase()),
  lower: text(1, 1, (s) => s.toLowerCase()),
  split: rule([2, 3], ([s, by, limit]) => split(s!, by!, limit), "[]string"),
  splitAfter: rule([2, 3], ([s, by, limit]) => {
    const parts = split(s!, by!, limit) as string[];
    return parts.map((part, index) => (index < parts.length - 1 ? part + by : part));
  }),
  replace: text(3, 3, (s, [from = "", to = ""]) => replace(s, from, to)),
  repeat: rule([2, 2], ([s, times]) => repeat(s!, times!), "string"),
  join: rule([1, 2], ([list, by]) =>
    listArgument(list!, "join")
      .map(toText)
      .join(by === undefined ? "" : toText(by)),
  ),
  indexOf: rule(
    [2, 2],
    ([s, part]) => BigInt(textArgument(s!, "indexOf").indexOf(textArgument(part!, "indexOf"))),
    "int",
  ),
  lastIndexOf: rule(
    [2, 2],
    ([s, part]) => BigInt(textArgument(s!, "lastIndexOf").lastIndexOf(textArgument(part!, "lastIndexOf"))),
    "int",
  ),
  hasPrefix: rule([2, 2], ([s, x]) => textArgument(s!, "hasPrefix").startsWith(textArgument(x!, "hasPrefix")), "bool"),
  hasSuffix: rule([2, 2], ([s, x]) => textArgument(s!, "hasSuffix").endsWith(textArgument(x!, "hasSuffix")), "bool"),

  toJSON: rule([1, 1], ([x]) => JSON.stringify(plain(x!), null, 2), "string"),
  fromJSON: rule([1, 1], ([x]) => fromJson(textArgument(x!, "fromJSON"))),
  toBase64: text(1, 1, (s) => Buffer.from(s, "utf8").toString("base64")),
  fromBase64: text(1, 1, (s) => Buffer.from(s, "base64").toString("utf8")),

  now: rule([0, 0], (_, { now }) => new Time(now), "time.Time"),
  duration: rule([1, 1], ([x]) => durationOf(textArgument(x!, "duration")), "time.Duration"),
  date: rule([1, 3], ([x]) => dateOf(textArgument(x!, "date")), "time.Time"),

  first: rule([1, 1], ([x]) => listArgument(x!, "first")[0] ?? null),
  last: rule([1, 1], ([x]) => listArgument(x!, "last").at(-1) ?? null),
  get: rule([2, 2], ([x, key]) => lookup(x!, key!)),
  take: rule([2, 2], ([x, n]) => listArgument(x!, "take").slice(0, Number(numeric(n!, "take")))),
  keys: rule([1, 1], ([x]) => Object.keys(mapArgument(x!, "keys"))),
  values: rule([1, 1], ([x]) => Object.values(mapArgument(x!, "values"))),
  toPairs: rule([1, 1], ([x]) => Object.entries(mapArgument(x!, "toPairs")).map((pair) => [...pair])),
  fromPairs: rule([1, 1], ([x]) =>
    Object.fromEntries(listArgument(x!, "fromPairs").map((pair) => listArgument(pair, "fromPairs") as [string, Value])),
  ),
  reverse: rule([1, 1], ([x]) => [...listArgument(x!, "reverse")].reverse()),
  uniq: rule([1, 1], ([x]) => uniq(listArgument(x!, "uniq"))),
  concat: rule([1, Infinity], (args) => args.flatMap((list) => [...listArgument(list, "concat")])),
  flatten: rule([1, 1], ([x]) => flatten(listArgument(x!, "flatten"))),
  sort: rule([1, 2], ([x, direction]) => {
    const sign = direction === "desc" ? -1 : 1;
    return [...listArgument(x!, "sort")].sort((left, right) => sign * order(left, right));
  }),

  bitand: bits((a, b) => a & b),
  bitor: bits((a, b) => a | b),
  bitxor: bits((a, b) => a ^ b),
  bitnand: bits((a, b) => a & ~b),
  bitnot: rule([1, 1], ([x]) => ~integer(x!, "bitnot"), "int"),
  bitshl: bits((a, b) => BigInt.asIntN(64, a << b)),
  bitshr: bits((a, b) => a >> b),
  bitushr: bits((a, b) => BigInt.asIntN(64, BigInt.asUintN(64, a) >> b)),
};

function rule(arity: FunctionRule["arity"], call: FunctionRule["call"], type?: string): FunctionRule {
  return type === undefined ? { arity, call } : { arity, call, type };
}

function text(least: number, most: number, call: (s: string, rest: readonly string[]) => string): FunctionRule {
  return rule(
    [least, most],
    (args) => {
      const [s, ...rest] = args.map((argument) => textArgument(argument, "string function"));
      return call(s!, rest);
    },
    "string",
  );
}

function bits(call: (a: bigint, b: bigint) => bigint): FunctionRule {
  return rule([2, 2], ([a, b]) => call(integer(a!, "bit function"), integer(b!, "bit function")), "int");
}

function asInt(value: Value): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isFinite(value)) return BigInt(Math.trunc(value));
  if (typeof value === "string") {
    if (/^[+-]?\d+$/.test(value)) return BigInt(value.replace("+", ""));
    throw new ExpressionError(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  throw new ExpressionError(`asInt() not supported on ${goType(value)} ${toText(value)}`);
}

function asFloat(value: Value): number {
  if (isNumber(value)) return Number(value);
  if (typeof value === "string") return parseFloat64(value);
  throw new ExpressionError(`asFloat() not supported on ${goType(value)} ${toText(value)}`);
}

function parseFloat64(source: string): number {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(source)) return Number(source);
  if (/^[+-]?inf(inity)?$/i.test(source)) return source.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(source)) return NaN;
  throw new ExpressionError(`strconv.ParseFloat: parsing ${JSON.stringify(source)}: invalid syntax`);
}

function floatArgument(value: Value, name: string): number {
  if (typeof value === "number") return value;
  throw new ExpressionError(`cannot use ${goType(value)} as argument (type float64) to call ${name}`);
}

function lengthOf(value: Value): number {
  if (typeof value === "string") return [...value].length;
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new ExpressionError(`invalid argument for len (type ${goType(value)})`);
}

function typeName(value: Value): string {
  if (value === null) return "nil";
  if (typeof value === "number") return "float";
  if (typeof value === "bigint") return "int";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return isList(value) ? "array" : goType(value) === "map[string]interface {}" ? "map" : goType(value);
}

function toInt(value: Value): bigint {
  if (isNumber(value)) return asInt(value);
  if (typeof value === "string" && /^[+-]?\d+$/.test(value)) return BigInt(value.replace("+", ""));
  if (typeof value === "string") throw new ExpressionError("invalid operation: int(string)");
  throw new ExpressionError(`invalid operation: int(${goType(value)})`);
}

function toFloat(value: Value): number {
  if (isNumber(value)) return Number(value);
  if (typeof value === "string") return parseFloat64(value);
  throw new ExpressionError(`invalid operation: float(${goType(value)})`);
}

function toText(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatFloat(value);
  if (value === null) return "<nil>";
  return typeof value === "object" ? JSON.stringify(plain(value)) : String(value);
}

function numeric(value: Value, name: string): number | bigint {
  if (isNumber(value)) return value;
  throw new ExpressionError(`invalid argument for ${name} (type ${goType(value)})`);
}

function integer(value: Value, name: string): bigint {
  if (typeof value === "bigint") return value;
  throw new ExpressionError(`cannot use ${goType(value)} as argument (type int) to call ${name}`);
}

function textArgument(value: Value, name: string): string {
  if (typeof value === "string") return value;
  throw new ExpressionError(`cannot use ${goType(value)} as argument (type string) to call ${name}`);
}

function listArgument(value: Value, name: string): readonly Value[] {
  if (isList(value)) return value;
  throw new ExpressionError(`cannot ${name} ${goType(value)}`);
}

function mapArgument(value: Value, name: string): { readonly [key: string]: Value } {
  if (isMap(value)) return value;
  throw new ExpressionError(`cannot get ${name} from ${goType(value)}`);
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

function numbersOf(args: readonly Value[], name: string): readonly (number | bigint)[] {
  return args.flatMap((argument) => (isList(argument) ? numbersOf(argument, name) : [numeric(argument, name)]));
}

function extreme(
  args: readonly Value[],
  name: string,
  wins: (a: number | bigint, b: number | bigint) => boolean,
): Value {
  const numbers = numbersOf(args, name);
  if (numbers.length === 0) throw new ExpressionError(`not enough arguments to call ${name}`);
  return numbers.reduce((best, value) => (wins(value, best) ? value : best));
}

function mean(numbers: readonly (number | bigint)[]): number {
  return numbers.length === 0 ? 0 : Number(sum(numbers)) / numbers.length;
}

function median(numbers: readonly (number | bigint)[]): number {
  if (numbers.length === 0) return 0;
  const sorted = numbers.map(Number).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function trim(s: string, cut: string | undefined): string {
  if (cut === undefined) return s.trim();
  let from = 0;
  let to = s.length;
  while (from < to && cut.includes(s[from]!)) from++;
  while (to > from && cut.includes(s[to - 1]!)) to--;
  return s.slice(from, to);
}

function split(s: Value, by: Value, limit: Value | undefined): string[] {
  const parts = textArgument(s, "split").split(textArgument(by, "split"));
  const most = limit === undefined ? -1 : Number(numeric(limit, "split"));
  if (most < 0 || parts.length <= most) return parts;
  return most === 0 ? [] : [...parts.slice(0, most - 1), parts.slice(most - 1).join(by as string)];
}

const TEXT_MAX = 1_000_000;

function replace(s: string, from: string, to: string): string {
  checkLength(s.length + (s.split(from).length + 1) * to.length);
  return s.replaceAll(from, () => to);
}

function checkLength(length: number): void {
  if (length > TEXT_MAX) throw new ExpressionError("memory budget exceeded");
}

function repeat(s: Value, times: Value): string {
  const source = textArgument(s, "repeat");
  const count = Number(integer(times, "repeat"));
  checkLength(count < 0 ? Number.POSITIVE_INFINITY : count * source.length);
  return source.repeat(count);
}

function fromJson(source: string): Value {
  try {
    return JSON.parse(source) as Value;
  } catch {
    throw new ExpressionError("fromJSON: the text is not JSON");
  }
}

/** Without the language's own classes, for JSON. */
export function plain(value: Value): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Time) return new Date(value.ms).toISOString();
  if (value instanceof Duration) return value.ms * 1e6;
  if (isList(value)) return value.map(plain);
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member as Value)]));
  return value;
}

function durationOf(source: string): Duration {
  const ms = parseDurationMs(source.replace(/^[-+]/, ""));
  if (ms === null) throw new ExpressionError(`time: invalid duration ${JSON.stringify(source)}`);
  return new Duration(source.startsWith("-") ? -ms : ms);
}

function dateOf(source: string): Time {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(source) ? parseTime(source) : null;
  if (ms === null) throw new ExpressionError(`invalid date ${source}`);
  return new Time(ms);
}

function lookup(container: Value, key: Value): Value {
  if (isList(container) && typeof key === "bigint") return container.at(Number(key)) ?? null;
  if (isMap(container) && typeof key === "string" && Object.hasOwn(container, key)) return container[key]!;
  return null;
}

/** Each once; what equals nothing, not even itself, is left out. */
function uniq(items: readonly Value[]): Value {
  const found = new Map<string, Value>();
  for (const item of items) {
    const key = isNumber(item) ? String(item) : `${goType(item)} ${JSON.stringify(plain(item))}`;
    if (!found.has(key) && equals(item, item)) found.set(key, item);
  }
  return [...found.values()];
}

function flatten(items: readonly Value[]): Value[] {
  return items.flatMap((item) => (isList(item) ? flatten(item) : [item]));
}
