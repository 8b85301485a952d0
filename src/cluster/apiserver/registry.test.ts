import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry, type ServedKind } from "./registry.ts";
import { testKinds } from "./test-kinds.fixture.ts";

/** A custom kind, which for the registry is any served kind under a CRD's name. */
function customKind(group: string): readonly ServedKind[] {
  const [template] = testKinds;
  assert.ok(template);
  const definition = { ...template, type: { ...template.type, group, plural: "rollouts" } };
  return [{ definition, table: `rollouts.${group}`, storageVersion: "v1", converter: null, defaultOnRead: null }];
}

function groupsAfter(preferred: readonly string[], stored: readonly string[]): readonly string[] {
  const registry = new Registry([], {}, preferred);
  for (const group of stored) registry.setCustom(`rollouts.${group}`, customKind(group));
  return registry.definitions.map(({ type }) => type.group);
}

const cases = [
  { name: "the order in which they came", preferred: [], stored: ["b", "a"], groups: ["b", "a"] },
  { name: "what is asked for now comes first", preferred: ["rollouts.a"], stored: ["b", "a"], groups: ["a", "b"] },
  {
    name: "in the order asked for",
    preferred: ["rollouts.c", "rollouts.a"],
    stored: ["a", "b", "c"],
    groups: ["c", "a", "b"],
  },
  { name: "what is asked for and not there is left out", preferred: ["rollouts.x"], stored: ["a"], groups: ["a"] },
] as const;

for (const { name, preferred, stored, groups } of cases) {
  test(`SEED-090 of kinds with one short name clients take the first: ${name}`, () => {
    assert.deepEqual(groupsAfter(preferred, stored), groups);
  });
}
