import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import { argoControllers } from "./index.ts";
import { isOfInstance } from "./instance.ts";
import { labels } from "./keys.ts";
import { aRollout, deployed, KEY, startArgo, stored } from "./rollout.fixture.ts";

const cases: readonly { name: string; label?: string; instanceId: string; ours: boolean }[] = [
  { name: "ARC-805 no id, no label: ours", instanceId: "", ours: true },
  { name: "ARC-805 no id, a label: another's", label: "a", instanceId: "", ours: false },
  { name: "ARC-805 an id, no label: another's", instanceId: "a", ours: false },
  { name: "ARC-805 an id and its label: ours", label: "a", instanceId: "a", ours: true },
  { name: "ARC-805 an id and another label: another's", label: "b", instanceId: "a", ours: false },
];
for (const { name, label, instanceId, ours } of cases) {
  test(name, () => {
    const labelled = label === undefined ? {} : { labels: { [labels.instanceId]: label } };
    const object = { apiVersion: "v1", kind: "Rollout", metadata: { name: "x", ...labelled } };
    assert.equal(isOfInstance(object, instanceId), ours);
  });
}

test("ARC-805 a Rollout of another instance is left alone, without an event, until its label changes", async () => {
  const world = await startArgo({ hasMesh: false, controllers: argoControllers({ instanceId: "blue" }) });
  await deployed(world, aRollout({ steps: [] }));
  assert.equal((await stored(world)).status, undefined);
  assert.deepEqual(await world.list(resources.replicaSets, "default"), []);
  assert.deepEqual(await world.list(resources.events, "default"), []);
  await world.patch(resources.argoRollouts, KEY, { metadata: { labels: { [labels.instanceId]: "blue" } } });
  await world.settle();
  assert.equal((await stored(world)).status?.phase, "Healthy");
  await world.stop();
});

test("ARC-805 runs of another instance are not reconciled", async () => {
  const world = await startArgo({ hasMesh: false, controllers: argoControllers({ instanceId: "blue" }) });
  const run = (name: string, label: Record<string, string>) => ({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: { name, labels: label },
    spec: { metrics: [] },
  });
  await world.apply([run("theirs", {}), run("ours", { [labels.instanceId]: "blue" })]);
  await world.settle();
  const phaseOf = async (name: string) => {
    const object = await world.get(resources.analysisRuns, { namespace: "default", name });
    return (object?.["status"] as { phase?: string } | undefined)?.phase;
  };
  assert.equal(await phaseOf("theirs"), undefined);
  assert.equal(await phaseOf("ours"), "Error");
  await world.stop();
});
