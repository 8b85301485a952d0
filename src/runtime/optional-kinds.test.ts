import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import { typeKey } from "../kube/cache.ts";
import { anyObject, customResourceDefinition } from "../kube/crd.ts";
import { formatKey, keyOf, type ResourceType } from "../kube/resource.ts";
import type { Controller } from "./controller.ts";
import { emptyPlan } from "./plan.ts";

const [first, second]: ResourceType[] = ["v1", "v2"].map((version) => ({
  group: "shapes.test",
  version,
  kind: "Circle",
  plural: "circles",
  namespaced: true,
}));

const CRD = { namespace: "", name: "circles.shapes.test" };

function crd(...served: string[]) {
  const versions = served.map((name, index) => ({ name, storage: index === 0, spec: anyObject }));
  return customResourceDefinition({
    group: "shapes.test",
    kind: "Circle",
    plural: "circles",
    scope: "Namespaced",
    versions,
  });
}

function controllerOf(seen: string[]): Controller<string> {
  return {
    name: "circles",
    watches: [first!, second!].map((type) => ({
      type,
      isOptional: true,
      keysOf: (object) => {
        seen.push(`${object.apiVersion} ${object.metadata.name}`);
        return [formatKey(keyOf(object))];
      },
    })),
    gather: ({ name }) => name,
    reconcile: () => emptyPlan,
  };
}

for (const builtinControllers of [false, true]) {
  const others = builtinControllers ? "beside controllers of every kind" : "alone";
  test(`a kind that may be absent is watched while it is served, in one version, ${others}`, async () => {
    const seen: string[] = [];
    const world = await startWorld({ builtinControllers, controllers: [controllerOf(seen)] });
    const watched = () =>
      world.caches
        .types()
        .map(typeKey)
        .filter((key) => key.startsWith("circles."));
    assert.ok(world.runner.isIdle(), "nobody waits for a kind that is not there");
    assert.deepEqual(watched(), []);
    await world.apply(crd("v2"));
    await world.settle();
    await world.apply({ apiVersion: "shapes.test/v2", kind: "Circle", metadata: { name: "a" }, spec: {} });
    await world.settle();
    assert.deepEqual(watched(), ["circles.shapes.test/v2"]);
    assert.deepEqual([...new Set(seen)], ["shapes.test/v2 a"]);
    await world.patch(world.typeOf(crd("v1")), CRD, { spec: crd("v1", "v2")["spec"] as object });
    await world.settle();
    assert.deepEqual(watched(), ["circles.shapes.test/v1"], "the first that is served");
    assert.ok(seen.includes("shapes.test/v1 a"));
    await world.client.delete(world.typeOf(crd("v1")), CRD);
    await world.settle();
    assert.deepEqual(watched(), []);
    await world.stop();
  });
}

test("K8S-58 K8S-151 a kind that was not served is listed as soon as its definition is established, not at the next try", async () => {
  const seen: string[] = [];
  const circles = { ...controllerOf(seen), watches: controllerOf(seen).watches.slice(0, 1) };
  const controller = { ...circles, watches: circles.watches.map(({ isOptional: _, ...watch }) => watch) };
  const world = await startWorld({ controllers: [controller] });
  await world.advance(300_000); // by now the tries are as rare as they get
  await world.apply(crd("v1"));
  await world.advance(1000);
  await world.apply({ apiVersion: "shapes.test/v1", kind: "Circle", metadata: { name: "a" }, spec: {} });
  await world.advance(100);
  assert.deepEqual(seen, ["shapes.test/v1 a"]);
  await world.stop();
});
