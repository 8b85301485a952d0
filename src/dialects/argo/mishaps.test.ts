import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { blueGreenObjects, release, selected, startBlueGreen } from "./blue-green/blue-green.fixture.ts";
import { annotations } from "./keys.ts";
import {
  aRollout,
  aService,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "./rollout.fixture.ts";
import type { CanaryStrategy, Step } from "./types.ts";

/** What people do by hand in the middle of a release: nothing may hang without a message, or lead nowhere (INV-01, INV-28). */

const steps: Step[] = [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }, { pause: { duration: 5 } }];
const CANARY = { namespace: "default", name: "istio-rollout-canary" };
const replicaSet = (hash: string) => ({ namespace: "default", name: `istio-rollout-${hash}` });

/** A release of two pods that waits at its first pause. */
async function paused(canary: Partial<CanaryStrategy> = {}): Promise<World> {
  const world = await startArgo();
  await deployed(world, aRollout({ steps, ...canary }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.settle();
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  return world;
}

async function setStrategy(world: World, strategy: Record<string, unknown>): Promise<void> {
  await world.patch(resources.argoRollouts, KEY, { spec: { strategy } });
}

for (const index of [999, 2_147_483_647, -1]) {
  test(`ARC-100 INV-28 a step index of ${index} that somebody wrote is a place in the list`, async () => {
    const world = await paused();
    await patchStatus(world, { currentStepIndex: index, pauseConditions: null });
    await world.advance(30_000);
    if (index < 0) await promote(world);
    await world.advance(60_000);
    const { phase, currentStepIndex, stableRS } = await statusOf(world);
    assert.deepEqual([phase, currentStepIndex, stableRS], ["Healthy", steps.length, HASH.yellow]);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("INV-20 an abort takes the traffic back although the canary's Service is gone, and a retry tells of it", async () => {
  const world = await paused();
  await world.client.delete(resources.services, CANARY);
  await world.advance(5000);
  assert.match((await statusOf(world)).message ?? "", /^InvalidSpec: .*service "istio-rollout-canary" not found$/);
  assert.deepEqual(await weights(world), [90, 10]);
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.equal((await statusOf(world)).message, "RolloutAborted: Rollout aborted update to revision 2");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await patchStatus(world, { abort: false });
  await world.advance(5000);
  const told = (await statusOf(world)).conditions?.find(({ type }) => type === "InvalidSpec");
  assert.match(told?.message ?? "", /service "istio-rollout-canary" not found$/);
  assert.deepEqual(await weights(world), [100, 0]);
  await world.apply(aService(CANARY.name));
  await world.advance(10_000);
  assert.deepEqual(await weights(world), [90, 10]);
  await world.stop();
});

test("INV-20 an abort takes the traffic back although an AnalysisTemplate is gone", async () => {
  const world = await paused();
  const analysis = { templates: [{ templateName: "nobody" }] };
  await setStrategy(world, { canary: { analysis } });
  await world.advance(5000);
  assert.match((await statusOf(world)).message ?? "", /AnalysisTemplate 'nobody' not found/);
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await world.stop();
});

test("INV-32 a canary at a pause that becomes blue-green is not approved by that", async () => {
  const world = await paused();
  const services = { activeService: "istio-rollout-stable", previewService: "istio-rollout-canary" };
  await setStrategy(world, { canary: null, blueGreen: { ...services, autoPromotionEnabled: false } });
  await world.advance(60_000);
  const { message, stableRS } = await statusOf(world);
  assert.deepEqual([message, stableRS], ["BlueGreenPause", HASH.blue]);
  assert.equal(await selectorHash(world, services.activeService), HASH.blue);
  await checkFixpoint(world);
  await promote(world);
  await world.advance(5000);
  assert.equal(await selectorHash(world, services.activeService), HASH.yellow);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await world.stop();
});

test("INV-32 nor is an aborted one released", async () => {
  const world = await paused();
  await patchStatus(world, { abort: true });
  await world.advance(1000);
  await setStrategy(world, { canary: null, blueGreen: { activeService: "istio-rollout-stable" } });
  await world.advance(120_000);
  const { phase, stableRS } = await statusOf(world);
  assert.deepEqual([phase, stableRS], ["Degraded", HASH.blue]);
  assert.equal(await selectorHash(world, "istio-rollout-stable"), HASH.blue);
  await world.stop();
});

for (const router of ["a router", "no router"]) {
  test(`ARC-101 INV-28 a release of no pods goes through its steps (${router}); a pause still waits`, async () => {
    const world = await startArgo();
    const canary = router === "a router" ? { steps } : { steps, trafficRouting: undefined as never };
    await deployed(world, aRollout(canary, { replicas: 0 }));
    await setImage(world, "yellow");
    await world.settle();
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    await promote(world);
    await world.advance(60_000);
    assert.equal((await statusOf(world)).phase, "Healthy");
    await checkFixpoint(world);
    await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 2 } });
    await world.advance(60_000);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 2 });
    assert.equal(await selectorHash(world, "istio-rollout-stable"), HASH.yellow);
    assert.equal((await statusOf(world)).phase, "Healthy");
    await world.stop();
  });
}

test("ARC-221 INV-28 a release whose stable ReplicaSet was deleted says what ends it", async () => {
  const world = await paused();
  await world.client.delete(resources.replicaSets, replicaSet(HASH.blue));
  await promote(world);
  await world.advance(60_000);
  const name = replicaSet(HASH.blue).name;
  const lost = `the stable version's ReplicaSet ${name} does not exist; only a full promotion ends this release`;
  assert.equal((await statusOf(world)).message, lost);
  await checkFixpoint(world);
  await patchStatus(world, { promoteFull: true });
  await world.advance(60_000);
  const { phase, stableRS } = await statusOf(world);
  assert.deepEqual([phase, stableRS], ["Healthy", HASH.yellow]);
  assert.deepEqual(await weights(world), [100, 0]);
  await world.stop();
});

for (const revision of ["-7", "1e400", "NaN", "2.5", "99999999999999999999", "soon"]) {
  test(`ARC-050 a revision of "${revision}" is none, and the next one counts on`, async () => {
    const world = await paused();
    const noted = async (hash: string) =>
      (await world.get(resources.replicaSets, replicaSet(hash)))?.metadata.annotations?.[annotations.revision];
    await world.patch(resources.replicaSets, replicaSet(HASH.yellow), {
      metadata: { annotations: { [annotations.revision]: revision } },
    });
    await world.advance(5000);
    assert.equal(await noted(HASH.yellow), "2");
    await checkFixpoint(world);
    await world.stop();
  });
}

for (const text of ["null", "3", '{"labels":3}', '{"labels":{"a":null}}', "soon", '{"annotations":[]}']) {
  test(`ARC-165 INV-28 the note of ephemeral metadata may say anything: ${text}`, async () => {
    const world = await paused({ canaryMetadata: { labels: { role: "canary" } } });
    await world.patch(resources.replicaSets, replicaSet(HASH.yellow), {
      metadata: { annotations: { [annotations.ephemeralMetadata]: text } },
    });
    await world.advance(5000);
    await promote(world);
    await world.advance(60_000);
    assert.equal((await statusOf(world)).phase, "Healthy");
    await world.stop();
  });
}

const ACTIVE = { namespace: "default", name: "active" };

for (const hash of ["nowhere", null]) {
  test(`INV-07 an active Service that leads to ${hash ?? "every version"} goes back to what users had`, async () => {
    const world = await startBlueGreen({ autoPromotionEnabled: false, previewReplicaCount: 1 });
    await release(world, "yellow");
    const selector = { "rollouts-pod-template-hash": hash };
    await world.patch(resources.services, ACTIVE, { spec: { selector } });
    await world.advance(60_000);
    assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
    assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 1 });
    const { message, stableRS } = await statusOf(world);
    assert.deepEqual([message, stableRS], ["BlueGreenPause", HASH.blue]);
    await checkFixpoint(world);
    await promote(world);
    await world.advance(60_000);
    assert.equal((await statusOf(world)).stableRS, HASH.yellow);
    await world.stop();
  });
}

test("INV-07 an active Service that is made anew leads to what users had, also while the Rollout is paused", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false });
  await release(world, "yellow");
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: true } });
  await world.client.delete(resources.services, ACTIVE);
  await world.advance(5000);
  const anew = blueGreenObjects({}).find(({ kind, metadata }) => kind === "Service" && metadata.name === ACTIVE.name);
  assert.ok(anew);
  await world.apply(anew);
  await world.advance(60_000);
  assert.deepEqual(await selected(world), { active: HASH.blue, preview: HASH.yellow });
  assert.equal((await statusOf(world)).stableRS, HASH.blue);
  await world.stop();
});

test("INV-07 a version with pods that somebody chose by hand stays", async () => {
  const world = await startBlueGreen({ autoPromotionEnabled: false });
  await release(world, "yellow");
  await world.patch(resources.services, ACTIVE, {
    spec: { selector: { "rollouts-pod-template-hash": HASH.yellow } },
  });
  await world.advance(5000);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  await world.stop();
});

test("INV-31 an active Service that leads nowhere goes on once approved, though stable has no pod to go back to", async () => {
  const sick = {
    kubelet: { behaviourOf: (pod: KubeObject) => (pod.metadata.labels?.["sick"] ? { readyMs: null } : {}) },
  };
  const world = await startBlueGreen({ autoPromotionEnabled: false }, sick);
  await release(world, "yellow");
  const spec = { template: { metadata: { labels: { sick: "yes" } } } };
  await world.patch(resources.replicaSets, replicaSet(HASH.blue), { spec });
  for (const { metadata } of await world.list(resources.pods)) {
    if (metadata.labels?.["rollouts-pod-template-hash"] !== HASH.blue) continue;
    await world.client.delete(resources.pods, { namespace: "default", name: metadata.name });
  }
  await world.advance(5000);
  await world.patch(resources.services, ACTIVE, { spec: { selector: { "rollouts-pod-template-hash": "nowhere" } } });
  await world.advance(60_000);
  assert.deepEqual(await selected(world), { active: "nowhere", preview: HASH.yellow });
  await promote(world);
  await world.advance(60_000);
  assert.deepEqual(await selected(world), { active: HASH.yellow, preview: HASH.yellow });
  await world.stop();
});
