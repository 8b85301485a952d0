import { type Token, tokenize } from "./lexer.ts";
import { expandMacro } from "./macros.ts";
import { SourceError } from "./source.ts";
import type { Call, Expression, ListLiteral, Literal, MapLiteral } from "./syntax.ts";

/** The bounds of Kubernetes' parser. */
const SOURCE_CHARACTERS_MAX = 100_000;
const DEPTH_MAX = 250;

export function parse(source: string): Expression {
  if (source.length > SOURCE_CHARACTERS_MAX) {
    throw new SourceError(
      0,
      `expression code point size exceeds limit: size: ${source.length}, limit ${SOURCE_CHARACTERS_MAX}`,
    );
  }
  return new Parser(tokenize(source)).parseAll();
}

/** Loosest first. All of these are left-associative. */
const BINARY_LEVELS: readonly ReadonlySet<string>[] = [
  new Set(["||"]),
  new Set(["&&"]),
  new Set(["==", "!=", "<", "<=", ">", ">=", "in"]),
  new Set(["+", "-"]),
  new Set(["*", "/", "%"]),
];

/** Words that mean nothing yet, and may not be names of variables. */
const RESERVED: ReadonlySet<string> = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(" "),
);

const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parseAll(): Expression {
    const expression = this.#expression();
    if (this.#token.kind !== "end") throw this.#unexpected("<EOF>");
    return expression;
  }

  #expression(): Expression {
    if (++this.#depth > DEPTH_MAX) {
      throw new SourceError(this.#token.at, `expression recursion limit exceeded: ${DEPTH_MAX}`);
    }
    const test = this.#binary(0);
    const sign = this.#takeSign("?");
    let result = test;
    if (sign) {
      const then = this.#binary(0);
      this.#expect(":");
      result = { kind: "conditional", at: sign.at, test, then, otherwise: this.#expression() };
    }
    this.#depth--;
    return result;
  }

  #binary(level: number): Expression {
    const signs = BINARY_LEVELS[level];
    if (!signs) return this.#unary();
    let left = this.#binary(level + 1);
    // A chain leans on its left side: its length is depth to whoever walks the tree.
    for (let length = 0; this.#isOperator(signs); length++) {
      if (length > DEPTH_MAX * 4) throw new SourceError(this.#token.at, "expression recursion limit exceeded");
      const { text, at } = this.#take();
      const right = this.#binary(level + 1);
      if (text === "||" || text === "&&") left = { kind: "logic", at, operator: `_${text}_`, left, right };
      else left = { kind: "call", at, name: text === "in" ? "@in" : `_${text}_`, target: null, args: [left, right] };
    }
    return left;
  }

  #isOperator(signs: ReadonlySet<string>): boolean {
    const { kind, text } = this.#token;
    return (kind === "sign" || kind === "keyword") && signs.has(text);
  }

  #unary(): Expression {
    const { kind, text, at } = this.#token;
    if (kind !== "sign" || (text !== "!" && text !== "-")) return this.#member();
    let count = 0;
    while (this.#takeSign(text)) count++;
    const number = this.#token;
    if (text === "-" && count % 2 === 1 && (number.kind === "int" || number.kind === "double")) {
      this.#take();
      return this.#memberOf(this.#number(number, "-", at));
    }
    const operand = this.#member();
    if (count % 2 === 0) return operand;
    return { kind: "call", at, name: text === "!" ? "!_" : "-_", target: null, args: [operand] };
  }

  #member(): Expression {
    return this.#memberOf(this.#primary());
  }

  #memberOf(start: Expression): Expression {
    let operand = start;
    for (let length = 0; ; length++) {
      if (length > DEPTH_MAX) throw new SourceError(this.#token.at, "expression recursion limit exceeded");
      const dot = this.#takeSign(".");
      if (dot) {
        operand = this.#fieldOrCall(operand, dot.at);
        continue;
      }
      const bracket = this.#takeSign("[");
      if (!bracket) return operand;
      const name = this.#takeSign("?") ? "_[?_]" : "_[_]";
      const index = this.#expression();
      this.#expect("]");
      operand = { kind: "call", at: bracket.at, name, target: null, args: [operand, index] };
    }
  }

  #fieldOrCall(operand: Expression, at: number): Expression {
    const isOptional = this.#takeSign("?") !== null;
    if (this.#token.kind !== "name") throw this.#unexpected("IDENTIFIER");
    const { text: field } = this.#take();
    const bracket = isOptional ? null : this.#takeSign("(");
    if (bracket) return this.#call(bracket.at, field, operand);
    return { kind: "select", at, operand, field, isOptional, isTest: false };
  }

  #call(at: number, name: string, target: Expression | null): Expression {
    const args = this.#arguments();
    const call: Call = { kind: "call", at, name, target, args };
    return expandMacro(at, name, target, args) ?? call;
  }

  #arguments(): readonly Expression[] {
    const args: Expression[] = [];
    while (!this.#takeSign(")")) {
      if (args.length > 0) this.#expect(",");
      args.push(this.#expression());
    }
    return args;
  }

  #primary(): Expression {
    const token = this.#token;
    switch (token.kind) {
      case "string":
        this.#take();
        return { kind: "literal", at: token.at, type: "string", value: token.text };
      case "bytes":
        this.#take();
        return { kind: "literal", at: token.at, type: "bytes", value: token.bytes! };
      case "int":
      case "uint":
      case "double":
        this.#take();
        return this.#number(token, "", token.at);
      case "keyword":
        return this.#constant();
      case "name":
        return this.#nameOrCall();
      default:
        return this.#bracketed();
    }
  }

  #number({ kind, text }: Token, sign: "" | "-", at: number): Literal {
    if (kind === "double") return { kind: "literal", at, type: "double", value: Number(sign + text) };
    const size = BigInt(text.replace(/u$/i, ""));
    const value = sign === "-" ? -size : size;
    if (kind === "uint") {
      if (value > UINT_MAX) throw new SourceError(at, "invalid uint literal");
      return { kind: "literal", at, type: "uint", value };
    }
    if (value > INT_MAX || value < -INT_MAX - 1n) throw new SourceError(at, "invalid int literal");
    return { kind: "literal", at, type: "int", value };
  }

  #constant(): Expression {
    const { text, at } = this.#token;
    if (text === "in") throw this.#unexpected("an expression");
    this.#take();
    if (text === "null") return { kind: "literal", at, type: "null", value: null };
    return { kind: "literal", at, type: "bool", value: text === "true" };
  }

  #nameOrCall(): Expression {
    const { text, at } = this.#take();
    const bracket = this.#takeSign("(");
    if (RESERVED.has(text)) throw new SourceError(at, `Syntax error: reserved identifier: ${text}`);
    if (bracket) return this.#call(bracket.at, text, null);
    if (this.#token.text === "{" && this.#token.kind === "sign") {
      throw new SourceError(this.#token.at, `undeclared reference to '${text}' (in container '')`);
    }
    return { kind: "name", at, name: text };
  }

  #bracketed(): Expression {
    if (this.#takeSign("(")) {
      const inner = this.#expression();
      this.#expect(")");
      return inner;
    }
    const list = this.#takeSign("[");
    if (list) return this.#list(list.at);
    const map = this.#takeSign("{");
    if (map) return this.#map(map.at);
    // A leading dot names a root; there is one namespace only, so that it changes nothing.
    if (this.#takeSign(".")) {
      if (this.#token.kind !== "name") throw this.#unexpected("IDENTIFIER");
      return this.#nameOrCall();
    }
    throw this.#unexpected("an expression");
  }

  #list(at: number): ListLiteral {
    const items: { value: Expression; isOptional: boolean }[] = [];
    while (!this.#takeSign("]")) {
      const isOptional = this.#takeSign("?") !== null;
      items.push({ value: this.#expression(), isOptional });
      if (!this.#takeSign(",")) {
        this.#expect("]");
        break;
      }
    }
    return { kind: "list", at, items };
  }

  #map(at: number): MapLiteral {
    const entries: { key: Expression; value: Expression; isOptional: boolean }[] = [];
    while (!this.#takeSign("}")) {
      const isOptional = this.#takeSign("?") !== null;
      const key = this.#expression();
      this.#expect(":");
      entries.push({ key, value: this.#expression(), isOptional });
      if (!this.#takeSign(",")) {
        this.#expect("}");
        break;
      }
    }
    return { kind: "map", at, entries };
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    const token = this.#token;
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #takeSign(text: string): Token | null {
    const { kind, text: found } = this.#token;
    return kind === "sign" && found === text ? this.#take() : null;
  }

  #expect(text: string): Token {
    const token = this.#takeSign(text);
    if (!token) throw this.#unexpected(`'${text}'`);
    return token;
  }

  #unexpected(expected: string): SourceError {
    const { text, at } = this.#token;
    return new SourceError(at, `Syntax error: mismatched input '${text}' expecting ${expected}`);
  }
}
