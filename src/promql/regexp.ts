/**
 * RE2 expressions on the engine of JavaScript. What the two spell differently is rewritten, what RE2 lacks (look-around,
 * back references) is refused in Go's words, so that a query means the same here and on a real Prometheus.
 */

import { posixClasses } from "../base/posix-classes.ts";

/** Escapes that mean the same in both. `\s` is not among them: RE2 counts ASCII spaces only. */
const commonEscapes = /^\\(?:[dDwWbBntrfv]|x[0-9a-fA-F]{2}|[pP]\{\w+\})/;

export class RegexpError extends Error {
  constructor(problem: string, near: string) {
    super(`error parsing regexp: ${problem}: \`${near}\``);
    this.name = "RegexpError";
  }
}

/** The whole value must match (PQ-001); the dot matches a line feed too. */
export function compileAnchored(pattern: string): RegExp {
  const source = translate(pattern);
  try {
    return new RegExp(`^(?:${source})$`, "su");
  } catch (error) {
    throw new RegexpError(error instanceof Error ? error.message : "invalid expression", pattern);
  }
}

/** Prometheus hands the parser the anchored text, and its messages show it. */
function wrapped(pattern: string): string {
  return `^(?s:${pattern})$`;
}

function translate(pattern: string): string {
  let out = "";
  let position = 0;
  const groups: number[] = [];
  /** Inline flags `(?i)` hold to the end of their group: they open a group that closes with it. */
  const flagGroups: number[] = [0];
  let canRepeat = false;
  while (position < pattern.length) {
    const rest = pattern.slice(position);
    const character = String.fromCodePoint(pattern.codePointAt(position)!);
    let taken = character.length;
    if (character === "\\") {
      const [text, length] = escaped(rest, false);
      out += text;
      taken = length;
      canRepeat = true;
    } else if (character === "[") {
      const [text, length] = characterClass(rest);
      out += text;
      taken = length;
      canRepeat = true;
    } else if (character === "(") {
      const opened = openGroup(rest);
      out += opened.text;
      taken = opened.length;
      if (opened.isFlags) flagGroups[flagGroups.length - 1]!++;
      else {
        groups.push(position);
        flagGroups.push(0);
      }
      canRepeat = false;
    } else if (character === ")") {
      if (groups.pop() === undefined) throw new RegexpError("unexpected )", wrapped(pattern));
      out += ")".repeat(flagGroups.pop()! + 1);
      canRepeat = true;
    } else if (character === "|") {
      out += "|";
      canRepeat = false;
    } else if (/[*+?]/.test(character) || /^\{\d+(,\d*)?\}/.test(rest)) {
      const operator = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(rest)![0];
      if (!canRepeat) throw new RegexpError("missing argument to repetition operator", operator);
      const after = /^[*+?]|^\{\d+(,\d*)?\}/.exec(rest.slice(operator.length));
      if (after) throw new RegexpError("invalid nested repetition operator", operator + after[0]);
      checkRepeatCount(operator);
      out += operator;
      taken = operator.length;
    } else {
      out += /[{}\]/]/.test(character) ? `\\${character}` : character;
      canRepeat = character !== "^" && character !== "$" ? true : canRepeat;
    }
    position += taken;
  }
  if (groups.length > 0) throw new RegexpError("missing closing )", wrapped(pattern));
  return out + ")".repeat(flagGroups[0]!);
}

/** RE2's bound on counted repetition. */
const REPEAT_MAX = 1000;

function checkRepeatCount(operator: string): void {
  const [, low, high] = /^\{(\d+)(?:,(\d*))?\}/.exec(operator) ?? [];
  if (low === undefined) return;
  const isBad = Number(low) > REPEAT_MAX || Number(high || 0) > REPEAT_MAX || (high && Number(high) < Number(low));
  if (isBad) throw new RegexpError("invalid repeat count", operator);
}

function openGroup(rest: string): { text: string; length: number; isFlags: boolean } {
  if (!rest.startsWith("(?")) return { text: "(", length: 1, isFlags: false };
  const named = /^\(\?P?<(\w+)>/.exec(rest);
  if (named) return { text: `(?<${named[1]}>`, length: named[0].length, isFlags: false };
  const flags = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
  if (!flags || `${flags[1]}${flags[2] ?? ""}`.includes("U")) {
    throw new RegexpError("invalid or unsupported Perl syntax", rest.slice(0, 3));
  }
  const [whole, on = "", off = "", end] = flags;
  const modifiers = off === "" ? on : `${on}-${off}`;
  return { text: `(?${modifiers}:`, length: whole.length, isFlags: end === ")" };
}

function escaped(rest: string, inClass: boolean): [text: string, length: number] {
  if (rest.length === 1) throw new RegexpError("trailing backslash at end of expression", "");
  const common = commonEscapes.exec(rest);
  if (common) return [common[0], common[0].length];
  const next = rest[1]!;
  if (next === "s") return [inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]", 2];
  if (next === "S" && !inClass) return ["[^\\t\\n\\f\\r ]", 2];
  if (next === "a") return ["\\x07", 2];
  if (next === "A" && !inClass) return ["^", 2];
  if (next === "z" && !inClass) return ["$", 2];
  const code = /^\\x\{([0-9a-fA-F]+)\}/.exec(rest);
  if (code) return [`\\u{${code[1]}}`, code[0].length];
  const property = /^\\([pP])([A-Z])/.exec(rest);
  if (property) return [`\\${property[1]}{${property[2]}}`, 3];
  if (next === "Q" && !inClass) {
    const end = rest.indexOf("\\E");
    const literal = rest.slice(2, end < 0 ? undefined : end);
    return [literal.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&"), end < 0 ? rest.length : end + 2];
  }
  if (/[0-9A-Za-z]/.test(next)) throw new RegexpError("invalid escape sequence", rest.slice(0, 2));
  // Punctuation stands for itself; JavaScript accepts the backslash only before its own special characters.
  return [/[\^$\\.*+?()[\]{}|/-]/.test(next) ? `\\${next}` : next, 2];
}

function characterClass(rest: string): [text: string, length: number] {
  let position = 1;
  let out = "[";
  if (rest[position] === "^") {
    out += "^";
    position++;
  }
  for (let isFirst = true; ; isFirst = false) {
    const character = rest[position];
    if (character === undefined) throw new RegexpError("missing closing ]", `${rest})$`);
    if (character === "]" && !isFirst) return [`${out}]`, position + 1];
    const posix = /^\[:(\^?)(\w+):\]/.exec(rest.slice(position));
    if (posix) {
      const inside = posixClasses[posix[2]!];
      if (inside === undefined || posix[1] === "^") throw new RegexpError("invalid character class range", posix[0]);
      out += inside;
      position += posix[0].length;
    } else if (character === "\\") {
      const [text, length] = escaped(rest.slice(position), true);
      out += text;
      position += length;
    } else {
      out += /[[\]/]/.test(character) ? `\\${character}` : character;
      position++;
    }
  }
}

/** `$1`, `${1}`, `$name` and `$$` in a replacement; an unknown group is empty, as in Go. */
export function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    const group = bare ?? braced;
    if (group === undefined) return whole === "$$" ? "$" : whole;
    return (/^\d+$/.test(group) ? match[Number(group)] : match.groups?.[group]) ?? "";
  });
}
