import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deepFreeze } from "../../../base/json.ts";
import type { Schema } from "../resource.ts";
import { applySchemaDefaults, dropNulls, hasValidationRules, pruneUnknown, validateSchema } from "./index.ts";

/** The fixture of section 21: the schema of widgets.ex.io. */
const widgets = deepFreeze<Schema>({
  type: "object",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { type: "object" },
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, maximum: 10, default: 3 },
        replicas: { type: "integer", format: "int32", default: 1 },
        color: { type: "string", enum: ["red", "blue"], default: "red" },
        nn: { type: "string", nullable: true, default: "zz" },
        nd: { type: "string", default: "dd" },
        pat: { type: "string", pattern: "^a+$", maxLength: 3 },
        ios: { "x-kubernetes-int-or-string": true },
        num: { type: "number" },
        when: { type: "string", format: "date-time" },
        raw: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { known: { type: "object" } },
        },
        emb: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          properties: { spec: { type: "object", properties: { a: { type: "string" } } } },
        },
        m: { type: "object", additionalProperties: { type: "string" } },
        items: {
          type: "array",
          maxItems: 3,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: { type: "string" }, v: { type: "integer", default: 7 } },
          },
        },
        set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
        imm: { type: "string", "x-kubernetes-validations": [{ rule: "self == oldSelf" }] },
      },
    },
    status: { type: "object", properties: { phase: { type: "string" } } },
  },
});

const widget = (spec: object) => ({ apiVersion: "ex.io/v1", kind: "Widget", metadata: { name: "w" }, spec });

/** What the write pipeline does before validation (K8S-153). */
function admitted(body: object): Record<string, unknown> {
  const { object } = pruneUnknown(widgets, deepFreeze(body));
  return applySchemaDefaults(widgets, dropNulls(widgets, object)) as Record<string, unknown>;
}

test("check 179: defaults and nulls", () => {
  const { spec } = admitted(widget({ size: 2, items: [{ name: "a" }], nn: null, nd: null, m: null }));
  assert.deepEqual(spec, {
    size: 2,
    items: [{ name: "a", v: 7 }],
    nn: null,
    nd: "dd",
    replicas: 1,
    color: "red",
  });
});

test("check 180: unknown fields go, preserved ones stay", () => {
  const body = widget({ size: 2, unk: 1, raw: { z: 1, known: { y: 2 } }, items: [{ name: "a", x: 1 }] });
  const { object, unknownFields } = pruneUnknown<Record<string, unknown>>(widgets, deepFreeze(body));
  assert.deepEqual(unknownFields, ["spec.unk", "spec.raw.known.y", "spec.items[0].x"]);
  assert.deepEqual(object["spec"], { size: 2, raw: { z: 1, known: {} }, items: [{ name: "a" }] });
});

test("K8S-153 metadata is pruned to what every object has, whatever the schema says", () => {
  const body = { ...widget({ size: 1 }), metadata: { name: "w", labels: { a: "b" }, foo: 1 } };
  const { object, unknownFields } = pruneUnknown<Record<string, unknown>>(widgets, body);
  assert.deepEqual(unknownFields, ["metadata.foo"]);
  assert.deepEqual(object["metadata"], { name: "w", labels: { a: "b" } });
});

test("K8S-156 an embedded resource keeps its type and metadata", () => {
  const emb = { apiVersion: "v1", kind: "X", metadata: { name: "e", foo: 1 }, spec: { a: "1", b: 2 } };
  const { object, unknownFields } = pruneUnknown(widgets, widget({ emb }));
  assert.deepEqual(unknownFields, ["spec.emb.metadata.foo", "spec.emb.spec.b"]);
  assert.deepEqual(object.spec, {
    emb: { apiVersion: "v1", kind: "X", metadata: { name: "e" }, spec: { a: "1" } },
  });
});

test("an object in order is handed back as it is", () => {
  const body = deepFreeze(widget({ size: 2, replicas: 1, color: "red", nn: "a", nd: "b" }));
  assert.equal(pruneUnknown(widgets, body).object, body);
  assert.equal(dropNulls(widgets, body), body);
  assert.equal(applySchemaDefaults(widgets, body), body);
});

test("a default inside a default is filled in, and defaults are not shared", () => {
  const schema: Schema = {
    type: "object",
    properties: { a: { type: "object", default: {}, properties: { b: { type: "string", default: "x" } } } },
  };
  const first = applySchemaDefaults<Record<string, unknown>>(schema, {});
  assert.deepEqual(first, { a: { b: "x" } });
  assert.notEqual(first["a"], applySchemaDefaults<Record<string, unknown>>(schema, {})["a"]);
  assert.deepEqual(schema.properties?.["a"]?.default, {});
});

/** A spec, and `field: message` of its problems. The texts are those of Kubernetes (K8S-155). */
const cases: [name: string, spec: object, problems: readonly string[]][] = [
  ["a good one", { size: 10, pat: "aaa", ios: 1, when: "2030-01-01T00:00:00Z", set: ["a", "b"] }, []],
  ["required", { size: undefined }, ["spec.size: Required value"]],
  ["maximum", { size: 11 }, ["spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"]],
  ["minimum", { size: 0 }, ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"]],
  ["type", { num: "1" }, ['spec.num: Invalid value: "string": spec.num in body must be of type number: "string"']],
  ["an integer is a number", { num: 1 }, []],
  [
    "a fraction is no integer",
    { size: 1.5 },
    ['spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"'],
  ],
  ["enum", { color: "green" }, ['spec.color: Unsupported value: "green": supported values: "red", "blue"']],
  ["pattern", { pat: "ab" }, [`spec.pat: Invalid value: "ab": spec.pat in body should match '^a+$'`]],
  ["maxLength", { pat: "aaaa" }, ["spec.pat: Too long: may not be more than 3 bytes"]],
  [
    "format",
    { when: "today" },
    ['spec.when: Invalid value: "today": spec.when in body must be of type date-time: "today"'],
  ],
  [
    "int-or-string",
    { ios: true },
    [
      '<nil>: Invalid value: "": "spec.ios" must validate at least one schema (anyOf)',
      'spec.ios: Invalid value: "boolean": spec.ios in body must be of type integer: "boolean"',
    ],
  ],
  [
    "map values",
    { m: { a: 1 } },
    ['spec.m.a: Invalid value: "integer": spec.m.a in body must be of type string: "integer"'],
  ],
  ["items", { items: [{ name: "a" }, { name: "b" }, {}] }, ["spec.items[2].name: Required value"]],
  ["set", { set: ["a", "b", "a"] }, ['spec.set[2]: Duplicate value: "a"']],
  ["map list", { items: [{ name: "a" }, { name: "a" }] }, ['spec.items[1]: Duplicate value: {"name":"a"}']],
  [
    "maxItems",
    { items: ["a", "b", "c", "d"].map((name) => ({ name })) },
    ["spec.items: Too many: 4: must have at most 3 items"],
  ],
  [
    "embedded resource",
    { emb: {} },
    ["spec.emb.apiVersion: Required value: must not be empty", "spec.emb.kind: Required value: must not be empty"],
  ],
  ["nullable", { nn: null }, []],
  [
    "null in a list",
    { set: [null] },
    ['spec.set[0]: Invalid value: "null": spec.set[0] in body must be of type string: "null"'],
  ],
];
const texts = (problems: ReturnType<typeof validateSchema>) =>
  problems.map(({ field, message }) => `${field}: ${message}`);
for (const [name, spec, problems] of cases) {
  test(`K8S-155 ${name}`, () => {
    const given = JSON.parse(JSON.stringify({ size: 2, ...spec })) as object;
    assert.deepEqual(texts(validateSchema(widgets, widget(given), null)), problems);
  });
}

test("check 181: all problems at once, each with its reason", () => {
  const spec = { size: 99, color: "green", pat: "bbbb", items: [{}], set: ["a", "a"] };
  const reasons = validateSchema(widgets, widget(spec), null).map(({ field, reason }) => `${field} ${reason}`);
  assert.deepEqual(reasons, [
    "spec.size FieldValueInvalid",
    "spec.color FieldValueNotSupported",
    "spec.pat FieldValueTooLong",
    "spec.pat FieldValueInvalid",
    "spec.items[0].name FieldValueRequired",
    "spec.set[1] FieldValueDuplicate",
  ]);
});

const combinations: [name: string, schema: Schema, value: unknown, problems: readonly string[]][] = [
  [
    "oneOf, none",
    { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    {},
    ["(oneOf). Found none valid", "v.a: Required"],
  ],
  [
    "oneOf, two",
    { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    { a: 1, b: 1 },
    ["(oneOf). Found 2 valid alternatives"],
  ],
  ["oneOf, one", { oneOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1 }, []],
  ["anyOf, two", { anyOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1, b: 1 }, []],
  ["not", { not: { required: ["a"] } }, { a: 1 }, ["must not validate the schema (not)"]],
  ["not, holds", { not: { required: ["a"] } }, {}, []],
  [
    "allOf, one fails",
    { allOf: [{ required: ["a"] }, { required: ["b"] }] },
    { a: 1 },
    ["v.b: Required", "must validate all the schemas (allOf)"],
  ],
  ["exclusive maximum", { maximum: 5, exclusiveMaximum: true }, 5, ["should be less than 5"]],
  ["multipleOf", { multipleOf: 0.1 }, 0.3, []],
  ["multipleOf, broken", { multipleOf: 2 }, 3, ["should be a multiple of 2"]],
  ["minProperties", { minProperties: 2 }, { a: 1 }, ["should have at least 2 properties"]],
  ["minLength counts characters", { minLength: 2 }, "😀", ["should be at least 2 chars long"]],
  ["int32", { type: "integer", format: "int32" }, 2 ** 31, ["Checked value must be of type integer with format int32"]],
  ["an unknown format is a comment", { type: "string", format: "color" }, "x", []],
  ["duration", { type: "string", format: "duration" }, "1h30m", []],
  ["duration, broken", { type: "string", format: "duration" }, "1x", ["must be of type duration"]],
  ["ipv4", { type: "string", format: "ipv4" }, "1.2.3.256", ["must be of type ipv4"]],
  ["cidr", { type: "string", format: "cidr" }, "10.0.0.0/33", ["must be of type cidr"]],
];
for (const [name, schema, value, problems] of combinations) {
  test(`K8S-155 ${name}`, () => {
    const found = texts(validateSchema({ type: "object", properties: { v: schema } }, { v: value }, null));
    assert.equal(found.length, problems.length, found.join("\n"));
    problems.forEach((problem, index) => {
      assert.ok(found[index]?.includes(problem), `${found[index]} should hold ${problem}`);
    });
  });
}

test("a value that was wrong before and did not change is forgiven", () => {
  const old = widget({ size: 99, items: [{ name: "a", v: "x" }] });
  const next = widget({ size: 99, color: "blue", items: [{ name: "b" }, { name: "a", v: "x" }] });
  assert.deepEqual(validateSchema(widgets, next, old), []);
  assert.equal(validateSchema(widgets, widget({ size: 98 }), old).length, 1);
  assert.equal(validateSchema(widgets, next, null).length, 2);
});

test("CEL rules are found wherever they are", () => {
  assert.equal(hasValidationRules(widgets), true);
  assert.equal(hasValidationRules({ type: "object", properties: { a: { type: "string" } } }), false);
});

const anyValue = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 1, 11, "a", ""),
    fc.array(tie("any"), { maxLength: 2 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.constantFrom("spec", "size", "items", "name", "m", "raw", "emb", "nn", "x"), tie("any"), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
}));

test("property: no object makes the engine fail, and a second pass changes nothing", () => {
  fc.assert(
    fc.property(anyValue.object as fc.Arbitrary<object>, (body) => {
      const once = admitted(body);
      assert.deepEqual(admitted(once), once);
      assert.deepEqual(pruneUnknown(widgets, once).unknownFields, []);
      validateSchema(widgets, once, body);
    }),
    { numRuns: 300 },
  );
});

test("K8S-155 of several alternatives the one that the value fits most is told", () => {
  const address: Schema = {
    type: "object",
    properties: { type: { type: "string" }, value: { type: "string" } },
    oneOf: [
      { properties: { type: { enum: ["IP"] }, value: { anyOf: [{ format: "ipv4" }, { format: "ipv6" }] } } },
      { properties: { type: { not: { enum: ["IP"] } } } },
    ],
  };
  const found = validateSchema(address, { type: "IP", value: "1.2.3.4:80" }, null);
  assert.ok(found.some(({ message }) => message.endsWith('value in body must be of type ipv4: "1.2.3.4:80"')));
  assert.ok(!found.some(({ message }) => message.includes("(not)")));
});
