import { isRecord } from "../base/json.ts";

/**
 * The part of kubectl's JSONPath that CRDs use for printer columns, scale paths and selectable fields (K8S-161):
 * `.a.b`, `['a.b']`, `.a\.b`, `[*]`, `.*`, `[n]`, `[-n]`, `[?(@.type=="Ready")]`, `[?(@.x)]`. Compiled once, evaluated often.
 */
export interface JsonPath {
  /** Every value that the path reaches, in document order. */
  evaluate(document: unknown): readonly unknown[];
  /** The first of them; undefined when there is none. */
  first(document: unknown): unknown;
}

type Step = (value: unknown) => readonly unknown[];

/** Null when the text is not a path of this subset. Braces around the path, as in kubectl, are allowed. */
export function compileJsonPath(text: string): JsonPath | null {
  const path = /^\{.*\}$/s.test(text) ? text.slice(1, -1) : text;
  const steps = parseSteps(path.startsWith("$") ? path.slice(1) : path);
  if (!steps) return null;
  const evaluate = (document: unknown) => {
    let values: readonly unknown[] = [document];
    for (const step of steps) values = values.flatMap(step);
    return values;
  };
  return { evaluate, first: (document) => evaluate(document)[0] };
}

/** The member names of a path without lists and filters, such as `.spec.replicas`; null for any other path. */
export function memberPath(text: string): readonly string[] | null {
  if (!/^(\.[^.[\]{}*?]+)+$/.test(text)) return null;
  return text
    .slice(1)
    .split(/(?<!\\)\./)
    .map(unescapeName);
}

const MEMBER = /^\.((?:\\.|[^.[\]\\])+)/;
const QUOTED_MEMBER = /^\[(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\]/;
const INDEX = /^\[(-?\d+)\]/;
const EVERY = /^(?:\[\*\]|\.\*)/;
const FILTER =
  /^\[\?\(\s*@((?:\.[A-Za-z0-9_\-/]+|\['[^']*'\])+)\s*(?:(==|!=|<=|>=|<|>)\s*(?:"([^"]*)"|'([^']*)'|([^\s)"']+))\s*)?\)\]/;

function parseSteps(path: string): readonly Step[] | null {
  if (path !== "" && !path.startsWith(".") && !path.startsWith("[")) return null;
  const steps: Step[] = [];
  let rest = path === "." ? "" : path;
  while (rest !== "") {
    const parsed = parseStep(rest);
    if (!parsed) return null;
    steps.push(parsed.step);
    rest = rest.slice(parsed.length);
  }
  return steps;
}

function parseStep(rest: string): { readonly step: Step; readonly length: number } | null {
  const every = EVERY.exec(rest);
  if (every) return { step: members, length: every[0].length };
  const member = MEMBER.exec(rest);
  if (member) return { step: memberStep(unescapeName(member[1] ?? "")), length: member[0].length };
  const quoted = QUOTED_MEMBER.exec(rest);
  if (quoted) return { step: memberStep(unescapeName(quoted[1] ?? quoted[2] ?? "")), length: quoted[0].length };
  const index = INDEX.exec(rest);
  if (index) return { step: indexStep(Number(index[1])), length: index[0].length };
  const filter = FILTER.exec(rest);
  if (filter) return filterStep(filter);
  return null;
}

function unescapeName(name: string): string {
  return name.replace(/\\(.)/g, "$1");
}

function members(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

function memberStep(name: string): Step {
  return (value) => (isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : []);
}

function indexStep(index: number): Step {
  return (value) => {
    if (!Array.isArray(value)) return [];
    const position = index < 0 ? value.length + index : index;
    return position >= 0 && position < value.length ? [value[position]] : [];
  };
}

function filterStep(match: RegExpExecArray): { readonly step: Step; readonly length: number } | null {
  const [whole, path = "", operator, doubleQuoted, singleQuoted, bare] = match;
  const left = compileJsonPath(path);
  if (!left) return null;
  const right = doubleQuoted ?? singleQuoted ?? literalOf(bare);
  const holds = (item: unknown) => {
    const value = left.first(item);
    return operator === undefined ? value !== undefined : value !== undefined && compare(value, operator, right);
  };
  return { step: (value) => members(value).filter(holds), length: whole.length };
}

function literalOf(text: string | undefined): unknown {
  if (text === "true") return true;
  if (text === "false") return false;
  return text !== undefined && text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  if (typeof left !== typeof right || (typeof left !== "number" && typeof left !== "string")) return false;
  const [a, b] = [left, right as typeof left];
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}
