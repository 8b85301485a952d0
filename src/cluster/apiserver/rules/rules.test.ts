import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Schema } from "../resource.ts";
import { validateCustomResource } from "../validate-custom.ts";
import { checkRules } from "./check-rules.ts";
import { normalizeFieldPath } from "./field-path.ts";
import { validateRules } from "./index.ts";
import { escapeName } from "./names.ts";

type Rule = Readonly<Record<string, unknown>>;

function ruled(schema: Schema, ...rules: readonly Rule[]): Schema {
  return { ...schema, "x-kubernetes-validations": rules };
}

function specOf(properties: Readonly<Record<string, Schema>>, ...rules: readonly Rule[]): Schema {
  return { type: "object", properties: { spec: ruled({ type: "object", properties }, ...rules) } };
}

function object(spec: unknown, rest: object = {}): object {
  return { apiVersion: "ex.io/v1", kind: "Widget", metadata: { name: "w" }, spec, ...rest };
}

function problems(schema: Schema, spec: unknown, oldSpec?: unknown): readonly string[] {
  const old = oldSpec === undefined ? null : object(oldSpec);
  return validateCustomResource(schema, object(spec), old).map(({ field, message }) => `${field}: ${message}`);
}

const text: Schema = { type: "string" };
const whole: Schema = { type: "integer" };

const range = specOf(
  { min: whole, max: whole },
  { rule: "self.min <= self.max", message: "min must not be above max" },
);

test("K8S-157 a rule that fails is a problem at its place, a rule that holds is none", () => {
  assert.deepEqual(problems(range, { min: 1, max: 2 }), []);
  assert.deepEqual(problems(range, { min: 3, max: 2 }), ["spec: Invalid value: min must not be above max"]);
});

test("K8S-157 without a message the rule itself is named", () => {
  const schema = specOf({ a: ruled(text, { rule: "self != 'x'" }) });
  assert.deepEqual(problems(schema, { a: "x" }), [`spec.a: Invalid value: "x": failed rule: self != 'x'`]);
});

test("K8S-157 a failed evaluation is a problem that says why", () => {
  const schema = specOf(
    { a: text, either: { "x-kubernetes-int-or-string": true } },
    { rule: "self.a == 'x' && self.either > 1" },
  );
  const rule = "self.a == 'x' && self.either > 1";
  assert.deepEqual(problems(schema, { either: 2 }), [
    `spec: Invalid value: "object": no such key: a evaluating rule: ${rule}`,
  ]);
  assert.deepEqual(problems(schema, { a: "x", either: "y" }), [
    `spec: Invalid value: "object": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`,
  ]);
});

const reasons: readonly (readonly [reason: string, message: string])[] = [
  ["FieldValueInvalid", 'spec.a: Invalid value: "x": no'],
  ["FieldValueForbidden", "spec.a: Forbidden: no"],
  ["FieldValueRequired", "spec.a: Required value: no"],
  ["FieldValueDuplicate", 'spec.a: Duplicate value: "x"'],
];

test("K8S-157 the reason of a rule is that of its problem", () => {
  for (const [reason, message] of reasons) {
    assert.deepEqual(problems(specOf({ a: ruled(text, { rule: "self != 'x'", message: "no", reason }) }), { a: "x" }), [
      message,
    ]);
  }
});

test("K8S-157 fieldPath says which field below is at fault", () => {
  const rule = { rule: "!has(self.b)", message: "no b", fieldPath: ".b", reason: "FieldValueForbidden" };
  assert.deepEqual(problems(specOf({ b: text }, rule), { b: "x" }), ["spec.b: Forbidden: no b"]);
});

test("K8S-157 messageExpression makes the message; message stands in when it fails", () => {
  const rule = (messageExpression: string) => ({ rule: "self.max < 3", message: "too much", messageExpression });
  const run = (messageExpression: string) =>
    problems(specOf({ max: whole, a: text }, rule(messageExpression)), { max: 3 });
  assert.deepEqual(run("'at most 2, not %d'.format([self.max])"), ["spec: Invalid value: at most 2, not 3"]);
  assert.deepEqual(run("self.a"), ["spec: Invalid value: too much"], "no such key");
  assert.deepEqual(run("'  '"), ["spec: Invalid value: too much"], "empty");
  assert.deepEqual(run("'a\\nb'"), ["spec: Invalid value: too much"], "two lines");
});

const immutable = specOf({ imm: ruled(text, { rule: "self == oldSelf", message: "imm is immutable" }) });

test("K8S-157 a transition rule runs when there is an old value", () => {
  assert.deepEqual(problems(immutable, { imm: "a" }), []);
  assert.deepEqual(problems(immutable, { imm: "b" }, {}), []);
  assert.deepEqual(problems(immutable, { imm: "a" }, { imm: "a" }), []);
  assert.deepEqual(problems(immutable, { imm: "b" }, { imm: "a" }), ['spec.imm: Invalid value: "b": imm is immutable']);
});

test("K8S-157 with optionalOldSelf it runs always", () => {
  const rule = { rule: "oldSelf.hasValue() || self == 'new'", optionalOldSelf: true, message: "starts as new" };
  const schema = specOf({ phase: ruled(text, rule) });
  assert.deepEqual(problems(schema, { phase: "x" }), ['spec.phase: Invalid value: "x": starts as new']);
  assert.deepEqual(problems(schema, { phase: "new" }), []);
  assert.deepEqual(problems(schema, { phase: "x" }, { phase: "new" }), []);
});

test("K8S-157 items of a map list are matched by their keys", () => {
  const item: Schema = ruled(
    { type: "object", properties: { name: text, size: whole } },
    { rule: "self.size >= oldSelf.size", message: "must not shrink" },
  );
  const list: Schema = {
    type: "array",
    items: item,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  };
  const before = {
    list: [
      { name: "a", size: 1 },
      { name: "b", size: 5 },
    ],
  };
  assert.deepEqual(
    problems(
      specOf({ list }),
      {
        list: [
          { name: "b", size: 5 },
          { name: "c", size: 0 },
        ],
      },
      before,
    ),
    [],
  );
  assert.deepEqual(problems(specOf({ list }), { list: [{ name: "b", size: 4 }] }, before), [
    "spec.list[0]: Invalid value: must not shrink",
  ]);
});

test("K8S-157 what was wrong already and did not change is tolerated, a change beside it is not", () => {
  const part: Schema = ruled(
    { type: "object", properties: { a: text, b: text } },
    { rule: "self.a != 'bad'", message: "bad a" },
  );
  const schema: Schema = specOf({
    part,
    list: { type: "array", items: ruled(text, { rule: "self != 'bad'", message: "bad item" }) },
    other: text,
  });
  const before = { part: { a: "bad" }, list: ["bad"] };
  assert.deepEqual(problems(schema, { ...before, other: "x" }, before), []);
  assert.deepEqual(problems(schema, { part: { a: "bad", b: "x" }, list: ["bad"] }, before), [
    "spec.part: Invalid value: bad a",
  ]);
  // Items of an atomic list are as changed as the list.
  assert.deepEqual(problems(schema, { part: { a: "bad" }, list: ["bad", "x"] }, before), [
    'spec.list[0]: Invalid value: "bad": bad item',
  ]);
});

test("K8S-157 below an atomic list that did not change everything is tolerated", () => {
  const item: Schema = { type: "object", properties: { a: ruled(text, { rule: "self != 'bad'", message: "bad a" }) } };
  const schema = specOf({ list: { type: "array", items: item }, other: text });
  assert.deepEqual(problems(schema, { list: [{ a: "bad" }], other: "x" }, { list: [{ a: "bad" }] }), []);
  assert.deepEqual(problems(schema, { list: [{ a: "bad" }, {}] }, { list: [{ a: "bad" }] }), [
    'spec.list[0].a: Invalid value: "bad": bad a',
  ]);
});

test("K8S-157 rules wait until the object has the right shape", () => {
  const schema = specOf({ min: whole, max: whole }, { rule: "self.min <= self.max" });
  assert.deepEqual(problems(schema, { min: "x", max: 1 }), [
    'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
    '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  ]);
});

test("K8S-157 a value of the wrong type that is tolerated fails the rules that read it, not the server", () => {
  const before = { min: "x", max: 1 };
  assert.deepEqual(problems(range, { min: "x", max: 2 }, before), [
    'spec: Invalid value: "object": invalid data, expected int, got string evaluating rule: min must not be above max',
  ]);
});

const values: readonly (readonly [properties: Readonly<Record<string, Schema>>, rule: string, spec: object])[] = [
  [{ n: { type: "number" } }, "self.n == 1.0", { n: 1 }],
  [
    { t: { ...text, format: "date-time" } },
    "self.t > timestamp('2020-01-01T00:00:00Z')",
    { t: "2021-01-01T00:00:00+01:00" },
  ],
  [{ t: { ...text, format: "date" } }, "self.t.getFullYear() == 2021", { t: "2021-01-01" }],
  [{ d: { ...text, format: "duration" } }, "self.d >= duration('1h') && self.d < duration('73h')", { d: "3 days" }],
  [{ b: { ...text, format: "byte" } }, "self.b == b'hi'", { b: "aGk=" }],
  [
    { p: { "x-kubernetes-int-or-string": true } },
    "type(self.p) == string ? self.p.endsWith('%') : self.p > 0",
    { p: "5%" },
  ],
  [{ p: { "x-kubernetes-int-or-string": true } }, "type(self.p) == int && self.p > 0", { p: 5 }],
  [
    { namespace: text, "a-b": text, "c.d/e": text, a__b: text },
    "self.__namespace__ == 'n' && self.a__dash__b == 'x' && self.c__dot__d__slash__e == 'y' && self.a__underscores__b == 'z'",
    { namespace: "n", "a-b": "x", "c.d/e": "y", a__b: "z" },
  ],
  [
    { m: { type: "object", additionalProperties: text } },
    "self.m.all(k, self.m[k] == k) && 'a' in self.m && size(self.m) == 1",
    { m: { a: "a" } },
  ],
  [{ n: { ...text, nullable: true } }, "!has(self.n) && self.?n.orValue('none') == 'none'", { n: null }],
  [
    { namespace: text, if: text },
    "self.namespace == 'n' && self.__namespace__ == 'n' && has(self.if)",
    { namespace: "n", if: "x" },
  ],
  [
    { t: { ...text, format: "date-time" } },
    "string(self.t) == '2021-01-01T00:00:00.5+01:00' && self.t.getHours() == 23",
    { t: "2021-01-01T00:00:00.50+01:00" },
  ],
  [
    { s: { type: "array", items: text, "x-kubernetes-list-type": "set" } },
    "self.s == ['b', 'a'] && (self.s + ['a', 'c']).size() == 3",
    { s: ["a", "b"] },
  ],
  [
    { o: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    "self.o == self.o",
    { o: { x: [1, { y: null }] } },
  ],
  [
    { r: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true } },
    "self.r.kind == 'Pod' && self.r.metadata.name == 'p'",
    { r: { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } } },
  ],
];

test("K8S-157 the schema says what a value is to an expression", () => {
  for (const [properties, rule, spec] of values) {
    const schema = specOf(properties, { rule });
    assert.deepEqual(
      checkRules(schema, "s").map(({ message }) => message),
      [],
      rule,
    );
    assert.deepEqual(problems(schema, spec), [], rule);
  }
});

test("K8S-157 an unknown field counts when objects are compared", () => {
  const open: Schema = { type: "object", properties: { a: text }, "x-kubernetes-preserve-unknown-fields": true };
  const schema = specOf({ o: ruled(open, { rule: "self == oldSelf", message: "fixed" }) });
  assert.deepEqual(problems(schema, { o: { a: "x", u: 1 } }, { o: { a: "x", u: 1 } }), []);
  assert.deepEqual(problems(schema, { o: { a: "x", u: 2 } }, { o: { a: "x", u: 1 } }), [
    "spec.o: Invalid value: fixed",
  ]);
});

test("K8S-157 rules of the whole object read its name; those of allOf run at the place they speak of", () => {
  const root = ruled(specOf({ a: text }), { rule: "self.metadata.name == 'other'", message: "wrong name" });
  assert.deepEqual(problems(root, {}), ["<nil>: Invalid value: wrong name"]);
  const all = specOf({ a: { ...text, allOf: [ruled({}, { rule: "self == 'x'", message: "not x" })] } });
  assert.deepEqual(problems(all, { a: "y" }), ['spec.a: Invalid value: "y": not x']);
});

test("K8S-157 the rules of one object may not stall the server", () => {
  const items: Schema = ruled(text, {
    rule: "lists.range(3000).all(x, lists.range(100).all(y, x + y >= 0))",
    message: "slow",
  });
  const schema = specOf({ list: { type: "array", items } });
  const [first, ...others] = problems(schema, { list: ["a", "b"] });
  assert.deepEqual(others, [], "no rule runs behind it");
  assert.equal(
    first,
    `spec.list[0]: Invalid value: "string": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: slow`,
  );
});

test("K8S-157 all rules of one object share a budget", () => {
  const items: Schema = ruled(text, { rule: "lists.range(9000).all(x, x * 2 + 1 > x - 1)", message: "many" });
  const schema = specOf({ list: { type: "array", items } });
  const found = problems(schema, { list: Array.from({ length: 1000 }, () => "a") });
  assert.equal(found.length, 1);
  assert.match(found[0]!, /running out of cost budget, no further validation rules will be run$/);
});

const base = specOf({ a: text, list: { type: "array", items: text }, namespace: text });

function checkedRule(rule: Rule, schema: Schema = base.properties!["spec"]!): readonly string[] {
  return checkRules({ type: "object", properties: { spec: ruled(schema, rule) } }, "s").map(
    ({ field, message }) => `${field.replace("s.properties[spec].x-kubernetes-validations[0].", "")}: ${message}`,
  );
}

const wrongRules: readonly (readonly [rule: Rule, problem: string])[] = [
  [{}, "rule: Required value: rule is not specified"],
  [{ rule: "true", message: " " }, 'message: Invalid value: " ": must be non-empty if specified'],
  [{ rule: "true", message: "a\nb" }, 'message: Invalid value: "a\\nb": must not contain line breaks'],
  [{ rule: "true\n&& true" }, "message: Required value: message must be specified if rule contains line breaks"],
  [{ rule: "true", messageExpression: " " }, "messageExpression: Required value: must be non-empty if specified"],
  [
    { rule: "true", reason: "Because" },
    'reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
  ],
  [{ rule: "true", fieldPath: ".b" }, 'fieldPath: Invalid value: ".b": must be a valid path'],
  [
    { rule: "true", optionalOldSelf: true },
    "optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
  ],
  [{ rule: 7 }, "rule: Invalid value: 7: must be a string"],
];

test("K8S-157 a rule that is not in order is refused with its CRD", () => {
  for (const [rule, problem] of wrongRules) assert.deepEqual(checkedRule(rule), [problem]);
  const [problem = ""] = checkedRule({ rule: "self.shout() == 'x'" });
  assert.match(
    problem,
    /^rule: Invalid value: \{"FieldPath":"","Message":"".*"Rule":"self.shout\(\) == 'x'"\}: compilation failed: ERROR: <input>:1:11: undeclared reference to 'shout'/,
  );
  const [wrongMessage = ""] = checkedRule({ rule: "true", messageExpression: "1" });
  assert.match(wrongMessage, /^messageExpression: .*: messageExpression must evaluate to a string$/);
});

test("K8S-157 transition rules have no place below lists that cannot be matched", () => {
  const items = ruled(text, { rule: "self == oldSelf" });
  const found = checkRules(specOf({ list: { type: "array", items } }), "s").map(({ message }) => message);
  const place = "s.properties[spec].properties[list]";
  assert.deepEqual(found, [
    `Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${place}`,
  ]);
});

test("K8S-157 rules in alternatives are refused", () => {
  const schema = specOf({ a: { ...text, anyOf: [ruled({}, { rule: "true" })] } });
  assert.deepEqual(
    checkRules(schema, "s").map(({ field, message }) => `${field}: ${message}`),
    ["s.properties[spec].properties[a].anyOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural"],
  );
});

test("K8S-157 names that CEL cannot spell are escaped", () => {
  const rows = {
    namespace: "__namespace__",
    "a-b": "a__dash__b",
    "a.b/c": "a__dot__b__slash__c",
    a__b: "a__underscores__b",
    plain: "plain",
  };
  for (const [name, escaped] of Object.entries(rows)) assert.equal(escapeName(name), escaped);
  for (const name of ["1a", "a b", "é", ""]) assert.equal(escapeName(name), null);
});

test("K8S-157 field paths lead to fields and keys of maps", () => {
  const schema: Schema = {
    type: "object",
    properties: { "a.b": text, m: { type: "object", additionalProperties: text } },
  };
  assert.equal(normalizeFieldPath("['a.b']", schema), "a.b");
  assert.equal(normalizeFieldPath(".m['x']", schema), "m[x]");
  for (const path of ["m", ".x", ".m['x", ".m[0]", ".", ""]) assert.equal(normalizeFieldPath(path, schema), null, path);
});

test("K8S-157 whatever the object, rules answer with problems and never throw", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      spec: ruled(
        {
          type: "object",
          properties: {
            n: whole,
            d: { type: "number" },
            s: { ...text, format: "date-time" },
            dur: { ...text, format: "duration" },
            l: {
              type: "array",
              items: { type: "object", properties: { k: text } },
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["k"],
            },
            m: { type: "object", additionalProperties: whole },
            any: { "x-kubernetes-int-or-string": true },
          },
        },
        { rule: "self.n + 1 > self.m['x'] && self.d < 2.0" },
        { rule: "self.l.all(i, i.k.size() > 0) && self.l == oldSelf.l", messageExpression: "self.l[0].k" },
        { rule: "self.s > timestamp('2020-01-01T00:00:00Z') || self.dur > duration('1s')" },
        { rule: "self.?any.orValue(1) > 0" },
      ),
    },
  };
  assert.deepEqual(checkRules(schema, "s"), []);
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom("n", "d", "s", "dur", "l", "m", "any"), fc.jsonValue()),
      (whole, old, spec) => {
        for (const candidate of [whole, spec]) {
          for (const { field, message } of validateRules(schema, object(candidate), object(old))) {
            assert.equal(typeof field + typeof message, "stringstring");
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
