import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { formatTime } from "../../../base/time.ts";
import { isPodReady } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import { POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import {
  aRollout,
  aService,
  deployed,
  HASH,
  KEY,
  lasting,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";
import { NO_TRAFFIC } from "../traffic.ts";
import type { Step } from "../types.ts";
import { reconcileRestart } from "./restart.ts";

/** Restarts (ARC-160…161) and what holds them up. */

const QUIET = { quietMs: 15_000 };

function aBudget(spec: Record<string, unknown>): KubeObject {
  const selector = { matchLabels: { app: "istio-rollout" } };
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "budget" },
    spec: { selector, ...spec },
  } as KubeObject;
}

/** What `kubectl argo rollouts restart` writes; answers the time. */
async function restart(world: World, inMs = 0): Promise<string> {
  await world.advance(2000);
  const restartAt = formatTime(world.clock.now() + inMs);
  await world.patch(resources.argoRollouts, KEY, { spec: { restartAt } });
  return restartAt;
}

async function podIds(world: World): Promise<string[]> {
  return (await world.list(resources.pods)).map(({ metadata }) => metadata.uid ?? "");
}

/** Lets time pass, and answers the smallest number of ready pods that was ever there. */
async function fewestReady(world: World, milliseconds: number): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  const until = world.clock.now() + milliseconds;
  for (;;) {
    const pods = await world.list(resources.pods);
    fewest = Math.min(fewest, pods.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp).length);
    const next = world.clock.nextWakeAt();
    if (next === null || next > until) return fewest;
    await world.advance(next - world.clock.now());
  }
}

test("ARC-160 ARC-624 a restart replaces all pods, no more at a time than may be missing", async () => {
  const world = await deployed(await startArgo(), aRollout({ maxUnavailable: 1 }, { replicas: 3 }));
  const before = await podIds(world);
  const restartAt = await restart(world);
  await world.advance(1000);
  let status = await statusOf(world);
  assert.equal(status.message, "rollout is restarting");
  assert.equal(await fewestReady(world, 60_000), 2);
  status = await statusOf(world);
  const after = await podIds(world);
  assert.equal(after.length, 3);
  assert.deepEqual(
    after.filter((uid) => before.includes(uid)),
    [],
  );
  assert.equal(status.restartedAt, restartAt);
  assert.equal(status.phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-161 a restart that lies ahead waits for its time", async () => {
  const world = await deployed(await startArgo());
  const before = await podIds(world);
  await restart(world, 60_000);
  await world.advance(50_000);
  assert.deepEqual(await podIds(world), before);
  await world.advance(20_000);
  assert.notDeepEqual(await podIds(world), before);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await world.stop();
});

test("ARC-160 ARC-822 K8S-243 a restart goes by eviction, as its disruption budget grants", async () => {
  const world = await deployed(await startArgo(), aRollout({ maxUnavailable: 3 }, { replicas: 4 }));
  await world.apply(aBudget({ minAvailable: 3 }));
  await world.settle();
  const restartAt = await restart(world);
  assert.equal(await fewestReady(world, 60_000), 3, "the budget allows less than the Rollout");
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.restartedAt, restartAt);
  await checkFixpoint(world);
  await world.stop();
});

test("INV-20 ARC-822 a budget that grants nothing holds the restart, and nothing else", async () => {
  const world = await deployed(await startArgo(), aRollout({}, { replicas: 2 }));
  await world.apply(aBudget({ maxUnavailable: 0 }));
  await world.settle();
  const before = await podIds(world);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const restartAt = await restart(world);
  await world.advance(70_000);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  assert.deepEqual(await weights(world), [90, 10]);
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  let status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  assert.deepEqual(await podIds(world), before);
  const key = { namespace: "default", name: "budget" };
  await world.patch(resources.podDisruptionBudgets, key, { spec: { maxUnavailable: 1 } });
  await world.advance(10_000);
  status = await statusOf(world);
  assert.equal(status.restartedAt, restartAt);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-161 a new template makes an unfinished restart needless", async () => {
  const world = await deployed(await startArgo());
  await world.apply(aBudget({ maxUnavailable: 0 }));
  const restartAt = await restart(world);
  await world.advance(5000);
  assert.notEqual((await statusOf(world)).restartedAt, restartAt);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).restartedAt, restartAt);
  await world.stop();
});

test("ARC-160 a blue-green Rollout restarts as well", async () => {
  const world = await startArgo();
  const rollout = aRollout({}, { replicas: 2 });
  rollout.spec.strategy = { blueGreen: { activeService: "active" } };
  await world.apply([aService("active"), rollout]);
  await world.settle();
  const before = await podIds(world);
  await restart(world);
  assert.equal(await fewestReady(world, 60_000), 1);
  assert.ok((await podIds(world)).every((uid) => !before.includes(uid)));
  assert.equal((await statusOf(world)).phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

test("INV-33 a crash after each write of a restart ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 5,
    start: () => startArgo(),
    play: async (world) => {
      await world.apply(seedObjects);
      await world.apply(aRollout({}, { replicas: 2 }));
      await world.apply(aBudget({ minAvailable: 1 }));
      await world.settle();
      await world.patch(resources.argoRollouts, KEY, { spec: { restartAt: "2100-01-01T00:00:00Z" } });
      await world.settle();
      await world.patch(resources.argoRollouts, KEY, { spec: { restartAt: formatTime(world.clock.now()) } });
      await world.settle();
    },
    project: lasting,
  }));

test("INV-01 INV-07 ARC-160 a canary of one pod keeps it while requests come to it, and is restarted later", async () => {
  const steps: Step[] = [{ setWeight: 10 }, { pause: {} }, { setWeight: 60 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps }, { replicas: 3 }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const before = await podIds(world);
  const restartAt = await restart(world);
  await world.advance(90_000);
  const kept = (await podIds(world)).filter((uid) => before.includes(uid));
  assert.equal(kept.length, 1, "the stable version's pods are new");
  const status = await statusOf(world);
  assert.deepEqual([status.message, status.restartedAt], ["CanaryPauseStep", undefined]);
  await promote(world);
  await world.advance(60_000);
  assert.ok((await podIds(world)).every((uid) => !before.includes(uid)));
  assert.equal((await statusOf(world)).restartedAt, restartAt);
  await checkFixpoint(world);
  await world.stop();
});

interface BudgetCase {
  readonly name: string;
  /** Of the stable version: its status, its size, and its pods. */
  readonly available: number;
  readonly wanted: number;
  readonly pods: readonly ("ready" | "starting" | "leaving")[];
  /** Of a canary that was told to go. */
  readonly leavingCanary?: number;
  readonly evicted: number;
}

const budgets: readonly BudgetCase[] = [
  { name: "one of two", available: 2, wanted: 2, pods: ["ready", "ready"], evicted: 1 },
  { name: "none while one starts", available: 1, wanted: 2, pods: ["ready", "starting"], evicted: 0 },
  {
    name: "none where one leaves that the status still counts",
    available: 2,
    wanted: 2,
    pods: ["ready", "leaving"],
    evicted: 0,
  },
  {
    name: "a version that was told to go counts for nothing, whatever its status says",
    available: 2,
    wanted: 2,
    pods: ["ready", "ready"],
    leavingCanary: 1,
    evicted: 1,
  },
];

for (const { name, available, wanted, pods, leavingCanary = 0, evicted } of budgets) {
  test(`ARC-160 INV-17 how many pods a restart takes at a time: ${name}`, () => {
    const replicaSet = (hash: string, size: number, availableReplicas: number) => ({
      metadata: { name: hash, labels: { [POD_TEMPLATE_HASH]: hash } },
      spec: { replicas: size },
      status: { availableReplicas },
    });
    const stableRS = replicaSet("stable", wanted, available);
    const newRS = replicaSet("new", 0, leavingCanary);
    const podOf = (state: (typeof pods)[number], index: number) => ({
      metadata: {
        name: `${state}-${index}`,
        creationTimestamp: "2030-01-01T00:00:00Z",
        ownerReferences: [{ name: "stable", controller: true }],
        ...(state === "leaving" ? { deletionTimestamp: "2030-01-01T00:01:00Z" } : {}),
      },
      status: { phase: "Running", conditions: [{ type: "Ready", status: state === "starting" ? "False" : "True" }] },
    });
    const writes: unknown[] = [];
    const restartAt = "2030-01-01T00:00:30Z";
    // Only what is asked of a pass stands here.
    const pass = {
      rollout: { spec: { restartAt } },
      status: {},
      next: {},
      now: Date.parse(restartAt) + 1000,
      replicas: 2,
      stableRS,
      newRS,
      allRSs: [stableRS, newRS],
      otherRSs: [],
      view: { pods: new Map([["stable", pods.map(podOf)]]), services: new Map() },
      wakeAt: () => {},
      write: (write: unknown) => writes.push(write),
    } as unknown as Pass;
    reconcileRestart(pass, NO_TRAFFIC);
    assert.equal(writes.length, evicted);
  });
}
