import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression, ExpressionError, evaluateCondition, type Value } from "./index.ts";

const now = Date.UTC(2030, 0, 1);

function value(text: string, result?: Value, resultType?: string): Value {
  return compileExpression(text).evaluate({
    now,
    ...(result === undefined ? {} : { result }),
    ...(resultType === undefined ? {} : { resultType }),
  });
}

const values: readonly (readonly [id: string, text: string, expected: Value])[] = [
  ["EX-010", "1_000 + 0x10", 1016n],
  ["EX-010", "1e3", 1000],
  ["EX-010", ".5 + 1.5", 2],
  ["EX-010", "2 + 3 * 4", 14n],
  ["EX-010", "(2 + 3) * 4", 20n],
  ["EX-010", "2 ** 3 ** 2", 512],
  ["EX-010", "-2 ^ 2", -4],
  ["EX-010", "'a' + \"b\" + `c`", "abc"],
  ["EX-010", "'it\\'s \\u0041'", "it's A"],
  ["EX-010", "not true || !false and true", true],
  ["EX-010", "true ? 1 : 2", 1n],
  ["EX-010", "2 in [1, 2]", true],
  ["EX-010", "3 not in [1, 2]", true],
  ["EX-010", "'k' in {k: 1}", true],
  ["EX-010", "[1, 2, 3][-1]", 3n],
  ["EX-010", "{a: {b: 7}}.a.b", 7n],
  ["EX-010", '{"a": 1}["a"]', 1n],
  ["EX-010", "[1, 2, 3, 4][1:3]", [2n, 3n]],
  ["EX-010", "'hello'[1:3]", "el"],
  ["EX-010", "'hello' contains 'ell' and 'hello' startsWith 'he' and 'hello' endsWith 'lo'", true],
  ["EX-010", "'hello' not contains 'x'", true],
  ["EX-010", "len([1, 2]) + len('abc')", 5n],
  ["EX-011", "nil ?? 3", 3n],
  ["EX-011", "{a: nil}.a?.b.c", null],
  ["EX-011", "1..3", [1n, 2n, 3n]],
  ["EX-011", "[3, 1, 2] | sort() | first()", 1n],
  ["EX-011", "let x = 2; let y = 3; x * y", 6n],
  ["EX-011", "all([1, 2], {# > 0})", true],
  ["EX-011", "any([1, 2], # > 1)", true],
  ["EX-011", "none([1, 2], # > 2) && one([1, 2], # > 1)", true],
  ["EX-011", "filter([{v: 1}, {v: 5}], .v > 2) | map(.v)", [5n]],
  ["EX-011", "count([1, 2, 3], # >= 2)", 2n],
  ["EX-011", "sum([1, 2, 3.5])", 6.5],
  ["EX-011", "find([1, 2, 3], # > 1)", 2n],
  ["EX-011", "findLastIndex([1, 2, 3], # < 3)", 1n],
  ["EX-011", "reduce([1, 2, 3], #acc + #, 10)", 16n],
  ["EX-011", "sortBy([{v: 2}, {v: 1}], .v)[0].v", 1n],
  ["EX-011", "max(1, [5, 2]) + min(3, 2)", 7n],
  ["EX-011", "mean([1, 2, 6]) + median([1, 9, 3])", 6],
  ["EX-011", "floor(1.7) + ceil(1.2) + round(-2.5) + abs(-1)", 1],
  ["EX-011", "type(1) + type(1.0) + type(nil) + type([]) + type({})", "intfloatnilarraymap"],
  ["EX-012", "upper(trim(' a ')) + join(['b', 'c'], '-')", "Ab-c"],
  ["EX-012", "split('a,b,c', ',', 2)", ["a", "b,c"]],
  ["EX-012", "replace('aXbX', 'X', '$&')", "a$&b$&"],
  ["EX-012", "keys({a: 1}) | first()", "a"],
  ["EX-012", "if 1 > 2 { 'a' } else if true { 'b' } else { 'c' }", "b"],
  ["EX-012", "fromJSON('{\"a\": [1]}').a[0]", 1],
  ["EX-013", "1 / 2", 0.5],
  ["EX-013", "7 % 4", 3n],
  ["EX-013", "1 == 1.0 && 1 < 1.5", true],
  ["EX-015", "{a: 1}.b", null],
  ["EX-016", "'my-service' matches 'ser.*e'", true],
  ["EX-020", "0.0 / 0 == 0.0 / 0", false],
  ["EX-020", "0.0 / 0 != 0.0 / 0", true],
  ["EX-000", "asInt('12') + asInt(3.9)", 15n],
  ["EX-000", "asFloat('1.5')", 1.5],
];
for (const [id, text, expected] of values) {
  test(`${id} ${text}`, () => assert.deepEqual(value(text), expected));
}

const errors: readonly (readonly [
  id: string,
  text: string,
  result: Value,
  type: string | undefined,
  message: string,
])[] = [
  ["EX-006", "result >= 0.95", [1], "[]float64", "invalid operation: >= (mismatched types []float64 and float64)"],
  [
    "EX-006",
    "len(result) == 0 || result >= 1",
    [],
    "[]float64",
    "invalid operation: >= (mismatched types []float64 and int)",
  ],
  ["EX-006", "reslt[0] > 1", [1], "[]float64", "unknown name reslt"],
  ["EX-006", "true || foo(1)", 1, undefined, "unknown name foo"],
  ["EX-013", "result == 'x'", 1, undefined, "invalid operation: == (mismatched types float64 and string)"],
  ["EX-013", "5.5 % 2", 1, undefined, "invalid operation: % (mismatched types float64 and int)"],
  ["EX-013", "result.v > 'x'", { v: 1 }, undefined, "invalid operation: float64 > string"],
  ["EX-004", "result[0] > 1", [], "[]float64", "index out of range: 0 (array length is 0)"],
  ["EX-015", "result.a.b", { a: null }, undefined, "cannot fetch b from <nil>"],
  ["EX-003", "result", 1, undefined, "expected bool, but got float64"],
  ["EX-003", "1", 1, undefined, "expected bool, but got int"],
  ["EX-000", "asFloat(result) > 1", "NotANum", undefined, 'strconv.ParseFloat: parsing "NotANum": invalid syntax'],
  ["EX-000", "isNaN(result)", "x", undefined, "cannot use string as argument (type float64) to call isNaN"],
  ["EX-010", "1 +", 1, undefined, "unexpected token EOF"],
  ["EX-010", "1 2", 1, undefined, 'unexpected token Number("2")'],
  ["EX-010", "# > 1", 1, undefined, "cannot use pointer accessor outside predicate"],
  ["EX-010", "result & 1", 1, undefined, "unrecognized character: U+0026 '&'"],
  ["EX-016", "'a' matches '('", 1, undefined, "error parsing regexp"],
  ["EX-010", "'a'..'b' == 1", 1, undefined, "invalid operation: .. (mismatched types string and string)"],
];
for (const [id, text, result, resultType, message] of errors) {
  test(`${id} ${text} is refused: ${message}`, () => {
    const environment = resultType === undefined ? { now, result } : { now, result, resultType };
    assert.throws(
      () => evaluateCondition(text, environment),
      (error) => error instanceof ExpressionError && error.message.startsWith(message),
    );
  });
}

test("EX-014 the right side is not looked at when the left decides", () => {
  assert.equal(value("len(result) == 0 || result[0] >= 0.95", [], "[]float64"), true);
  assert.equal(value("len(result) > 0 && result[0] < 0.05", [], "[]float64"), false);
});

const idioms: readonly (readonly [text: string, result: Value, expected: boolean])[] = [
  ["len(result) == 0 || isNaN(result[0]) || result[0] >= 0.95", [Number.NaN], true],
  ["default(result, 0) < 0.05", null, true],
  ["isNil(result)", null, true],
  ["all(result, # < 500)", [100, 499], true],
  ["any(result, {# > 5})", [1, 2], false],
  ["result[0] <= result[1] * 1.1", [1.05, 1], true],
  ["result.ok && result.successPercent >= 0.90", { ok: true, successPercent: 0.9 }, true],
  ['result == "true"', "true", true],
  ["asFloat(result.value) > 1", { value: "1.5" }, true],
  ['result in ["a","b"]', "b", true],
  ["isInf(result[0])", [Number.POSITIVE_INFINITY], true],
];
for (const [text, result, expected] of idioms) {
  test(`EX-020 ${text} of ${JSON.stringify(result)} is ${expected}`, () => assert.equal(value(text, result), expected));
}

test("EX-010 deep nesting is refused, not fatal", () => {
  assert.throws(() => value("(".repeat(10_000)), ExpressionError);
  assert.throws(() => value("!".repeat(10_000)), ExpressionError);
});

const endless: readonly (readonly [text: string, message: RegExp])[] = [
  ["len(map(1..3000, len(map(1..3000, #)))) > 0", /more than 2000000 steps/],
  ["all(1..900000, # in 1..900000)", /more than 2000000 steps/],
  ["let x = 1..900000; all(x, # in x)", /more than 2000000 steps/],
  ['len(reduce(1..60, #acc + #acc, "ab")) > 0', /more than 2000000 steps/],
  ["toJSON(reduce(1..60, [#acc, #acc], [1])) != ''", /more than 2000000 steps/],
  ["let x = reduce(1..60, [#acc, #acc], [1]); x == x", /more than 2000000 steps/],
  ['replace(repeat("a", 1000000), "a", repeat("b", 1000000)) == ""', /memory budget exceeded/],
  ["fromJSON(repeat('[', 5000) + repeat(']', 5000)) == nil", /nested deeper than 1000/],
];
for (const [text, message] of endless) {
  test(`EX-010 an expression that asks for too much is stopped: ${text}`, { timeout: 5000 }, () => {
    assert.throws(() => value(text), { name: "ExpressionError", message });
  });
}

test("EX-011 what is looked at only once costs no time that grows with its square", { timeout: 5000 }, () => {
  assert.equal(value("len(uniq(1..500000)) == 500000"), true);
  assert.equal(value("len(groupBy(1..100000, # % 10)) == 10"), true);
  assert.equal(value("len(uniq([1, 1.0, '1', [1], [1], nil, nil, {a: 1}, {a: 1}])) == 5"), true);
  assert.equal(value("result contains 'z'", "y".repeat(5_000_000)), false);
});
