import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../../kube/resource.ts";
import type { Plan, Write } from "../../../runtime/plan.ts";
import {
  aRollout,
  deployed,
  KEY,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";

/** How a canary gets from its last step to promotion, and what else moves its steps (section 5). */

function describe(write: Write): string {
  const name = "key" in write ? write.key.name : write.object.metadata.name;
  if (write.op !== "update" || write.type !== resources.virtualServices) {
    return write.type === resources.services ? `services ${name}` : write.type.plural;
  }
  const { http } = write.object["spec"] as { http: { route: { weight?: number }[] }[] };
  return `virtualservices to ${http[0]?.route.map(({ weight = 0 }) => weight).join("/")}`;
}

test("ARC-115 INV-06 after the last step: all pods, all traffic, and only then the names", async () => {
  const history: string[] = [];
  const onPlan = (controller: string, _key: string, { writes }: Plan) => {
    if (controller === "argo-rollout")
      history.push(...writes.filter(({ type }) => type !== resources.replicaSets).map(describe));
  };
  const world = await startArgo({ onPlan });
  await deployed(world, aRollout({ steps: [{ setWeight: 50 }, { pause: {} }] }, { replicas: 4 }));
  await setImage(world, "yellow");
  await world.settle();
  history.length = 0;
  await promote(world);
  await world.settle({ quietMs: 5000 });
  assert.deepEqual(history, ["virtualservices to 0/100", "services istio-rollout-stable", "virtualservices to 100/0"]);
  await world.stop();
});

test("ARC-119 a step index that somebody writes is where the release goes on", async () => {
  const steps = [{ setWeight: 10 }, { pause: {} }, { setWeight: 30 }, { pause: {} }, { setWeight: 60 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle();
  await patchStatus(world, { currentStepIndex: 4, pauseConditions: null, controllerPause: false });
  await world.settle();
  assert.deepEqual([(await statusOf(world)).currentStepIndex, await weights(world)], [5, [40, 60]]);
  await world.stop();
});

test("ARC-058 a Rollout that is being deleted is left alone, and all that it owns goes with it", async () => {
  const passes: string[] = [];
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    if (controller === "argo-rollout" && (plan.writes.length > 0 || plan.status)) passes.push(controller);
  };
  const world = await deployed(await startArgo({ onPlan }), aRollout({ steps: [{ setWeight: 50 }, { pause: {} }] }));
  await world.patch(resources.argoRollouts, KEY, { metadata: { finalizers: ["example.com/hold"] } });
  await setImage(world, "yellow");
  await world.settle();
  passes.length = 0;
  await world.client.delete(resources.argoRollouts, KEY);
  await world.settle();
  await patchStatus(world, { pauseConditions: null });
  await world.settle();
  assert.deepEqual(passes, [], "nothing is decided while it waits for its finalizer");
  await world.patch(resources.argoRollouts, KEY, { metadata: { finalizers: null } });
  await world.settle();
  assert.equal(await world.get(resources.argoRollouts, KEY), null);
  assert.deepEqual(await sizes(world), {});
  await world.stop();
});
