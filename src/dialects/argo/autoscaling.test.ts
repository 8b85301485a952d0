import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "./rollout.fixture.ts";
import type { CanaryStrategy } from "./types.ts";

/** What an autoscaler reads and writes (ARC-820, ARC-821, ARC-925). */

const QUIET = { quietMs: 15_000 };

interface Scale extends KubeObject {
  spec: { replicas: number };
  status: { replicas: number; selector?: string };
}

/** What `kubectl scale` and an autoscaler write; the answer is what they read. */
async function scale(world: World, replicas: number): Promise<Scale> {
  const patch = { kind: "merge", body: { spec: { replicas } } } as const;
  return world.client.patch<Scale>(resources.argoRollouts, KEY, patch, { subresource: "scale" });
}

async function halfWay(canary: Partial<CanaryStrategy> = {}, replicas = 4): Promise<World> {
  const steps = [{ setWeight: 50 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps, ...canary }, { replicas }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  return world;
}

interface Case {
  readonly name: string;
  readonly canary: Partial<CanaryStrategy>;
  /** HPAReplicas, status.replicas. */
  readonly expected: readonly [number, number];
}

const cases: Case[] = [
  { name: "beside a full stable version the canary does not count", canary: {}, expected: [4, 6] },
  {
    name: "nor does one that setCanaryScale made larger",
    canary: { steps: [{ setCanaryScale: { replicas: 4 } }, { pause: {} }] },
    expected: [4, 8],
  },
  { name: "with dynamicStableScale both are one size", canary: { dynamicStableScale: true }, expected: [4, 4] },
];

for (const { name, canary, expected } of cases) {
  test(`ARC-821 ARC-925 what an autoscaler takes for the size: ${name}`, async () => {
    const world = await halfWay(canary);
    const { HPAReplicas, replicas, selector } = await statusOf(world);
    assert.deepEqual([HPAReplicas, replicas], expected);
    assert.equal(selector, "app=istio-rollout");
    await patchStatus(world, { promoteFull: true });
    await world.advance(60_000);
    assert.equal((await statusOf(world)).HPAReplicas, 4);
    await world.stop();
  });
}

test("ARC-821 without a router all pods count", async () => {
  const steps = [{ setWeight: 50 }, { pause: {} }];
  const rollout = aRollout({ steps }, { replicas: 4 });
  delete rollout.spec.strategy?.canary?.trafficRouting;
  const world = await deployed(await startArgo(), rollout);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).HPAReplicas, 4);
  await world.stop();
});

test("ARC-003 ARC-820 the scale subresource tells size, present pods and selector, and sets the size", async () => {
  const world = await halfWay();
  const { spec, status } = await scale(world, 6);
  assert.deepEqual([spec.replicas, status.replicas, status.selector], [6, 4, "app=istio-rollout"]);
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 6, [HASH.yellow]: 3 });
  assert.deepEqual(await weights(world), [50, 50]);
  assert.equal((await statusOf(world)).currentStepIndex, 1);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-820 ARC-221 while the stable version grows, the weights stay, and the release goes on afterwards", async () => {
  const steps = [{ setWeight: 20 }, { pause: {} }, { setWeight: 40 }, { pause: {} }];
  const world = await halfWay({ steps }, 2);
  await world.runner.stop();
  await scale(world, 10);
  await promote(world);
  await world.restartControllers();
  await world.advance(1500);
  assert.deepEqual(await weights(world), [80, 20], "the new pods have not started");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [60, 40]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 10, [HASH.yellow]: 4 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-820 a HorizontalPodAutoscaler of a Rollout is stored as it is", async () => {
  const world = await deployed(await startArgo());
  await world.apply({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "istio-rollout" },
    spec: {
      scaleTargetRef: { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "istio-rollout" },
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ],
    },
  } as KubeObject);
  await world.settle();
  const stored = await world.get(resources.horizontalPodAutoscalers, KEY);
  assert.deepEqual((stored?.["spec"] as { scaleTargetRef?: object } | undefined)?.scaleTargetRef, {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    name: "istio-rollout",
  });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-062 R = 0 takes all pods away in mid-release, and the release goes on when there are some again", async () => {
  const world = await halfWay();
  await scale(world, 0);
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 0 });
  await scale(world, 4);
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 4, [HASH.yellow]: 2 });
  assert.deepEqual(await weights(world), [50, 50]);
  await promote(world);
  await world.settle();
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await checkFixpoint(world);
  await world.stop();
});
