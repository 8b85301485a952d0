import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRegex, compileReplacement, compileSearch } from "./regex.ts";

function matches(pattern: string, text: string): boolean {
  const regex = compileRegex(pattern);
  assert.ok(!("error" in regex), `${pattern}: ${"error" in regex ? regex.error : ""}`);
  return regex.matches(text);
}

const rows: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ["", [""], ["a"]],
  ["abc", ["abc"], ["ab", "abcd", "xabc"]],
  ["a|b|", ["a", "b", ""], ["ab"]],
  ["a*", ["", "aaa"], ["b"]],
  ["a+?b?", ["a", "aab"], ["b"]],
  ["a{2,3}", ["aa", "aaa"], ["a", "aaaa"]],
  ["a{2}", ["aa"], ["a", "aaa"]],
  ["a{2,}", ["aa", "aaaaa"], ["a"]],
  ["a{,2}", ["a{,2}"], ["aa"]],
  ["(ab|a)(bc|c)?", ["ab", "abc", "a", "ac", "abbc"], ["b"]],
  ["(?:a*)*", ["", "aaa"], ["b"]],
  ["v[0-9]+", ["v12"], ["v", "v1x"]],
  ["[^/]+", ["abc"], ["a/b", ""]],
  ["[]a-]+", ["]", "-a"], ["b"]],
  ["[[:alpha:]_]+", ["aZ_"], ["a1"]],
  ["\\d+\\.\\w*", ["1.a_2"], ["1a"]],
  [".", ["x", "é"], ["\n", ""]],
  ["(?s).", ["\n"], []],
  ["(?i)AbC", ["abc", "ABC"], ["abd"]],
  ["(?i:a)b", ["Ab"], ["AB"]],
  ["a(?i)b|c", ["aB", "C"], ["AB"]],
  ["\\Qa.b\\E+", ["a.b", "a.bbb"], ["axb"]],
  ["\\x41\\x{42}", ["AB"], []],
  ["\\pL+", ["äÖ"], ["1"]],
  ["^a$", ["a"], ["ab"]],
  ["(?P<name>x)y", ["xy"], []],
  [".*\\bfoo\\b.*", ["a foo b", "foo"], ["afoo"]],
  [".*(gray|canary).*", ["x-gray", "canary"], ["base"]],
];

for (const [pattern, yes, no] of rows) {
  test(`MESH-072 /${pattern}/ matches the whole text`, () => {
    for (const text of yes) assert.ok(matches(pattern, text), `should match ${JSON.stringify(text)}`);
    for (const text of no) assert.ok(!matches(pattern, text), `should not match ${JSON.stringify(text)}`);
  });
}

for (const [pattern, error] of [
  ["(?=a)", /look-around/],
  ["(?<!a)b", /look-around/],
  ["(a)\\1", /back-references/],
  ["a**", /invalid nested repetition/],
  ["*a", /missing argument/],
  ["(a", /missing closing \)/],
  ["a)", /unexpected \)/],
  ["[a", /missing closing \]/],
  ["[z-a]", /invalid character class/],
  ["a{1001}", /invalid repeat count/],
  ["((a{500}){500})", /too large/],
  ["a\\", /trailing/],
] as const) {
  test(`MESH-082 /${pattern}/ is refused`, () => {
    const regex = compileRegex(pattern);
    assert.match("error" in regex ? regex.error : "accepted", error);
  });
}

test("MESH-082 patterns on which backtracking explodes take no time", () => {
  assert.ok(!matches("(a*)*b", "a".repeat(5000)));
  assert.ok(!matches("(a|a)*b", "a".repeat(5000)));
  assert.ok(!matches("(x+x+)+y", "x".repeat(2000)));
});

test("MESH-082 expressions that say nothing a million times, or nest without end, take no time to compile", () => {
  assert.ok(matches("(?:(?:(?:(?:){1000}){1000}){1000}){1000}a", "a"));
  const deep = (depth: number) => compileRegex(`${"(?:".repeat(depth)}a${")*".repeat(depth)}`);
  assert.ok(!("error" in deep(1000)));
  assert.deepEqual(deep(1001), { error: "expression nests too deeply" });
});

test("MESH-082 a replacement walks text without any occurrence once", () => {
  const text = `/${"a".repeat(60_000)}`;
  assert.equal(compileReplacement("a*b", "x")(text), text);
});

test("MESH-122 replacement: all occurrences, groups, empty matches", () => {
  assert.equal(compileReplacement("^/a/([^/]+)/(.*)$", "/b/\\1-\\2")("/a/k/z"), "/b/k-z");
  assert.equal(compileReplacement("o", "0")("foo boo"), "f00 b00");
  assert.equal(compileReplacement("x*", "-")("abc"), "-a-b-c-");
  assert.equal(compileReplacement("(a)|(b)", "[\\1\\2\\0]$1")("ab"), "[aa]$1[bb]$1");
  assert.equal(compileReplacement("a+?", "x")("aaa"), "xxx");
});

test("MESH-082 property: agrees with JavaScript where both speak the same language", () => {
  const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)", "(a|)");
  const quantifier = fc.constantFrom("", "", "*", "+", "?", "{1,2}", "*?", "+?");
  const pattern = fc.array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 5 });
  const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 7 });
  fc.assert(
    fc.property(pattern, text, (parts, letters) => {
      const source = parts.map((part) => part.join("")).join("");
      const subject = letters.join("");
      assert.equal(matches(source, subject), new RegExp(`^(?:${source})$`).test(subject), `${source} on ${subject}`);
      const expected = subject.replace(new RegExp(source, "g"), "<$&>");
      if (!/\(a\|\)/.test(source))
        assert.equal(compileReplacement(source, "<\\0>")(subject), expected, `${source} on ${subject}`);
    }),
    { numRuns: 500 },
  );
});

function firstMatch(pattern: string, text: string, from = 0): string | null {
  const search = compileSearch(pattern);
  assert.ok(!("error" in search), pattern);
  const found = search.find(text, from);
  return found && text.slice(...found);
}

test("K8S-158 the leftmost match anywhere, the first alternative preferred", () => {
  assert.equal(firstMatch("b+", "aabbc"), "bb");
  assert.equal(firstMatch("b+?", "aabbc"), "b");
  assert.equal(firstMatch("a|ab", "xab"), "a");
  assert.equal(firstMatch("^b", "ab"), null);
  assert.equal(firstMatch("b$", "abab"), "b");
  assert.equal(firstMatch("[0-9]*", "12 345", 2), "");
  assert.equal(firstMatch("[0-9]+", "12 345", 2), "345");
  assert.equal(firstMatch("^1", "11", 1), null, "the text starts where it starts");
});

test("MESH-082 a character outside the basic plane is one character", () => {
  assert.equal(matches(".", "😀"), true);
  assert.equal(matches("[😀-😂]b", "😁b"), true);
  assert.equal(matches("..", "😀"), false);
  assert.equal(firstMatch(".", "😀b"), "😀");
});

test("K8S-158 a search walks the text once", () => {
  const search = compileSearch("(a*)*b");
  assert.ok(!("error" in search));
  const text = "a".repeat(20_000);
  assert.equal(search.find(text, 0), null);
});
