import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import type { KubeObject } from "../api/meta.ts";
import { formatKey, keyOf, resources } from "../kube/resource.ts";
import type { Controller } from "./controller.ts";
import type { Turn } from "./observer.ts";
import { emptyPlan, type Plan } from "./plan.ts";

const map: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" } };

function controllerOf(reconcile: (map: KubeObject) => Plan): Controller<KubeObject> {
  return {
    name: "test-controller",
    component: "tester",
    watches: [{ type: resources.configMaps, keysOf: (object) => [formatKey(keyOf(object))] }],
    eventsOf: ({ before, after }) =>
      before === null && after !== null ? [{ regarding: after, type: "Normal", reason: "Seen", message: "seen" }] : [],
    gather: (key, cache) => cache.get(resources.configMaps, key),
    reconcile,
  };
}

async function observe(reconcile: (map: KubeObject) => Plan) {
  const turns: Turn[] = [];
  const events: string[] = [];
  const changes: string[] = [];
  const world = await startWorld({
    builtinControllers: false,
    controllers: [controllerOf(reconcile)],
    observer: {
      onTurn: (turn) => turns.push(turn),
      onEvent: (component, { reason }) => events.push(`${component} ${reason}`),
      onChange: ({ type, before, after }) => changes.push(`${type.plural} ${before !== null} ${after !== null}`),
    },
  });
  await world.apply(map);
  await world.settle();
  return { turns, events, changes, world };
}

test("ARC-801 a turn that only looks is one turn without error", async () => {
  const { turns, changes } = await observe(() => emptyPlan);
  assert.deepEqual(turns, [{ controller: "test-controller", key: "default/a", seconds: 0, isError: false }]);
  assert.deepEqual(changes, ["configmaps false true"]);
});

test("ARC-801 a refused write counts as an error, and its event is told before it is recorded", async () => {
  const invalid: KubeObject = { ...map, metadata: { name: "Not A Name", namespace: "default" } };
  const { turns, events } = await observe(() => ({
    ...emptyPlan,
    writes: [{ op: "create", type: resources.configMaps, object: invalid }],
  }));
  assert.deepEqual(
    turns.map(({ isError }) => isError),
    [true],
  );
  assert.deepEqual(events, ["tester Seen", "tester WriteRefused"]);
});

test("ARC-801 a reconciler that throws counts as an error", async () => {
  const { turns } = await observe(() => {
    throw new Error("our mistake");
  });
  assert.ok(turns.length > 1 && turns.every(({ isError }) => isError));
});

test("ARC-640 events of comings and goings are recorded without any plan, again after a restart", async () => {
  const { world } = await observe(() => emptyPlan);
  const count = async () => (await world.list(resources.events)).filter(({ reason }) => reason === "Seen").length;
  assert.equal(await count(), 1);
  await world.restartControllers();
  await world.settle();
  assert.equal(await count(), 2);
  await world.stop();
});
