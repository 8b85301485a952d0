import type { LabelSelector, LabelSelectorRequirement } from "../api/meta.ts";
import { failure } from "./errors.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";

/**
 * Label and field selectors: the text grammar of query parameters and the structured form of specs. The texts of
 * refusals are those of Kubernetes (K8S-93), since people meet them in kubectl.
 */

type Labels = Readonly<Record<string, string>> | undefined;
type Matches = (labels: Labels) => boolean;

type LabelOperator = "in" | "notin" | "=" | "==" | "!=" | ">" | "<" | "exists" | "!";

interface Requirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** A predicate for a text such as `app=web,tier notin (db,cache),!legacy`. Throws 400 when it cannot be read. */
export function parseLabelSelector(text: string): (labels: Record<string, string> | undefined) => boolean {
  const matchers = new SelectorParser(text).parse().map(matcherOf);
  return (labels) => matchers.every((matches) => matches(labels));
}

/** The structured form: an empty selector selects everything, an absent one nothing. */
export function matchesLabelSelector(selector: LabelSelector | undefined | null, labels: Labels): boolean {
  if (!selector) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labelOf(labels, key) !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels));
}

/** Neither labels nor expressions: it selects everything. */
export function isEmptySelector({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

/** The structured form as selector text, sorted by key; empty for "everything" and for "nothing". */
export function formatLabelSelector(selector: LabelSelector | undefined | null): string {
  const parts: [key: string, text: string][] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) parts.push([key, `${key}=${value}`]);
  for (const expression of selector?.matchExpressions ?? []) parts.push([expression.key, formatExpression(expression)]);
  parts.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return parts.map(([, text]) => text).join(",");
}

export interface FieldRequirement {
  readonly path: string;
  readonly op: "=" | "!=";
  readonly value: string;
}

/** The terms of a text such as `status.phase=Running,metadata.name!=x`. Throws 400 when it cannot be read. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return splitUnescaped(text)
    .filter((term) => term !== "")
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
      if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      return { path: match[1] ?? "", op: match[2] === "!=" ? "!=" : "=", value: unescapeValue(match[3] ?? "") };
    });
}

function labelOf(labels: Labels, key: string): string | undefined {
  return labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function matchesExpression({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      // Stored objects of custom kinds may hold anything here; what cannot be understood selects nothing.
      return false;
  }
}

function formatExpression({ key, operator, values = [] }: LabelSelectorRequirement): string {
  const list = [...values].sort().join(",");
  switch (operator) {
    case "In":
      return `${key} in (${list})`;
    case "NotIn":
      return `${key} notin (${list})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return `${key} ${operator} (${list})`;
  }
}

function matcherOf({ key, operator, values }: Requirement): Matches {
  const wanted = values[0] ?? "";
  switch (operator) {
    case "exists":
      return (labels) => labelOf(labels, key) !== undefined;
    case "!":
      return (labels) => labelOf(labels, key) === undefined;
    case "=":
    case "==":
      return (labels) => labelOf(labels, key) === wanted;
    case "!=":
      return (labels) => labelOf(labels, key) !== wanted;
    case "in":
      return (labels) => {
        const value = labelOf(labels, key);
        return value !== undefined && values.includes(value);
      };
    case "notin":
      return (labels) => {
        const value = labelOf(labels, key);
        return value === undefined || !values.includes(value);
      };
    case ">":
      return (labels) => (integerOf(labelOf(labels, key)) ?? Number.NEGATIVE_INFINITY) > Number(wanted);
    case "<":
      return (labels) => (integerOf(labelOf(labels, key)) ?? Number.POSITIVE_INFINITY) < Number(wanted);
  }
}

function integerOf(text: string | undefined): number | null {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : null;
}

type Token =
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "end"; readonly text: "" };

const END: Token = { kind: "end", text: "" };

/** `in` and `notin` are words: only their place makes them operators, so that they may also be keys and values. */
function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const [token] of text.matchAll(/!=|==|[=!(),<>]|[^\s=!(),<>]+/g)) {
    tokens.push({ kind: /^[=!(),<>]/.test(token) ? "symbol" : "word", text: token });
  }
  return tokens;
}

class SelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): readonly Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.kind === "end") return requirements;
      if (first.kind !== "word" && first.text !== "!") {
        throw badRequest(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const next = this.#next();
      if (next.kind === "end") return requirements;
      if (next.text !== ",") throw badRequest(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (after.kind !== "word" && after.text !== "!") {
        throw badRequest(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    const isNegated = this.#peek().text === "!" && this.#next() !== null;
    const { kind, text: key } = this.#next();
    if (kind !== "word") throw cannotParse(`found '${key}', expected: identifier`);
    checkKey(key);
    const next = this.#peek();
    if (isNegated) return { key, operator: "!", values: [] };
    if (next.kind === "end" || next.text === ",") return { key, operator: "exists", values: [] };
    const operator = this.#operator();
    const values = operator === "in" || operator === "notin" ? this.#valueList() : [this.#value()];
    checkValues(key, operator, values);
    return { key, operator, values };
  }

  #operator(): LabelOperator {
    const { text } = this.#next();
    const operators: readonly string[] = ["in", "notin", "=", "==", "!=", ">", "<"];
    if (operators.includes(text)) return text as LabelOperator;
    throw cannotParse(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #value(): string {
    const next = this.#peek();
    if (next.kind === "end" || next.text === ",") return "";
    this.#position++;
    if (next.kind === "word") return next.text;
    throw cannotParse(`found '${next.text}', expected: identifier`);
  }

  /** `(a,b)`; an empty place counts as the empty value, so `()` means "" and `(a,)` means "a" or "". */
  #valueList(): readonly string[] {
    const open = this.#next();
    if (open.text !== "(") throw cannotParse(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind !== "word" && first.text !== "," && first.text !== ")") {
      throw cannotParse(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = new Set<string>();
    let value = "";
    for (;;) {
      const token = this.#next();
      if (token.text === ")" || token.text === ",") {
        values.add(value);
        value = "";
        if (token.text === ")") return [...values].sort();
      } else if (token.kind === "word" && value === "") value = token.text;
      else throw cannotParse(`found '${token.text}', expected: ',' or ')'`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? END;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }
}

function checkKey(key: string): void {
  const problems = qualifiedNameProblems(key);
  if (problems.length > 0) {
    throw cannotParse(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problems.join("; ")}`);
  }
}

function checkValues(key: string, operator: LabelOperator, values: readonly string[]): void {
  values.forEach((value, index) => {
    if ((operator === ">" || operator === "<") && integerOf(value) === null) {
      throw cannotParse(
        `values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    const problems = labelValueProblems(value);
    if (problems.length > 0) {
      throw cannotParse(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${problems.join("; ")}`);
    }
  });
}

/** Splits at commas that no backslash precedes; the escapes stay in the parts. */
function splitUnescaped(text: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? "";
    if (char === "\\") part += char + (text[++index] ?? "");
    else if (char === ",") {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return [...parts, part];
}

function unescapeValue(text: string): string {
  let value = "";
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? "";
    if (char === "=") throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    if (char !== "\\") {
      value += char;
      continue;
    }
    const escaped = text[++index] ?? "";
    if (!["\\", ",", "="].includes(escaped)) {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
    }
    value += escaped;
  }
  return value;
}

function badRequest(message: string) {
  return failure(400, "BadRequest", message);
}

function cannotParse(message: string) {
  return badRequest(`unable to parse requirement: ${message}`);
}
