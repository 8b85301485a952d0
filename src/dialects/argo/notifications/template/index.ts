import { isRecord } from "../../../../base/json.ts";
import { Budget } from "./budget.ts";
import { type TemplateFunction, templateFunctions } from "./functions.ts";
import { type Block, type Node, type Operand, type Pipe, parseTemplate, TemplateError } from "./parse.ts";
import { isTrue, show, type Value } from "./value.ts";

export { TemplateError } from "./parse.ts";

/** A template that was read without mistakes. */
export interface Template {
  /** Throws TemplateError, e.g. where a field of something missing is asked for. */
  render(data: Readonly<Record<string, Value>>): string;
}

/** Throws TemplateError with line and cause. */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  checkFunctions(nodes);
  return {
    render(data) {
      const output: string[] = [];
      const scope: Scope = { dot: data, names: new Map([["", { value: data }]]), budget: new Budget() };
      renderAll(nodes, scope, output);
      return output.join("");
    },
  };
}

/** `and` and `or` look at their arguments one by one, so they are no plain functions. */
const LAZY = ["and", "or"];

interface Scope {
  readonly dot: Value;
  /** "" is `$`, the data as a whole. Variables are set through the cell, so that an outer scope sees it. */
  readonly names: ReadonlyMap<string, { value: Value }>;
  readonly budget: Budget;
}

type Flow = "break" | "continue" | null;

function renderAll(nodes: readonly Node[], outer: Scope, output: string[]): Flow {
  let scope = outer;
  for (const node of nodes) {
    scope.budget.spend();
    if (node.kind === "text") put(node.text, scope, output);
    else if (node.kind === "break" || node.kind === "continue") return node.kind;
    else if (node.kind === "action") {
      const value = evaluatePipe(node.pipe, scope);
      if (node.pipe.names.length === 0) put(show(value), scope, output);
      else scope = declared(node.pipe, [value], scope);
    } else {
      const flow = node.kind === "range" ? renderRange(node, scope, output) : renderBranch(node, scope, output);
      if (flow !== null) return flow;
    }
  }
  return null;
}

function put(text: string, { budget }: Scope, output: string[]): void {
  budget.spendOnOutput(text);
  output.push(text);
}

function renderBranch({ kind, pipe, body, other }: Block, scope: Scope, output: string[]): Flow {
  const value = evaluatePipe(pipe, scope);
  const inner = declared(pipe, [value], scope);
  if (!isTrue(value)) return renderAll(other, inner, output);
  return renderAll(body, kind === "with" ? { ...inner, dot: value } : inner, output);
}

function renderRange({ pipe, body, other }: Block, scope: Scope, output: string[]): Flow {
  const entries = entriesOf(evaluatePipe(pipe, scope), pipe, scope.budget);
  if (entries.length === 0) return renderAll(other, scope, output);
  for (const [key, element] of entries) {
    const values = pipe.names.length === 2 ? [key, element] : [element];
    if (renderAll(body, { ...declared(pipe, values, scope), dot: element }, output) === "break") break;
  }
  return null;
}

function entriesOf(value: Value, pipe: Pipe, budget: Budget): readonly (readonly [Value, Value])[] {
  if (Array.isArray(value)) {
    budget.spend(value.length);
    return value.map((element, index) => [index, element]);
  }
  if (typeof value === "number") {
    budget.spend(Math.max(0, value));
    return Array.from({ length: value }, (_, index) => [index, index]);
  }
  if (isRecord(value)) return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  if (value === null || value === undefined) return [];
  throw new TemplateError(`at <${pipe.source}>: range can't iterate over ${show(value)}`);
}

function declared({ names, isAssignment, source }: Pipe, values: readonly Value[], scope: Scope): Scope {
  if (names.length === 0) return scope;
  if (isAssignment) {
    for (const [index, name] of names.entries()) cellOf(name, scope, source).value = values[index];
    return scope;
  }
  const added = names.map((name, index) => [name, { value: values[index] }] as const);
  return { ...scope, names: new Map([...scope.names, ...added]) };
}

function cellOf(name: string, { names }: Scope, source: string): { value: Value } {
  const cell = names.get(name);
  if (!cell) throw new TemplateError(`at <${source}>: undefined variable "$${name}"`);
  return cell;
}

function evaluatePipe(pipe: Pipe, scope: Scope): Value {
  let value: Value;
  for (const [index, command] of pipe.commands.entries()) {
    value = evaluateCommand(command, { scope, pipe, piped: index === 0 ? [] : [value] });
  }
  return value;
}

interface CommandContext {
  readonly scope: Scope;
  readonly pipe: Pipe;
  /** The value of the command before, if there is one. */
  readonly piped: readonly Value[];
}

function evaluateCommand([first, ...args]: readonly Operand[], context: CommandContext): Value {
  const { scope, pipe, piped } = context;
  if (first?.kind !== "function") {
    if (args.length > 0 || piped.length > 0)
      throw new TemplateError(`at <${pipe.source}>: can't give argument to non-function`);
    return evaluateOperand(first as Operand, scope, pipe);
  }
  if (LAZY.includes(first.name)) return evaluateLogic(first.name, args, context);
  const values = [...args.map((operand) => evaluateOperand(operand, scope, pipe)), ...piped];
  scope.budget.spendOn(values);
  try {
    const value = (templateFunctions[first.name] as TemplateFunction)(values);
    scope.budget.spendOn([value]);
    return value;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new TemplateError(`at <${pipe.source}>: error calling ${first.name}: ${error.message}`);
  }
}

function evaluateLogic(name: string, args: readonly Operand[], { scope, pipe, piped }: CommandContext): Value {
  const parts = [
    ...args.map((operand) => () => evaluateOperand(operand, scope, pipe)),
    ...piped.map((one) => () => one),
  ];
  let value: Value = null;
  for (const part of parts) {
    value = part();
    if (isTrue(value) === (name === "or")) return value;
  }
  return value;
}

function evaluateOperand(operand: Operand, scope: Scope, pipe: Pipe): Value {
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "dot":
      return member(scope.dot, operand.path, pipe);
    case "variable":
      return member(cellOf(operand.name, scope, pipe.source).value, operand.path, pipe);
    case "pipe":
      return member(evaluatePipe(operand.pipe, scope), operand.path, pipe);
    case "function":
      return evaluateCommand([operand], { scope, pipe, piped: [] });
  }
}

/** A missing key is nothing; to ask nothing for a field is a mistake (Go's `<no value>` and nil pointer). */
function member(from: Value, path: readonly string[], { source }: Pipe): Value {
  let value = from;
  for (const name of path) {
    if (value === null || value === undefined) {
      throw new TemplateError(`at <${source}>: nil pointer evaluating interface {}.${name}`);
    }
    if (!isRecord(value)) throw new TemplateError(`at <${source}>: can't evaluate field ${name} in ${show(value)}`);
    value = Object.hasOwn(value, name) ? value[name] : null;
  }
  return value;
}

// Before anything is rendered: a function that does not exist is a mistake of the template, not of one message.

function checkFunctions(nodes: readonly Node[]): void {
  for (const node of nodes) {
    if ("pipe" in node) checkPipe(node.pipe);
    if ("body" in node) checkFunctions([...node.body, ...node.other]);
  }
}

function checkPipe(pipe: Pipe): void {
  for (const operand of pipe.commands.flat()) {
    if (operand.kind === "pipe") checkPipe(operand.pipe);
    if (operand.kind !== "function" || LAZY.includes(operand.name)) continue;
    if (!Object.hasOwn(templateFunctions, operand.name)) {
      throw new TemplateError(`function "${operand.name}" not defined in {{${pipe.source}}}`);
    }
  }
}
