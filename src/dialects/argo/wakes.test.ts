import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { aRollout, deployed, startArgo, VIRTUAL_SERVICE } from "./rollout.fixture.ts";

test("INV-33 what the mesh tells of others' routes wakes no Rollout that is at rest", async () => {
  const passes: string[] = [];
  const onPlan = (controller: string, key: string) => {
    if (controller === "argo-rollout") passes.push(key);
  };
  const world = await deployed(await startArgo({ onPlan }), aRollout({ steps: [{ setWeight: 50 }] }));
  passes.length = 0;
  const other: KubeObject = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "VirtualService",
    metadata: { name: "other" },
    spec: { hosts: ["other"], http: [{ route: [{ destination: { host: "other" } }] }] },
  };
  await world.apply(other);
  await world.settle();
  assert.deepEqual(passes, []);
  await world.apply({ ...other, metadata: { name: VIRTUAL_SERVICE.name, labels: { touched: "yes" } } });
  await world.settle();
  assert.ok(passes.length > 0, "its own routes wake it");
  await world.stop();
});
