import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { AdmissionPlugin } from "../../../kube/admission.ts";
import { resources } from "../../../kube/resource.ts";
import { condition, deployment, key, messages, pods, replicaSets, start } from "../controllers.fixture.ts";
import { newPodNames } from "../pod-names.ts";
import { inDeletionOrder } from "./deletion-order.ts";

const now = Date.UTC(2030, 0, 1, 12);

interface PodFacts {
  readonly node?: string;
  readonly phase?: string;
  readonly readySecondsAgo?: number | null;
  readonly cost?: string;
  readonly restarts?: number;
  readonly ageSeconds?: number;
}

function pod(name: string, facts: PodFacts): KubeObject {
  const { node = "n", phase = "Running", readySecondsAgo = 600, cost, restarts = 0, ageSeconds = 600 } = facts;
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  const ready =
    readySecondsAgo === null
      ? { type: "Ready", status: "False" }
      : { type: "Ready", status: "True", lastTransitionTime: ago(readySecondsAgo) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      uid: name,
      creationTimestamp: ago(ageSeconds),
      ...(cost ? { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } } : {}),
    },
    spec: { nodeName: node },
    status: { phase, conditions: [ready], containerStatuses: [{ restartCount: restarts }] },
  };
}

/** `first` must be given up before `second`. */
const orderCases: readonly { name: string; first: PodFacts; second: PodFacts }[] = [
  { name: "K8S-231 unassigned before assigned", first: { node: "" }, second: {} },
  { name: "K8S-231 Pending before Running", first: { phase: "Pending" }, second: {} },
  { name: "K8S-231 Unknown before Running", first: { phase: "Unknown" }, second: {} },
  { name: "K8S-231 not ready before ready", first: { readySecondsAgo: null }, second: {} },
  { name: "K8S-231 cheap before dear", first: { cost: "-5" }, second: {} },
  { name: "K8S-231 ready for a shorter time first", first: { readySecondsAgo: 10 }, second: {} },
  { name: "K8S-231 more restarts first", first: { restarts: 3 }, second: {} },
  { name: "K8S-231 younger first", first: { ageSeconds: 10 }, second: {} },
  {
    name: "K8S-231 not ready counts more than cost",
    first: { readySecondsAgo: null, cost: "9" },
    second: { cost: "-9" },
  },
];
for (const { name, first, second } of orderCases) {
  test(name, () => {
    // "a" would win by uid, so the order must come from the facts.
    const pair = [pod("a", second), pod("b", first)];
    assert.deepEqual(
      inDeletionOrder(pair, pair, now).map(({ metadata }) => metadata.name),
      ["b", "a"],
    );
  });
}

test("K8S-231 pods of a crowded node go first, counting the owner's other ReplicaSets", () => {
  const lonely = pod("a", { node: "lonely" });
  const crowded = pod("b", { node: "crowded" });
  const related = [lonely, crowded, pod("c", { node: "crowded" })];
  assert.equal(inDeletionOrder([lonely, crowded], related, now)[0]?.metadata.name, "b");
});

const replicaSet = { metadata: { name: "web-1", uid: "u", generation: 1 } } as unknown as ReplicaSet;
const free = () => false;

test("K8S-230 names of new pods are the same until a pod comes or goes, or the spec changes", () => {
  const names = newPodNames(replicaSet, [], 3, free);
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.match(name, /^web-1-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.deepEqual(newPodNames(replicaSet, [], 3, free), names);
  assert.notDeepEqual(newPodNames(replicaSet, [pod("x", {})], 3, free), names);
  const changed = { metadata: { ...replicaSet.metadata, generation: 2 } } as ReplicaSet;
  assert.notDeepEqual(newPodNames(changed, [], 3, free), names);
});

test("K8S-230 a name that another pod has is left to it", () => {
  const [first, second] = newPodNames(replicaSet, [], 2, free);
  assert.deepEqual(
    newPodNames(replicaSet, [], 1, (name) => name === first),
    [second],
  );
});

test("K8S-230 a ReplicaSet adopts what matches and releases what no longer does", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 2 }));
  await world.settle();
  const [first] = await pods(world);
  await world.patch(resources.pods, { ...key, name: first!.metadata.name }, { metadata: { labels: { app: "mine" } } });
  await world.settle();
  const released = await world.get(resources.pods, { ...key, name: first!.metadata.name });
  assert.equal(released?.metadata.ownerReferences, undefined);
  assert.equal((await pods(world)).length, 3, "a new pod took its place");
  await world.patch(resources.pods, { ...key, name: first!.metadata.name }, { metadata: { labels: { app: "web" } } });
  await world.settle();
  assert.equal((await pods(world)).length, 2, "adopted, it is one too many");
  await checkFixpoint(world);
});

test("K8S-232 a terminating pod is replaced at once", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 2 }));
  await world.settle();
  const [first] = await pods(world);
  await world.client.delete(resources.pods, { ...key, name: first!.metadata.name });
  await world.advance(500);
  assert.equal((await pods(world)).length, 3);
  await world.settle();
  assert.equal((await pods(world)).length, 2);
});

test("K8S-230 pods count as available after minReadySeconds", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 1, minReadySeconds: 20 }));
  await world.advance(15_000);
  assert.equal((await replicaSets(world))[0]?.status?.readyReplicas, 1);
  assert.equal((await replicaSets(world))[0]?.status?.availableReplicas, undefined);
  await world.advance(10_000);
  assert.equal((await replicaSets(world))[0]?.status?.availableReplicas, 1);
});

test("K8S-221 K8S-230 pods that cannot be made are reported, and made once they can be", async () => {
  let isRefused = true;
  const admit: AdmissionPlugin["admit"] = ({ type, operation }) =>
    isRefused && type.kind === "Pod" && operation === "CREATE"
      ? { allowed: false, code: 403, message: "exceeded quota: one" }
      : { allowed: true };
  const plugin: AdmissionPlugin = { name: "quota.example.com", kind: "validating", admit };
  const world = await start({ packs: [{ crds: [], converters: {}, admission: [plugin] }] });
  await world.apply(deployment("x:1", { replicas: 1 }));
  await world.advance(1000);
  const [failed] = (await replicaSets(world))[0]?.status?.conditions ?? [];
  assert.equal(`${failed?.type} ${failed?.status} ${failed?.reason}`, "ReplicaFailure True FailedCreate");
  assert.match(failed?.message ?? "", /exceeded quota: one/);
  assert.equal(await condition(world, "ReplicaFailure"), "True FailedCreate");
  assert.match((await messages(world, "FailedCreate"))[0] ?? "", /^Error creating: .*exceeded quota: one/);
  isRefused = false;
  await world.settle();
  assert.equal((await pods(world)).length, 1);
  assert.equal(await condition(world, "ReplicaFailure"), "none");
  assert.match((await messages(world, "SuccessfulCreate"))[0] ?? "", /^Created pod: web-\w+-\w{5}$/);
});
