import { type BinaryOperator, ExpressionError, type Node } from "./ast.ts";
import { checkArity } from "./evaluate.ts";
import { lookUpFunction } from "./methods.ts";
import { predicateArguments } from "./predicates.ts";
import { goType } from "./values.ts";

/**
 * What can be known before evaluation (EX-006): names that do not exist, and operators between types that never meet. Thus
 * `len(result) == 0 || result >= 1` on a list is a mistake even when the list is empty. A type is Go's name of it, null
 * where only evaluation tells.
 */
export function check(node: Node, types: ReadonlyMap<string, string | null>): string | null {
  switch (node.kind) {
    case "literal":
      return goType(node.value);
    case "name": {
      const type = types.get(node.name);
      if (type === undefined) throw new ExpressionError(`unknown name ${node.name}`);
      return type;
    }
    case "pointer":
      return node.name === "index" ? "int" : null;
    case "array":
      for (const item of node.items) check(item, types);
      return "[]interface {}";
    case "map":
      for (const [key, value] of node.entries) [check(key, types), check(value, types)];
      return "map[string]interface {}";
    case "unary":
      return checkUnary(node.operator, check(node.operand, types));
    case "binary":
      return checkBinary(node.operator, check(node.left, types), check(node.right, types));
    case "condition":
      return checkCondition(node, types);
    case "member":
      return checkMember(check(node.object, types), check(node.key, types), node);
    case "slice":
      if (node.from) check(node.from, types);
      if (node.to) check(node.to, types);
      return check(node.object, types);
    case "call":
      return checkCall(node, types);
    case "predicate":
      check(node.body, types);
      return null;
    case "let":
      return check(node.body, new Map([...types, [node.name, check(node.value, types)]]));
  }
}

function checkUnary(operator: "!" | "-" | "+", operand: string | null): string | null {
  const fits = operand === null || (operator === "!" ? operand === "bool" : isNumeric(operand));
  if (!fits) throw new ExpressionError(`invalid operation: ${operator} (mismatched type ${operand})`);
  return operator === "!" ? "bool" : operand;
}

function checkCondition({ test, yes, no }: Extract<Node, { kind: "condition" }>, types: Types): string | null {
  const type = check(test, types);
  if (type !== null && type !== "bool") {
    throw new ExpressionError(`non-bool expression (type ${type}) used as condition`);
  }
  const [left, right] = [check(yes, types), check(no, types)];
  return left === right ? left : null;
}

type Types = ReadonlyMap<string, string | null>;

const isNumeric = (type: string) => type === "int" || type === "float64";
const isTimely = (type: string) => type === "time.Time" || type === "time.Duration";

function checkBinary(operator: BinaryOperator, left: string | null, right: string | null): string | null {
  if (left !== null && right !== null && !meets(operator, left, right)) {
    throw new ExpressionError(`invalid operation: ${operator} (mismatched types ${left} and ${right})`);
  }
  return resultType(operator, left, right);
}

/** Whether the operator is defined between the two types. */
function meets(operator: BinaryOperator, left: string, right: string): boolean {
  const bothNumeric = isNumeric(left) && isNumeric(right);
  const bothText = left === "string" && right === "string";
  switch (operator) {
    case "&&":
    case "||":
      return left === "bool" && right === "bool";
    case "==":
    case "!=":
      return left === right || bothNumeric || left === "<nil>" || right === "<nil>" || bothLists(left, right);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return bothNumeric || bothText || (left === right && isTimely(left));
    case "in":
      return right.startsWith("[]") || right.startsWith("map") || right === "<nil>";
    case "matches":
    case "contains":
    case "startsWith":
    case "endsWith":
      return bothText;
    case "..":
      return left === "int" && right === "int";
    case "%":
      return left === "int" && right === "int";
    case "??":
      return true;
    default:
      return bothNumeric || (operator === "+" && bothText) || isTimely(left) || isTimely(right);
  }
}

function bothLists(left: string, right: string): boolean {
  return left.startsWith("[]") && right.startsWith("[]");
}

const COMPARING: ReadonlySet<string> = new Set([
  "&&",
  "||",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "in",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
]);

function resultType(operator: BinaryOperator, left: string | null, right: string | null): string | null {
  if (COMPARING.has(operator)) return "bool";
  if (operator === "/" || operator === "**") return "float64";
  if (operator === "%") return "int";
  if (operator === "..") return "[]int";
  if (left === null || right === null || operator === "??") return null;
  if (isTimely(left) || isTimely(right)) return null;
  return left === right ? left : "float64";
}

function checkMember(
  object: string | null,
  key: string | null,
  node: Extract<Node, { kind: "member" }>,
): string | null {
  if (object === null) return null;
  if (object.startsWith("[]")) {
    if (key !== null && key !== "int") {
      throw new ExpressionError(`array elements can only be selected using an integer (got ${key})`);
    }
    const item = object.slice(2);
    return item === "interface {}" ? null : item;
  }
  if (object === "string" && (key === null || key === "int")) return null;
  if (object.startsWith("map") || object === "<nil>" || object === "time.Time") return null;
  const name = node.key.kind === "literal" ? String(node.key.value) : "";
  if (key === "string") throw new ExpressionError(`type ${object} has no field ${name}`);
  throw new ExpressionError(`type ${object}[${key ?? "interface {}"}] is undefined`);
}

function checkCall({ name, args }: Extract<Node, { kind: "call" }>, types: Types): string | null {
  const argTypes = args.map((argument) => check(argument, types));
  if (Object.hasOwn(predicateArguments, name)) {
    const [list] = argTypes;
    if (list !== undefined && list !== null && !list.startsWith("[]") && !list.startsWith("map")) {
      throw new ExpressionError(`builtin ${name} takes only array (got ${list})`);
    }
    return null;
  }
  const rule = lookUpFunction(name);
  if (!rule) throw new ExpressionError(types.has(name) ? `${types.get(name)} is not callable` : `unknown name ${name}`);
  checkArity(name, args.length, rule.arity);
  const [first] = argTypes;
  if ((name === "isNaN" || name === "isInf") && first !== null && first !== "float64") {
    throw new ExpressionError(`cannot use ${first} as argument (type float64) to call ${name}`);
  }
  return rule.type ?? null;
}
