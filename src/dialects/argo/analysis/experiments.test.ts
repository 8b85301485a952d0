import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import type { VirtualService } from "../../../api/istio.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  deployed,
  events,
  HASH,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  stored,
  VIRTUAL_SERVICE,
  weights,
} from "../rollout.fixture.ts";
import type { Experiment, ExperimentStep, Rollout, Step } from "../types.ts";

/** An Experiment as a step of a canary (section 8.3 of the analysis part). */

const QUIET = { quietMs: 15_000 };
const NAME = `istio-rollout-${HASH.yellow}-2-1`;

const bothVersions: ExperimentStep = {
  templates: [
    { name: "old", specRef: "stable" },
    { name: "new", specRef: "canary", weight: 5 },
  ],
};

async function releasing(experiment: ExperimentStep, spec: Partial<Rollout["spec"]> = {}): Promise<World> {
  const world = await startArgo();
  const steps: Step[] = [{ setWeight: 10 }, { experiment }, { setWeight: 50 }, { pause: {} }];
  await deployed(world, aRollout({ steps }, spec));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  return world;
}

async function experiments(world: World): Promise<Map<string, Experiment>> {
  const list = await world.list<Experiment>(resources.experiments, "default");
  return new Map(list.map((one) => [one.metadata.name, one]));
}

async function finish(world: World, name: string, phase: string, message?: string): Promise<void> {
  const status = { phase, ...(message ? { message } : {}) };
  await world.patch(resources.experiments, { namespace: "default", name }, { status });
  await world.settle(QUIET);
}

test("XP-020 ARC-644 the experiment's name, labels, deadline, event and place in the status", async () => {
  const world = await releasing(bothVersions, { progressDeadlineSeconds: 333 });
  const { metadata, spec } = (await experiments(world)).get(NAME)!;
  assert.deepEqual(metadata.labels, { "rollouts-pod-template-hash": HASH.yellow });
  assert.deepEqual(metadata.annotations, {
    "rollout.argoproj.io/revision": "2",
    "argo.fairway.dev/routed": "true",
  });
  assert.deepEqual([spec.progressDeadlineSeconds, spec.duration], [333, undefined]);
  assert.equal((await statusOf(world)).canary?.currentExperiment, NAME);
  const created = (await events(world)).filter(({ reason }) => reason === "ExperimentCreated");
  assert.deepEqual(created, [{ reason: "ExperimentCreated", message: `Created Experiment '${NAME}'` }]);
  await world.stop();
});

test("XP-020 a name that is taken gets a number behind it", async () => {
  const world = await startArgo();
  await deployed(world, aRollout({ steps: [{ setWeight: 10 }, { experiment: bothVersions }] }));
  const foreign = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Experiment",
    metadata: { name: NAME },
    spec: { templates: [] },
  };
  await world.apply(foreign);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).canary?.currentExperiment, `${NAME}-1`);
  await world.stop();
});

test("XP-021 no verdict pauses, and promoting tries again", async () => {
  const world = await releasing(bothVersions);
  await finish(world, NAME, "Inconclusive");
  const status = await statusOf(world);
  assert.deepEqual([status.phase, status.message], ["Paused", "InconclusiveExperiment"]);
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).canary?.currentExperiment, `${NAME}-1`);
  await finish(world, `${NAME}-1`, "Successful");
  assert.equal((await statusOf(world)).currentStepIndex, 3);
  await world.stop();
});

test("XP-021 a failed experiment aborts with its message", async () => {
  const world = await releasing(bothVersions);
  await finish(world, NAME, "Failed", "it was slower");
  assert.equal(
    (await statusOf(world)).message,
    "RolloutAborted: Rollout aborted update to revision 2: Experiment analysis phase is error/failed: it was slower",
  );
  assert.deepEqual(await weights(world), [100, 0]);
  await world.stop();
});

/** Service and weight of each destination of the split route. */
async function shares(world: World): Promise<[string, number | undefined][]> {
  const object = await world.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE);
  const route = object?.spec?.http?.find(({ name }) => name === "primary")?.route ?? [];
  return route.map(({ destination, weight }) => [destination?.host ?? "", weight]);
}

test("XP-022 ARC-224 ARC-306 a template's weight goes to its own Service at the stable version's cost", async () => {
  const world = await releasing(bothVersions);
  const service = `${NAME}-new`;
  assert.deepEqual(await shares(world), [
    ["istio-rollout-stable", 85],
    ["istio-rollout-canary", 10],
    [service, 5],
  ]);
  const { canary } = await statusOf(world);
  assert.deepEqual(
    canary?.weights?.additional?.map(({ serviceName, weight }) => [serviceName, weight]),
    [[service, 5]],
  );
  assert.equal(canary?.weights?.stable.weight, 85);
  assert.ok(await world.get(resources.services, { namespace: "default", name: service }));
  await world.patch(resources.experiments, { namespace: "default", name: NAME }, { spec: { terminate: true } });
  await world.settle(QUIET);
  assert.deepEqual(await shares(world), [
    ["istio-rollout-stable", 50],
    ["istio-rollout-canary", 50],
  ]);
  await world.advance(60_000);
  assert.equal(await world.get(resources.services, { namespace: "default", name: service }), null);
  await world.stop();
});

test("XP-022 INV-02 the traffic leaves an experiment before its pods go", async () => {
  const history: { weight: number; replicas: number }[] = [];
  const world = await startArgo();
  const experiment = { ...bothVersions, duration: "30s", scaleDownDelaySeconds: 0 };
  await deployed(world, aRollout({ steps: [{ experiment }, { pause: {} }] }));
  await setImage(world, "yellow");
  const name = `istio-rollout-${HASH.yellow}-2-0`;
  for (let second = 0; second < 90; second++) {
    await world.advance(1000);
    const weight = (await shares(world)).find(([host]) => host === `${name}-new`)?.[1] ?? 0;
    const replicaSet = await world.get(resources.replicaSets, { namespace: "default", name: `${name}-new` });
    const replicas = (replicaSet?.["spec"] as { replicas?: number } | undefined)?.replicas ?? 0;
    history.push({ weight, replicas });
  }
  assert.ok(history.some(({ weight }) => weight === 5));
  assert.ok(
    history.every(({ weight, replicas }) => weight === 0 || replicas > 0),
    JSON.stringify(history),
  );
  assert.deepEqual(history.at(-1), { weight: 0, replicas: 0 });
  await world.stop();
});

test("XP-023 ARC-700 a specRef that is neither version is refused", async () => {
  const world = await startArgo();
  const templates = [{ name: "x", specRef: "latest" as "stable" }];
  await deployed(world, aRollout({ steps: [{ experiment: { templates } }] }));
  const { message = "" } = await statusOf(world);
  assert.match(message, /^InvalidSpec: .*Invalid template step SpecRef: must be canary or stable$/);
  await world.stop();
});

const endings: readonly (readonly [what: string, act: (world: World) => Promise<void>])[] = [
  ["an abort", (world) => patchStatus(world, { abort: true })],
  ["a third version", (world) => setImage(world, "green")],
  ["a full promotion", (world) => patchStatus(world, { promoteFull: true })],
];

for (const [what, act] of endings) {
  test(`XP-024 ${what} terminates the experiment, and its pods go`, async () => {
    const world = await releasing(bothVersions);
    assert.equal((await experiments(world)).get(NAME)?.status?.phase, "Running");
    await act(world);
    await world.settle(QUIET);
    const ended = (await experiments(world)).get(NAME);
    assert.deepEqual([ended?.spec.terminate, ended?.status?.phase], [true, "Successful"]);
    await world.advance(120_000);
    const left = (await world.list(resources.replicaSets, "default")).filter(
      ({ metadata, spec }) => metadata.name.startsWith(NAME) && (spec as { replicas: number }).replicas > 0,
    );
    assert.deepEqual(left, []);
    assert.ok(Object.keys(await sizes(world)).length > 0);
    assert.notEqual((await stored(world)).status?.canary?.currentExperiment, NAME);
    await world.stop();
  });
}
