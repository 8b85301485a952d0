import { unanchoredRegex } from "../pattern.ts";
import { type BinaryOperator, ExpressionError } from "./ast.ts";
import { Duration, equals, goType, isList, isMap, isNumber, Time, type Value } from "./values.ts";

/** A range of more elements is a mistake or an attack; expr-lang bounds memory likewise. */
const RANGE_MAX = 1_000_000;

/** All binary operators but the ones that look at their right side only when needed. */
export function applyBinary(operator: Exclude<BinaryOperator, "&&" | "||" | "??">, left: Value, right: Value): Value {
  switch (operator) {
    case "==":
      return equals(left, right);
    case "!=":
      return !equals(left, right);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(operator, left, right);
    case "in":
      return isIn(left, right);
    case "matches":
    case "contains":
    case "startsWith":
    case "endsWith":
      return testText(operator, left, right);
    case "..":
      return range(left, right);
    default:
      return calculate(operator, left, right);
  }
}

function compare(operator: "<" | "<=" | ">" | ">=", left: Value, right: Value): boolean {
  const [a, b] = comparable(left, right) ?? mismatch(operator, left, right);
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

function comparable(left: Value, right: Value): readonly [string | number | bigint, string | number | bigint] | null {
  if (isNumber(left) && isNumber(right)) return [left, right];
  if (typeof left === "string" && typeof right === "string") return [left, right];
  if (left instanceof Time && right instanceof Time) return [left.ms, right.ms];
  if (left instanceof Duration && right instanceof Duration) return [left.ms, right.ms];
  return null;
}

function isIn(item: Value, container: Value): boolean {
  if (container === null) return false;
  if (isList(container)) return container.some((other) => equals(item, other));
  if (isMap(container)) return typeof item === "string" && Object.hasOwn(container, item);
  throw new ExpressionError(`operator "in" not defined on ${goType(container)}`);
}

function testText(operator: "matches" | "contains" | "startsWith" | "endsWith", left: Value, right: Value): boolean {
  if (typeof left !== "string" || typeof right !== "string") return mismatch(operator, left, right);
  if (operator === "contains") return left.includes(right);
  if (operator === "startsWith") return left.startsWith(right);
  if (operator === "endsWith") return left.endsWith(right);
  const regex = unanchoredRegex(right);
  if ("error" in regex) throw new ExpressionError(`error parsing regexp: ${regex.error}`);
  return regex.matches(left);
}

function range(left: Value, right: Value): Value {
  if (typeof left !== "bigint" || typeof right !== "bigint") return mismatch("..", left, right);
  const length = right - left + 1n;
  if (length > RANGE_MAX) throw new ExpressionError("memory budget exceeded");
  return Array.from({ length: Math.max(0, Number(length)) }, (_, index) => left + BigInt(index));
}

function calculate(operator: "+" | "-" | "*" | "/" | "%" | "**", left: Value, right: Value): Value {
  if (operator === "+" && typeof left === "string" && typeof right === "string") return left + right;
  if (left instanceof Time || left instanceof Duration || right instanceof Time || right instanceof Duration) {
    return calculateTime(operator, left, right);
  }
  if (!isNumber(left) || !isNumber(right)) return mismatch(operator, left, right);
  // A quotient and a power are floats even of integers (EX-013).
  if (operator === "/") return Number(left) / Number(right);
  if (operator === "**") return Number(left) ** Number(right);
  if (typeof left === "bigint" && typeof right === "bigint") return BigInt.asIntN(64, integers(operator, left, right));
  if (operator === "%") return mismatch(operator, left, right);
  return floats(operator, Number(left), Number(right));
}

function integers(operator: "+" | "-" | "*" | "%", left: bigint, right: bigint): bigint {
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  if (right === 0n) throw new ExpressionError("runtime error: integer divide by zero");
  return left % right;
}

function floats(operator: "+" | "-" | "*", left: number, right: number): number {
  if (operator === "+") return left + right;
  return operator === "-" ? left - right : left * right;
}

function calculateTime(operator: string, left: Value, right: Value): Value {
  if (left instanceof Time && right instanceof Duration) {
    if (operator === "+") return new Time(left.ms + right.ms);
    if (operator === "-") return new Time(left.ms - right.ms);
  }
  if (left instanceof Duration && right instanceof Time && operator === "+") return new Time(left.ms + right.ms);
  if (left instanceof Time && right instanceof Time && operator === "-") return new Duration(left.ms - right.ms);
  if (left instanceof Duration && right instanceof Duration) {
    if (operator === "+") return new Duration(left.ms + right.ms);
    if (operator === "-") return new Duration(left.ms - right.ms);
  }
  if (operator === "*") {
    if (left instanceof Duration && isNumber(right)) return new Duration(left.ms * Number(right));
    if (isNumber(left) && right instanceof Duration) return new Duration(Number(left) * right.ms);
  }
  return mismatch(operator, left, right);
}

function mismatch(operator: string, left: Value, right: Value): never {
  throw new ExpressionError(`invalid operation: ${goType(left)} ${operator} ${goType(right)}`);
}
