import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import { resources } from "../../../kube/resource.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import {
  aRollout,
  aService,
  deployed,
  HASH,
  patchStatus,
  promote,
  selectorHash,
  setImage,
  sizes,
  startArgo,
  statusOf,
  weights,
} from "../rollout.fixture.ts";
import type { Step } from "../types.ts";
import { mayReceive, selectedHash } from "./services.ts";

const CANARY = "istio-rollout-canary";

const aReplicaSet = (replicas: number, availableReplicas: number, observedGeneration = 3): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "web-1", generation: 3 },
  spec: { replicas, selector: {}, template: { spec: {} } },
  status: { replicas, availableReplicas, observedGeneration },
});

const aPod = (ready: "True" | "False", metadata: Partial<KubeObject["metadata"]> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1-a", ...metadata },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] },
});

const leaving = { deletionTimestamp: "2030-01-01T00:00:00Z" };
const managed = { annotations: { [annotations.managedBy]: "web" } };

interface Case {
  readonly name: string;
  readonly service?: Partial<KubeObject["metadata"]>;
  readonly replicaSet: ReplicaSet;
  readonly pods: readonly KubeObject[];
  readonly may: boolean;
  /** It is looked at again without being woken. */
  readonly looksAgain?: boolean;
}

const cases: readonly Case[] = [
  { name: "one pod of several, later on", replicaSet: aReplicaSet(3, 1), pods: [aPod("True")], may: true },
  {
    name: "one pod of several, the first time",
    service: {},
    replicaSet: aReplicaSet(3, 1),
    pods: [aPod("True")],
    may: false,
  },
  { name: "no pod", replicaSet: aReplicaSet(1, 0), pods: [], may: false },
  {
    name: "a pod on its way out that the status still counts",
    replicaSet: aReplicaSet(1, 1),
    pods: [aPod("False", leaving)],
    may: false,
    looksAgain: true,
  },
  {
    name: "a pod that was told to go, and that neither the status nor the cache shows on its way out",
    replicaSet: aReplicaSet(0, 1),
    pods: [aPod("True")],
    may: false,
  },
  {
    name: "the same after a pod was asked for again, which the status does not tell of yet",
    replicaSet: aReplicaSet(1, 1, 2),
    pods: [aPod("True")],
    may: false,
  },
  {
    name: "a pod that the cache does not show yet",
    replicaSet: aReplicaSet(1, 1),
    pods: [],
    may: false,
    looksAgain: true,
  },
];

for (const { name, service = managed, replicaSet, pods, may, looksAgain = false } of cases) {
  test(`ARC-201 INV-07 may a Service turn to a version: ${name}`, () => {
    const wakes: Instant[] = [];
    const view = { pods: new Map([["web-1", pods]]) };
    const pass = { view, now: 0, wakeAt: (at: Instant) => wakes.push(at) } as unknown as Pass;
    const given = aService("web");
    assert.equal(mayReceive(pass, { ...given, metadata: { ...given.metadata, ...service } }, replicaSet), may);
    assert.equal(wakes.length > 0, looksAgain);
  });
}

test("INV-07 after a retry the canary's Service stays with the stable version until the canary is to have pods again", async () => {
  const steps: Step[] = [{ pause: {} }, { setWeight: 40 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps, abortScaleDownDelaySeconds: 60 }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.advance(10_000);
  await promote(world);
  await world.advance(10_000);
  assert.deepEqual(await weights(world), [60, 40]);
  await patchStatus(world, { abort: true });
  await world.advance(10_000);
  const targets = [await selectorHash(world, CANARY)];
  const watch = world.client.watch(
    resources.services,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        if (object.metadata.name === CANARY) targets.push(selectedHash(object));
      },
      onEnd: () => {},
    },
  );
  await patchStatus(world, { abort: false });
  await world.advance(20_000);
  assert.deepEqual([...new Set(targets)], [HASH.blue]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  await promote(world);
  await world.advance(20_000);
  assert.equal(await selectorHash(world, CANARY), HASH.yellow);
  await checkFixpoint(world);
  await world.stop();
  watch.stop();
});

test("INV-07 a retry at once takes the Service back before the pods", async () => {
  const steps: Step[] = [{ pause: {} }, { setWeight: 40 }, { pause: {} }];
  const world = await deployed(await startArgo(), aRollout({ steps }, { replicas: 2 }));
  await setImage(world, "yellow");
  await world.advance(10_000);
  await promote(world);
  await world.advance(10_000);
  const problems: string[] = [];
  const watch = world.client.watch(
    resources.replicaSets,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        const isGone =
          (object as ReplicaSet).spec.replicas === 0 && object.metadata.labels?.[POD_TEMPLATE_HASH] === HASH.yellow;
        if (isGone && canarySelects === HASH.yellow) problems.push("the pods go while the Service selects them");
      },
      onEnd: () => {},
    },
  );
  let canarySelects = "";
  const services = world.client.watch(
    resources.services,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        if (object.metadata.name === CANARY) canarySelects = selectedHash(object);
      },
      onEnd: () => {},
    },
  );
  await world.runner.stop();
  await patchStatus(world, { abort: true });
  await world.restartControllers();
  while ((await statusOf(world)).abortedAt === undefined) await world.advance(10);
  await patchStatus(world, { abort: false });
  await world.advance(30_000);
  assert.deepEqual(problems, []);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 2, [HASH.yellow]: 0 });
  assert.equal(await selectorHash(world, CANARY), HASH.blue);
  await checkFixpoint(world);
  await world.stop();
  watch.stop();
  services.stop();
});
