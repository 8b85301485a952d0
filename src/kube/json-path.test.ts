import assert from "node:assert/strict";
import { test } from "node:test";
import { compileJsonPath, memberPath } from "./json-path.ts";

const document = {
  spec: {
    replicas: 3,
    items: [
      { name: "a", v: 1 },
      { name: "b", v: 2 },
    ],
    "dotted.key": "d",
  },
  status: {
    conditions: [
      { type: "Synced", status: "False" },
      { type: "Ready", status: "True" },
    ],
  },
};

const cases: [path: string, expected: unknown[]][] = [
  [".spec.replicas", [3]],
  ["{.spec.replicas}", [3]],
  ["$.spec.replicas", [3]],
  [".spec['dotted.key']", ["d"]],
  [".spec.dotted\\.key", ["d"]],
  [".spec.items[*].name", ["a", "b"]],
  [".spec.items.*.name", ["a", "b"]],
  [".spec.items[1].name", ["b"]],
  [".spec.items[-1].name", ["b"]],
  [".spec.items[2].name", []],
  [".spec.missing.deeper", []],
  [".spec.constructor", []],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  [".status.conditions[?(@.type=='Synced')].status", ["False"]],
  ['.status.conditions[?( @.type != "Ready" )].status', ["False"]],
  [".spec.items[?(@.v>1)].name", ["b"]],
  [".spec.items[?(@.v<=1)].name", ["a"]],
  [".spec.items[?(@.none)].name", []],
];
for (const [path, expected] of cases) {
  test(`K8S-161 the path ${path} gives ${JSON.stringify(expected)}`, () => {
    const compiled = compileJsonPath(path);
    assert.deepEqual(compiled?.evaluate(document), expected);
    assert.equal(compiled?.first(document), expected[0]);
  });
}

for (const path of ["spec.replicas", ".spec[", ".spec.items[x]", ".spec..replicas", ".a[?(b)]"]) {
  test(`K8S-161 the path ${path} is refused`, () => assert.equal(compileJsonPath(path), null));
}

test("K8S-113 a scale path is a list of members", () => {
  assert.deepEqual(memberPath(".spec.replicas"), ["spec", "replicas"]);
  assert.equal(memberPath(".spec.items[0]"), null);
  assert.equal(memberPath("spec"), null);
});
