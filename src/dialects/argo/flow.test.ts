import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import { deployed, HASH, promote, selectorHash, setImage, startArgo, statusOf, weights } from "./rollout.fixture.ts";

for (const hasMesh of [true, false]) {
  const mesh = hasMesh ? "with a mesh that tells" : "without";
  test(`ARC-850…868 the seed's canary from first deployment to promotion, ${mesh}`, async () => {
    const world = await deployed(await startArgo({ hasMesh }));
    let status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.stableRS, HASH.blue);
    assert.equal(status.currentStepIndex, 18);
    assert.equal(status.canary?.weights?.canary.weight, 0);
    assert.equal(await selectorHash(world, "istio-rollout-stable"), HASH.blue);
    assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.blue);
    await setImage(world, "yellow");
    await world.settle({ quietMs: 15000 });
    status = await statusOf(world);
    assert.equal(status.message, "CanaryPauseStep");
    assert.deepEqual(await weights(world), [90, 10]);
    assert.equal(await selectorHash(world, "istio-rollout-canary"), HASH.yellow);
    await promote(world);
    await world.settle();
    status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.stableRS, HASH.yellow);
    await checkFixpoint(world);
    await world.stop();
  });
}
