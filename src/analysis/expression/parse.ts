import { type BinaryOperator, ExpressionError, type Node } from "./ast.ts";
import { isLibrary } from "./methods.ts";
import { predicateArguments } from "./predicates.ts";
import { type Token, tokenize } from "./tokens.ts";

/** Binding powers of expr-lang; a higher one binds tighter. */
const BINARY: Readonly<Record<string, { readonly power: number; readonly operator: BinaryOperator }>> = {
  "||": { power: 10, operator: "||" },
  or: { power: 10, operator: "||" },
  "&&": { power: 15, operator: "&&" },
  and: { power: 15, operator: "&&" },
  "==": { power: 20, operator: "==" },
  "!=": { power: 20, operator: "!=" },
  "<": { power: 20, operator: "<" },
  "<=": { power: 20, operator: "<=" },
  ">": { power: 20, operator: ">" },
  ">=": { power: 20, operator: ">=" },
  in: { power: 20, operator: "in" },
  matches: { power: 20, operator: "matches" },
  contains: { power: 20, operator: "contains" },
  startsWith: { power: 20, operator: "startsWith" },
  endsWith: { power: 20, operator: "endsWith" },
  "..": { power: 25, operator: ".." },
  "+": { power: 30, operator: "+" },
  "-": { power: 30, operator: "-" },
  "*": { power: 60, operator: "*" },
  "/": { power: 60, operator: "/" },
  "%": { power: 60, operator: "%" },
  "**": { power: 100, operator: "**" },
  "^": { power: 100, operator: "**" },
  "??": { power: 500, operator: "??" },
};
const NOT_POWER = 50;
const SIGN_POWER = 90;
/** `not` may stand before these: `x not in y`. */
const NEGATABLE: ReadonlySet<string> = new Set(["in", "matches", "contains", "startsWith", "endsWith"]);
/** Deeper nesting is refused instead of ending the process. */
const DEPTH_MAX = 200;

export interface ParseOptions {
  /** What stands behind a dot may be called, as in `time.Now()` (NO-004). */
  readonly allowsMethods?: boolean;
}

export function parseExpression(text: string, options: ParseOptions = {}): Node {
  const parser = new Parser(tokenize(text), options);
  const node = parser.sequence();
  parser.expectEnd();
  return node;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** How many predicates surround the present place: `#` and `.field` mean something only inside. */
  #predicates = 0;
  readonly #allowsMethods: boolean;

  constructor(tokens: readonly Token[], { allowsMethods = false }: ParseOptions) {
    this.#tokens = tokens;
    this.#allowsMethods = allowsMethods;
  }

  /** `let x = …; body`, or one expression. */
  sequence(): Node {
    if (!this.#accept("let")) return this.#expression();
    const name = this.#name();
    this.#expect("=");
    const value = this.#expression();
    this.#expect(";");
    return { kind: "let", name, value, body: this.sequence() };
  }

  expectEnd(): void {
    if (this.#token.kind !== "end") throw this.#unexpected();
  }

  #expression(): Node {
    if (++this.#depth > DEPTH_MAX) throw new ExpressionError(`the expression is nested deeper than ${DEPTH_MAX}`);
    try {
      let node = this.#binary(0);
      while (this.#accept("|")) node = this.#callOf(this.#name(), [node]);
      return this.#accept("?") ? this.#ternary(node) : node;
    } finally {
      this.#depth--;
    }
  }

  #ternary(test: Node): Node {
    if (this.#accept(":")) return { kind: "condition", test, yes: test, no: this.#expression() };
    const then = this.#expression();
    this.#expect(":");
    return { kind: "condition", test, yes: then, no: this.#expression() };
  }

  #binary(power: number): Node {
    let left = this.#unary();
    for (;;) {
      const token = this.#token;
      if (token.kind !== "operator") return left;
      const next = this.#tokens[this.#at + 1];
      const isNegated =
        token.text === "not" &&
        next?.kind === "operator" &&
        NEGATABLE.has(next.text) &&
        BINARY[next.text]!.power >= power;
      if (isNegated) this.#at++;
      const found = BINARY[this.#text];
      if (!found || !Object.hasOwn(BINARY, this.#text) || found.power < power) return left;
      this.#at++;
      // Powers bind to the right, all others to the left.
      const right = this.#binary(found.operator === "**" ? found.power : found.power + 1);
      left = { kind: "binary", operator: found.operator, left, right };
      if (isNegated) left = { kind: "unary", operator: "!", operand: left };
    }
  }

  #unary(): Node {
    if (this.#accept("not") || this.#accept("!"))
      return { kind: "unary", operator: "!", operand: this.#nested(NOT_POWER) };
    if (this.#accept("-")) return { kind: "unary", operator: "-", operand: this.#nested(SIGN_POWER) };
    if (this.#accept("+")) return { kind: "unary", operator: "+", operand: this.#nested(SIGN_POWER) };
    return this.#postfix(this.#primary());
  }

  #nested(power: number): Node {
    if (++this.#depth > DEPTH_MAX) throw new ExpressionError(`the expression is nested deeper than ${DEPTH_MAX}`);
    const node = this.#binary(power);
    this.#depth--;
    return node;
  }

  #primary(): Node {
    const token = this.#token;
    if (token.kind === "operator" && token.text === "." && this.#predicates > 0) {
      return { kind: "pointer", name: "" };
    }
    this.#at++;
    switch (token.kind) {
      case "number":
        return { kind: "literal", value: token.value };
      case "string":
        return { kind: "literal", value: token.text };
      case "pointer":
        return this.#pointer(token.text);
      case "name":
        return this.#named(token.text);
      case "operator":
        return this.#bracketed(token.text);
      case "end":
        this.#at--;
        throw this.#unexpected();
    }
  }

  #pointer(name: string): Node {
    if (this.#predicates === 0) throw new ExpressionError("cannot use pointer accessor outside predicate");
    if (name !== "" && name !== "index" && name !== "acc") throw new ExpressionError(`unknown pointer #${name}`);
    return { kind: "pointer", name };
  }

  #named(name: string): Node {
    if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
    if (name === "nil" || name === "null") return { kind: "literal", value: null };
    return this.#text === "(" && this.#token.kind === "operator" ? this.#callOf(name, []) : { kind: "name", name };
  }

  #bracketed(open: string): Node {
    if (open === "(") {
      const inner = this.sequence();
      this.#expect(")");
      return inner;
    }
    if (open === "[") return { kind: "array", items: this.#list("]", () => this.#expression()) };
    if (open === "{") return { kind: "map", entries: this.#list("}", () => this.#entry()) };
    if (open === "if") return this.#ifElse();
    this.#at--;
    throw this.#unexpected();
  }

  #ifElse(): Node {
    const test = this.#expression();
    const yes = this.#block();
    this.#expect("else");
    const no = this.#accept("if") ? this.#ifElse() : this.#block();
    return { kind: "condition", test, yes, no };
  }

  #block(): Node {
    this.#expect("{");
    const body = this.sequence();
    this.#expect("}");
    return body;
  }

  #entry(): readonly [Node, Node] {
    const token = this.#token;
    let key: Node;
    if (token.kind === "name") key = { kind: "literal", value: token.text };
    else if (token.kind === "string") key = { kind: "literal", value: token.text };
    else if (token.kind === "number") key = { kind: "literal", value: String(token.value) };
    else if (token.kind === "operator" && token.text === "(") key = this.#primary();
    else throw this.#unexpected();
    if (token.kind !== "operator") this.#at++;
    this.#expect(":");
    return [key, this.#expression()];
  }

  /** The call of a function whose first arguments may come from a pipe. */
  #callOf(name: string, piped: readonly Node[]): Node {
    this.#expect("(");
    const predicateAt = predicateArguments[name];
    const args = [...piped];
    const rest = this.#list(")", () => {
      const argument = args.length === predicateAt ? this.#predicate() : this.#expression();
      args.push(argument);
      return argument;
    });
    const node: Node = { kind: "call", name, args: [...piped, ...rest] };
    return piped.length > 0 ? this.#postfix(node) : node;
  }

  #predicate(): Node {
    this.#predicates++;
    const body = this.#token.kind === "operator" && this.#text === "{" ? this.#block() : this.#expression();
    this.#predicates--;
    return { kind: "predicate", body };
  }

  #list<T>(close: string, item: () => T): readonly T[] {
    const items: T[] = [];
    while (!this.#accept(close)) {
      if (items.length > 0) {
        this.#expect(",");
        if (this.#accept(close)) break;
      }
      items.push(item());
    }
    return items;
  }

  #postfix(start: Node): Node {
    let node = start;
    for (;;) {
      if (this.#accept(".")) node = this.#member(node, false);
      else if (this.#accept("?.")) node = this.#accept("[") ? this.#index(node, true) : this.#member(node, true);
      else if (this.#accept("[")) node = this.#index(node, false);
      else return node;
    }
  }

  #member(object: Node, isOptional: boolean): Node {
    const token = this.#token;
    // Words such as `in` are plain names after a dot.
    if (token.kind !== "name" && !(token.kind === "operator" && /^\w+$/.test(token.text))) throw this.#unexpected();
    this.#at++;
    if (this.#token.kind === "operator" && this.#text === "(") {
      if (!this.#allowsMethods) throw new ExpressionError(`${token.text} is not callable`);
      const isOfLibrary = object.kind === "name" && isLibrary(object.name);
      return isOfLibrary ? this.#callOf(`${object.name}.${token.text}`, []) : this.#callOf(`.${token.text}`, [object]);
    }
    return { kind: "member", object, key: { kind: "literal", value: token.text }, isOptional };
  }

  #index(object: Node, isOptional: boolean): Node {
    const from = this.#text === ":" ? null : this.#expression();
    if (!this.#accept(":")) {
      this.#expect("]");
      return { kind: "member", object, key: from!, isOptional };
    }
    const to = this.#text === "]" ? null : this.#expression();
    this.#expect("]");
    return { kind: "slice", object, from, to };
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  get #text(): string {
    const token = this.#token;
    return token.kind === "operator" ? token.text : "";
  }

  #accept(operator: string): boolean {
    if (this.#text !== operator) return false;
    this.#at++;
    return true;
  }

  #expect(operator: string): void {
    if (!this.#accept(operator)) throw this.#unexpected();
  }

  #name(): string {
    const token = this.#token;
    if (token.kind !== "name") throw this.#unexpected();
    this.#at++;
    return token.text;
  }

  #unexpected(): ExpressionError {
    const token = this.#token;
    if (token.kind === "end") return new ExpressionError("unexpected token EOF");
    const text = token.kind === "number" ? String(token.value) : token.text;
    const kind = { number: "Number", string: "String", name: "Identifier", operator: "Operator", pointer: "Pointer" }[
      token.kind
    ];
    return new ExpressionError(`unexpected token ${kind}("${text}")`);
  }
}
