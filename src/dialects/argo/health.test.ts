import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { blueGreenRollout } from "./blue-green/blue-green.fixture.ts";
import {
  aRollout,
  aService,
  deployed,
  events,
  HASH,
  KEY,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  startArgo,
  statusOf,
} from "./rollout.fixture.ts";
import type { Rollout } from "./types.ts";

/** Availability, health and progress as conditions tell them (section 8.2). */

const QUIET = { quietMs: 15_000 };
const steps = [{ setWeight: 50 }, { pause: {} }];

/** `status reason`, and when it was last written. */
async function condition(world: World, type: string): Promise<{ text: string; at: string }> {
  const found = (await statusOf(world)).conditions?.find((one) => one.type === type);
  return { text: found ? `${found.status} ${found.reason}` : "none", at: found?.lastUpdateTime ?? "" };
}

async function dropPod(world: World, hash: string): Promise<void> {
  const pods = await world.list(resources.pods);
  const pod = pods.find(({ metadata }) => metadata.labels?.["rollouts-pod-template-hash"] === hash);
  await world.client.delete(resources.pods, { namespace: "default", name: pod?.metadata.name ?? "" });
}

test("ARC-600 ARC-611 a canary that loses a pod is neither available nor healthy, and both come back", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps }, { replicas: 2 }));
  assert.equal((await condition(world, "Available")).text, "True AvailableReason");
  assert.equal((await condition(world, "Healthy")).text, "True RolloutHealthy");
  const reasons = new Set<string>();
  world.client.watch(
    resources.argoRollouts,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        const { conditions = [] } = (object as Rollout).status ?? {};
        for (const { type, reason } of conditions) if (type === "Progressing") reasons.add(reason ?? "");
      },
      onEnd: () => {},
    },
  );
  await dropPod(world, HASH.blue);
  await world.advance(800);
  assert.equal((await condition(world, "Available")).text, "False AvailableReason");
  assert.equal((await condition(world, "Healthy")).text, "False RolloutHealthy");
  assert.ok(reasons.has("ReplicaSetNotAvailable"), [...reasons].join());
  assert.equal((await statusOf(world)).phase, "Progressing");
  await world.settle();
  assert.equal((await condition(world, "Available")).text, "True AvailableReason");
  assert.equal((await condition(world, "Healthy")).text, "True RolloutHealthy");
  assert.equal((await condition(world, "Progressing")).text, "True NewReplicaSetAvailable");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-600 of a blue-green Rollout only the active version's pods make it available", async () => {
  const world = await startArgo({
    kubelet: {
      behaviourOf: ({ metadata }) =>
        metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow ? { readyMs: null } : {},
    },
  });
  await world.apply([aService("active"), aService("preview"), blueGreenRollout()]);
  await world.settle();
  await setImage(world, "yellow");
  await world.advance(10_000);
  assert.equal((await condition(world, "Available")).text, "True AvailableReason");
  await dropPod(world, HASH.blue);
  await world.advance(800);
  assert.equal((await condition(world, "Available")).text, "False AvailableReason");
  await world.stop();
});

test("ARC-606 what keeps a ReplicaSet from making pods is told until it is over", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps }));
  const key = { namespace: "default", name: `istio-rollout-${HASH.blue}` };
  const failed = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" };
  // Without the controller that would take it back at once.
  const tell = (conditions: unknown[]) =>
    world.client.patch(
      resources.replicaSets,
      key,
      { kind: "merge", body: { status: { conditions } } },
      { subresource: "status" },
    );
  const seen: string[] = [];
  world.client.watch(
    resources.argoRollouts,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: ({ object }) => {
        const { conditions = [] } = (object["status"] ?? {}) as { conditions?: { type: string; message: string }[] };
        const message = conditions.find(({ type }) => type === "ReplicaFailure")?.message ?? "none";
        if (seen.at(-1) !== message) seen.push(message);
      },
      onEnd: () => {},
    },
  );
  await tell([failed]);
  await world.settle();
  assert.deepEqual(seen.slice(-2), ["quota", "none"]);
  await world.stop();
});

test("ARC-611 ARC-631 while the old version waits for its end the phase is Healthy and the condition is not", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps, scaleDownDelaySeconds: 60 }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await promote(world);
  await world.advance(20_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.equal((await condition(world, "Healthy")).text, "False RolloutHealthy");
  await world.advance(60_000);
  assert.equal((await condition(world, "Healthy")).text, "True RolloutHealthy");
  await world.stop();
});

test("ARC-612 ARC-613 each progress starts the deadline anew, and a pause is no time", async () => {
  let born = 0;
  const order = new Map<string, number>();
  const world = await deployed(
    await startArgo({
      kubelet: {
        behaviourOf: ({ metadata }) => {
          if (metadata.labels?.["rollouts-pod-template-hash"] !== HASH.yellow) return {};
          if (!order.has(metadata.name)) order.set(metadata.name, ++born);
          return { readyMs: (order.get(metadata.name) ?? 1) * 20_000 };
        },
      },
    }),
    aRollout({ steps: [{ setWeight: 100 }, { pause: {} }] }, { replicas: 3, progressDeadlineSeconds: 25 }),
  );
  await setImage(world, "yellow");
  const written = new Set<string>();
  for (let second = 0; second < 70; second++) {
    await world.advance(1000);
    const { text, at } = await condition(world, "Progressing");
    assert.doesNotMatch(text, /Exceeded/, `after ${second} s`);
    written.add(at);
  }
  assert.ok(written.size >= 4, "each pod that got ready was progress");
  await world.advance(600_000);
  assert.equal((await condition(world, "Progressing")).text, "Unknown RolloutPaused");
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await world.stop();
});

test("ARC-613 a deadline that is missed is told, later progress takes it back, and nothing is aborted by itself", async () => {
  const sick = new Set(["yes"]);
  const world = await deployed(
    await startArgo({
      kubelet: {
        behaviourOf: ({ metadata }) =>
          metadata.labels?.["rollouts-pod-template-hash"] === HASH.yellow && sick.size > 0 ? { readyMs: null } : {},
      },
    }),
    aRollout({ steps }, { progressDeadlineSeconds: 30 }),
  );
  await setImage(world, "yellow");
  await world.advance(60_000);
  let status = await statusOf(world);
  assert.equal(
    status.message,
    `ProgressDeadlineExceeded: ReplicaSet "istio-rollout-${HASH.yellow}" has timed out progressing.`,
  );
  assert.equal(status.abort, undefined);
  sick.clear();
  await dropPod(world, HASH.yellow);
  await world.advance(20_000);
  status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  await world.stop();
});

test("ARC-061 ARC-615 pauses and aborts are told in conditions before anything is done about them", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await condition(world, "Paused")).text, "True RolloutPaused");
  assert.equal((await condition(world, "Progressing")).text, "Unknown RolloutPaused");
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: true } });
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await condition(world, "Paused")).text, "True RolloutPaused", "spec.paused is a pause too");
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  assert.equal((await condition(world, "Progressing")).text, "False RolloutAborted");
  await world.patch(resources.argoRollouts, KEY, { spec: { paused: false } });
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  const told = (await events(world)).map(({ reason }) => reason);
  assert.ok(told.includes("RolloutAborted"));
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await world.stop();
});

test("ARC-023 ARC-024 a name that another owner's ReplicaSet has leads to another hash", async () => {
  const world = await startArgo();
  await world.apply(seedObjects);
  const labels = { app: "somebody" };
  await world.apply({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: `istio-rollout-${HASH.blue}`, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "x" }] } },
    },
  } as KubeObject);
  await world.apply(aRollout({ steps }));
  await world.settle();
  const status = await statusOf(world);
  assert.deepEqual([status.collisionCount, status.phase, status.currentPodHash], [1, "Healthy", "7b99bd855"]);
  const rollout = await world.get(resources.argoRollouts, KEY);
  assert.equal(rollout?.metadata.annotations?.["rollout.argoproj.io/revision"], "1");
  const told = (await events(world)).map(({ message }) => message);
  assert.ok(told.includes("Created ReplicaSet istio-rollout-7b99bd855 (revision 1)"), "ARC-034's vector");
  await checkFixpoint(world);
  await world.stop();
});
