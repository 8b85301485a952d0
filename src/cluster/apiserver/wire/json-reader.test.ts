import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { findDuplicateFields } from "./json-reader.ts";

const cases: readonly { text: string; duplicates: string[] }[] = [
  { text: '{"a":1,"b":{"a":2}}', duplicates: [] },
  { text: '{"a":1,"a":2,"a":3}', duplicates: ["a"] },
  { text: '{"data":{"a":"x","a":"y"},"data":{}}', duplicates: ["data.a", "data"] },
  { text: ' { "spec" : { "c" : [ { } , { "i" : 1 , "i" : [ ] } ] } } ', duplicates: ["spec.c[1].i"] },
  { text: '{"a\\"":1,"a\\u0022":2}', duplicates: ['a"'] },
  { text: '{"a":"{\\"b\\":1,\\"b\\":2}\\\\","b":"\\\\"}', duplicates: [] },
  { text: "7", duplicates: [] },
  { text: '["a","a"]', duplicates: [] },
];

for (const { text, duplicates } of cases) {
  test(`K8S-81 duplicates of ${text}`, () => assert.deepEqual(findDuplicateFields(text), duplicates));
}

test("K8S-81 what JSON.stringify writes has no duplicates, however it is indented", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
      assert.deepEqual(findDuplicateFields(JSON.stringify(value, null, indent)), []);
    }),
  );
});
