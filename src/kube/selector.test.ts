import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabelSelector } from "../api/meta.ts";
import { isApiError } from "./errors.ts";
import { formatLabelSelector, matchesLabelSelector, parseFieldSelector, parseLabelSelector } from "./selector.ts";

const labels = { app: "web", tier: "db", rank: "7", empty: "" };

const matching: [selector: string, expected: boolean][] = [
  ["", true],
  ["app", true],
  ["!app", false],
  ["!absent", true],
  ["app=web", true],
  ["app==web", true],
  ["app=api", false],
  ["app!=web", false],
  ["app!=api", true],
  ["absent!=x", true],
  ["app in (api, web)", true],
  ["app in (api)", false],
  ["absent in (x)", false],
  ["app notin (api)", true],
  ["app notin (web)", false],
  ["absent notin (x)", true],
  ["empty in ()", true],
  ["app in ()", false],
  ["empty=", true],
  ["empty in (x,)", true],
  ["rank>6", true],
  ["rank>7", false],
  ["rank<8", true],
  ["rank<7", false],
  ["app>1", false],
  ["absent>1", false],
  ["absent<1", false],
  ["app=web,tier=db", true],
  ["app=web,tier=cache", false],
  [" app = web , !absent ", true],
  ["in=x", false],
];
for (const [selector, expected] of matching) {
  test(`K8S section 5: the label selector "${selector}" ${expected ? "selects" : "leaves out"} the object`, () => {
    assert.equal(parseLabelSelector(selector)(labels), expected);
  });
}

test("K8S section 5: a label inherited from the prototype is no label", () => {
  assert.equal(parseLabelSelector("constructor")({}), false);
  assert.equal(parseLabelSelector("!app")(undefined), true);
});

const refused: [selector: string, message: RegExp][] = [
  ["a==b==c", /^found '==', expected: ',' or 'end of string'$/],
  ["a=b,", /^found '', expected: identifier after ','$/],
  ["=b", /^found '=', expected: !, identifier, or 'end of string'$/],
  ["a b", /^unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt$/],
  ["a in b", /^unable to parse requirement: found 'b' expected: '\('$/],
  ["a in (b", /^unable to parse requirement: found '', expected: ',' or '\)'$/],
  ["!", /^unable to parse requirement: found '', expected: identifier$/],
  ["a>x", /the value must be an integer$/],
  ["a/b/c", /^unable to parse requirement: <nil>: Invalid value: "a\/b\/c": a qualified name must consist of/],
  [
    `a=${"x".repeat(64)}`,
    /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "x+": must be no more than 63 characters$/,
  ],
];
for (const [selector, message] of refused) {
  test(`K8S-93 the label selector "${selector.slice(0, 20)}" is refused with 400`, () => {
    assert.throws(
      () => parseLabelSelector(selector),
      (error) =>
        isApiError(error) && error.code === 400 && error.reason === "BadRequest" && message.test(error.message),
    );
  });
}

const structured: [name: string, selector: LabelSelector | null | undefined, expected: boolean, text: string][] = [
  ["an absent selector selects nothing", null, false, ""],
  ["an undefined selector selects nothing", undefined, false, ""],
  ["an empty selector selects everything", {}, true, ""],
  ["labels that match", { matchLabels: { tier: "db", app: "web" } }, true, "app=web,tier=db"],
  ["labels that differ", { matchLabels: { app: "api" } }, false, "app=api"],
  ["In", { matchExpressions: [{ key: "app", operator: "In", values: ["web", "api"] }] }, true, "app in (api,web)"],
  ["NotIn", { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, false, "app notin (web)"],
  ["NotIn, absent", { matchExpressions: [{ key: "x", operator: "NotIn", values: ["y"] }] }, true, "x notin (y)"],
  ["Exists", { matchExpressions: [{ key: "x", operator: "Exists" }] }, false, "x"],
  ["DoesNotExist", { matchExpressions: [{ key: "x", operator: "DoesNotExist" }] }, true, "!x"],
];
for (const [name, selector, expected, text] of structured) {
  test(`K8S section 5: structured selector: ${name}`, () => {
    assert.equal(matchesLabelSelector(selector, labels), expected);
    assert.equal(formatLabelSelector(selector), text);
  });
}

test("K8S section 5: a field selector is split at unescaped commas", () => {
  assert.deepEqual(parseFieldSelector("metadata.name=a,status.phase!=Running,spec.x==y\\,z\\=1,"), [
    { path: "metadata.name", op: "=", value: "a" },
    { path: "status.phase", op: "!=", value: "Running" },
    { path: "spec.x", op: "=", value: "y,z=1" },
  ]);
});

test("K8S-93 a field selector without an operator is refused", () => {
  assert.throws(() => parseFieldSelector("foo"), { message: "invalid selector: 'foo'; can't understand 'foo'" });
  assert.throws(() => parseFieldSelector("a=b=c"), { message: /unescaped character in value: =/ });
  assert.throws(() => parseFieldSelector("a=b\\x"), { message: /invalid escape sequence: \\x/ });
});
