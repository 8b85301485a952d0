import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../test/support/reconciler-checks.ts";
import type { World } from "../../test/support/world.ts";
import type { HorizontalPodAutoscaler } from "../api/autoscaling.ts";
import type { KubeObject } from "../api/meta.ts";
import {
  aLoad,
  autoscaler,
  conditionOf,
  eventsOf,
  type Load,
  loadedAutoscaler,
  SYNC_MS,
} from "../cluster/controllers/autoscale/autoscale.fixture.ts";
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
  stored,
  VIRTUAL_SERVICE,
  weights,
} from "../dialects/argo/rollout.fixture.ts";
import type { CanaryStrategy } from "../dialects/argo/types.ts";
import { isPodActive, isPodReady } from "../kube/pods.ts";
import { resources } from "../kube/resource.ts";

/** A Rollout under an autoscaler that wants 100m of CPU for each pod (ARC-820, ARC-821, INV-19b). */

const scaleTargetRef = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: KEY.name };
const target = { type: "AverageValue", averageValue: "100m" };
const metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
const HASH_LABEL = "rollouts-pod-template-hash";
/** What the cluster does within a few seconds of a look. */
const QUIET = { quietMs: 15_000 };

interface Scaled {
  readonly world: World;
  readonly load: Load;
  /** Every size that the Rollout was given, in order. */
  readonly history: number[];
}

async function start(
  canary: Partial<CanaryStrategy>,
  { replicas = 2, spec = {} }: { replicas?: number; spec?: Partial<HorizontalPodAutoscaler["spec"]> } = {},
): Promise<Scaled> {
  const load = aLoad();
  const history: number[] = [];
  const world = await startArgo({
    moreControllers: (basics) => [loadedAutoscaler(basics, load)],
    observer: {
      onChange({ type, after }) {
        const size =
          type.plural === "rollouts" ? (after?.["spec"] as { replicas?: number } | undefined)?.replicas : undefined;
        if (size !== undefined && history.at(-1) !== size) history.push(size);
      },
    },
  });
  load.weightOf = (pod) => shareOf(pod, world);
  load.cpuMilli = replicas * 100;
  const steps = [{ setWeight: 50 }, { pause: {} }];
  await deployed(world, aRollout({ steps, ...canary }, { replicas }));
  await world.apply({
    ...autoscaler({ scaleTargetRef, minReplicas: 2, metrics, ...spec }),
    metadata: { name: KEY.name },
  });
  await world.settle(QUIET);
  return { world, load, history };
}

/** Of the requests: the weights say how many go to a version, whose ready pods share them. */
function shareOf(pod: KubeObject, world: World): number {
  const route = world.caches.get(resources.virtualServices, VIRTUAL_SERVICE);
  const { http = [] } = (route?.["spec"] ?? {}) as { http?: { route: { weight?: number }[] }[] };
  const canaryWeight = http[0]?.route[1]?.weight ?? 0;
  const hash = pod.metadata.labels?.[HASH_LABEL];
  const canary = world.caches.get(resources.services, { namespace: "default", name: "istio-rollout-canary" });
  const stable = world.caches.get(resources.services, { namespace: "default", name: "istio-rollout-stable" });
  const isOf = (service: KubeObject | null) =>
    (service?.["spec"] as { selector?: Record<string, string> } | undefined)?.selector?.[HASH_LABEL] === hash;
  const weight = (isOf(stable) ? 100 - canaryWeight : 0) + (isOf(canary) ? canaryWeight : 0);
  const alike = world.caches
    .list(resources.pods)
    .filter((other) => other.metadata.labels?.[HASH_LABEL] === hash && isPodActive(other) && isPodReady(other));
  return alike.length === 0 ? 0 : weight / alike.length;
}

async function sizeOf(world: World): Promise<number | undefined> {
  return (await stored(world)).spec.replicas;
}

async function autoscalerOf(world: World): Promise<HorizontalPodAutoscaler> {
  return (await world.get<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers, KEY))!;
}

for (const dynamicStableScale of [false, true]) {
  const how = dynamicStableScale ? " with dynamicStableScale" : "";
  test(`ARC-820 ARC-062 load in mid-release: the Rollout grows, step and weights stay${how}`, async () => {
    const { world, load, history } = await start({ dynamicStableScale });
    await setImage(world, "yellow");
    await world.advance(30_000);
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    assert.deepEqual(await weights(world), [50, 50]);

    load.cpuMilli = 600;
    await world.advance(SYNC_MS);
    await world.settle(QUIET);
    assert.equal((await statusOf(world)).currentStepIndex, 1);
    assert.deepEqual(await weights(world), [50, 50]);
    await world.advance(4 * SYNC_MS);
    assert.equal(await sizeOf(world), 6);
    assert.deepEqual(await sizes(world), { [HASH.blue]: dynamicStableScale ? 3 : 6, [HASH.yellow]: 3 });
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    await checkFixpoint(world);

    await promote(world);
    await world.advance(120_000);
    assert.equal((await statusOf(world)).stableRS, HASH.yellow);
    await world.advance(10 * SYNC_MS);
    assert.equal(await sizeOf(world), 6);
    assert.deepEqual(history, [2, 4, 6], "no flapping");
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-821 ARC-820 after an abort under load the size stays, then follows the load once", async () => {
  const { world, load, history } = await start({});
  await setImage(world, "yellow");
  load.cpuMilli = 600;
  await world.advance(5 * SYNC_MS);
  await patchStatus(world, { abort: true });
  await world.advance(10 * SYNC_MS);
  assert.deepEqual(await weights(world), [100, 0]);
  const { [HASH.yellow]: canary } = await sizes(world);
  assert.equal(canary, 0);
  assert.equal(await sizeOf(world), 6);
  assert.deepEqual(history, [2, 4, 6], "no flapping");
  await checkFixpoint(world);

  load.cpuMilli = 180;
  await world.advance(4 * SYNC_MS);
  assert.equal(await sizeOf(world), 6);
  assert.equal(conditionOf(await autoscalerOf(world), "AbleToScale"), "True ScaleDownStabilized");
  await world.advance(3 * SYNC_MS);
  assert.equal(await sizeOf(world), 2);
  const events = await eventsOf(world, "SuccessfulRescale");
  assert.equal(events.at(-1), "New size: 2; reason: All metrics below target");
  await checkFixpoint(world);
  await world.stop();
});

for (const dynamicStableScale of [false, true]) {
  const how = dynamicStableScale ? " with dynamicStableScale" : "";
  test(`ARC-820 ARC-910 load that grows right after an abort is stable's alone${how}`, async () => {
    const { world, load, history } = await start({ dynamicStableScale });
    await setImage(world, "yellow");
    load.cpuMilli = 600;
    await world.advance(5 * SYNC_MS);
    await patchStatus(world, { abort: true });
    load.cpuMilli = 900;
    await world.advance(5 * SYNC_MS);
    assert.deepEqual(history, [2, 4, 6, 9]);
    assert.deepEqual(await sizes(world), { [HASH.blue]: 9, [HASH.yellow]: 0 });
    assert.deepEqual(await weights(world), [100, 0]);
    assert.equal((await statusOf(world)).phase, "Degraded");
    await checkFixpoint(world);
    await world.stop();
  });
}

for (const cpuMilli of [200, 270, 400, 520, 800]) {
  test(`INV-19b ARC-821 at a constant demand of ${cpuMilli}m a release changes no size for good`, async () => {
    const { world, load, history } = await start({});
    load.cpuMilli = cpuMilli;
    await world.advance(8 * SYNC_MS);
    const wanted = Math.min(10, Math.ceil(cpuMilli / 100));
    assert.equal(await sizeOf(world), wanted);
    const settled = history.length;
    await setImage(world, "yellow");
    await world.advance(8 * SYNC_MS);
    assert.equal((await statusOf(world)).message, "CanaryPauseStep");
    assert.equal(await sizeOf(world), wanted, "stable's and canary's pods are not added up");
    await promote(world);
    await world.advance(8 * SYNC_MS);
    assert.equal(await sizeOf(world), wanted);
    assert.equal(history.length, settled);
    await world.stop();
  });
}

test("ARC-820 a crash at any write while an autoscaler and a release work", () => {
  const loads = new WeakMap<World, Load>();
  return checkCrashAtEachWrite({
    every: 8,
    async start() {
      const { world, load } = await start({});
      loads.set(world, load);
      return world;
    },
    async play(world) {
      await setImage(world, "yellow");
      await world.settle();
      loads.get(world)!.cpuMilli = 600;
      await world.advance(SYNC_MS);
      await world.settle();
      await world.advance(8 * SYNC_MS);
      await world.settle();
      await promote(world);
      await world.settle();
      await world.advance(12 * SYNC_MS);
    },
    async project(world) {
      const { status } = await autoscalerOf(world);
      const { currentReplicas, desiredReplicas, conditions = [] } = status ?? {};
      const { stableRS, phase } = await statusOf(world);
      const reasons = conditions.map(({ type, reason }) => `${type} ${reason}`).sort();
      const all = Object.values(await sizes(world)).sort((left, right) => left - right);
      return JSON.stringify([
        await sizeOf(world),
        all,
        await weights(world),
        stableRS,
        phase,
        currentReplicas,
        desiredReplicas,
        reasons,
      ]);
    },
  });
});
