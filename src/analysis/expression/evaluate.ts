import { unreachable } from "../../base/assert.ts";
import { ExpressionError, type Node } from "./ast.ts";
import type { Budget } from "./budget.ts";
import { lookUpFunction } from "./methods.ts";
import { applyBinary } from "./operators.ts";
import { callPredicate, type Predicate, predicateArguments } from "./predicates.ts";
import { goType, isList, isMap, isNumber, Time, type Value } from "./values.ts";

/** What an expression can see. `pointer` and its companions exist only inside predicates. */
export interface Scope {
  readonly names: ReadonlyMap<string, Value>;
  readonly now: number;
  readonly budget: Budget;
  readonly item?: Value;
  readonly index?: number;
  readonly accumulated?: Value;
}

/** What makes values, and not only names or takes them apart. */
const MAKERS: ReadonlySet<Node["kind"]> = new Set(["array", "map", "binary", "call", "slice"]);

export function evaluate(node: Node, scope: Scope): Value {
  scope.budget.spend();
  const value = evaluateNode(node, scope);
  if (MAKERS.has(node.kind)) scope.budget.spendOnMade(value);
  return value;
}

function evaluateNode(node: Node, scope: Scope): Value {
  switch (node.kind) {
    case "literal":
      return node.value;
    case "name":
      return nameValue(node.name, scope);
    case "pointer":
      return pointerValue(node.name, scope);
    case "array":
      return node.items.map((item) => evaluate(item, scope));
    case "map":
      return Object.fromEntries(
        node.entries.map(([key, value]) => [String(evaluate(key, scope)), evaluate(value, scope)]),
      );
    case "unary":
      return unary(node.operator, evaluate(node.operand, scope));
    case "binary":
      return binary(node, scope);
    case "condition":
      return evaluate(asBool(evaluate(node.test, scope)) ? node.yes : node.no, scope);
    case "member":
      return member(node, scope);
    case "slice":
      return slice(node, scope);
    case "call":
      return call(node.name, node.args, scope);
    case "predicate":
      throw new ExpressionError("a predicate stands only in a function that takes one");
    case "let":
      return evaluate(node.body, {
        ...scope,
        names: new Map([...scope.names, [node.name, evaluate(node.value, scope)]]),
      });
    default:
      return unreachable(node);
  }
}

function nameValue(name: string, { names }: Scope): Value {
  const value = names.get(name);
  if (value === undefined) throw new ExpressionError(`unknown name ${name}`);
  return value;
}

function pointerValue(name: "" | "index" | "acc", { item, index, accumulated }: Scope): Value {
  if (name === "index") return BigInt(index ?? 0);
  return (name === "acc" ? accumulated : item) ?? null;
}

function unary(operator: "!" | "-" | "+", value: Value): Value {
  if (operator === "!" && typeof value === "boolean") return !value;
  if (operator === "-" && isNumber(value)) return -value;
  if (operator === "+" && isNumber(value)) return value;
  throw new ExpressionError(`invalid operation: ${operator} (mismatched type ${goType(value)})`);
}

function binary({ operator, left, right }: Extract<Node, { kind: "binary" }>, scope: Scope): Value {
  const value = evaluate(left, scope);
  // The right side is looked at only when the left does not decide (EX-014).
  if (operator === "&&") return asBool(value) && asBool(evaluate(right, scope));
  if (operator === "||") return asBool(value) || asBool(evaluate(right, scope));
  if (operator === "??") return value ?? evaluate(right, scope);
  const other = evaluate(right, scope);
  scope.budget.spendOnRead(value);
  scope.budget.spendOnRead(other);
  return applyBinary(operator, value, other);
}

function asBool(value: Value): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`interface conversion: interface {} is ${goType(value)}, not bool`);
}

function member({ object, key, isOptional }: Extract<Node, { kind: "member" }>, scope: Scope): Value {
  const container = evaluate(object, scope);
  if (container === null && (isOptional || isInOptionalChain(object))) return null;
  const name = evaluate(key, scope);
  if (isList(container)) return element(container, name);
  if (isMap(container)) {
    if (typeof name !== "string") throw new ExpressionError(`cannot use ${goType(name)} to get an element from map`);
    return Object.hasOwn(container, name) ? container[name]! : null;
  }
  if (typeof container === "string" && typeof name === "bigint") return element([...container], name);
  if (container instanceof Time && name === "Unix") return BigInt(Math.floor(container.ms / 1000));
  throw new ExpressionError(`cannot fetch ${String(name)} from ${goType(container)}`);
}

/** After `a?.b` a missing `a` ends the whole chain, not just its first link. */
function isInOptionalChain(node: Node): boolean {
  return node.kind === "member" && (node.isOptional || isInOptionalChain(node.object));
}

function element(list: readonly Value[], index: Value): Value {
  if (typeof index !== "bigint") throw new ExpressionError(`cannot use ${goType(index)} as an index`);
  const found = list.at(Number(index));
  if (found === undefined) {
    throw new ExpressionError(`index out of range: ${index} (array length is ${list.length})`);
  }
  return found;
}

function slice({ object, from, to }: Extract<Node, { kind: "slice" }>, scope: Scope): Value {
  const container = evaluate(object, scope);
  const bound = (node: Node | null) => {
    const value = node === null ? null : evaluate(node, scope);
    if (value !== null && typeof value !== "bigint")
      throw new ExpressionError(`non-integer slice index ${goType(value)}`);
    return value === null ? undefined : Number(value);
  };
  if (typeof container === "string" || isList(container)) return container.slice(bound(from), bound(to));
  throw new ExpressionError(`cannot slice ${goType(container)}`);
}

function call(name: string, args: readonly Node[], scope: Scope): Value {
  if (Object.hasOwn(predicateArguments, name)) return callWithPredicate(name, args, scope);
  const found = lookUpFunction(name);
  if (!found) throw new ExpressionError(`unknown name ${name}`);
  checkArity(name, args.length, found.arity);
  const values = args.map((argument) => evaluate(argument, scope));
  for (const value of values) scope.budget.spendOnRead(value);
  return found.call(values, scope);
}

export function checkArity(name: string, count: number, [least, most]: readonly [number, number]): void {
  if (count < least) throw new ExpressionError(`not enough arguments to call ${name}`);
  if (count > most) throw new ExpressionError(`too many arguments to call ${name}`);
}

function callWithPredicate(name: string, args: readonly Node[], scope: Scope): Value {
  const [list, body, ...rest] = args;
  if (!list) throw new ExpressionError(`not enough arguments to call ${name}`);
  const predicate: Predicate | null =
    body?.kind === "predicate"
      ? (item, index, accumulated = null) => evaluate(body.body, { ...scope, item, index, accumulated })
      : null;
  const values = rest.map((argument) => evaluate(argument, scope));
  return callPredicate(name, evaluate(list, scope), { predicate, rest: values });
}
