import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deepCopy, deepFreeze } from "../base/json.ts";
import { isApiError } from "./errors.ts";
import { applyJsonPatch, applyMergePatch, diffMergePatch } from "./patch.ts";

/** The appendix of RFC 7386, as far as both sides are objects, and one row for each further rule. */
const mergeCases: [target: object, patch: object, expected: object][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{ containers: [{ name: "a" }, { name: "b" }] }, { containers: [{ name: "c" }] }, { containers: [{ name: "c" }] }],
];
for (const [target, patch, expected] of mergeCases) {
  test(`K8S-134 merging ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, () => {
    assert.deepEqual(applyMergePatch(deepFreeze(target), deepFreeze(patch)), expected);
  });
}

test("K8S-91 a merge patch that is no object cannot be decoded", () => {
  assert.throws(
    () => applyMergePatch({}, []),
    (error) => isApiError(error) && error.code === 400 && /^error decoding patch/.test(error.message),
  );
});

test("K8S-134 a member named __proto__ stays a plain member", () => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
  assert.equal(result["polluted"], undefined);
  assert.deepEqual(Object.keys(result), ["__proto__"]);
});

/** JSON without nulls inside objects: those a merge patch cannot say. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom("", "x"),
    fc.array(tie("any"), { maxLength: 2 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("any"), { maxKeys: 3, noNullPrototype: true }),
}));

test("K8S-134 property: applying a diff gives the goal, and no diff means equal", () => {
  fc.assert(
    fc.property(value.object as fc.Arbitrary<object>, value.object as fc.Arbitrary<object>, (from, to) => {
      const before = deepCopy(from);
      const patch = diffMergePatch(deepFreeze(from), to);
      assert.deepEqual(applyMergePatch(from, patch), to);
      assert.deepEqual(from, before);
      assert.deepEqual(diffMergePatch(to, to), {});
    }),
    { numRuns: 300 },
  );
});

test("K8S-134 property: no member of a diff can be left out", () => {
  fc.assert(
    fc.property(value.object as fc.Arbitrary<object>, value.object as fc.Arbitrary<object>, (from, to) => {
      const patch = diffMergePatch(from, to);
      for (const key of Object.keys(patch)) {
        const { [key]: _, ...rest } = patch;
        assert.notDeepEqual(applyMergePatch(from, rest), to);
      }
    }),
    { numRuns: 200 },
  );
});

test("K8S-134 a diff names only what changed", () => {
  const from = { spec: { replicas: 1, image: "a", gone: true, list: [1, 2] }, same: { x: 1 } };
  const to = { spec: { replicas: 2, image: "a", list: [1] }, same: { x: 1 } };
  assert.deepEqual(diffMergePatch(from, to), { spec: { replicas: 2, gone: null, list: [1] } });
});

const target = { list: ["a", "b"], map: { x: 1, "y/z": 2, "t~u": 3 }, nested: { deep: [{ k: 1 }] }, pairs: [{}, {}] };
const jsonCases: [name: string, operations: object[], expected: object][] = [
  ["add a member", [{ op: "add", path: "/map/n", value: 9 }], { map: { ...target.map, n: 9 } }],
  ["add appends at -", [{ op: "add", path: "/list/-", value: "c" }], { list: ["a", "b", "c"] }],
  ["add inserts at an index", [{ op: "add", path: "/list/1", value: "c" }], { list: ["a", "c", "b"] }],
  ["add at the length appends", [{ op: "add", path: "/list/2", value: "c" }], { list: ["a", "b", "c"] }],
  ["add of an existing member replaces", [{ op: "add", path: "/map/x", value: 5 }], { map: { ...target.map, x: 5 } }],
  ["~1 is a slash", [{ op: "replace", path: "/map/y~1z", value: 5 }], { map: { ...target.map, "y/z": 5 } }],
  ["~0 is a tilde", [{ op: "remove", path: "/map/t~0u" }], { map: { x: 1, "y/z": 2 } }],
  ["remove of an element", [{ op: "remove", path: "/list/0" }], { list: ["b"] }],
  [
    "replace of a missing member adds",
    [{ op: "replace", path: "/map/none", value: 1 }],
    { map: { ...target.map, none: 1 } },
  ],
  ["copy", [{ op: "copy", from: "/map/x", path: "/c" }], { c: 1 }],
  ["move", [{ op: "move", from: "/list/0", path: "/list/1" }], { list: ["b", "a"] }],
  ["test that holds", [{ op: "test", path: "/nested/deep/0/k", value: 1 }], {}],
  ["test of a missing member against null", [{ op: "test", path: "/none", value: null }], {}],
  [
    "operations run in order",
    [
      { op: "add", path: "/o", value: {} },
      { op: "add", path: "/o/p", value: 1 },
    ],
    { o: { p: 1 } },
  ],
];
for (const [name, operations, changes] of jsonCases) {
  test(`K8S-135 JSON patch: ${name}`, () => {
    assert.deepEqual(applyJsonPatch(deepFreeze(deepCopy(target)), operations), { ...target, ...changes });
  });
}

test("K8S-135 a copied value is not shared", () => {
  const operations = [
    { op: "copy", from: "/map", path: "/copy" },
    { op: "add", path: "/copy/x", value: 2 },
  ];
  const result = applyJsonPatch(target, operations) as unknown as { map: { x: number } };
  assert.equal(result.map.x, 1);
});

const failing: [name: string, operation: object][] = [
  ["a test that fails", { op: "test", path: "/map/x", value: 2 }],
  ["a missing parent", { op: "add", path: "/no/x", value: 2 }],
  ["removing nothing", { op: "remove", path: "/map/none" }],
  ["an index out of range", { op: "add", path: "/list/3", value: 2 }],
  ["replacing past the end", { op: "replace", path: "/list/2", value: 2 }],
  ["a leading zero", { op: "replace", path: "/list/01", value: 2 }],
  ["an unknown operation", { op: "merge", path: "/map/x", value: 2 }],
  ["no pointer", { op: "add", path: "map", value: 2 }],
  ["no value", { op: "add", path: "/map/x" }],
  ["moving into itself", { op: "move", from: "/map", path: "/map/x" }],
  ["moving into an element that moves up", { op: "move", from: "/pairs/0", path: "/pairs/0/x" }],
];
for (const [name, operation] of failing) {
  test(`K8S-92 JSON patch: ${name} is 422 and names the operation`, () => {
    const operations = [{ op: "test", path: "/map/x", value: 1 }, operation];
    assert.throws(
      () => applyJsonPatch(target, operations),
      (error) =>
        isApiError(error) &&
        error.code === 422 &&
        error.message === "the server rejected our request due to an error in our request" &&
        error.status.details?.causes?.[0]?.field === "[1]",
    );
  });
}

test("K8S-135 copies that double a member again and again are refused before they fill the memory", () => {
  const doubling = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ op: "copy", from: "/map", path: `/map/x${index}` }));
  const small = { map: { text: "x".repeat(1000) } };
  assert.equal(Object.keys((applyJsonPatch(small, doubling(10)) as typeof small).map).length, 11);
  assert.throws(
    () => applyJsonPatch(small, doubling(40)),
    (error) =>
      isApiError(error) &&
      error.code === 422 &&
      /the limit is 3145728/.test(String(error.status.details?.causes?.[0]?.message)),
  );
});

test("K8S-135 more than 10 000 operations are refused", () => {
  const operation = { op: "test", path: "/map/x", value: 1 };
  assert.throws(
    () => applyJsonPatch(target, Array(10_001).fill(operation)),
    (error) => isApiError(error) && error.code === 413,
  );
  assert.deepEqual(applyJsonPatch(target, Array(10_000).fill(operation)), target);
});
