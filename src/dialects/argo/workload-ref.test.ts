import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { Deployment } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { isPodReady } from "../../kube/pods.ts";
import { resources } from "../../kube/resource.ts";
import {
  aRollout,
  KEY,
  lasting,
  patchStatus,
  seedObjects,
  sizes,
  startArgo,
  statusOf,
  stored,
  template,
  weights,
} from "./rollout.fixture.ts";
import type { Rollout } from "./types.ts";

/** Rollouts that borrow the template of another workload (section 11). */

const QUIET = { quietMs: 15_000 };
const WEB = { namespace: "default", name: "web" };
const SELECTOR = { matchLabels: { app: "istio-rollout" } };

type WorkloadRef = NonNullable<Rollout["spec"]["workloadRef"]>;

function aDeployment(replicas: number, color = "blue"): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas, selector: SELECTOR, template: template(color) },
  } as KubeObject;
}

function borrowing(reference: Partial<WorkloadRef> = {}, spec: Partial<Rollout["spec"]> = {}): Rollout {
  const rollout = aRollout({}, spec);
  delete rollout.spec.template;
  delete rollout.spec.selector;
  rollout.spec.workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web", ...reference };
  return rollout;
}

async function replicasOf(world: World): Promise<number | undefined> {
  return (await world.get<Deployment>(resources.deployments, WEB))?.spec.replicas;
}

async function setColor(world: World, color: string): Promise<void> {
  await world.patch(resources.deployments, WEB, { spec: { template: template(color) } });
}

test("ARC-680 ARC-681 a missing workload is told; once it is there the Rollout borrows its template and selector", async () => {
  const world = await startArgo();
  await world.apply(seedObjects);
  await world.apply(borrowing({ scaleDown: "onsuccess" }));
  await world.settle({ quietMs: 5000 });
  assert.equal(
    (await statusOf(world)).message,
    'InvalidSpec: The Rollout "istio-rollout" is invalid: spec.workloadRef: Invalid value: "web": deployments.apps "default/web" not found',
  );
  await world.apply(aDeployment(1));
  await world.settle();
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.deepEqual(await sizes(world), { "": 0, [status.currentPodHash ?? ""]: 1 });
  const { spec } = await stored(world);
  assert.deepEqual([spec.template, spec.selector], [undefined, undefined]);
  assert.equal(await replicasOf(world), 0);
  await checkFixpoint(world);
  await world.stop();
});

for (const [scaleDown, expected] of [
  [undefined, 2],
  ["never", 2],
  ["sometimes", 2],
  ["onsuccess", 0],
  ["progressively", 0],
] as const) {
  test(`ARC-683 scaleDown ${scaleDown} leaves the Deployment with ${expected} pods`, async () => {
    const world = await startArgo();
    await world.apply([...seedObjects, aDeployment(2)]);
    await world.settle();
    await world.apply(borrowing(scaleDown === undefined ? {} : { scaleDown: scaleDown as "never" }, { replicas: 2 }));
    await world.settle();
    assert.equal((await statusOf(world)).phase, "Healthy");
    assert.equal(await replicasOf(world), expected);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-683 ARC-684 progressively: the Deployment shrinks as the Rollout's pods get ready, and none is missing meanwhile", async () => {
  let born = 0;
  const order = new Map<string, number>();
  const world = await startArgo({
    kubelet: {
      behaviourOf: ({ metadata }) => {
        if (metadata.labels?.["rollouts-pod-template-hash"] === undefined) return {};
        const uid = metadata.uid ?? "";
        if (!order.has(uid)) order.set(uid, ++born);
        return { readyMs: (order.get(uid) ?? 1) * 5000 };
      },
    },
  });
  await world.apply([...seedObjects, aDeployment(4)]);
  await world.settle();
  await world.apply(borrowing({ scaleDown: "progressively" }, { replicas: 4 }));
  const seen: (number | undefined)[] = [];
  for (let second = 0; second < 60; second++) {
    await world.advance(1000);
    const replicas = await replicasOf(world);
    if (seen.at(-1) !== replicas) seen.push(replicas);
    const pods = await world.list(resources.pods);
    const ready = pods.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp);
    assert.ok(ready.length >= 4, `${ready.length} pods are ready after ${second} s`);
  }
  assert.deepEqual(seen, [4, 3, 2, 1, 0]);
  const { phase, stableRS = "" } = await statusOf(world);
  assert.equal(phase, "Healthy");
  assert.deepEqual(await sizes(world), { "": 0, [stableRS]: 4 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-682 ARC-683 a new template in the workload is a release; a Deployment that is scaled up again is let be", async () => {
  const world = await startArgo();
  await world.apply([...seedObjects, aDeployment(1), borrowing({ scaleDown: "onsuccess" })]);
  await world.settle();
  const { stableRS } = await statusOf(world);
  await setColor(world, "yellow");
  await world.settle(QUIET);
  let status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  assert.equal(status.stableRS, stableRS);
  assert.notEqual(status.currentPodHash, stableRS);
  assert.deepEqual(await weights(world), [90, 10]);
  const generation = String((await world.get(resources.deployments, WEB))?.metadata.generation);
  const { metadata } = await stored(world);
  assert.equal(metadata.annotations?.["rollout.argoproj.io/workload-generation"], generation);
  assert.equal(status.workloadObservedGeneration, generation);
  await world.patch(resources.deployments, WEB, { spec: { replicas: 2 } });
  await patchStatus(world, { promoteFull: true });
  await world.advance(60_000);
  status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.notEqual(status.stableRS, stableRS);
  assert.equal(await replicasOf(world), 2, "from the second revision on it is left alone");
  await checkFixpoint(world);
  await world.stop();
});

for (const scaleDown of ["onsuccess", "progressively"] as const) {
  test(`ARC-929 with ${scaleDown} and a broken first version the first healthy one takes over`, async () => {
    const image = ({ spec }: { spec?: unknown }) => (spec as { containers: { image: string }[] }).containers[0]?.image;
    const world = await startArgo({
      kubelet: { behaviourOf: (pod) => (image(pod)?.endsWith(":broken") ? { readyMs: null } : {}) },
    });
    await world.apply([...seedObjects, aDeployment(2)]);
    await world.settle();
    await setColor(world, "broken");
    const rollout = borrowing({ scaleDown }, { replicas: 2 });
    delete rollout.spec.strategy?.canary?.trafficRouting;
    delete rollout.spec.strategy?.canary?.steps;
    await world.apply(rollout);
    await world.advance(60_000);
    assert.equal(await replicasOf(world), 2);
    await setColor(world, "yellow");
    await world.advance(60_000);
    const status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(await replicasOf(world), 0);
    await world.patch(resources.deployments, WEB, { spec: { replicas: 1 } });
    await world.advance(10_000);
    assert.equal(await replicasOf(world), 1, "once");
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-680 the template may come from a PodTemplate", async () => {
  const world = await startArgo();
  const object = { apiVersion: "v1", kind: "PodTemplate", metadata: { name: "web" }, template: template("blue") };
  await world.apply([...seedObjects, object as KubeObject, borrowing({ apiVersion: "v1", kind: "PodTemplate" })]);
  await world.settle();
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.selector, "app=istio-rollout");
  await world.stop();
});

test("ARC-680 the template may come from a ReplicaSet, which keeps its pods", async () => {
  const world = await startArgo();
  const object = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web" },
    spec: { replicas: 1, selector: SELECTOR, template: template("blue") },
  };
  await world.apply([...seedObjects, object as KubeObject]);
  await world.apply(borrowing({ kind: "ReplicaSet", scaleDown: "onsuccess" }));
  await world.settle();
  const { phase, stableRS = "" } = await statusOf(world);
  assert.equal(phase, "Healthy");
  assert.deepEqual(await sizes(world), { "": 1, [stableRS]: 1 });
  await world.stop();
});

for (const [name, change, text] of [
  ["a kind that is not supported", { kind: "StatefulSet" }, /workload of type apps\/StatefulSet is not supported$/],
  ["a template beside the reference", null, /template must be empty for workload reference rollout$/],
] as const) {
  test(`ARC-681 ${name} is refused`, async () => {
    const world = await startArgo();
    const rollout = borrowing(change ?? {});
    if (change === null) rollout.spec.template = template("blue");
    await world.apply([...seedObjects, aDeployment(1), rollout]);
    await world.settle({ quietMs: 5000 });
    const status = await statusOf(world);
    assert.equal(status.phase, "Degraded");
    assert.match(status.message ?? "", text);
    await world.stop();
  });
}

test("INV-33 a crash after each write of a handover ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 7,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply([...seedObjects, aDeployment(2)]);
      await world.settle();
      await world.apply(borrowing({ scaleDown: "progressively" }, { replicas: 2 }));
      await world.settle();
      await world.patch(resources.argoRollouts, KEY, {
        spec: { strategy: { canary: { steps: [{ setWeight: 50 }] } } },
      });
      await setColor(world, "yellow");
      await world.settle();
    },
    // Generations count writes, which may be fewer after a crash; the Deployment's conditions are its own controller's.
    project: async (world) => [
      `${await replicasOf(world)} replicas`,
      ...(await lasting(world))
        .filter((line) => !line.startsWith("deployments.apps "))
        .map((line) => line.replace(/(workload-g|workloadObservedG)eneration":"\d+"/g, '$1eneration":"*"')),
    ],
  }));
