import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { World } from "../../../test/support/world.ts";
import type { Deployment } from "../../api/apps.ts";
import type { Pod } from "../../api/core.ts";
import { resources } from "../../kube/resource.ts";
import { kruiseControllers } from "./index.ts";
import { annotations } from "./keys.ts";
import {
  approve,
  at,
  batchReleaseOf,
  canariesOf,
  deployment,
  deploymentOf,
  eventsOf,
  line,
  patchStatus,
  podsOf,
  podUids,
  type RolloutOptions,
  rollout,
  rolloutOf,
  setImage,
  startKruise,
} from "./release.fixture.ts";
import type { Rollout } from "./types.ts";

const AT_REST = "Healthy - 1 Completed: workload deployment is completed";
const PAUSED =
  "Progressing InRolling 1 StepPaused: Rollout is in step(1/1), and you need manually confirm to enter the next step";
const DONE = "Healthy Completed 1 Completed: Rollout progressing has been completed";
const CANCELED = "Healthy Completed 1 Completed: Rollout progressing has been canceled";

/** A world with one workload at rest. */
async function atRest(name = "a", options: RolloutOptions & { replicas?: number } = {}): Promise<World> {
  const world = await startKruise();
  await world.apply([deployment(name, { replicas: options.replicas ?? 1 }), rollout(name, options)]);
  await world.settle();
  return world;
}

/** A world with one release that waits for approval. */
async function atPause(name = "a", options: RolloutOptions & { replicas?: number } = {}): Promise<World> {
  const world = await atRest(name, options);
  await setImage(world, name, 2);
  await world.settle();
  return world;
}

test("SEED-030 SEED-014 SEED-015 KRUISE-210 KRUISE-212 steps 1 to 4: a release of one workload", async () => {
  const world = await atRest();
  assert.equal(await line(world, "a"), AT_REST);

  await setImage(world, "a", 2);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  const stable = await deploymentOf(world, "a");
  assert.equal(stable.spec.paused, true);
  assert.equal(stable.metadata.annotations?.[annotations.inProgressing], '{"rolloutName":"a"}');
  const [canary, ...others] = await canariesOf(world, "a");
  assert.equal(others.length, 0);
  assert.match(canary?.metadata.name ?? "", /^a-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:2"]);

  await approve(world, "a");
  await world.settle();
  assert.equal(await line(world, "a"), DONE);
  assert.deepEqual(await canariesOf(world, "a"), []);
  assert.equal(await batchReleaseOf(world, "a"), null);
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  const done = await deploymentOf(world, "a");
  assert.equal(done.spec.paused, false);
  assert.equal(done.metadata.annotations?.[annotations.inProgressing], undefined);
  await checkFixpoint(world);
  await world.stop();
});

test("SEED-030 KRUISE-133 steps 1 to 5: three workloads, each approved on its own", async () => {
  const world = await startKruise();
  const names = ["a", "b", "c"];
  for (const name of names) await world.apply([deployment(name), rollout(name)]);
  await world.settle();
  for (const name of names) assert.equal(await line(world, name), AT_REST);
  for (const name of names) await setImage(world, name, 2);
  await world.settle();
  for (const name of names) assert.equal(await line(world, name), PAUSED);
  await approve(world, "b");
  await world.settle();
  assert.deepEqual(await Promise.all(names.map((name) => line(world, name))), [PAUSED, DONE, PAUSED]);
  await approve(world, "a");
  await approve(world, "c");
  await world.settle();
  for (const name of names) {
    assert.equal(await line(world, name), DONE);
    assert.deepEqual(await podsOf(world, name), ["base app:2"]);
  }
  await world.stop();
});

test("SEED-030 KRUISE-145 KRUISE-180 KRUISE-181 step 6: a rollback during the pause cancels, stable pods live on", async () => {
  const world = await atPause();
  const uids = await podUids(world, "a");
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), CANCELED);
  const { status } = await rolloutOf(world, "a");
  assert.equal(status?.conditions?.find(({ type }) => type === "Succeeded")?.status, "False");
  assert.deepEqual([status?.canaryStatus?.canaryReplicas, status?.canaryStatus?.nextStepIndex], [0, -1]);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1"]);
  const [left] = await podUids(world, "a");
  assert.ok(left !== undefined && uids.includes(left), "the stable pod was replaced");
  assert.equal((await deploymentOf(world, "a")).spec.paused, false);
  assert.deepEqual(await eventsOf(world, "Progressing"), [
    "upgrade step(1) canary pods with new versions done",
    "workload has been rollback, then rollout is canceled",
  ]);
  await checkFixpoint(world);
  await world.stop();
});

test("SEED-030 step 7: undo after the end is a new gated release", async () => {
  const world = await atPause();
  await approve(world, "a");
  await world.settle();
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  assert.deepEqual(await podsOf(world, "a"), ["base app:2", "canary app:1"]);
  await approve(world, "a");
  await world.settle();
  assert.equal(await line(world, "a"), DONE);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1"]);
  await world.stop();
});

test("KRUISE-010 KRUISE-011 KRUISE-013 KRUISE-141 KRUISE-142 KRUISE-144 the reference timeline, in order", async () => {
  const world = await atRest();
  const seen: string[] = [];
  const watch = world.client.watch(
    resources.kruiseRollouts,
    { namespace: "default", resourceVersion: "" },
    {
      onEvent: ({ object }) => {
        const { status } = object as Awaited<ReturnType<typeof rolloutOf>>;
        const reason = status?.conditions?.find(({ type }) => type === "Progressing")?.reason ?? "-";
        const row = `${status?.phase} ${reason} ${status?.canaryStatus?.currentStepState}: ${status?.message}`;
        if (seen.at(-1) !== row) seen.push(row);
      },
      onEnd: () => {},
    },
  );
  await setImage(world, "a", 2);
  await world.settle();
  await approve(world, "a");
  await world.settle();
  watch.stop();
  const upgrading = "Rollout is in step(1/1), and upgrade workload to new version";
  const waiting = "Rollout is in step(1/1), and you need manually confirm to enter the next step";
  assert.deepEqual(seen, [
    "Healthy - Completed: workload deployment is completed",
    "Progressing Initializing Completed: workload deployment is completed",
    "Progressing Initializing BeforeStepUpgrade: workload deployment is completed",
    "Progressing InRolling BeforeStepUpgrade: Rollout is in Progressing",
    "Progressing InRolling StepUpgrade: Rollout is in Progressing",
    `Progressing InRolling StepUpgrade: ${upgrading}`,
    `Progressing InRolling StepTrafficRouting: ${upgrading}`,
    `Progressing InRolling StepMetricsAnalysis: ${upgrading}`,
    `Progressing InRolling StepPaused: ${upgrading}`,
    `Progressing InRolling StepPaused: ${waiting}`,
    `Progressing InRolling StepReady: ${waiting}`,
    `Progressing InRolling Completed: ${waiting}`,
    "Progressing Finalising Completed: Rollout has been completed and some closing work is being done",
    "Progressing Completed Completed: Rollout progressing has been completed",
    "Healthy Completed Completed: Rollout progressing has been completed",
  ]);
  await world.stop();
});

for (const { name, end } of [
  { name: "KRUISE-280 after success", end: approve },
  { name: "KRUISE-281 after a rollback", end: (world: World) => setImage(world, "a", 1) },
]) {
  test(`KRUISE-012 KRUISE-284 ${name} the workload goes on before its BatchRelease goes`, async () => {
    const world = await atPause();
    const steps: string[] = [];
    const watch = world.client.watch(
      resources.kruiseRollouts,
      { namespace: "default", resourceVersion: "" },
      {
        onEvent: ({ object }) => {
          const step = (object as Rollout).status?.canaryStatus?.finalisingStep ?? "";
          if (step !== (steps.at(-1) ?? "")) steps.push(step);
        },
        onEnd: () => {},
      },
    );
    await end(world, "a");
    await world.settle();
    watch.stop();
    assert.deepEqual(steps, ["ResumeWorkload", "ReleaseWorkloadControl", "END"]);
    assert.equal((await deploymentOf(world, "a")).spec.paused, false);
    assert.equal(await batchReleaseOf(world, "a"), null);
    await world.stop();
  });
}

test("KRUISE-200 the BatchRelease has the Rollout's name, owner, steps and patch", async () => {
  const world = await atPause("a", { replicas: 4, canary: { steps: [{ replicas: 1 }, { replicas: "50%" }] } });
  const release = await batchReleaseOf(world, "a");
  const { metadata } = await rolloutOf(world, "a");
  const [owner] = release?.metadata.ownerReferences ?? [];
  assert.deepEqual([owner?.kind, owner?.uid, owner?.controller], ["Rollout", metadata.uid, true]);
  const { batches, batchPartition, rollingStyle, patchPodTemplateMetadata } = release!.spec.releasePlan;
  assert.deepEqual(batches, [{ canaryReplicas: 1 }, { canaryReplicas: "50%" }]);
  assert.deepEqual([batchPartition, rollingStyle], [0, "Canary"]);
  assert.deepEqual(patchPodTemplateMetadata, { labels: { lane: "canary" } });
  await world.stop();
});

test("KRUISE-023 a v1alpha1 manifest over a v1beta1 object is an update of the same object", async () => {
  const world = await atRest("a", { replicas: 2 });
  const before = await rolloutOf(world, "a");
  const workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };
  const old = {
    apiVersion: "rollouts.kruise.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "a", namespace: "default" },
    spec: { objectRef: { workloadRef }, strategy: { canary: { steps: [{ weight: 50 }] } } },
  };
  await world.apply([old]);
  const after = await rolloutOf(world, "a");
  assert.equal(after.metadata.uid, before.metadata.uid);
  assert.equal(after.apiVersion, "rollouts.kruise.io/v1beta1");
  assert.deepEqual(after.spec.strategy.canary?.steps, [{ traffic: "50%", replicas: "50%" }]);
  await world.stop();
});

test("KRUISE-216 the canary stays until the stable Deployment is completely updated", async () => {
  const world = await atPause("a", { replicas: 3 });
  await approve(world, "a");
  let goneTooEarly = false;
  while ((await line(world, "a")) !== DONE) {
    if (!(await world.step())) break;
    const stable = await deploymentOf(world, "a");
    const canaries = await canariesOf(world, "a");
    const { updatedReplicas = 0, availableReplicas = 0 } = stable.status ?? {};
    const isUpdated = updatedReplicas === 3 && availableReplicas >= 3;
    const isServing = (await podsOf(world, "a")).includes("canary app:2");
    if (!isUpdated && (canaries.length === 0 || !isServing)) goneTooEarly = true;
  }
  await world.settle();
  assert.equal(await line(world, "a"), DONE);
  assert.equal(goneTooEarly, false);
  await world.stop();
});

test("KRUISE-183 a third version in mid-release starts over from the first", async () => {
  const world = await atPause();
  const [second] = await canariesOf(world, "a");
  await setImage(world, "a", 3);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  const canaries = await canariesOf(world, "a");
  assert.equal(canaries.length, 1);
  assert.notEqual(canaries[0]?.metadata.name, second?.metadata.name);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:3"]);
  assert.ok(
    (await eventsOf(world, "Progressing")).includes(
      "workload continuous publishing canaryRevision, then restart publishing",
    ),
  );
  await approve(world, "a");
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:3"]);
  await checkFixpoint(world);
  await world.stop();
});

test("KRUISE-146 a rollback does not wait for resume", async () => {
  const world = await atPause();
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { paused: true } } });
  await world.settle();
  assert.match(await line(world, "a"), /^Progressing Paused 1 StepPaused: Rollout has been paused, you can resume/);
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), CANCELED);
  await world.stop();
});

test("KRUISE-172 an approval while paused takes effect after resume", async () => {
  const world = await atPause();
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { paused: true } } });
  await world.settle();
  await approve(world, "a");
  await world.settle();
  assert.match(await line(world, "a"), /^Progressing Paused 1 StepReady/);
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { paused: false } } });
  await world.settle();
  assert.equal(await line(world, "a"), DONE);
  await world.stop();
});

/** Lets time pass in small portions until the Progressing condition has this reason. */
async function untilReason(world: World, name: string, reason: string): Promise<void> {
  for (let turns = 0; turns < 1000; turns++) {
    if ((await line(world, name)).includes(` ${reason} `)) return;
    await world.advance(20);
  }
  assert.fail(`reason ${reason} never came`);
}

test("KRUISE-286 a third version while finalising is gated", async () => {
  const world = await atPause("a", { replicas: 3 });
  await approve(world, "a");
  await untilReason(world, "a", "Finalising");
  await world.advance(2000);
  await setImage(world, "a", 3);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  const pods = await podsOf(world, "a");
  assert.equal(pods.filter((pod) => pod.endsWith("app:3")).length, 1, pods.join());
  assert.ok(pods.includes("canary app:3"));
  await approve(world, "a");
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:3", "base app:3", "base app:3"]);
  await checkFixpoint(world);
  await world.stop();
});

for (const latenessMs of [0, 500, 1000, 2000, 3000, 4000]) {
  test(`INV-24 a rollback ${latenessMs} ms into Finalising ends at the old version`, async () => {
    const world = await atPause("a", { replicas: 3 });
    await approve(world, "a");
    await untilReason(world, "a", "Finalising");
    await world.advance(latenessMs);
    assert.match(await line(world, "a"), /^Progressing Finalising/);
    await setImage(world, "a", 1);
    await world.settle();
    assert.equal(await line(world, "a"), CANCELED);
    assert.deepEqual(await podsOf(world, "a"), ["base app:1", "base app:1", "base app:1"]);
    assert.equal((await deploymentOf(world, "a")).spec.paused, false);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("KRUISE-140 taken back before it began: canceled, no canary was made", async () => {
  const world = await atRest();
  await setImage(world, "a", 2);
  await untilReason(world, "a", "Initializing");
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), CANCELED);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1"]);
  assert.equal((await deploymentOf(world, "a")).spec.paused, false);
  await world.stop();
});

test("KRUISE-213 scaling in mid-release: the canary follows up, never down", async () => {
  const world = await atPause("a", { replicas: 2, canary: { steps: [{ replicas: "50%" }, { replicas: "100%" }] } });
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 1);
  await world.patch(resources.deployments, at("a"), { spec: { replicas: 6 } });
  await world.settle();
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 3);
  await world.patch(resources.deployments, at("a"), { spec: { replicas: 2 } });
  await world.settle();
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 3);
  assert.match(await line(world, "a"), /StepPaused/);
  await checkFixpoint(world);
  await world.stop();
});

test("KRUISE-155 a step with a duration goes on by itself, a last 100% step waits for nothing", async () => {
  const steps = [{ replicas: 1, pause: { duration: 60 } }, { replicas: "100%" }];
  const world = await atPause("a", { replicas: 2, canary: { steps } });
  assert.equal(
    await line(world, "a"),
    "Progressing InRolling 1 StepPaused: Rollout is in step(1/2), and wait duration(60 seconds) to enter the next step",
  );
  await world.advance(61_000);
  await world.settle();
  assert.equal(await line(world, "a"), "Healthy Completed 2 Completed: Rollout progressing has been completed");
  assert.deepEqual(await podsOf(world, "a"), ["base app:2", "base app:2"]);
  await world.stop();
});

test("KRUISE-161 a duration of 0 lets the paused step go on", async () => {
  const world = await atPause();
  const steps = [{ replicas: 1, pause: { duration: 0 } }];
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { canary: { steps } } } });
  await world.settle();
  assert.equal(await line(world, "a"), DONE);
  await world.stop();
});

test("KRUISE-170 a jump back runs the earlier step again and keeps the pods", async () => {
  const steps = [{ replicas: 1 }, { replicas: 2 }, { replicas: 3 }];
  const world = await atPause("a", { replicas: 3, canary: { steps } });
  await approve(world, "a");
  await world.settle();
  assert.match(await line(world, "a"), / 2 StepPaused/);
  await patchStatus(world, "a", { nextStepIndex: 1 });
  await world.settle();
  assert.match(await line(world, "a"), / 1 StepPaused/);
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 2);
  await patchStatus(world, "a", { nextStepIndex: 3 });
  await world.settle();
  assert.match(await line(world, "a"), / 3 StepPaused/);
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 3);
  await world.stop();
});

test("KRUISE-171 an edit of the current step runs it again", async () => {
  const world = await atPause("a", { replicas: 4, canary: { steps: [{ replicas: 1 }, { replicas: 4 }] } });
  const steps = [{ replicas: 2 }, { replicas: 4 }];
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { canary: { steps } } } });
  await world.settle();
  assert.match(await line(world, "a"), / 1 StepPaused/);
  assert.equal((await canariesOf(world, "a"))[0]?.spec.replicas, 2);
  await checkFixpoint(world);
  await world.stop();
});

test("KRUISE-162 an approval of a state that is not paused is put back", async () => {
  // Pods of the new version never get ready, so the step stays in StepUpgrade.
  const behaviourOf = (pod: object) => (JSON.stringify(pod).includes("app:2") ? { readyMs: null } : {});
  const world = await startKruise({ kubelet: { behaviourOf } });
  await world.apply([deployment("a"), rollout("a")]);
  await world.settle();
  await setImage(world, "a", 2);
  await world.settle();
  assert.match(await line(world, "a"), / 1 StepUpgrade/);
  await approve(world, "a");
  await world.settle();
  assert.match(await line(world, "a"), / 1 StepUpgrade/);
  assert.deepEqual(await eventsOf(world, "ApprovalIgnored"), [
    "step(1) was approved in state StepUpgrade; only a step in state StepPaused can be approved",
  ]);
  await world.stop();
});

test("KRUISE-137 deletion in mid-release lets the workload go on to the new version", async () => {
  const world = await atPause();
  await world.client.delete(resources.kruiseRollouts, at("a"));
  await world.settle();
  assert.equal(await world.get(resources.kruiseRollouts, at("a")), null);
  assert.equal(await batchReleaseOf(world, "a"), null);
  assert.deepEqual(await canariesOf(world, "a"), []);
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  const left = await deploymentOf(world, "a");
  assert.equal(left.spec.paused, false);
  assert.equal(left.metadata.annotations?.[annotations.inProgressing], undefined);
  assert.equal(left.metadata.annotations?.[annotations.controlInfo], undefined);
  await world.stop();
});

test("KRUISE-137 on request deletion in mid-release leaves the workload paused at the old version", async () => {
  const world = await atPause();
  const metadata = { annotations: { "fairway.dev/keep-workload-paused-on-deletion": "true" } };
  await world.patch(resources.kruiseRollouts, at("a"), { metadata });
  await world.client.delete(resources.kruiseRollouts, at("a"));
  await world.settle();
  assert.equal(await world.get(resources.kruiseRollouts, at("a")), null);
  assert.equal(await batchReleaseOf(world, "a"), null);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1"]);
  const left = await deploymentOf(world, "a");
  assert.equal(left.spec.paused, true);
  assert.equal(left.metadata.annotations?.[annotations.inProgressing], undefined);
  await world.stop();
});

test("INV-38 deletion at rest touches nothing of the workload", async () => {
  const world = await atRest();
  await world.patch(resources.deployments, at("a"), { spec: { paused: true } });
  await world.settle();
  const before = await deploymentOf(world, "a");
  await world.client.delete(resources.kruiseRollouts, at("a"));
  await world.settle();
  assert.equal(await world.get(resources.kruiseRollouts, at("a")), null);
  assert.deepEqual((await deploymentOf(world, "a")).spec, before.spec);
  await world.stop();
});

test("KRUISE-136 disabling in mid-release, then updates are not intercepted, then enabled again", async () => {
  const world = await atPause();
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { disabled: true } });
  await world.settle();
  assert.match(await line(world, "a"), /^Disabled .* 1 Completed: Rollout is disabled$/);
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  await setImage(world, "a", 3);
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:3"]);
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { disabled: false } });
  await world.settle();
  assert.match(await line(world, "a"), /^Healthy .*: rollout is healthy$/);
  await setImage(world, "a", 4);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  await checkFixpoint(world);
  await world.stop();
});

test("KRUISE-131 a Rollout without workload waits, and names a namesake elsewhere (SEED-013)", async () => {
  const world = await startKruise();
  await world.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" } }]);
  await world.apply(rollout("a", { namespace: "demo" }));
  await world.settle();
  const message = async () =>
    (await world.get(resources.kruiseRollouts, at("a", "demo")))?.["status"] as { message: string };
  assert.equal((await message()).message, "Workload Not Found");
  await world.apply(deployment("a"));
  await world.settle();
  assert.equal((await message()).message, "Workload Not Found; a Deployment a exists in namespace default");
  // Not governed: an update of the workload elsewhere rolls natively.
  await setImage(world, "a", 2);
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  await checkFixpoint(world);
  await world.stop();
});

test("KRUISE-131 a workload deleted in mid-release takes its canary along", async () => {
  const world = await atPause();
  await world.client.delete(resources.deployments, at("a"));
  await world.settle();
  assert.equal(await line(world, "a"), "Initial - 0 : Workload Not Found");
  assert.deepEqual(await canariesOf(world, "a"), []);
  assert.deepEqual(await podsOf(world, "a"), []);
  await world.apply(deployment("a"));
  await world.settle();
  assert.equal(await line(world, "a"), AT_REST);
  await world.stop();
});

test("KRUISE-103 nobody un-pauses a Deployment in mid-release", async () => {
  const world = await atPause();
  await world.patch(resources.deployments, at("a"), { spec: { paused: false } });
  await world.settle();
  assert.equal((await deploymentOf(world, "a")).spec.paused, true);
  // Replaced as a whole by a manifest that knows nothing of us (INV-39).
  const { metadata } = await deploymentOf(world, "a");
  const plain = deployment("a") as unknown as Deployment;
  const image2 = { ...plain.spec.template, spec: { containers: [{ name: "main", image: "app:2" }] } };
  const replaced = { ...plain, metadata: { ...plain.metadata, resourceVersion: metadata.resourceVersion! } };
  await world.client.update(resources.deployments, { ...replaced, spec: { ...plain.spec, template: image2 } });
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:2"]);
  await approve(world, "a");
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  await world.stop();
});

test("KRUISE-220 canary pods tell release and batch", async () => {
  const world = await atPause("a", { replicas: 4, canary: { steps: [{ replicas: 1 }, { replicas: 3 }] } });
  await approve(world, "a");
  await world.settle();
  const { status } = await rolloutOf(world, "a");
  const pods = (await world.list<Pod>(resources.pods)).filter(({ metadata }) => metadata.labels?.["lane"] === "canary");
  const ids = new Set(pods.map(({ metadata }) => metadata.labels?.["rollouts.kruise.io/rollout-id"]));
  assert.deepEqual([...ids], [status?.canaryStatus?.canaryRevision]);
  const batches = pods.map(({ metadata }) => metadata.labels?.["rollouts.kruise.io/rollout-batch-id"]).sort();
  assert.deepEqual(batches, ["1", "2", "2"]);
  await world.stop();
});

test("INV-39 a canary or BatchRelease deleted by hand comes back", async () => {
  const world = await atPause();
  const [canary] = await canariesOf(world, "a");
  await world.client.delete(resources.deployments, at(canary!.metadata.name));
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:2"]);
  assert.notEqual((await canariesOf(world, "a"))[0]?.metadata.uid, canary?.metadata.uid);
  await world.client.delete(resources.batchReleases, at("a"));
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:2"]);
  await world.stop();
});

test("KRUISE-211 a patch that overrides a selector label is told, not tried for ever", async () => {
  const world = await atPause("a", { canary: { patchPodTemplateMetadata: { labels: { app: "other" } } } });
  assert.match(
    await line(world, "a"),
    /StepUpgrade: Rollout is in step\(1\/1\), and upgrade workload to new version: cannot create the canary Deployment of a: patchPodTemplateMetadata overrides a label that spec.selector needs$/,
  );
  await checkFixpoint(world);
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), CANCELED);
  await world.stop();
});

test("BUG-06 a rollback at the last step's pause is a rollback even if stable was scaled to zero", async () => {
  const world = await atPause();
  await world.patch(resources.deployments, at("a"), { spec: { replicas: 0 } });
  await world.settle();
  await setImage(world, "a", 1);
  await world.settle();
  assert.equal(await line(world, "a"), CANCELED);
  await world.stop();
});

test("BUG-09 a template that went past admission is told", async () => {
  const world = await atRest("a", { replicas: 0 });
  assert.equal(await line(world, "a"), AT_REST);
  await setImage(world, "a", 2);
  await world.settle();
  const { status } = await rolloutOf(world, "a");
  const condition = status?.conditions?.find(({ type }) => type === "NotIntercepted");
  assert.equal(condition?.message, "Deployment a changed without a canary release: it was scaled to zero");
  assert.deepEqual(await eventsOf(world, "NotIntercepted"), [condition?.message]);
  await checkFixpoint(world);
  await world.stop();
});

test("what this version cannot do is told, and the workload is left alone", async () => {
  const world = await atRest("a", { canary: { enableExtraWorkloadForCanary: false } });
  const text =
    "Initial - 0 : Rollout is inactive: this version of Fairway does not support partition style " +
    "(strategy.canary.enableExtraWorkloadForCanary is not true); the workload is left alone";
  assert.equal(await line(world, "a"), text);
  await setImage(world, "a", 2);
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:2"]);
  await checkFixpoint(world);
  await world.client.delete(resources.kruiseRollouts, at("a"));
  await world.settle();
  assert.equal(await world.get(resources.kruiseRollouts, at("a")), null);
  await world.stop();
});

test("INV-44 a second Rollout of one workload stays inactive until the first is gone", async () => {
  const world = await atRest();
  await world.advance(5000);
  const second = rollout("z", { spec: { workloadRef: { apiVersion: "apps/v1beta1", kind: "Deployment", name: "a" } } });
  await world.apply(second);
  await world.settle();
  assert.equal(
    await line(world, "z"),
    "Initial - 0 : Rollout is inactive: Deployment a is already controlled by the older Rollout a",
  );
  await setImage(world, "a", 2);
  await world.settle();
  assert.equal(await line(world, "a"), PAUSED);
  await world.client.delete(resources.kruiseRollouts, at("a"));
  await world.settle();
  assert.match(await line(world, "z"), /^Healthy/);
  await world.stop();
});

const project = async (world: World) => ({
  lines: await line(world, "a"),
  pods: await podsOf(world, "a"),
  canaries: (await canariesOf(world, "a")).map(({ spec }) => spec.replicas),
  isPaused: (await deploymentOf(world, "a")).spec.paused,
  marks: Object.keys((await deploymentOf(world, "a")).metadata.annotations ?? {}).sort(),
});

const scripts: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  success: async (world) => approve(world, "a"),
  rollback: async (world) => setImage(world, "a", 1),
  "third version": async (world) => setImage(world, "a", 3),
};
for (const [name, act] of Object.entries(scripts)) {
  test(`a crash after each write of a release with ${name} changes nothing in the end`, () =>
    checkCrashAtEachWrite({
      start: () => startKruise({ controllers: kruiseControllers({ settleSeconds: 1 }) }),
      play: async (world) => {
        await world.apply([deployment("a"), rollout("a")]);
        await world.settle();
        await setImage(world, "a", 2);
        await world.settle();
        await act(world);
        await world.settle();
      },
      project,
    }));
}

/** Late caches, refused and lost writes, dropped watches, dying controllers: the same end (INV-29, INV-30). */
for (let seed = 1; seed <= 12; seed++) {
  test(`seed ${seed}: with faults a release, a rollback and a third version end as without`, async () => {
    const faults = { staleMs: 400, conflict: 0.1, failedWrite: 0.05, lostAnswer: 0.05, droppedWatch: 0.02 };
    const world = await startKruise({ seed, faults });
    await world.apply([deployment("a", { replicas: 2 }), rollout("a")]);
    await world.settle();
    for (const [version, isApproved] of [
      [2, true],
      [3, false],
      [2, false],
      [4, false],
      [5, true],
    ] as const) {
      await setImage(world, "a", version);
      // Some changes come in the middle of things.
      if (world.random.next() < 0.5) await world.settle();
      else await world.advance(Math.floor(world.random.next() * 8000));
      if (world.random.next() < 0.3) await world.restartControllers();
      if (!isApproved) continue;
      await world.settle();
      assert.equal(await line(world, "a"), PAUSED);
      await approve(world, "a");
      await world.settle();
      assert.equal(await line(world, "a"), DONE);
    }
    world.setFaults({});
    await world.settle();
    assert.deepEqual(await podsOf(world, "a"), ["base app:5", "base app:5"]);
    assert.equal(await line(world, "a"), DONE);
    await checkFixpoint(world);
    await world.stop();
  });
}
