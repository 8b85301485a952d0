import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "../../../api/meta.ts";
import { canonicalJson, deepEqual } from "../../../base/json.ts";
import type { Schema } from "../resource.ts";
import { atomic, list, listByKey, map, open, setOf, str, struct } from "../schema/dsl.ts";
import { compare } from "./compare.ts";
import type { Configuration } from "./configuration.ts";
import {
  difference,
  EMPTY,
  equalSets,
  type FieldSet,
  hasPath,
  intersection,
  isEmpty,
  pathsOf,
  setOfPaths,
  union,
} from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { decodeFields, encodeFields } from "./fields-v1.ts";
import { encodeOwners, NO_OWNERS, type Owner, type Owners } from "./owners.ts";
import { type ApplyPlan, planApply } from "./plan.ts";
import { rootPlace } from "./topology.ts";
import { ownable, ownersAfterUpdate } from "./update.ts";
import type { KindVersions } from "./versions.ts";

/** Laws of apply over small random objects that have every way to divide a field. */

const part = struct("Part", { name: str, value: str, labels: map(str) });
const schema: Schema = struct("Thing", {
  spec: struct("Spec", {
    one: str,
    two: str,
    labels: map(str),
    parts: listByKey(part, "name"),
    tags: setOf(str),
    whole: list(str),
    fixed: atomic(map(str)),
    free: open,
    inner: struct("Inner", { one: str, parts: listByKey(part, "name") }),
  }),
});

const current = {
  apiVersion: "v1",
  place: rootPlace(schema),
  unwritable: EMPTY,
  convert: (object: KubeObject) => object,
};
const versions: KindVersions = { current, find: () => current };

const bare = { apiVersion: "v1", kind: "Thing", metadata: { name: "t" } } as KubeObject;

interface State {
  readonly object: KubeObject;
  readonly owners: Owners;
}

function configured(spec: object): Configuration {
  return { ...bare, spec } as unknown as Configuration;
}

function applier(manager: string, config: Configuration): Owner {
  const fields = ownable(fieldsOf(current.place, config));
  return { manager, operation: "Apply", apiVersion: "v1", subresource: "", time: "2030-01-01T00:00:00Z", fields };
}

function apply({ object, owners }: State, manager: string, spec: object): ApplyPlan {
  const config = configured(spec);
  return planApply(object, config, { versions, owners, self: applier(manager, config) });
}

function update({ object, owners }: State, manager: string, spec: object): State {
  const next = { ...object, spec } as KubeObject;
  const change = { versions, old: object, next };
  return { object: next, owners: ownersAfterUpdate(change, owners, { manager, subresource: "", now: 0 }) };
}

const start: State = { object: bare, owners: NO_OWNERS };

/** Equal but for the order of lists that have none: two managers' new elements come as they come. */
function canonical(value: unknown): string {
  const sorted = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(sorted).sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, sorted(member)]));
  };
  return canonicalJson(sorted(value));
}

const word = fc.constantFrom("a", "b", "c");
const words = fc.dictionary(word, word, { maxKeys: 3 });

function partsWith(names: fc.Arbitrary<string>) {
  const one = fc.record({ name: names, value: word, labels: words }, { requiredKeys: ["name"] });
  return fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 3 });
}

const anySpec = fc.record(
  {
    one: word,
    two: word,
    labels: words,
    parts: partsWith(word),
    tags: fc.uniqueArray(word, { maxLength: 3 }),
    whole: fc.array(word, { maxLength: 2 }),
    fixed: words,
    free: fc.record({ a: word, b: words }, { requiredKeys: [] }),
    inner: fc.record({ one: word, parts: partsWith(word) }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

/** What one of two managers may have of a spec, when the other has its own names and the rest of the fields. */
function specWith(own: readonly string[], fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) {
  const names = fc.constantFrom(...own);
  const parts = partsWith(names).filter((items) => items.length > 0);
  const keys = fc.dictionary(names, word, { minKeys: 1, maxKeys: 2 });
  const shared = { labels: keys, parts, tags: fc.uniqueArray(names, { minLength: 1, maxLength: 2 }), free: keys };
  return fc.record({ ...shared, ...fields }, { requiredKeys: [] });
}

const disjointSpecs = fc.tuple(
  specWith(["a", "b"], { one: word, whole: fc.array(word, { maxLength: 2 }), inner: fc.record({ one: word }) }),
  specWith(["c", "d"], { two: word, fixed: words, inner: fc.record({ parts: partsWith(word) }) }),
);

const history = fc.array(fc.record({ manager: fc.constantFrom("x", "y", "z"), isApply: fc.boolean(), spec: anySpec }), {
  maxLength: 4,
});

function reached(steps: readonly { manager: string; isApply: boolean; spec: object }[]): State {
  return steps.reduce<State>(
    (state, { manager, isApply, spec }) => (isApply ? apply(state, manager, spec) : update(state, manager, spec)),
    start,
  );
}

test("K8S-144 applying is idempotent", () => {
  fc.assert(
    fc.property(history, anySpec, (steps, spec) => {
      const once = apply(reached(steps), "x", spec);
      const twice = apply(once, "x", spec);
      assert.equal(canonicalJson(twice.object), canonicalJson(once.object));
      assert.deepEqual(encodeOwners(twice.owners), encodeOwners(once.owners));
      assert.equal(twice.conflicts.length, 0);
    }),
  );
});

test("K8S-144 two managers without a field in common come to the same in either order", () => {
  fc.assert(
    fc.property(disjointSpecs, ([left, right]) => {
      const leftFirst = apply(apply(start, "x", left), "y", right);
      const rightFirst = apply(apply(start, "y", right), "x", left);
      assert.equal(leftFirst.conflicts.length + rightFirst.conflicts.length, 0);
      assert.equal(canonical(leftFirst.object), canonical(rightFirst.object));
      assert.deepEqual(encodeOwners(leftFirst.owners), encodeOwners(rightFirst.owners));
    }),
  );
});

test("K8S-144 what was applied is in the object", () => {
  fc.assert(
    fc.property(history, anySpec, (steps, spec) => {
      const { object } = apply(reached(steps), "x", spec);
      const { modified, removed } = compare(current.place, configured(spec), object);
      assert.deepEqual([[...pathsOf(modified)], [...pathsOf(removed)]], [[], []]);
    }),
  );
});

test("K8S-144 a manager that leaves all out takes out only what nobody else owns", () => {
  fc.assert(
    fc.property(history, anySpec, (steps, spec) => {
      const before = apply(reached(steps), "x", spec);
      const after = apply(before, "x", {});
      const mine = before.owners.get(idOf(before.owners, "x"))?.fields ?? EMPTY;
      const others = [...before.owners.values()].filter(
        ({ manager, operation }) => manager !== "x" || operation !== "Apply",
      );
      const owned = others.reduce((sum, { fields }) => union(sum, fields), EMPTY);
      const { removed, modified, added } = compare(current.place, before.object, after.object);
      assert.deepEqual([[...pathsOf(modified)], [...pathsOf(added)]], [[], []]);
      const onlyMine = difference(mine, owned);
      const lost = [...pathsOf(intersection(removed, owned))].filter((path) => !isInside(path, onlyMine));
      assert.deepEqual(lost, []);
      const left = intersection(onlyMine, fieldsOf(current.place, after.object));
      // An element or key stays, and with it its keys, when another owns something inside.
      const leaves = [...pathsOf(left)].filter((path) => !isAround(path, owned));
      assert.deepEqual(leaves, []);
    }),
  );
});

function idOf(owners: Owners, name: string): string {
  return [...owners].find(([, { manager, operation }]) => manager === name && operation === "Apply")?.[0] ?? "";
}

/** Whether the path is a part of an element or key that goes as a whole, since it is nobody else's. */
function isInside(path: readonly string[], owned: FieldSet): boolean {
  return path.some((_, length) => length > 0 && hasPath(owned, path.slice(0, length)));
}

/** Whether the path, or the element that it is a part of, leads to something owned. */
function isAround(path: readonly string[], owned: FieldSet): boolean {
  const ends = [path, path.slice(0, -1)];
  return ends.some(
    (end) => !isEmpty(end.reduce<FieldSet>((set, element) => set.children.get(element) ?? EMPTY, owned)),
  );
}

test("K8S-145 there is a conflict exactly when somebody else's field changes", () => {
  fc.assert(
    fc.property(history, anySpec, (steps, spec) => {
      const state = reached(steps);
      const { object, conflicts } = apply(state, "x", spec);
      const { modified, added } = compare(current.place, state.object, object);
      const changed = union(modified, added);
      const others = [...state.owners.values()].filter(
        ({ manager, operation }) => manager !== "x" || operation !== "Apply",
      );
      const expected = others.filter(({ fields }) => !isEmpty(intersection(fields, changed)));
      assert.equal(conflicts.length, expected.length);
    }),
  );
});

test("K8S-146 after a plain write the writer owns what is new, and nobody owns what is gone", () => {
  fc.assert(
    fc.property(history, anySpec, (steps, spec) => {
      const state = reached(steps);
      const after = update(state, "w", spec);
      const { added, modified, removed } = compare(current.place, state.object, after.object);
      const written = after.owners.get('["w","Update","v1",""]')?.fields ?? EMPTY;
      assert.ok(equalSets(written, ownable(union(added, modified))));
      for (const { fields } of after.owners.values()) assert.ok(isEmpty(intersection(fields, removed)));
    }),
  );
});

const anySet = fc
  .array(fc.array(fc.constantFrom("f:a", "f:b", 'k:{"name":"a"}', 'v:"a"'), { minLength: 1, maxLength: 3 }), {
    maxLength: 5,
  })
  .map(setOfPaths);

test("K8S-143 sets: the laws of union, intersection and difference, and FieldsV1 there and back", () => {
  const namesOf = (set: FieldSet) => [...pathsOf(set)].map((path) => path.join(" "));
  fc.assert(
    fc.property(anySet, anySet, (left, right) => {
      const [inLeft, inRight] = [new Set(namesOf(left)), new Set(namesOf(right))];
      const same = (set: FieldSet, names: Iterable<string>) => assert.deepEqual(namesOf(set).sort(), [...names].sort());
      same(union(left, right), new Set([...inLeft, ...inRight]));
      same(
        intersection(left, right),
        [...inLeft].filter((path) => inRight.has(path)),
      );
      same(
        difference(left, right),
        [...inLeft].filter((path) => !inRight.has(path)),
      );
      assert.equal(equalSets(left, right), deepEqual([...inLeft].sort(), [...inRight].sort()));
      assert.ok(equalSets(decodeFields(JSON.parse(JSON.stringify(encodeFields(left))))!, left));
    }),
  );
});
