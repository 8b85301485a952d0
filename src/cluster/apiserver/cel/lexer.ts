import { stringLiteral } from "./literals.ts";
import { SourceError } from "./source.ts";

export type TokenKind = "name" | "keyword" | "int" | "uint" | "double" | "string" | "bytes" | "sign" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As written; of strings and bytes what they mean. */
  readonly text: string;
  readonly bytes?: Uint8Array;
  readonly at: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(["true", "false", "null", "in"]);

/** https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax */
const BLANK = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y;
const DOUBLE = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y;
const INTEGER = /(?:0x[0-9a-fA-F]+|\d+)([uU]?)/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const STRING_START = /(?:[rR][bB]?|[bB][rR]?)?(?:"""|'''|"|')/y;
const SIGN = /==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}]/y;

export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? null;
  };
  const add = (kind: TokenKind, text: string) => {
    tokens.push({ kind, text, at });
    at += text.length;
  };
  for (;;) {
    at += take(BLANK)?.length ?? 0;
    if (at >= source.length) break;
    const stringStart = take(STRING_START);
    const number = take(DOUBLE);
    const integer = take(INTEGER);
    const name = take(NAME);
    if (stringStart !== null) {
      const { token, end } = stringLiteral(source, at, stringStart);
      tokens.push(token);
      at = end;
    } else if (number !== null) add("double", number);
    else if (integer !== null) add(/u$/i.test(integer) ? "uint" : "int", integer);
    else if (name !== null) add(KEYWORDS.has(name) ? "keyword" : "name", name);
    else {
      const sign = take(SIGN);
      if (sign === null) {
        const character = String.fromCodePoint(source.codePointAt(at)!);
        throw new SourceError(at, `Syntax error: token recognition error at: '${character}'`);
      }
      add("sign", sign);
    }
  }
  tokens.push({ kind: "end", text: "<EOF>", at: source.length });
  return tokens;
}
