import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { ReplicaSet } from "../../api/apps.ts";
import { resources } from "../../kube/resource.ts";
import {
  aRollout,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  startArgo,
  statusOf,
  stored,
  template,
} from "./rollout.fixture.ts";
import type { Rollout } from "./types.ts";

/** The ReplicaSets of a Rollout: what they carry, which one a template finds again, what is injected (section 2, 5.2). */

const QUIET = { quietMs: 15_000 };
const HASH_KEY = "rollouts-pod-template-hash";
const REVISION = "rollout.argoproj.io/revision";

async function versions(world: World): Promise<Map<string, ReplicaSet>> {
  const list = await world.list<ReplicaSet>(resources.replicaSets);
  return new Map(list.map((one) => [one.metadata.labels?.[HASH_KEY] ?? "", one]));
}

async function version(world: World, hash: string): Promise<ReplicaSet> {
  const found = (await versions(world)).get(hash);
  assert.ok(found, `no ReplicaSet of ${hash}`);
  return found;
}

async function toNext(world: World, color: string): Promise<void> {
  await setImage(world, color);
  await world.settle(QUIET);
  await patchStatus(world, { promoteFull: true });
  await world.advance(60_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
}

test("ARC-020 ARC-021 ARC-022 ARC-063 a ReplicaSet carries name, hash, owner, size and the Rollout's annotations", async () => {
  const rollout = aRollout({}, { minReadySeconds: 3, replicas: 2 });
  rollout.metadata.annotations = { team: "shop", "kubectl.kubernetes.io/last-applied-configuration": "{}" };
  rollout.metadata.labels = { mine: "alone" };
  const world = await deployed(await startArgo(), rollout);
  const { metadata, spec } = await version(world, HASH.blue);
  const owner = await stored(world);
  assert.equal(metadata.name, `istio-rollout-${HASH.blue}`);
  assert.deepEqual(metadata.labels, { app: "istio-rollout", [HASH_KEY]: HASH.blue });
  assert.deepEqual(metadata.annotations, {
    team: "shop",
    [REVISION]: "1",
    "rollout.argoproj.io/desired-replicas": "2",
  });
  assert.deepEqual(metadata.ownerReferences, [
    {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Rollout",
      name: "istio-rollout",
      uid: owner.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  assert.deepEqual(spec.selector, { matchLabels: { app: "istio-rollout", [HASH_KEY]: HASH.blue } });
  assert.equal(spec.template.metadata?.labels?.[HASH_KEY], HASH.blue);
  assert.deepEqual([spec.replicas, spec.minReadySeconds], [2, 3]);
  await world.stop();
});

test("ARC-050 ARC-051 ARC-924 going back gives a version the newest number, and its history names each number once", async () => {
  const world = await deployed(await startArgo());
  await toNext(world, "yellow");
  await toNext(world, "blue");
  let { annotations = {} } = (await version(world, HASH.blue)).metadata;
  assert.deepEqual([annotations[REVISION], annotations["rollout.argoproj.io/revision-history"]], ["3", "1"]);
  assert.equal((await stored(world)).metadata.annotations?.[REVISION], "3");
  await world.patch(resources.argoRollouts, KEY, {
    metadata: { annotations: { team: "shop" } },
    spec: { minReadySeconds: 2 },
  });
  await world.settle();
  const blue = await version(world, HASH.blue);
  ({ annotations = {} } = blue.metadata);
  assert.deepEqual([annotations["team"], blue.spec.minReadySeconds], ["shop", 2]);
  assert.deepEqual([annotations[REVISION], annotations["rollout.argoproj.io/revision-history"]], ["3", "1"]);
  assert.equal((await version(world, HASH.yellow)).metadata.annotations?.["team"], undefined, "only the newest");
  await toNext(world, "yellow");
  await toNext(world, "blue");
  ({ annotations = {} } = (await version(world, HASH.blue)).metadata);
  assert.deepEqual([annotations[REVISION], annotations["rollout.argoproj.io/revision-history"]], ["5", "1,3"]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-035 ARC-900 INV-27 a ReplicaSet that another release of Argo made under another hash is found by its template", async () => {
  const rollout = aRollout({
    stableMetadata: { labels: { role: "stable" } },
    antiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} },
  });
  const world = await startArgo();
  await world.apply(seedObjects);
  await world.apply({ ...rollout, spec: { ...rollout.spec, paused: true } } as Rollout);
  const { uid = "" } = (await stored(world)).metadata;
  await world.runner.stop();
  for (const one of await world.list(resources.replicaSets)) {
    await world.client.delete(resources.replicaSets, { namespace: "default", name: one.metadata.name });
  }
  // As 1.9 names the seed's blue (ARC-034), with what it injects beside.
  const hash = "575d4d798";
  const labels = { app: "istio-rollout", [HASH_KEY]: hash };
  const own = template("blue");
  const selector = { matchExpressions: [{ key: HASH_KEY, operator: "In", values: ["old"] }] };
  const term = { labelSelector: selector, namespaces: ["default"], topologyKey: "kubernetes.io/hostname" };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await world.apply({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `istio-rollout-${hash}`,
      labels,
      annotations: {
        [REVISION]: "1",
        "rollout.argoproj.io/desired-replicas": "1",
        "rollout.argoproj.io/ephemeral-metadata": JSON.stringify({ labels: { role: "stable" } }),
      },
      ownerReferences: [
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Rollout",
          name: "istio-rollout",
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { ...own.metadata, labels: { ...labels, role: "stable" } },
        spec: { ...own.spec, affinity },
      },
    },
  } as ReplicaSet);
  await world.restartControllers();
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
  await world.settle();
  const status = await statusOf(world);
  assert.deepEqual([...(await versions(world)).keys()], [hash]);
  assert.equal(status.currentPodHash, hash);
  assert.equal(status.phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

const preferred = { preferredDuringSchedulingIgnoredDuringExecution: { weight: 7 } };
const required = { requiredDuringSchedulingIgnoredDuringExecution: {} };

for (const [kind, antiAffinity] of [
  ["preferred", preferred],
  ["required", required],
] as const) {
  test(`ARC-025 ARC-051 ARC-170 a ${kind} anti-affinity keeps the new version from stable's nodes, and goes with the promotion`, async () => {
    const theirs = { weight: 1, podAffinityTerm: { topologyKey: "zone", labelSelector: { matchLabels: { a: "b" } } } };
    const podAntiAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [theirs] };
    const withAffinity = (color: string) => {
      const { metadata, spec } = template(color);
      return { metadata, spec: { ...spec, affinity: { podAntiAffinity } } };
    };
    const world = await deployed(await startArgo(), aRollout({ antiAffinity }, { template: withAffinity("blue") }));
    const anti = async (hash: string) => {
      const { affinity } = (await version(world, hash)).spec.template.spec as {
        affinity: { podAntiAffinity: Record<string, unknown[]> };
      };
      return affinity.podAntiAffinity;
    };
    const { stableRS = "" } = await statusOf(world);
    assert.deepEqual(await anti(stableRS), podAntiAffinity, "the first version keeps away from nobody");
    await world.patch(resources.argoRollouts, KEY, { spec: { template: withAffinity("yellow") } });
    await world.settle(QUIET);
    const { currentPodHash = "", message } = await statusOf(world);
    assert.equal(message, "CanaryPauseStep");
    const term = {
      labelSelector: { matchExpressions: [{ key: HASH_KEY, operator: "In", values: [stableRS] }] },
      namespaces: ["default"],
      topologyKey: "kubernetes.io/hostname",
    };
    const list = "DuringSchedulingIgnoredDuringExecution";
    assert.deepEqual(
      await anti(currentPodHash),
      kind === "preferred"
        ? { [`preferred${list}`]: [theirs, { weight: 7, podAffinityTerm: term }] }
        : { [`preferred${list}`]: [theirs], [`required${list}`]: [term] },
    );
    await checkFixpoint(world);
    await patchStatus(world, { promoteFull: true });
    await world.advance(60_000);
    assert.deepEqual(await anti(currentPodHash), podAntiAffinity);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-165 ephemeral metadata follows the role of the pods, in place, and only what was injected goes", async () => {
  const metadata = {
    canaryMetadata: { labels: { role: "canary" }, annotations: { note: "new" } },
    stableMetadata: { labels: { role: "stable" } },
  };
  const world = await deployed(await startArgo(), aRollout(metadata));
  const pods = async () => {
    const list = await world.list(resources.pods);
    return Object.fromEntries(
      list.map(({ metadata: { labels = {}, annotations = {}, uid } }) => [
        labels[HASH_KEY],
        { role: labels["role"], note: annotations["note"], inject: annotations["sidecar.istio.io/inject"], uid },
      ]),
    );
  };
  const roles = async () =>
    Object.fromEntries(Object.entries(await pods()).map(([hash, pod]) => [hash, (pod as { role?: string }).role]));
  assert.deepEqual(await roles(), { [HASH.blue]: "stable" });
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await roles(), { [HASH.blue]: "stable", [HASH.yellow]: "canary" });
  const before = (await pods())[HASH.yellow];
  assert.equal(before?.note, "new");
  assert.equal((await statusOf(world)).currentPodHash, HASH.yellow, "it takes no part in the hash");
  await patchStatus(world, { promoteFull: true });
  await world.advance(60_000);
  const after = (await pods())[HASH.yellow];
  assert.deepEqual(after, { role: "stable", note: undefined, inject: "true", uid: before?.uid });
  const { metadata: own, spec } = await version(world, HASH.yellow);
  assert.equal(spec.template.metadata?.annotations?.["note"], undefined);
  assert.deepEqual(JSON.parse(own.annotations?.["rollout.argoproj.io/ephemeral-metadata"] ?? ""), {
    labels: { role: "stable" },
  });
  await checkFixpoint(world);
  await world.patch(resources.argoRollouts, KEY, {
    spec: { strategy: { canary: { stableMetadata: null, canaryMetadata: null } } },
  });
  await world.settle();
  assert.deepEqual(await roles(), { [HASH.yellow]: undefined });
  assert.equal((await pods())[HASH.yellow]?.inject, "true");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-165 ARC-133 after an abort the canary stays what it is, and stable too", async () => {
  const metadata = { canaryMetadata: { labels: { role: "canary" } }, stableMetadata: { labels: { role: "stable" } } };
  const world = await deployed(await startArgo(), aRollout(metadata));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  const list = await world.list(resources.pods);
  const roles = list.map(({ metadata: { labels = {} } }) => `${labels[HASH_KEY]} ${labels["role"]}`).sort();
  assert.deepEqual(roles, [`${HASH.yellow} canary`, `${HASH.blue} stable`].sort());
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-052 old versions beyond the history limit are deleted", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps: [] }, { revisionHistoryLimit: 1 }));
  for (const color of ["yellow", "orange", "green"]) {
    await setImage(world, color);
    await world.advance(60_000);
    assert.equal((await statusOf(world)).phase, "Healthy");
  }
  assert.equal((await versions(world)).size, 2);
  await world.stop();
});

for (const [revisions, isWithin] of [
  [1, false],
  [2, true],
] as const) {
  test(`ARC-140 a window of ${revisions} lets one go back over one version between: ${isWithin}`, async () => {
    const world = await deployed(await startArgo(), aRollout({}, { rollbackWindow: { revisions } }));
    await toNext(world, "yellow");
    await toNext(world, "orange");
    await setImage(world, "blue");
    await world.settle(QUIET);
    const { phase, message, stableRS } = await statusOf(world);
    if (isWithin) assert.deepEqual([phase, stableRS], ["Healthy", HASH.blue]);
    else assert.deepEqual([phase, message], ["Paused", "CanaryPauseStep"]);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("ARC-026 a ReplicaSet that lost its owner comes back to it, and one that does not match is let go", async () => {
  const world = await deployed(await startArgo());
  const key = { namespace: "default", name: `istio-rollout-${HASH.blue}` };
  await world.patch(resources.replicaSets, key, { metadata: { ownerReferences: null } });
  await world.settle();
  assert.equal((await version(world, HASH.blue)).metadata.ownerReferences?.[0]?.name, "istio-rollout");
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await promote(world);
  await world.patch(resources.replicaSets, key, { metadata: { labels: { app: "other" } } });
  await world.advance(2000);
  assert.equal((await version(world, HASH.blue)).metadata.ownerReferences, undefined);
  await world.stop();
});
