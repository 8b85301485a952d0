/**
 * RE2's syntax, parsed (https://github.com/google/re2/wiki/Syntax). What RE2 does not have, such as look-around and
 * back-references, is refused; so is the little of RE2 that routes do not need, with a message that names it.
 */

import { posixClasses } from "./posix-classes.ts";

export type Node =
  | { readonly kind: "character"; readonly test: CharacterTest }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly items: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly item: Node;
      readonly min: number;
      /** Null: without bound. */
      readonly max: number | null;
      readonly isGreedy: boolean;
    }
  /** `index` counts capturing groups from 1; null does not capture. */
  | { readonly kind: "group"; readonly item: Node; readonly index: number | null };

export type CharacterTest = (code: number) => boolean;

/** Places between characters. */
export type Assertion = "text-start" | "text-end" | "line-start" | "line-end" | "word-boundary" | "no-word-boundary";

export interface Pattern {
  readonly root: Node;
  readonly groupCount: number;
}

/** RE2's own bound of a counted repetition. */
const REPEAT_MAX = 1000;

/** Go's bound, within what our stack can hold. */
const NESTING_MAX = 1000;

export class RegexSyntaxError extends Error {
  override readonly name = "RegexSyntaxError";
}

export function parsePattern(source: string): Pattern {
  const parser = new Parser(source);
  const root = parser.parseAll();
  return { root, groupCount: parser.groupCount };
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
  readonly ungreedy: boolean;
}

class Parser {
  readonly #source: string;
  #at = 0;
  #nesting = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false, ungreedy: false };
  groupCount = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parseAll(): Node {
    const root = this.#choice();
    if (this.#at < this.#source.length) throw new RegexSyntaxError("unexpected )");
    return root;
  }

  #choice(): Node {
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#source.length && !this.#isNext("|") && !this.#isNext(")")) {
      if (this.#take("\\Q")) {
        items.push(...this.#quoted());
        // A repetition behind the quotation is one of its last character.
        const last = items.pop();
        if (last) items.push(this.#repeated(last));
        continue;
      }
      const atom = this.#atom();
      if (atom !== null) items.push(this.#repeated(atom));
    }
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  /** Null: something that matches nothing by itself, such as `(?i)`. */
  #atom(): Node | null {
    if (this.#take("(")) return this.#group();
    if (this.#isNext("[")) return this.#class();
    if (this.#take(".")) return this.#classNode(this.#flags.dotAll ? "[^]" : "[^\\n]");
    if (this.#take("^")) return assertion(this.#flags.multiline ? "line-start" : "text-start");
    if (this.#take("$")) return assertion(this.#flags.multiline ? "line-end" : "text-end");
    if (this.#take("\\")) return this.#escape();
    const quantifier = /^([*+?]|\{\d+(,\d*)?\})/.exec(this.#rest())?.[0];
    if (quantifier) throw new RegexSyntaxError(`missing argument to repetition operator: ${quantifier}`);
    return this.#literal(this.#takeCharacter());
  }

  #repeated(item: Node): Node {
    const found = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})(\?)?/.exec(this.#rest());
    if (!found) return item;
    const [text, sign, least, comma, most, lazy] = found;
    this.#at += text.length;
    const next = /^[*+?]/.exec(this.#rest())?.[0];
    if (next) throw new RegexSyntaxError(`invalid nested repetition operator: ${text}${next}`);
    const min = sign === undefined ? Number(least) : sign === "+" ? 1 : 0;
    const max = sign === undefined ? upperBound(min, comma, most) : sign === "?" ? 1 : null;
    if (min > REPEAT_MAX || (max ?? 0) > REPEAT_MAX || (max !== null && max < min)) {
      throw new RegexSyntaxError(`invalid repeat count: ${text}`);
    }
    return { kind: "repeat", item, min, max, isGreedy: (lazy === undefined) !== this.#flags.ungreedy };
  }

  #group(): Node | null {
    const outer = this.#flags;
    let index: number | null = null;
    if (this.#isNext("?")) {
      const named = /^\?P?<[A-Za-z_]\w*>/.exec(this.#rest());
      const flags = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#rest());
      if (named) {
        this.#at += named[0].length;
        index = ++this.groupCount;
      } else if (flags) {
        this.#at += flags[0].length;
        this.#setFlags(flags[1]!, flags[2] ?? "");
        // Without a colon the flags hold for the rest of the group that they stand in.
        if (flags[3] === ")") return null;
      } else {
        const isLookAround = /^\?<?[=!]/.test(this.#rest());
        throw new RegexSyntaxError(
          isLookAround ? "look-around is not supported" : "invalid or unsupported group syntax",
        );
      }
    } else {
      index = ++this.groupCount;
    }
    if (++this.#nesting > NESTING_MAX) throw new RegexSyntaxError("expression nests too deeply");
    const item = this.#choice();
    if (!this.#take(")")) throw new RegexSyntaxError("missing closing )");
    this.#nesting--;
    this.#flags = outer;
    return { kind: "group", item, index };
  }

  #setFlags(on: string, off: string): void {
    const value = (letter: string, now: boolean) => (on.includes(letter) ? true : off.includes(letter) ? false : now);
    const { ignoreCase, dotAll, multiline, ungreedy } = this.#flags;
    this.#flags = {
      ignoreCase: value("i", ignoreCase),
      dotAll: value("s", dotAll),
      multiline: value("m", multiline),
      ungreedy: value("U", ungreedy),
    };
  }

  #quoted(): Node[] {
    const end = this.#source.indexOf("\\E", this.#at);
    const text = this.#source.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#source.length : end + 2;
    return [...text].map((character) => this.#literal(character));
  }

  #escape(): Node {
    const rest = this.#rest();
    const place = { A: "text-start", z: "text-end", b: "word-boundary", B: "no-word-boundary" } as const;
    const letter = rest[0] ?? "";
    if (letter === "") throw new RegexSyntaxError("trailing \\");
    if (letter in place) {
      this.#at++;
      return assertion(place[letter as keyof typeof place]);
    }
    if (/[1-9k]/.test(letter)) throw new RegexSyntaxError("back-references are not supported");
    return this.#classNode(`[${this.#classEscape()}]`);
  }

  /** What follows a backslash, as JavaScript writes it inside brackets. */
  #classEscape(): string {
    const found =
      /^(?:[dDsSwW]|[pP](?:\{\^?\w+\}|\w)|x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})|[nrtfva]|0[0-7]{0,2}|[^A-Za-z0-9])/.exec(
        this.#rest(),
      );
    if (!found) throw new RegexSyntaxError(`invalid escape sequence: \\${this.#source[this.#at] ?? ""}`);
    this.#at += found[0].length;
    return translateEscape(found[0]);
  }

  #class(): Node {
    this.#at++;
    let text = this.#take("^") ? "[^" : "[";
    // A bracket in the first place is itself.
    if (this.#take("]")) text += "\\]";
    while (!this.#take("]")) {
      if (this.#at >= this.#source.length) throw new RegexSyntaxError("missing closing ]");
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#rest());
      if (posix) {
        text += posixClass(posix[2]!, posix[1] === "^");
        this.#at += posix[0].length;
      } else if (this.#take("\\")) {
        text += this.#classEscape();
      } else {
        const character = this.#takeCharacter();
        text += character === "-" || !SPECIAL_IN_CLASS.test(character) ? character : `\\${character}`;
      }
    }
    return this.#classNode(`${text}]`);
  }

  #literal(character: string): Node {
    return this.#classNode(`[${SPECIAL_IN_CLASS.test(character) ? "\\" : ""}${character}]`);
  }

  /** JavaScript decides about single characters: there it agrees with RE2 and cannot be slow. */
  #classNode(text: string): Node {
    return { kind: "character", test: characterTest(text, this.#flags.ignoreCase) };
  }

  #isNext(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#isNext(text)) return false;
    this.#at += text.length;
    return true;
  }

  /** A whole code point, so that it is one character to `characterTest` as it is to RE2. */
  #takeCharacter(): string {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    this.#at += character.length;
    return character;
  }

  #rest(): string {
    return this.#source.slice(this.#at);
  }
}

function assertion(name: Assertion): Node {
  return { kind: "assertion", assertion: name };
}

function upperBound(min: number, comma: string | undefined, most: string | undefined): number | null {
  if (comma === undefined) return min;
  return most === "" || most === undefined ? null : Number(most);
}

/** What must be escaped between brackets under JavaScript's `u` flag, the hyphen included. */
const SPECIAL_IN_CLASS = /[\\\][^$.*+?(){}|/-]/;

function translateEscape(text: string): string {
  const [letter] = text;
  if (letter === "a") return "\\x07";
  if (letter === "x" && text[1] === "{") return `\\u${text.slice(1)}`;
  if (letter === "0") return `\\u{${Number.parseInt(text, 8).toString(16)}}`;
  if (letter === "p" || letter === "P") return unicodeClass(text);
  if (/^[A-Za-z]/.test(text)) return `\\${text}`;
  return SPECIAL_IN_CLASS.test(text) ? `\\${text}` : text;
}

/** `\pL`, `\p{Greek}`, `\p{^Greek}`: a general category or a script. */
function unicodeClass(text: string): string {
  const name = text.slice(1).replace(/^\{\^?|\}$/g, "");
  const isNegated = (text[0] === "P") !== text.startsWith("{^", 1);
  const property = name.length <= 2 ? name : `Script=${name}`;
  return `\\${isNegated ? "P" : "p"}{${property}}`;
}

function posixClass(name: string, isNegated: boolean): string {
  const members = posixClasses[name];
  if (members === undefined) throw new RegexSyntaxError(`invalid character class range: [:${name}:]`);
  if (isNegated) throw new RegexSyntaxError(`negated class [:^${name}:] is not supported`);
  return members;
}

const ASCII_SIZE = 128;

function characterTest(text: string, ignoreCase: boolean): CharacterTest {
  let expression: RegExp;
  try {
    expression = new RegExp(`^${text}$`, ignoreCase ? "iu" : "u");
  } catch {
    throw new RegexSyntaxError(`invalid character class: ${text}`);
  }
  const ascii = Uint8Array.from({ length: ASCII_SIZE }, (_value, code) =>
    expression.test(String.fromCharCode(code)) ? 1 : 0,
  );
  return (code) => (code < ASCII_SIZE ? ascii[code] === 1 : expression.test(String.fromCodePoint(code)));
}
