import { CONTROL_ESCAPES } from "../../base/escapes.ts";
import { ExpressionError } from "./ast.ts";

export type Token =
  | { readonly kind: "number"; readonly value: bigint | number }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "name" | "operator" | "pointer"; readonly text: string }
  | { readonly kind: "end" };

const SPACE = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const NUMBER =
  /0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const NAME = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const POINTER = /#(?:[\p{L}_][\p{L}\p{N}_]*)?/uy;
const OPERATOR = /\?\.|\?\?|\|\||&&|==|!=|<=|>=|\*\*|\.\.|[-+*/%^<>!?:.,;|()[\]{}=]/y;
const STRING = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|`(?:[^`]|``)*`/y;

/** Words that are operators, not names. */
const WORDS: ReadonlySet<string> = new Set([
  "in",
  "or",
  "and",
  "not",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
  "let",
  "if",
  "else",
]);

export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < text.length) {
    if (take(SPACE) !== null) continue;
    const token = nextToken(take);
    if (!token) throw new ExpressionError(`unrecognized character: U+${codeAt(text, at)}`);
    tokens.push(token);
  }
  tokens.push({ kind: "end" });
  return tokens;
}

function nextToken(take: (pattern: RegExp) => string | null): Token | null {
  const number = take(NUMBER);
  if (number !== null) return { kind: "number", value: numberOf(number) };
  const string = take(STRING);
  if (string !== null) return { kind: "string", text: unquote(string) };
  const name = take(NAME);
  if (name !== null) return { kind: WORDS.has(name) ? "operator" : "name", text: name };
  const pointer = take(POINTER);
  if (pointer !== null) return { kind: "pointer", text: pointer.slice(1) };
  const operator = take(OPERATOR);
  return operator === null ? null : { kind: "operator", text: operator };
}

function numberOf(text: string): bigint | number {
  const digits = text.replaceAll("_", "");
  return /^0[xXbBoO]|^\d+$/.test(digits) ? BigInt(digits) : Number(digits);
}

function unquote(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith("`")) return inner.replaceAll("``", "`");
  return inner.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g, (_, x, u, U, char) => {
    const code = x ?? u ?? U;
    return code === undefined ? (CONTROL_ESCAPES[char] ?? char) : String.fromCodePoint(Number.parseInt(code, 16));
  });
}

function codeAt(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0;
  return `${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
}
