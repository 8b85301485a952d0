import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema } from "../resource.ts";
import { validateStructural } from "./structural.ts";

const PATH = "spec.versions[0].schema.openAPIV3Schema";
const withProperty = (a: object): Schema => ({ type: "object", properties: { a: a as Schema } });
const A = `${PATH}.properties[a]`;

const cases: [name: string, schema: Schema, problems: readonly string[]][] = [
  ["an object", { type: "object" }, []],
  ["no type at the root", {}, [`${PATH}.type: Required value: must not be empty at the root`]],
  [
    "another type at the root",
    { type: "string" },
    [`${PATH}.type: Invalid value: "string": must be object at the root`],
  ],
  [
    "a property without type",
    withProperty({}),
    [`${A}.type: Required value: must not be empty for specified object fields`],
  ],
  ["int-or-string needs none", withProperty({ "x-kubernetes-int-or-string": true }), []],
  ["preserve-unknown-fields needs none", withProperty({ "x-kubernetes-preserve-unknown-fields": true }), []],
  [
    "an unknown type",
    withProperty({ type: "text" }),
    [
      `${A}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  ["a list without items", withProperty({ type: "array" }), [`${A}.items: Required value: must be specified`]],
  [
    "items without type",
    withProperty({ type: "array", items: {} }),
    [`${A}.items.type: Required value: must not be empty for specified array items`],
  ],
  ["a reference", withProperty({ type: "object", $ref: "#/x" }), [`${A}.$ref: Forbidden: $ref is not supported`]],
  [
    "additionalProperties false",
    withProperty({ type: "object", additionalProperties: false }),
    [`${A}.additionalProperties: Forbidden: additionalProperties cannot be set to false`],
  ],
  [
    "a pattern with look-ahead",
    withProperty({ type: "string", pattern: "(?!a)" }),
    [
      `${A}.pattern: Invalid value: "(?!a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?!\``,
    ],
  ],
  [
    "a default of the wrong type",
    withProperty({ type: "integer", default: "x" }),
    [`${A}.default: Invalid value: "string": default in body must be of type integer: "string"`],
  ],
  [
    "a default with unknown fields",
    withProperty({ type: "object", properties: { b: { type: "string" } }, default: { c: 1 } }),
    [`${A}.default: Invalid value: {"c":1}: must not have unknown fields: default.c`],
  ],
  ["a good default", withProperty({ type: "array", items: { type: "string" }, default: ["a"] }), []],
  [
    "a map list without keys",
    withProperty({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "map" }),
    [`${A}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`],
  ],
  ["combinations say nothing of types", withProperty({ type: "object", oneOf: [{ required: ["x"] }] }), []],
];
for (const [name, schema, problems] of cases) {
  test(`K8S-150 ${name}`, () => {
    const found = validateStructural(schema, PATH).map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(found, problems);
  });
}
