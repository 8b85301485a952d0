import { isRecord } from "../../../../base/json.ts";
import { checkLength } from "./budget.ts";
import { TemplateError } from "./parse.ts";
import { isTrue, joined, jsonOf, textOf as text, type Value } from "./value.ts";

export type TemplateFunction = (args: readonly Value[]) => Value;

function numberOf(value: Value): number {
  const number = typeof value === "boolean" ? Number(value) : Number(value ?? 0);
  return Number.isNaN(number) ? 0 : number;
}

const integer = (value: Value) => Math.trunc(numberOf(value));

function sizeOf(value: Value): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  throw new TemplateError(`len of ${value === null || value === undefined ? "nil" : `type ${typeof value}`}`);
}

function elementOf(container: Value, key: Value): Value {
  if (Array.isArray(container) || typeof container === "string") {
    const at = integer(key);
    if (at < 0 || at >= container.length) throw new TemplateError(`index out of range: ${at}`);
    return container[at];
  }
  if (isRecord(container)) return Object.hasOwn(container, text(key)) ? container[text(key)] : null;
  throw new TemplateError("index of untyped nil");
}

function compare(left: Value, right: Value): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
  throw new TemplateError("incompatible types for comparison");
}

function isSame(left: Value, right: Value): boolean {
  return (left ?? null) === (right ?? null);
}

/** `%s %d %v %q %t %f %.2f %x %%`; widths are kept. */
function format([pattern, ...args]: readonly Value[]): string {
  let next = 0;
  return text(pattern).replace(/%([-+0 ]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (_, flags, width, digits, verb) => {
    if (verb === "%") return "%";
    if (next >= args.length) return `%!${verb}(MISSING)`;
    const shown = verbText(verb, args[next++], digits);
    checkLength(Number(width));
    return flags.includes("-")
      ? shown.padEnd(Number(width))
      : shown.padStart(Number(width), flags.includes("0") ? "0" : " ");
  });
}

function verbText(verb: string, value: Value, digits: string | undefined): string {
  if (verb === "q") return JSON.stringify(text(value));
  if (verb === "d") return String(integer(value));
  if (verb === "x") return typeof value === "number" ? value.toString(16) : Buffer.from(text(value)).toString("hex");
  if (verb === "f") return numberOf(value).toFixed(digits === undefined ? 6 : Math.min(DIGITS_MAX, Number(digits)));
  if (["s", "v", "t"].includes(verb)) return text(value);
  throw new TemplateError(`printf: %${verb} is not supported`);
}

/** Of JavaScript; a number has no more. */
const DIGITS_MAX = 100;

const onText =
  (apply: (value: string, ...args: string[]) => Value): TemplateFunction =>
  (args) => {
    const texts = args.map(text);
    // sprig takes the value last, so that it can come through a pipe.
    return apply(texts.at(-1) ?? "", ...texts.slice(0, -1));
  };

const onNumbers =
  (apply: (...numbers: number[]) => number): TemplateFunction =>
  (args) =>
    apply(...args.map(integer));

/** Go's own, then those of sprig that messages use. Any other is refused by name when the template is read. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  not: ([value]) => !isTrue(value),
  eq: ([first, ...others]) => others.some((other) => isSame(first, other)),
  ne: ([left, right]) => !isSame(left, right),
  lt: ([left, right]) => compare(left, right) < 0,
  le: ([left, right]) => compare(left, right) <= 0,
  gt: ([left, right]) => compare(left, right) > 0,
  ge: ([left, right]) => compare(left, right) >= 0,
  len: ([value]) => sizeOf(value),
  index: ([container, ...keys]) => keys.reduce(elementOf, container),
  print: (args) => joined(args.map(text)),
  println: (args) => `${joined(args.map(text), " ")}\n`,
  printf: format,
  urlquery: (args) => encodeURIComponent(joined(args.map(text)).toWellFormed()).replaceAll("%20", "+"),
  html: (args) => escapeHtml(joined(args.map(text))),

  default: ([fallback, value]) => (isTrue(value) ? value : fallback),
  empty: ([value]) => !isTrue(value),
  coalesce: (args) => args.find(isTrue) ?? null,
  ternary: ([yes, no, test]) => (isTrue(test) ? yes : no),
  add: onNumbers((...numbers) => numbers.reduce((sum, one) => sum + one, 0)),
  add1: onNumbers((number) => number + 1),
  sub: onNumbers((left, right) => left - right),
  mul: onNumbers((...numbers) => numbers.reduce((product, one) => product * one, 1)),
  div: onNumbers((left, right) => divided(left, right, Math.trunc(left / right))),
  mod: onNumbers((left, right) => divided(left, right, left % right)),
  max: onNumbers((...numbers) => Math.max(...numbers)),
  min: onNumbers((...numbers) => Math.min(...numbers)),
  int: ([value]) => integer(value),
  int64: ([value]) => integer(value),
  float64: ([value]) => numberOf(value),
  toString: ([value]: readonly Value[]) => text(value),

  upper: onText((value) => value.toUpperCase()),
  lower: onText((value) => value.toLowerCase()),
  title: onText((value) => value.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())),
  trim: onText((value) => value.trim()),
  trimPrefix: onText((value, prefix = "") => (value.startsWith(prefix) ? value.slice(prefix.length) : value)),
  trimSuffix: onText((value, end = "") => (end !== "" && value.endsWith(end) ? value.slice(0, -end.length) : value)),
  replace: onText((value, from = "", to = "") => replaced(value, from, to)),
  contains: onText((value, part = "") => value.includes(part)),
  hasPrefix: onText((value, prefix = "") => value.startsWith(prefix)),
  hasSuffix: onText((value, suffix = "") => value.endsWith(suffix)),
  quote: (args) =>
    joined(
      args.filter((one) => one !== null && one !== undefined).map((one) => JSON.stringify(text(one))),
      " ",
    ),
  squote: (args) =>
    joined(
      args.map((one) => `'${text(one)}'`),
      " ",
    ),
  trunc: ([length, value]) =>
    integer(length) < 0 ? text(value).slice(integer(length)) : text(value).slice(0, integer(length)),
  repeat: ([count, value]) => repeated(text(value), integer(count)),
  indent: ([spaces, value]) => indent(integer(spaces), text(value)),
  nindent: ([spaces, value]) => `\n${indent(integer(spaces), text(value))}`,
  splitList: ([by, value]) => text(value).split(text(by)),
  join: ([by, list]) => (Array.isArray(list) ? joined(list.map(text), text(by)) : text(list)),

  toJson: ([value]): Value => jsonOf(value),
  toPrettyJson: ([value]): Value => jsonOf(value, 2),
  b64enc: onText((value) => Buffer.from(value).toString("base64")),
  b64dec: onText((value) => Buffer.from(value, "base64").toString("utf8")),
  list: (args) => args,
  dict: (args) => dict(args),
  get: ([map, key]) => (isRecord(map) && Object.hasOwn(map, text(key)) ? map[text(key)] : ""),
  hasKey: ([map, key]) => isRecord(map) && Object.hasOwn(map, text(key)),
  keys: ([map]) => (isRecord(map) ? Object.keys(map).sort() : []),
  first: ([list]) => (Array.isArray(list) ? (list[0] ?? null) : null),
  last: ([list]) => (Array.isArray(list) ? (list.at(-1) ?? null) : null),
  rest: ([list]) => (Array.isArray(list) ? list.slice(1) : []),
  has: ([item, list]) => Array.isArray(list) && list.some((one) => isSame(one, item)),
};

function repeated(value: string, times: number): string {
  const count = Math.max(0, times);
  checkLength(value.length * count);
  return value.repeat(count);
}

function replaced(value: string, from: string, to: string): string {
  checkLength(value.length + (value.split(from).length + 1) * to.length);
  return value.replaceAll(from, () => to);
}

function divided(left: number, right: number, result: number): number {
  if (right === 0) throw new TemplateError(`${left} divided by zero`);
  return result;
}

function indent(spaces: number, value: string): string {
  const pad = repeated(" ", spaces);
  checkLength(value.length + value.split("\n").length * pad.length);
  return value.replace(/^/gm, pad);
}

function dict(args: readonly Value[]): Record<string, Value> {
  const entries: [string, Value][] = [];
  for (let at = 0; at < args.length; at += 2) entries.push([text(args[at]), args[at + 1] ?? ""]);
  return Object.fromEntries(entries);
}

function escapeHtml(value: string): string {
  const escapes: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&#34;",
    "'": "&#39;",
  };
  return value.replace(/[&<>"']/g, (character) => escapes[character] as string);
}
