import assert from "node:assert/strict";
import { test } from "node:test";
import {
  configKeyProblems,
  dns1035LabelProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  labelValueProblems,
  type NameRule,
  pathSegmentProblems,
  portNameProblems,
  qualifiedNameProblems,
} from "./names.ts";

const rules: Readonly<Record<string, NameRule>> = {
  "DNS subdomain": dnsSubdomainProblems,
  "DNS label": dnsLabelProblems,
  "DNS-1035 label": dns1035LabelProblems,
  "path segment": pathSegmentProblems,
  "label key": qualifiedNameProblems,
  "label value": labelValueProblems,
  "port name": portNameProblems,
  "config key": configKeyProblems,
};

/** The beginning of each problem's text; none for a good name. */
const cases: [rule: string, text: string, problems: readonly string[]][] = [
  ["DNS subdomain", "a.b-c.1", []],
  ["DNS subdomain", "a".repeat(253), []],
  ["DNS subdomain", "a".repeat(254), ["must be no more than 253 characters"]],
  ["DNS subdomain", "Bad_Name", ["a lowercase RFC 1123 subdomain must consist of lower case"]],
  ["DNS subdomain", "a..b", ["a lowercase RFC 1123 subdomain"]],
  ["DNS label", "1a", []],
  ["DNS label", "a.b", ["must not contain dots"]],
  ["DNS label", "-a", ["a lowercase RFC 1123 label must consist of"]],
  ["DNS-1035 label", "s1", []],
  ["DNS-1035 label", "S1", ["a DNS-1035 label must consist of lower case"]],
  ["DNS-1035 label", "1s", ["a DNS-1035 label"]],
  ["path segment", "system:node", []],
  ["path segment", "..", ["may not be '..'"]],
  ["path segment", "a/b%", ["may not contain '/'", "may not contain '%'"]],
  ["label key", "example.com/My.name", []],
  ["label key", "/a", ["prefix part must be non-empty"]],
  ["label key", "A/a", ["prefix part a lowercase RFC 1123 subdomain"]],
  ["label key", "a/b/c", ["a qualified name must consist of alphanumeric characters"]],
  ["label key", "", ["name part must be non-empty", "name part must consist of"]],
  ["label value", "", []],
  ["label value", "a".repeat(63), []],
  ["label value", "a".repeat(64), ["must be no more than 63 characters"]],
  ["label value", "a b", ["a valid label must be an empty string or consist of alphanumeric characters"]],
  ["port name", "http-1", []],
  ["port name", "80", ["must contain at least one letter (a-z)"]],
  ["port name", "a--b", ["must not contain consecutive hyphens"]],
  ["port name", "a".repeat(16), ["must be no more than 15 characters"]],
  ["config key", "a.B_c-1", []],
  ["config key", "..a", ["must not start with '..'"]],
  ["config key", "a/b", ["a valid config key must consist of"]],
];
for (const [rule, text, problems] of cases) {
  test(`K8S-107 ${JSON.stringify(text.slice(0, 20))} as a ${rule}`, () => {
    const found = rules[rule]?.(text) ?? ["no such rule"];
    assert.equal(found.length, problems.length, found.join("\n"));
    problems.forEach((problem, index) => {
      assert.ok(found[index]?.startsWith(problem), `${found[index]} should begin with ${problem}`);
    });
  });
}

test("K8S-107 the text of a rule names its pattern and examples", () => {
  assert.deepEqual(dns1035LabelProblems("S1"), [
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  ]);
});
