import {
  type Aggregator,
  type At,
  aggregators,
  type BinaryOperator,
  type Call,
  documentedType,
  type Expression,
  isComparison,
  isSetOperator,
  type Matcher,
  type Matching,
  type MatchOperator,
  precedence,
  type ValueType,
  type VectorSelector,
} from "./ast.ts";
import { parseDuration } from "./duration.ts";
import { ParseError } from "./errors.ts";
import { METRIC_NAME } from "./labels.ts";
import { describe, type Token, tokenize, unquote } from "./lexer.ts";
import { parseNumber } from "./number.ts";
import { compileAnchored } from "./regexp.ts";
import { disabledFunctions, signatures } from "./signatures.ts";

/** A query deeper than this is refused before it can exhaust the stack; people write a tenth of it. */
const DEPTH_MAX = 200;
/** Chains such as `1 + 1 + …` nest to the left, one level an operator. */
const OPERATORS_MAX = 1000;

/** Text → typed expression, or a ParseError in Prometheus' words with line and column (PQ-010, PQ-014). */
export function parse(text: string): Expression {
  return new Parser(text).query();
}

/** `up{job="mesh"}` alone, as `match[]` of the HTTP API takes it. */
export function parseSelector(text: string): VectorSelector {
  const expression = parse(text);
  if (expression.kind === "selector") return expression;
  throw new ParseError(text, expression.start, "expected a series selector");
}

export function typeOf(expression: Expression): ValueType {
  switch (expression.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "matrix":
    case "subquery":
      return "matrix";
    case "selector":
    case "aggregation":
      return "vector";
    case "call":
      return signatures[expression.name]!.returns;
    case "unary":
    case "parentheses":
      return typeOf(expression.inner);
    case "binary":
      return typeOf(expression.left) === "scalar" && typeOf(expression.right) === "scalar" ? "scalar" : "vector";
  }
}

/** Recursive descent with binding strengths for the operators. One token of look-ahead, errors at the first bad token. */
class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #operators = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  query(): Expression {
    if (this.#peek().type === "end") throw new ParseError(this.#text, 0, "no expression found in input");
    const expression = this.#expression(0);
    if (this.#peek().type === "end") return expression;
    return this.#unexpected();
  }

  /** A getter would be narrowed by the type checker as if taking a token left it unchanged. */
  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  /** The token behind the next one; the list ends in an end or error token. */
  get #second(): Token {
    return this.#tokens[this.#at + 1] ?? this.#peek();
  }

  #take(): Token {
    return this.#tokens[this.#at++]!;
  }

  #is(text: string): boolean {
    const { type } = this.#peek();
    return this.#peek().text === text && (type === "punctuation" || type === "operator" || type === "keyword");
  }

  #accept(text: string): boolean {
    const isNext = this.#is(text);
    if (isNext) this.#at++;
    return isNext;
  }

  #fail(start: number, problem: string): never {
    throw new ParseError(this.#text, start, problem);
  }

  #unexpected(context = "", expected = ""): never {
    const token = this.#peek();
    if (token.type === "error") this.#fail(token.start, token.text);
    const where = context === "" ? "" : ` in ${context}`;
    this.#fail(token.start, `unexpected ${describe(token)}${where}${expected === "" ? "" : `, expected ${expected}`}`);
  }

  #expression(minimum: number): Expression {
    if (++this.#depth > DEPTH_MAX)
      this.#fail(this.#peek().start, `expression is nested deeper than ${DEPTH_MAX} levels`);
    let left = this.#unary();
    for (;;) {
      const token = this.#peek();
      const strength = token.type === "operator" ? precedence[token.text as BinaryOperator] : undefined;
      if (strength === undefined || strength <= minimum) break;
      this.#at++;
      left = this.#binary(left, token);
    }
    this.#depth--;
    return left;
  }

  #binary(left: Expression, token: Token): Expression {
    if (++this.#operators > OPERATORS_MAX)
      this.#fail(token.start, `expression has more than ${OPERATORS_MAX} operators`);
    const operator = token.text as BinaryOperator;
    const bool = this.#accept("bool");
    const matching = this.#matching();
    const right = this.#expression(operator === "^" ? precedence["^"] - 1 : precedence[operator]);
    const expression: Expression = {
      kind: "binary",
      operator,
      left,
      right,
      bool,
      matching,
      start: left.start,
      end: right.end,
    };
    this.#checkBinary(expression, token.start);
    return expression;
  }

  #checkBinary(expression: Expression & { kind: "binary" }, operatorAt: number): void {
    const { operator, bool, matching, left, right } = expression;
    const types = [typeOf(left), typeOf(right)];
    if (bool && !isComparison(operator))
      this.#fail(operatorAt, "bool modifier can only be used on comparison operators");
    if (isComparison(operator) && !bool && types.every((type) => type === "scalar")) {
      this.#fail(operatorAt, "comparisons between scalars must use BOOL modifier");
    }
    const twice = matching.on ? matching.labels.find((label) => matching.include.includes(label)) : undefined;
    if (twice !== undefined) this.#fail(operatorAt, `label "${twice}" must not occur in ON and GROUP clause at once`);
    for (const side of [left, right]) {
      if (typeOf(side) === "scalar" || typeOf(side) === "vector") continue;
      this.#fail(side.start, "binary expression must contain only scalar and instant vector types");
    }
    if (types.includes("scalar")) {
      if (matching.labels.length > 0) {
        this.#fail(expression.start, "vector matching only allowed between instant vectors");
      }
      if (isSetOperator(operator)) {
        this.#fail(expression.start, `set operator "${operator}" not allowed in binary scalar expression`);
      }
    } else if (isSetOperator(operator) && matching.many !== "none") {
      this.#fail(expression.start, `no grouping allowed for "${operator}" operation`);
    }
  }

  #matching(): Matching {
    if (!this.#is("on") && !this.#is("ignoring")) return { on: false, labels: [], many: "none", include: [] };
    const on = this.#take().text === "on";
    const labels = this.#labelList();
    const many = this.#accept("group_left") ? "left" : this.#accept("group_right") ? "right" : "none";
    const include = many !== "none" && this.#is("(") ? this.#labelList() : [];
    return { on, labels, many, include };
  }

  /** `(a, b,)`: names of labels, which may be words of the language; a comma may end the list. */
  #labelList(): string[] {
    if (!this.#accept("(")) this.#unexpected("grouping opts", '"("');
    const labels: string[] = [];
    while (!this.#accept(")")) {
      const { type, raw } = this.#peek();
      const isWord = type === "identifier" || type === "keyword" || type === "aggregator" || /^[a-zA-Z]/.test(raw);
      if (type === "string") labels.push(unquote(this.#text, this.#take()));
      else if (isWord && !raw.includes(":") && type !== "error") labels.push(this.#take().raw);
      else this.#unexpected("grouping opts", "label");
      if (!this.#accept(",") && !this.#is(")")) this.#unexpected("grouping opts", '"," or ")"');
    }
    return labels;
  }

  #unary(): Expression {
    const token = this.#peek();
    if (token.type !== "operator" || (token.text !== "-" && token.text !== "+")) return this.#postfix(this.#primary());
    this.#at++;
    // Weaker than `^`, as strong as `*`: -2 ^ 2 is -4.
    const inner = this.#expression(precedence["*"]);
    const type = typeOf(inner);
    if (type !== "scalar" && type !== "vector") {
      const problem = "unary expression only allowed on expressions of type scalar or instant vector";
      this.#fail(token.start, `${problem}, got "${documentedType[type]}"`);
    }
    if (inner.kind === "number") {
      return { ...inner, value: token.text === "-" ? -inner.value : inner.value, start: token.start };
    }
    return { kind: "unary", operator: token.text, inner, start: token.start, end: inner.end };
  }

  #primary(): Expression {
    const token = this.#peek();
    switch (token.type) {
      case "number":
      case "duration": {
        this.#at++;
        return { kind: "number", value: this.#seconds(token), start: token.start, end: token.end };
      }
      case "string":
        this.#at++;
        return { kind: "string", value: unquote(this.#text, token), start: token.start, end: token.end };
      case "punctuation":
        if (token.text === "(") return this.#parentheses();
        if (token.text === "{") return this.#selector(null);
        return this.#unexpected();
      case "aggregator":
        if (["(", "by", "without"].includes(this.#second.text)) return this.#aggregation();
        return this.#selector(this.#take());
      case "identifier":
        if (this.#second.text === "(" && this.#second.type === "punctuation") return this.#call();
        return this.#selector(this.#take());
      case "keyword":
        // Words of the language are names of metrics where nothing else can stand.
        return token.text === "bool" || token.text.startsWith("group")
          ? this.#unexpected()
          : this.#selector(this.#take());
      case "operator":
        return /^[a-z]/.test(token.text) ? this.#selector(this.#take()) : this.#unexpected();
      default:
        return this.#unexpected();
    }
  }

  /** A number, or a duration as the number of its seconds (Prometheus 3). */
  #seconds(token: Token): number {
    return token.type === "duration" ? this.#milliseconds(token) / 1000 : parseNumber(token.text)!;
  }

  #milliseconds(token: Token): number {
    if (token.type === "number") {
      const seconds = parseNumber(token.text)!;
      if (Number.isFinite(seconds)) return Math.round(seconds * 1000);
      this.#fail(token.start, "duration out of range");
    }
    const milliseconds = parseDuration(token.text);
    return milliseconds ?? this.#fail(token.start, `not a valid duration string: "${token.text}"`);
  }

  #parentheses(): Expression {
    const { start } = this.#take();
    const inner = this.#expression(0);
    const { end } = this.#peek();
    if (!this.#accept(")")) this.#unexpected();
    return { kind: "parentheses", inner, start, end };
  }

  #args(): { args: Expression[]; end: number } {
    if (!this.#accept("(")) this.#unexpected("aggregation");
    const args: Expression[] = [];
    for (let isFirst = true; !this.#is(")"); isFirst = false) {
      if (!isFirst && !this.#accept(",")) this.#unexpected();
      if (!isFirst && this.#is(")"))
        this.#fail(this.#peek().start, "trailing commas not allowed in function call args");
      args.push(this.#expression(0));
    }
    return { args, end: this.#take().end };
  }

  #call(): Expression {
    const name = this.#take();
    const { args, end } = this.#args();
    if (disabledFunctions.has(name.text)) this.#fail(name.start, `function "${name.text}" is not enabled`);
    if (!Object.hasOwn(signatures, name.text)) this.#fail(name.start, `unknown function with name "${name.text}"`);
    const call: Call = { kind: "call", name: name.text, args, start: name.start, end };
    this.#checkCall(call);
    return call;
  }

  #checkCall({ name, args, start }: Call): void {
    const { takes, optional } = signatures[name]!;
    const atLeast = takes.length - Math.abs(optional);
    const inCall = `in call to "${name}", got ${args.length}`;
    if (optional === 0 && args.length !== takes.length) {
      this.#fail(start, `expected ${takes.length} argument(s) ${inCall}`);
    }
    if (args.length < atLeast) this.#fail(start, `expected at least ${atLeast} argument(s) ${inCall}`);
    if (optional > 0 && args.length > takes.length) {
      this.#fail(start, `expected at most ${takes.length} argument(s) ${inCall}`);
    }
    args.forEach((argument, index) => {
      this.#expectType(argument, takes[index] ?? takes.at(-1)!, `call to function "${name}"`);
    });
  }

  #expectType(expression: Expression, wanted: ValueType, context: string): void {
    const type = typeOf(expression);
    if (type === wanted) return;
    const got = documentedType[type];
    this.#fail(expression.start, `expected type ${documentedType[wanted]} in ${context}, got ${got}`);
  }

  #aggregation(): Expression {
    const token = this.#take();
    let grouping = this.#grouping();
    const { args, end } = this.#args();
    grouping ??= this.#grouping();
    if (token.text === "limit_ratio") this.#fail(token.start, "limit_ratio() is experimental and not enabled");
    if (args.length === 0) this.#fail(token.start, "no arguments for aggregate expression provided");
    const operator = token.text as Aggregator;
    const parameterType: ValueType | null = aggregators[operator];
    const wanted = parameterType === null ? 1 : 2;
    if (args.length !== wanted) {
      const problem = "wrong number of arguments for aggregate expression provided";
      this.#fail(token.start, `${problem}, expected ${wanted}, got ${args.length}`);
    }
    const inner = args.at(-1)!;
    const parameter = parameterType === null ? null : args[0]!;
    this.#expectType(inner, "vector", "aggregation expression");
    if (parameter !== null) this.#expectType(parameter, parameterType!, "aggregation parameter");
    return {
      kind: "aggregation",
      operator,
      inner,
      parameter,
      labels: grouping?.labels ?? [],
      without: grouping?.without ?? false,
      start: token.start,
      end: this.#tokens[this.#at - 1]?.end ?? end,
    };
  }

  #grouping(): { labels: string[]; without: boolean } | null {
    if (!this.#is("by") && !this.#is("without")) return null;
    const without = this.#take().text === "without";
    return { labels: this.#labelList(), without };
  }

  #selector(name: Token | null): VectorSelector {
    const start = name?.start ?? this.#peek().start;
    const matchers: Matcher[] = [];
    if (this.#accept("{")) this.#matchers(matchers);
    if (name !== null) {
      const set = matchers.find((matcher) => matcher.name === METRIC_NAME);
      if (set) this.#fail(start, `metric name must not be set twice: "${name.raw}" or "${set.value}"`);
      matchers.push(equals(METRIC_NAME, name.raw));
    }
    // Without one matcher that the empty value fails, a selector would mean every series there is (PQ-001).
    if (matchers.every((matcher) => matcher.matches(""))) {
      this.#fail(start, "vector selector must contain at least one non-empty matcher");
    }
    const { end } = this.#tokens[this.#at - 1]!;
    return { kind: "selector", matchers, offsetMs: 0, at: null, start, end };
  }

  #matchers(matchers: Matcher[]): void {
    while (!this.#accept("}")) {
      const name = this.#peek();
      if (name.type !== "identifier" && name.type !== "string") this.#unexpected("label matching", 'identifier or "}"');
      this.#at++;
      const label = name.type === "string" ? unquote(this.#text, name) : name.text;
      if (name.type === "string" && (this.#is(",") || this.#is("}"))) matchers.push(equals(METRIC_NAME, label));
      else matchers.push(this.#matcher(label, name.start));
      if (!this.#accept(",") && !this.#is("}")) this.#unexpected("label matching", '"," or "}"');
    }
  }

  #matcher(name: string, start: number): Matcher {
    if (this.#peek().type !== "operator") this.#unexpected("label matching", "label matching operator");
    const operator = this.#take().text as MatchOperator;
    if (this.#peek().type !== "string") this.#unexpected("label matching", "string");
    const value = unquote(this.#text, this.#take());
    if (operator === "=") return equals(name, value);
    if (operator === "!=") return { name, operator, value, matches: (other) => other !== value };
    try {
      const form = compileAnchored(value);
      return { name, operator, value, matches: (other) => form.test(other) === (operator === "=~") };
    } catch (error) {
      return this.#fail(start, (error as Error).message);
    }
  }

  /** `[5m]`, `[1h:1m]`, `offset 5m`, `@ 5`: bind tighter than any operator. */
  #postfix(inner: Expression): Expression {
    let expression = inner;
    const set = { offset: false, at: false };
    for (;;) {
      if (this.#is("[")) {
        expression = this.#range(expression, set);
        set.offset = false;
        set.at = false;
      } else if (this.#accept("offset")) {
        const offsetMs = this.#offset();
        if (set.offset) this.#fail(expression.start, "offset may not be set multiple times");
        set.offset = true;
        expression = this.#modified(expression, "offset", { offsetMs });
      } else if (this.#accept("@")) {
        const at = this.#timestamp(expression.start);
        if (set.at) this.#fail(expression.start, "@ <timestamp> may not be set multiple times");
        set.at = true;
        expression = this.#modified(expression, "@", { at });
      } else return expression;
    }
  }

  #range(inner: Expression, set: { readonly offset: boolean; readonly at: boolean }): Expression {
    const bracket = this.#take();
    const rangeMs = this.#positiveDuration("subquery or range selector");
    if (this.#accept(":")) {
      const stepMs = this.#is("]") ? null : this.#positiveDuration("subquery selector");
      const { end } = this.#peek();
      if (!this.#accept("]")) this.#unexpected("subquery selector", '"]"');
      if (typeOf(inner) !== "vector") {
        const type = documentedType[typeOf(inner)];
        this.#fail(inner.start, `subquery is only allowed on instant vector, got ${type} instead`);
      }
      return { kind: "subquery", inner, rangeMs, stepMs, offsetMs: 0, at: null, start: inner.start, end };
    }
    const { end } = this.#peek();
    if (!this.#accept("]")) this.#unexpected("subquery or range", '":" or "]"');
    if (inner.kind !== "selector") this.#fail(bracket.start, "ranges only allowed for vector selectors");
    if (set.offset) this.#fail(bracket.start, "no offset modifiers allowed before range");
    if (set.at) this.#fail(bracket.start, "no @ modifiers allowed before range");
    return { kind: "matrix", selector: inner, rangeMs, start: inner.start, end };
  }

  #positiveDuration(context: string): number {
    const token = this.#peek();
    if (token.type !== "duration" && token.type !== "number") this.#unexpected(context, "number or duration");
    this.#at++;
    const milliseconds = this.#milliseconds(token);
    return milliseconds > 0 ? milliseconds : this.#fail(token.start, "duration must be greater than 0");
  }

  #offset(): number {
    const sign = this.#accept("-") ? -1 : this.#accept("+") ? 1 : 1;
    const token = this.#peek();
    if (token.type !== "duration" && token.type !== "number") this.#unexpected("offset", "number or duration");
    this.#at++;
    return sign * this.#milliseconds(token);
  }

  #timestamp(start: number): At {
    const word = this.#peek();
    if (word.type === "identifier" && (word.text === "start" || word.text === "end") && this.#second.text === "(") {
      this.#at += 2;
      if (!this.#accept(")")) this.#unexpected("@", "timestamp");
      return word.text;
    }
    const sign = this.#accept("-") ? -1 : this.#accept("+") ? 1 : 1;
    const token = this.#peek();
    if (token.type !== "number") this.#unexpected("@", "timestamp");
    this.#at++;
    const seconds = sign * parseNumber(token.text)!;
    if (Number.isFinite(seconds)) return Math.round(seconds * 1000);
    return this.#fail(start, `timestamp out of bounds for @ modifier: ${token.text}`);
  }

  #modified(expression: Expression, modifier: string, change: { offsetMs: number } | { at: At }): Expression {
    const { end } = this.#tokens[this.#at - 1]!;
    if (expression.kind === "selector" || expression.kind === "subquery") return { ...expression, ...change, end };
    if (expression.kind === "matrix") {
      return { ...expression, selector: { ...expression.selector, ...change }, end };
    }
    const subject = modifier === "@" ? "@ modifier" : "offset modifier";
    const wanted = "an instant vector selector or range vector selector or a subquery";
    return this.#fail(expression.start, `${subject} must be preceded by ${wanted}`);
  }
}

function equals(name: string, value: string): Matcher {
  return { name, operator: "=", value, matches: (other) => other === value };
}
