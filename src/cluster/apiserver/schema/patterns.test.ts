import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "./patterns.ts";

const readable: [pattern: string, yes: string, no: string][] = [
  ["^a+$", "aa", "b"],
  ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b", "-a"],
  ["(?i)^abc$", "ABC", "abd"],
  ["^\\-\\_\\/$", "-_/", "-"],
  ["^[\\w-.]+$", "a-b.c", "a b"],
  ["^[[:alpha:]]+$", "abc", "a1"],
  ["^\\p{Lu}$", "A", "a"],
  ["^\\pL$", "a", "1"],
  ["^(?P<name>a)$", "a", "b"],
  ["\\Aab\\z", "ab", "abc"],
  ["^\\Qa.b\\E$", "a.b", "axb"],
  ["^{a}$", "{a}", "a"],
  ["^a{2}$", "aa", "a"],
  ["^[^]]$", "a", "]"],
  ["^\\x41$", "A", "B"],
  ["^(?:a|b)$", "a", "c"],
  ["^[\\d\\-]+$", "1-2", "x"],
];
for (const [pattern, yes, no] of readable) {
  test(`K8S-155 the RE2 pattern ${pattern} is understood`, () => {
    const compiled = compilePattern(pattern);
    assert.ok("regExp" in compiled, JSON.stringify(compiled));
    assert.equal(compiled.regExp.test(yes), true);
    assert.equal(compiled.regExp.test(no), false);
  });
}

for (const pattern of ["(?=a)", "(?!a)b", "(?<=a)b", "(?<!a)b", "(a)\\1", "a\\", "(", "[z-a]"]) {
  test(`K8S-155 ${pattern} is no RE2 pattern`, () => assert.ok("problem" in compilePattern(pattern)));
}
