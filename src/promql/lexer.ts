import { CONTROL_ESCAPES } from "../base/escapes.ts";
import { aggregators } from "./ast.ts";
import { ParseError } from "./errors.ts";

export type TokenType =
  | "number"
  | "duration"
  | "string"
  | "identifier"
  | "keyword"
  | "aggregator"
  | "operator"
  | "punctuation"
  | "error"
  | "end";

export interface Token {
  readonly type: TokenType;
  /** As written; of keywords and aggregators in lower case, of an error the message. */
  readonly text: string;
  readonly raw: string;
  readonly start: number;
  readonly end: number;
}

const keywords: ReadonlySet<string> = new Set([
  "offset",
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "bool",
]);
const wordOperators: ReadonlySet<string> = new Set(["and", "or", "unless", "atan2"]);

const SPACE = /[ \t\n\r]*(?:#[^\n]*[ \t\n\r]*)*/y;
const WORD = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const DURATION = /(?:\d+(?:ms|[ywdhms]))+/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const OPERATOR = /==|!=|=~|!~|<=|>=|[-+*/%^<>=@]/y;
const MATCH_OPERATOR = /!=|=~|!~|=/y;
const STRING = /"(?:\\[^\n]|[^"\\\n])*"|'(?:\\[^\n]|[^'\\\n])*'|`[^`]*`/y;

/** All tokens of a query. The last one is "end" or, where the text is none, an "error" that the parser reports. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let parentheses = 0;
  let inBraces = false;
  let inBrackets = false;
  let hasColon = false;
  let at = 0;

  const take = (form: RegExp): string | null => {
    form.lastIndex = at;
    return form.exec(text)?.[0] ?? null;
  };
  const push = (type: TokenType, raw: string, value = raw) => {
    tokens.push({ type, text: value, raw, start: at, end: at + raw.length });
    at += raw.length;
  };
  const fail = (message: string): Token[] => {
    tokens.push({ type: "error", text: message, raw: message, start: at, end: at });
    return tokens;
  };

  for (;;) {
    at += take(SPACE)!.length;
    const character = text[at];
    if (character === undefined) {
      if (inBraces) return fail("unexpected end of input inside braces");
      if (parentheses > 0) return fail("unclosed left parenthesis");
      if (inBrackets) return fail("unclosed left bracket");
      push("end", "");
      return tokens;
    }

    if (character === '"' || character === "'" || character === "`") {
      const string = take(STRING);
      if (string === null) return fail(character === "`" ? "unterminated raw string" : "unterminated quoted string");
      push("string", string);
      continue;
    }

    if (inBraces) {
      const word = take(LABEL_NAME) ?? take(MATCH_OPERATOR);
      if (word !== null) push(/^[=!]/.test(word) ? "operator" : "identifier", word);
      else if (character === ",") push("punctuation", character);
      else if (character === "}") {
        inBraces = false;
        push("punctuation", character);
      } else if (character === "!") {
        return fail(`unexpected character after '!' inside braces: ${quote(text[at + 1])}`);
      } else if (character === "{") return fail("unexpected left brace '{'");
      else return fail(`unexpected character inside braces: ${quote(character)}`);
      continue;
    }

    const duration = take(DURATION);
    const number = take(NUMBER);
    if (duration !== null || number !== null) {
      // `1d` is a duration, `1e5` a number, and `0x1d` is one though it begins like `0` and a word.
      const isNumber = number !== null && number.length >= (duration?.length ?? 0);
      const literal = isNumber ? number : duration!;
      const next = text[at + literal.length] ?? "";
      if (/[\w.]/.test(next)) {
        return fail(`${inBrackets ? "bad duration syntax" : "bad number or duration syntax"}: "${literal}${next}"`);
      }
      push(isNumber ? "number" : "duration", literal);
      continue;
    }

    if (inBrackets) {
      if (character === ":") {
        if (hasColon) return fail("unexpected colon ':'");
        hasColon = true;
        push("punctuation", character);
      } else if (character === "]") {
        inBrackets = false;
        push("punctuation", character);
      } else return fail(`unexpected character in duration expression: ${quote(character)}`);
      continue;
    }

    const word = take(WORD);
    if (word !== null) {
      pushWord(word);
      continue;
    }
    const operator = take(OPERATOR);
    if (operator === "=~" || operator === "!~") {
      return fail(`unexpected character after '${operator[0]}': '~'`);
    }
    if (operator === "@" || operator === "=") push("punctuation", operator);
    else if (operator !== null) push("operator", operator);
    else if (character === "!") return fail(`unexpected character after '!': ${quote(text[at + 1])}`);
    else if (character === "(" || character === ",") {
      if (character === "(") parentheses++;
      push("punctuation", character);
    } else if (character === ")") {
      if (parentheses === 0) {
        at++;
        return fail("unexpected right parenthesis ')'");
      }
      parentheses--;
      push("punctuation", character);
    } else if (character === "{") {
      inBraces = true;
      push("punctuation", character);
    } else if (character === "[") {
      inBrackets = true;
      hasColon = false;
      push("punctuation", character);
    } else if (character === "]") return fail("unexpected right bracket ']'");
    else return fail(`unexpected character: ${quote(character)}`);
  }

  /** Keywords count whatever their case, names of functions and metrics do not (PQ-010). */
  function pushWord(word: string): void {
    const lower = word.toLowerCase();
    if (lower === "inf" || lower === "nan") push("number", word);
    else if (wordOperators.has(lower)) push("operator", word, lower);
    else if (keywords.has(lower)) push("keyword", word, lower);
    else if (lower in aggregators || lower === "limit_ratio") push("aggregator", word, lower);
    else push("identifier", word);
  }
}

function quote(character: string | undefined): string {
  return character === undefined ? "end of input" : `'${character}'`;
}

/** A token as messages name it. */
export function describe({ type, text, raw }: Token): string {
  switch (type) {
    case "end":
      return "end of input";
    case "keyword":
      return `<${text}>`;
    case "aggregator":
      return `<aggr:${text}>`;
    case "operator":
      return text === "=" || text === "=~" || text === "!~" ? `"${text}"` : `<op:${text}>`;
    case "punctuation":
      return JSON.stringify(raw);
    case "error":
      return raw;
    default: {
      const isLong = raw.length > 10 && type !== "identifier";
      const value = isLong ? `${JSON.stringify(raw.slice(0, 10))}...` : JSON.stringify(raw);
      return `${type === "identifier" && raw.includes(":") ? "metric identifier" : type} ${value}`;
    }
  }
}

const singleEscapes: Readonly<Record<string, string>> = {
  ...CONTROL_ESCAPES,
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The text that a string token stands for; escapes are Go's. */
export function unquote(query: string, { raw, start }: Token): string {
  const body = raw.slice(1, -1);
  if (raw.startsWith("`")) return body;
  return body.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]))/g,
    (_, x?: string, u?: string, long?: string, octal?: string, single?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined && Number.parseInt(hex, 16) <= 0x10ffff)
        return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const value = single === undefined ? undefined : singleEscapes[single];
      if (value !== undefined && single !== (raw[0] === '"' ? "'" : '"')) return value;
      const code = (single ?? "U").codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      throw new ParseError(query, start, `unknown escape sequence U+${code} '${single ?? "U"}'`);
    },
  );
}
