import { functions } from "../signature.ts";
import { EvaluationError, ListValue } from "../values.ts";
import { rebuild, walk, walkAll } from "./costs.ts";
import { countUpTo, lengthOf, sliceOf, unitsUpTo } from "./text.ts";

const tests = functions(
  {
    "string.contains(string): bool": (text: string, part: string) => text.includes(part),
    "string.startsWith(string): bool": (text: string, part: string) => text.startsWith(part),
    "string.endsWith(string): bool": (text: string, part: string) => text.endsWith(part),
    "string.indexOf(string): int": (text: string, part: string) => BigInt(countUpTo(text, text.indexOf(part))),
    "string.indexOf(string, int): int": indexOfFrom,
    "string.lastIndexOf(string): int": (text: string, part: string) => BigInt(countUpTo(text, text.lastIndexOf(part))),
    "string.lastIndexOf(string, int): int": lastIndexOfFrom,
  },
  walkAll,
);

const parts = functions(
  {
    "string.charAt(int): string": charAt,
    "string.substring(int): string": (text: string, start: bigint) => substring(text, start, BigInt(lengthOf(text))),
    "string.substring(int, int): string": substring,
    // Go's own letters only: ASCII.
    "string.lowerAscii(): string": (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
    "string.upperAscii(): string": (text: string) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
    "string.trim(): string": (text: string) => text.replace(TRIMMED_START, "").replace(TRIMMED_END, ""),
    "strings.quote(string): string": quote,
  },
  walk,
);

const builders = functions(
  {
    "string.split(string): list(string)": (text: string, separator: string) => split(text, separator, -1n),
    "string.split(string, int): list(string)": split,
    "list(string).join(): string": ({ items }: ListValue) => items.join(""),
    "list(string).join(string): string": ({ items }: ListValue, separator: string) => items.join(separator),
  },
  // What a join makes is as long as its items, not as their number.
  (args) => {
    const [first] = args;
    if (!(first instanceof ListValue)) return rebuild(args);
    const separator = typeof args[1] === "string" ? args[1].length : 0;
    const length = first.items.reduce<number>((sum, item) => sum + separator + String(item).length, 0);
    return Math.ceil(length * 0.2) + 1;
  },
);

const replacing = functions(
  {
    "string.replace(string, string): string": (text: string, old: string, next: string) =>
      replace(text, old, next, -1n),
    "string.replace(string, string, int): string": replace,
  },
  // Each place can grow by the replacement.
  ([text = "", old = "", next = ""]) => {
    const [size, oldSize, nextSize] = [String(text).length, String(old).length, String(next).length];
    const longest = size + (oldSize === 0 ? (size + 1) * nextSize : Math.ceil(size / oldSize) * nextSize);
    return Math.ceil((size + longest) * 0.1) + 1;
  },
);

/** Blanks as Go has them: a byte order mark is none, the next line is one. */
const BLANK = "\\t\\n\\v\\f\\r\\x85\\p{Z}";
const TRIMMED_START = new RegExp(`^[${BLANK}]+`, "u");
const TRIMMED_END = new RegExp(`(?<![${BLANK}])[${BLANK}]+$`, "u");

function outOfRange(index: bigint): EvaluationError {
  return new EvaluationError(`index out of range: ${index}`);
}

function indexOfFrom(text: string, part: string, from: bigint): bigint {
  if (from < 0n || from > BigInt(lengthOf(text))) throw outOfRange(from);
  return BigInt(countUpTo(text, text.indexOf(part, unitsUpTo(text, Number(from)))));
}

function lastIndexOfFrom(text: string, part: string, from: bigint): bigint {
  if (from < 0n || from > BigInt(lengthOf(text))) throw outOfRange(from);
  return BigInt(countUpTo(text, text.lastIndexOf(part, unitsUpTo(text, Number(from)))));
}

function charAt(text: string, index: bigint): string {
  const length = BigInt(lengthOf(text));
  if (index < 0n || index > length) throw outOfRange(index);
  return sliceOf(text, Number(index), Number(index) + 1);
}

function substring(text: string, start: bigint, end: bigint): string {
  const length = BigInt(lengthOf(text));
  if (start < 0n || start > length) throw outOfRange(start);
  if (end < 0n || end > length) throw outOfRange(end);
  if (start > end) throw new EvaluationError(`invalid substring range. start: ${start}, end: ${end}`);
  return sliceOf(text, Number(start), Number(end));
}

/** At most `limit` parts, the rest in the last; negative: all. */
function split(text: string, separator: string, limit: bigint): ListValue {
  if (limit === 0n) return new ListValue([]);
  if (limit === 1n) return new ListValue([text]);
  const all = separator === "" ? [...text] : text.split(separator);
  if (limit < 0n || BigInt(all.length) <= limit) return new ListValue(all);
  const kept = Number(limit) - 1;
  return new ListValue([...all.slice(0, kept), all.slice(kept).join(separator)]);
}

function replace(text: string, old: string, next: string, limit: bigint): string {
  return replaceSome(text, old, next, limit < 0n ? Infinity : Number(limit));
}

/** An empty text stands before every character and at the end. */
function replaceSome(text: string, old: string, next: string, limit: number): string {
  if (limit === 0) return text;
  if (old === "") {
    const characters = [...text];
    const places = Math.min(limit, characters.length + 1);
    const replaced = characters.map((character, index) => (index < places ? next + character : character)).join("");
    return places > characters.length ? replaced + next : replaced;
  }
  const pieces = text.split(old);
  const count = Math.min(limit, pieces.length - 1);
  return [pieces.slice(0, count + 1).join(next), ...pieces.slice(count + 1)].join(old);
}

const QUOTED: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

export function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is quoted.
  return `"${text.replace(/[\x07\b\f\n\r\t\v\\"]/g, (character) => QUOTED[character]!)}"`;
}

export const stringFunctions = [...tests, ...parts, ...builders, ...replacing];
