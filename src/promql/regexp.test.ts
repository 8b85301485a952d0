import assert from "node:assert/strict";
import { test } from "node:test";
import { compileAnchored, expand } from "./regexp.ts";

const matching: readonly (readonly [pattern: string, value: string, isMatch: boolean])[] = [
  ["5.*", "503", true],
  ["5.", "5033", false],
  ["a|b", "ab", false],
  ["200|201", "201", true],
  ["[^5].*", "404", true],
  ["a.b", "a\nb", true],
  ["(?i)abc", "ABC", true],
  ["x(?i:abc)", "xABC", true],
  ["(?i)a|b", "B", true],
  ["x(?:(?i)a|b)c", "xBc", true],
  ["(?P<n>a)b", "ab", true],
  ["[[:alpha:]_]+", "ab_", true],
  ["[]a]+", "]a", true],
  ["[a-c\\-]+", "a-c", true],
  ["\\Qa.b\\E.", "a.bc", true],
  ["\\Qa.b\\E.", "axbc", false],
  ["\\pL+", "é", true],
  ["a{2,3}", "aaa", true],
  ["a{,3}", "a{,3}", true],
  ["{", "{", true],
  ["\\x{1F600}", "😀", true],
  [".", "😀", true],
  ["a-b/c", "a-b/c", true],
  ["istio-rollout\\.default", "istio-rollout.default", true],
  ["\\Aa\\z", "a", true],
  ["", "", true],
];
for (const [pattern, value, isMatch] of matching) {
  test(`PQ-001 ${JSON.stringify(pattern)} ${isMatch ? "matches" : "does not match"} ${JSON.stringify(value)}`, () => {
    assert.equal(compileAnchored(pattern).test(value), isMatch);
  });
}

const refused: Readonly<Record<string, string>> = {
  "(?=a)": "invalid or unsupported Perl syntax: `(?=`",
  "\\1": "invalid escape sequence: `\\1`",
  "a**": "invalid nested repetition operator: `**`",
  "*a": "missing argument to repetition operator: `*`",
  "a)": "unexpected ): `^(?s:a))$`",
  "(a": "missing closing ): `^(?s:(a)$`",
  "[a": "missing closing ]: `[a)$`",
  "a{1001}": "invalid repeat count: `{1001}`",
  "a{3,2}": "invalid repeat count: `{3,2}`",
};
for (const [pattern, problem] of Object.entries(refused)) {
  test(`PQ-001 ${JSON.stringify(pattern)} is refused in RE2's words`, () => {
    assert.throws(() => compileAnchored(pattern), { message: `error parsing regexp: ${problem}` });
  });
}

test("PQ-011 $1, ${1}, $name, $$ and unknown groups in a replacement", () => {
  const match = compileAnchored("(?P<who>a)(b)").exec("ab")!;
  assert.equal(expand("$1-${2}-$who-$$-$9-$1x-$", match), "a-b-a-$---$");
});
