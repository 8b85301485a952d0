import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../../api/policy.ts";
import { formatTime } from "../../../base/time.ts";
import { isApiError } from "../../../kube/errors.ts";
import { resources } from "../../../kube/resource.ts";
import { deployment, pods, start } from "../controllers.fixture.ts";
import { reconcile, type Scale } from "./reconcile.ts";

const NOW = Date.UTC(2030, 0, 1);

interface Case {
  readonly name: string;
  readonly spec: PodDisruptionBudget["spec"];
  readonly before?: PodDisruptionBudgetStatus;
  /** Each "ready", "sick", "leaving" or "lonely" (no owner); all of one workload of `replicas`. */
  readonly pods: readonly ("ready" | "sick" | "leaving" | "lonely" | "strange")[];
  readonly replicas?: number;
  /** expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed. */
  readonly expected: readonly (number | undefined)[];
  readonly reason?: string;
  readonly wakesInSeconds?: number;
}

const granted = (secondsAgo: number) => ({ disruptedPods: { p0: formatTime(NOW - secondsAgo * 1000) } });

const cases: Case[] = [
  {
    name: "a count of minAvailable",
    spec: { minAvailable: 2 },
    pods: ["ready", "ready", "ready"],
    expected: [3, 3, 2, 1],
  },
  { name: "no more than there are", spec: { minAvailable: 3 }, pods: ["ready", "ready"], expected: [2, 2, 3, 0] },
  { name: "sick pods are not healthy", spec: { minAvailable: 1 }, pods: ["ready", "sick"], expected: [2, 1, 1, 0] },
  {
    name: "leaving pods are not healthy",
    spec: { minAvailable: 1 },
    pods: ["ready", "leaving"],
    expected: [2, 1, 1, 0],
  },
  { name: "no pods", spec: { minAvailable: 0 }, pods: [], expected: [0, 0, 0, 0] },
  {
    name: "a percentage is of the wanted size, rounded up",
    spec: { minAvailable: "50%" },
    pods: ["ready", "ready"],
    replicas: 5,
    expected: [5, 2, 3, 0],
  },
  {
    name: "maxUnavailable is of the wanted size",
    spec: { maxUnavailable: 1 },
    pods: ["ready", "ready"],
    replicas: 3,
    expected: [3, 2, 2, 0],
  },
  {
    name: "maxUnavailable as percentage rounds up",
    spec: { maxUnavailable: "30%" },
    pods: ["ready", "ready", "ready"],
    expected: [3, 3, 2, 1],
  },
  { name: "maxUnavailable of more than all", spec: { maxUnavailable: 9 }, pods: ["ready"], expected: [1, 1, 0, 1] },
  {
    name: "pods of nobody do not count to the wanted size",
    spec: { maxUnavailable: 1 },
    pods: ["lonely"],
    expected: [0, 1, 0, 0],
  },
  { name: "neither bound", spec: {}, pods: ["ready"], expected: [0, 1, 0, 0] },
  {
    name: "an owner whose size is unknown stops evictions, and says so",
    spec: { maxUnavailable: 1 },
    pods: ["strange"],
    expected: [undefined, undefined, undefined, 0],
    reason: "SyncFailed",
  },
  {
    name: "a granted eviction counts until its pod goes",
    spec: { minAvailable: 1 },
    before: granted(20),
    pods: ["ready", "ready"],
    expected: [2, 1, 1, 0],
    wakesInSeconds: 100,
  },
  {
    name: "a grant that nobody used is forgotten after two minutes",
    spec: { minAvailable: 1 },
    before: granted(120),
    pods: ["ready", "ready"],
    expected: [2, 2, 1, 1],
  },
  {
    name: "a grant whose pod goes is done",
    spec: { minAvailable: 1 },
    before: granted(2),
    pods: ["leaving", "ready"],
    expected: [2, 1, 1, 0],
  },
];

for (const { name, spec, before, pods: states, replicas = states.length, expected, reason, wakesInSeconds } of cases) {
  test(`K8S-243 budgets: ${name}`, () => {
    const all = states.map((state, index) => aPod(`p${index}`, state));
    const scale: Scale = { uid: "rs", replicas };
    const scales = new Map(
      states.map((state, index) => [`p${index}`, state === "lonely" || state === "strange" ? null : scale]),
    );
    const budget = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "b", generation: 4 },
      spec,
      ...(before ? { status: before } : {}),
    } as PodDisruptionBudget;
    const plan = reconcile({ budget, pods: all, scales, now: NOW });
    const status = plan.status?.status as PodDisruptionBudgetStatus;
    const { expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed = 0 } = status;
    assert.deepEqual([expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed], expected);
    const [condition] = status.conditions ?? [];
    assert.equal(condition?.type, "DisruptionAllowed");
    assert.equal(condition?.status, disruptionsAllowed > 0 ? "True" : "False");
    assert.equal(condition?.reason, reason ?? (disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods"));
    assert.equal(plan.requeueAt, wakesInSeconds === undefined ? null : NOW + wakesInSeconds * 1000);
  });
}

function aPod(name: string, state: Case["pods"][number]): KubeObject {
  const owner = {
    apiVersion: "apps/v1",
    kind: state === "strange" ? "Job" : "ReplicaSet",
    name: "rs",
    uid: "rs",
    controller: true,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      ...(state === "lonely" ? {} : { ownerReferences: [owner] }),
      ...(state === "leaving" ? { deletionTimestamp: formatTime(NOW) } : {}),
    },
    status: { phase: "Running", conditions: [{ type: "Ready", status: state === "sick" ? "False" : "True" }] },
  } as KubeObject;
}

function aBudget(spec: PodDisruptionBudget["spec"]): KubeObject {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace: "default" },
    spec,
  };
}

async function statusOf(world: World): Promise<PodDisruptionBudgetStatus | undefined> {
  return (await world.list<PodDisruptionBudget>(resources.podDisruptionBudgets))[0]?.status;
}

async function evict(world: World, name: string): Promise<number> {
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
  try {
    await world.client.update(resources.pods, body, { subresource: "eviction" });
    return 201;
  } catch (error) {
    if (!isApiError(error)) throw error;
    return error.code;
  }
}

test("K8S-243 pods of a Deployment are evicted one after the other, as their replacements come", async () => {
  const world = await start();
  await world.apply([deployment("x:1"), aBudget({ maxUnavailable: 1, selector: { matchLabels: { app: "web" } } })]);
  await world.settle();
  const { conditions: _, ...status } = (await statusOf(world)) ?? {};
  assert.deepEqual(status, {
    observedGeneration: 1,
    expectedPods: 4,
    currentHealthy: 4,
    desiredHealthy: 3,
    disruptionsAllowed: 1,
  });
  await checkFixpoint(world);
  const names = (await pods(world)).map(({ metadata }) => metadata.name);
  const answers: number[] = [];
  for (const name of names) answers.push(await evict(world, name));
  assert.deepEqual(answers, [201, 429, 429, 429]);
  for (const name of names.slice(1)) {
    await world.settle();
    assert.equal(await evict(world, name), 201);
  }
  await world.settle();
  const after = await pods(world);
  assert.equal(after.length, 4);
  assert.ok(after.every(({ metadata }) => !names.includes(metadata.name)));
  assert.equal((await statusOf(world))?.disruptionsAllowed, 1);
  assert.equal((await statusOf(world))?.disruptedPods, undefined);
  await world.stop();
});

test("K8S-243 a change of the budget or of the size is counted anew", async () => {
  const world = await start();
  await world.apply([deployment("x:1"), aBudget({ minAvailable: "100%", selector: { matchLabels: { app: "web" } } })]);
  await world.settle();
  assert.equal((await statusOf(world))?.disruptionsAllowed, 0);
  const key = { namespace: "default", name: "web" };
  await world.patch(resources.podDisruptionBudgets, key, { spec: { minAvailable: "50%" } });
  await world.settle();
  assert.equal((await statusOf(world))?.disruptionsAllowed, 2);
  await world.patch(resources.deployments, key, { spec: { replicas: 6 } });
  await world.settle();
  assert.equal((await statusOf(world))?.disruptionsAllowed, 3);
  await world.stop();
});
