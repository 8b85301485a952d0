import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
import { resources } from "../../../kube/resource.ts";
import {
  condition,
  deployment,
  key,
  messages,
  pods,
  replicaSets,
  service,
  setImage,
  sizes,
  start,
  stored,
} from "../controllers.fixture.ts";

test("K8S-210 K8S-212 the ReplicaSet carries hash, revision, sizes and the Deployment's annotations", async () => {
  const world = await start();
  const object = deployment("x:1", { minReadySeconds: 1 });
  const applied = "kubectl.kubernetes.io/last-applied-configuration";
  object.metadata.annotations = { note: "kept", [applied]: "{}" };
  await world.apply(object);
  await world.settle();
  const [replicaSet] = await replicaSets(world);
  const { name, labels, annotations, ownerReferences } = replicaSet!.metadata;
  const hash = labels?.["pod-template-hash"] ?? "";
  assert.match(hash, /^[456789bcdf]{8,10}$/);
  assert.equal(name, `web-${hash}`);
  assert.deepEqual(replicaSet?.spec.selector, { matchLabels: { app: "web", "pod-template-hash": hash } });
  assert.deepEqual(annotations, {
    note: "kept",
    "deployment.kubernetes.io/revision": "1",
    "deployment.kubernetes.io/desired-replicas": "4",
    "deployment.kubernetes.io/max-replicas": "5",
  });
  assert.equal(replicaSet?.spec.minReadySeconds, 1);
  const uid = (await stored(world)).metadata.uid;
  const owner = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: "web",
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  assert.deepEqual(ownerReferences, [owner]);
  assert.deepEqual(await messages(world, "ScalingReplicaSet"), [`Scaled up replica set ${name} from 0 to 4`]);
});

test("K8S-218 K8S-219 K8S-220 a finished Deployment says so, and zero counts are left out", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  const { status, metadata } = await stored(world);
  const { conditions, ...counts } = status!;
  assert.deepEqual(counts, {
    observedGeneration: metadata.generation,
    replicas: 4,
    updatedReplicas: 4,
    readyReplicas: 4,
    availableReplicas: 4,
  });
  assert.deepEqual(
    conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    ["Available True MinimumReplicasAvailable", "Progressing True NewReplicaSetAvailable"],
  );
  assert.match(conditions![1]!.message!, /^ReplicaSet "web-[456789bcdf]+" has successfully progressed\.$/);
  assert.equal(metadata.generation, 1, "the revision annotation makes no generation (K8S-112)");
  await checkFixpoint(world);
});

test("K8S-213 K8S-214 a rolling update goes through the original's sizes", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  const seen: string[] = [];
  await setImage(world, "x:2");
  do {
    const [old, next] = await sizes(world);
    const pair = `${next ?? 0}/${old}`;
    if (seen.at(-1) !== pair) seen.push(pair);
  } while (await world.step());
  // 1/4 stands between the two writes of the first pass; pods that get ready together skip sizes.
  const original = ["0/4", "1/4", "1/3", "2/3", "2/2", "3/2", "3/1", "4/1", "4/0"];
  assert.deepEqual(
    seen,
    original.filter((pair) => seen.includes(pair)),
  );
  assert.equal(seen.at(-1), "4/0");
  assert.equal((await pods(world)).length, 4);
});

test("K8S-211 K8S-212 K8S-222 going back re-uses the old ReplicaSet under a new revision", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  const [first] = await replicaSets(world);
  for (const image of ["x:2", "x:1"]) {
    await setImage(world, image);
    await world.settle();
  }
  const all = await replicaSets(world);
  assert.equal(all.length, 2);
  assert.equal(all[1]?.metadata.name, first?.metadata.name);
  assert.equal(all[1]?.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  assert.equal(all[1]?.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
  assert.equal((await stored(world)).metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
});

test("K8S-215 K8S-217 a paused Deployment scales but does not roll", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  await world.patch(resources.deployments, key, { spec: { paused: true } });
  await world.settle();
  assert.equal(await condition(world, "Progressing"), "Unknown DeploymentPaused");
  await setImage(world, "x:2");
  await world.patch(resources.deployments, key, { spec: { replicas: 6 } });
  await world.settle();
  assert.deepEqual(await sizes(world), [6]);
  assert.equal((await stored(world)).status?.updatedReplicas, undefined);
  await world.patch(resources.deployments, key, { spec: { paused: false } });
  await world.settle();
  assert.deepEqual(await sizes(world), [0, 6]);
  await checkFixpoint(world);
});

test("K8S-215 scaling in the middle of an update keeps its proportions", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { replicas: 10 }));
  await world.settle();
  await setImage(world, "x:bad");
  await world.settle();
  const before = await sizes(world);
  await world.patch(resources.deployments, key, { spec: { replicas: 20 } });
  await world.settle();
  const [old, next] = await sizes(world);
  assert.deepEqual(before, [8, 5]);
  assert.equal((old ?? 0) + (next ?? 0), 25);
  assert.ok((next ?? 0) > 5 && (old ?? 0) > 8, `${old} and ${next}`);
});

test("K8S-220 K8S-222 no progress for progressDeadlineSeconds is reported and rolls nothing back", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { progressDeadlineSeconds: 60 }));
  await world.settle();
  await setImage(world, "x:bad");
  await world.advance(59_000);
  assert.equal(await condition(world, "Progressing"), "True ReplicaSetUpdated");
  await world.advance(5_000);
  assert.equal(await condition(world, "Progressing"), "False ProgressDeadlineExceeded");
  assert.equal(await condition(world, "Available"), "True MinimumReplicasAvailable");
  assert.deepEqual(await sizes(world), [3, 2]);
  await setImage(world, "x:2");
  await world.settle();
  assert.equal(await condition(world, "Progressing"), "True NewReplicaSetAvailable");
  assert.deepEqual(await sizes(world), [0, 0, 4]);
});

test("K8S-216 Recreate starts nothing before the last old pod is gone", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { strategy: { type: "Recreate" } }));
  await world.settle();
  await setImage(world, "x:2");
  do {
    const images = new Set((await pods(world)).map((pod) => JSON.stringify(pod["spec"]).match(/x:\d/)?.[0]));
    assert.ok(images.size <= 1, "two versions side by side");
  } while (await world.step());
  assert.deepEqual(await sizes(world), [0, 4]);
  await checkFixpoint(world);
});

test("K8S-223 old ReplicaSets beyond the history limit are deleted, oldest first", async () => {
  const world = await start();
  await world.apply(deployment("x:1", { revisionHistoryLimit: 1 }));
  await world.settle();
  for (const image of ["x:2", "x:3"]) {
    await setImage(world, image);
    await world.settle();
  }
  const images = (await replicaSets(world)).map(({ spec }) => JSON.stringify(spec.template).match(/x:\d/)?.[0]);
  assert.deepEqual(images, ["x:2", "x:3"]);
});

test("K8S-225 INV-43 a matching ReplicaSet without controller is adopted, another Deployment's is not touched", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  await world.apply(deployment("x:2", { replicas: 1 }, "web-canary"));
  await world.settle();
  assert.equal((await pods(world)).length, 5);
  const [stable] = (await replicaSets(world)).filter(({ metadata }) => !metadata.name.startsWith("web-canary"));
  await world.patch(
    resources.replicaSets,
    { ...key, name: stable!.metadata.name },
    { metadata: { ownerReferences: null } },
  );
  await world.settle();
  const owners = (await replicaSets(world)).map(({ metadata }) => metadata.ownerReferences?.[0]?.name).sort();
  assert.equal(owners.length, 2);
  assert.ok(owners.every((name) => name === "web" || name === "web-canary"));
  await checkFixpoint(world);
});

test("K8S-210 a foreign ReplicaSet with the name raises collisionCount and gets out of the way", async () => {
  const world = await start();
  await world.apply(deployment("x:1"));
  await world.settle();
  const [made] = await replicaSets(world);
  await world.client.delete(resources.deployments, key);
  await world.settle();
  const labels = { app: "other" };
  const foreign: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: made!.metadata.name, namespace: "default" },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { ...made!.spec.template, metadata: { labels } },
    },
  };
  await world.apply([foreign, deployment("x:1")]);
  await world.settle();
  assert.equal((await stored(world)).status?.collisionCount, 1);
  assert.equal((await replicaSets(world)).length, 2);
  assert.equal(await condition(world, "Progressing"), "True NewReplicaSetAvailable");
});

test("a rollout survives a crash after each write", () =>
  checkCrashAtEachWrite({
    start,
    play: async (world) => {
      await world.apply([deployment("x:1", { replicas: 2 }), service]);
      await world.settle();
      await setImage(world, "x:2");
      await world.settle();
    },
  }));
