import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { DATA_PLANE_KEY } from "../../traffic/data-plane.ts";
import {
  aRollout,
  aService,
  aVirtualService,
  deployed,
  HASH,
  KEY,
  patchStatus,
  promote,
  setImage,
  sizes,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
  weights,
} from "./rollout.fixture.ts";
import type { AnalysisRun, Experiment, Step } from "./types.ts";

const QUIET = { quietMs: 15_000 };

const analysisTemplate: KubeObject = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "AnalysisTemplate",
  metadata: { name: "success-rate" },
  spec: {
    args: [{ name: "service" }, { name: "namespace" }],
    metrics: [
      {
        name: "success-rate",
        initialDelay: "60s",
        interval: "20s",
        successCondition: "result[0] > 0.90",
        provider: { prometheus: { address: "http://prometheus", query: "{{args.service}}.{{args.namespace}}" } },
      },
    ],
  },
};

const background = {
  startingStep: 1,
  templates: [{ templateName: "success-rate" }],
  args: [
    { name: "service", value: "canary" },
    { name: "namespace", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
  ],
};

test("ARC-651 ARC-652 ARC-869 background analysis starts at its step, and its failure aborts the release", async () => {
  const world = await startArgo();
  await world.apply(analysisTemplate);
  await deployed(world, aRollout({ analysis: background }));
  assert.equal((await world.list(resources.analysisRuns)).length, 0);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns);
  const name = `istio-rollout-${HASH.yellow}-2`;
  assert.equal(run?.metadata.name, name);
  assert.equal(run?.metadata.labels?.["rollout-type"], "Background");
  assert.deepEqual(run?.spec.args, [
    { name: "service", value: "canary" },
    { name: "namespace", value: "default" },
  ]);
  assert.equal((await statusOf(world)).canary?.currentBackgroundAnalysisRunStatus?.name, name);
  const key = { namespace: "default", name };
  const message = 'Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)';
  await world.patch(resources.analysisRuns, key, { status: { phase: "Failed", message } });
  await world.settle(QUIET);
  const status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.equal(
    status.message,
    `RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: ${message}`,
  );
  assert.deepEqual(await weights(world), [100, 0]);
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0 });
  await checkFixpoint(world);

  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  const runs = await world.list<AnalysisRun>(resources.analysisRuns);
  assert.deepEqual(
    runs.map(({ metadata }) => metadata.name),
    [name, `${name}.1`],
  );
  await world.stop();
});

test("ARC-653 ARC-654 a step's analysis holds the step; no verdict pauses, and a resume judges anew", async () => {
  const world = await startArgo();
  const { metrics } = analysisTemplate["spec"] as { metrics: Record<string, unknown>[] };
  const bounded = {
    ...analysisTemplate,
    spec: { metrics: [{ ...metrics[0], count: 1, provider: { web: { url: "http://x" } } }] },
  };
  await world.apply(bounded);
  const steps: Step[] = [{ setWeight: 50 }, { analysis: { templates: [{ templateName: "success-rate" }] } }];
  await deployed(world, aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const name = `istio-rollout-${HASH.yellow}-2-1`;
  const finish = (run: string, phase: string) =>
    world.patch(resources.analysisRuns, { namespace: "default", name: run }, { status: { phase } });
  await finish(name, "Inconclusive");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "InconclusiveAnalysisRun");
  await promote(world);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).canary?.currentStepAnalysisRunStatus?.name, `${name}.1`);
  await finish(`${name}.1`, "Successful");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await world.stop();
});

test("ARC-657 XP-020 an experiment step makes an Experiment of both versions and waits for it", async () => {
  const world = await startArgo();
  const templates = [
    { name: "old", specRef: "stable" },
    { name: "new", specRef: "canary", weight: 5 },
  ];
  await deployed(world, aRollout({ steps: [{ experiment: { templates, duration: "1m" } }] }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const [experiment] = await world.list<Experiment>(resources.experiments);
  assert.equal(experiment?.metadata.name, `istio-rollout-${HASH.yellow}-2-0`);
  const images = experiment?.spec.templates.map(
    (one) => (one.template.spec["containers"] as { image: string }[])[0]?.image,
  );
  assert.deepEqual(images, ["argoproj/rollouts-demo:blue", "argoproj/rollouts-demo:yellow"]);
  const key = { namespace: "default", name: experiment?.metadata.name ?? "" };
  await world.patch(resources.experiments, key, { status: { phase: "Successful" } });
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).stableRS, HASH.yellow);
  await world.stop();
});

test("ARC-320 ARC-323 ARC-901 a split by subset: hashes first, then weights", async () => {
  const world = await startArgo();
  const istio = {
    virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
  };
  const rollout = aRollout({ trafficRouting: { istio } });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  await world.apply([
    aService("app"),
    {
      ...aVirtualService,
      spec: {
        hosts: ["app"],
        http: [
          {
            name: "primary",
            route: [
              { destination: { host: "app", subset: "stable" }, weight: 100 },
              { destination: { host: "app", subset: "canary" }, weight: 0 },
            ],
          },
        ],
      },
    },
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "DestinationRule",
      metadata: { name: "app" },
      spec: { host: "app", subsets: [{ name: "stable" }, { name: "canary" }] },
    },
    rollout,
  ]);
  const subsets = async () => {
    const [rule] = await world.list(resources.destinationRules);
    const { subsets: list } = (rule?.["spec"] ?? { subsets: [] }) as { subsets: { labels?: Record<string, string> }[] };
    return list.map(({ labels }) => labels?.["rollouts-pod-template-hash"]);
  };
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.deepEqual(await subsets(), [HASH.blue, HASH.blue]);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await subsets(), [HASH.blue, HASH.yellow]);
  assert.deepEqual(await weights(world), [90, 10]);
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.equal((await statusOf(world)).phase, "Degraded");
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0 });
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  await promote(world);
  await world.advance(300_000);
  assert.equal((await statusOf(world)).phase, "Healthy");
  assert.deepEqual(await subsets(), [HASH.yellow, HASH.yellow]);
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 1 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-074 ARC-077 ARC-114 a canary without a router splits by pods", async () => {
  const world = await startArgo();
  const rollout = aRollout({ steps: [{ setWeight: 40 }, { pause: {} }] }, { replicas: 5 });
  const { canary } = rollout.spec.strategy ?? {};
  delete canary?.trafficRouting;
  delete canary?.canaryService;
  delete canary?.stableService;
  await world.apply(rollout);
  await world.settle();
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 3, [HASH.yellow]: 2 });
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await patchStatus(world, { abort: true });
  await world.settle(QUIET);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 5, [HASH.yellow]: 0 });
  await patchStatus(world, { abort: false });
  await world.settle(QUIET);
  await promote(world);
  await world.settle();
  assert.deepEqual(await sizes(world), { [HASH.blue]: 0, [HASH.yellow]: 5 });
  assert.equal((await statusOf(world)).phase, "Healthy");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-901 INV-02 INV-20 a mesh that falls silent holds step and pods, but never an abort", async () => {
  const world = await startArgo({ hasMesh: false });
  const acknowledge = (revision: string) =>
    world.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...DATA_PLANE_KEY },
      data: { "virtualservices.networking.istio.io": revision },
    } as KubeObject);
  await acknowledge("1000000");
  await deployed(world);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await acknowledge("1");
  await promote(world);
  await world.settle(QUIET);
  let status = await statusOf(world);
  assert.equal(status.message, "waiting for data plane");
  assert.equal(status.currentStepIndex, 2);
  assert.equal(status.canary?.weights?.canary.weight, 10);
  assert.deepEqual(await weights(world), [80, 20]);
  await patchStatus(world, { abort: true });
  await world.advance(90_000);
  status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 1 });
  await acknowledge("1000000");
  await world.advance(60_000);
  assert.deepEqual(await sizes(world), { [HASH.blue]: 1, [HASH.yellow]: 0 });
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-605 ARC-700 a mistake in mid-release is told, the canary stays, and correcting it goes on", async () => {
  const world = await deployed(await startArgo());
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const route = async (routes: string[]) => {
    const istio = { virtualService: { name: VIRTUAL_SERVICE.name, routes } };
    await world.patch(resources.argoRollouts, KEY, { spec: { strategy: { canary: { trafficRouting: { istio } } } } });
    await world.settle(QUIET);
  };
  await route(["nowhere"]);
  let status = await statusOf(world);
  assert.equal(status.phase, "Degraded");
  assert.match(status.message ?? "", /^InvalidSpec: The Rollout "istio-rollout" is invalid: .*'nowhere' is not found/);
  assert.deepEqual(await weights(world), [90, 10]);
  await checkFixpoint(world);
  await route(["primary"]);
  status = await statusOf(world);
  assert.equal(status.message, "CanaryPauseStep");
  await world.stop();
});

test("ARC-205 ARC-335 INV-40 a Rollout that is deleted leaves Services that select every version", async () => {
  const world = await deployed(await startArgo());
  await world.client.delete(resources.argoRollouts, KEY);
  await world.settle();
  for (const { spec, metadata } of (await world.list(resources.services, "default")) as readonly (KubeObject & {
    spec: { selector?: Record<string, string> };
  })[]) {
    if (!metadata.name.startsWith("istio-rollout")) continue;
    assert.deepEqual(spec.selector, { app: "istio-rollout" });
    assert.equal(metadata.annotations?.["argo-rollouts.argoproj.io/managed-by-rollouts"], undefined);
  }
  await world.stop();
});

test("ARC-321 ARC-911 a DestinationRule that is missing is told, and its creation wakes the release", async () => {
  const istio = {
    virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
  };
  const world = await startArgo();
  await world.apply(aService("app"));
  await world.apply({
    ...aVirtualService,
    spec: {
      hosts: ["app"],
      http: [
        {
          name: "primary",
          route: ["stable", "canary"].map((subset, index) => ({
            destination: { host: "app", subset },
            weight: 100 - 100 * index,
          })),
        },
      ],
    },
  });
  const rollout = aRollout({ trafficRouting: { istio } });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  await world.apply(rollout);
  await world.settle();
  assert.equal((await statusOf(world)).message, "waiting for DestinationRule app, which does not exist");
  await world.apply({
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "DestinationRule",
    metadata: { name: "app" },
    spec: { host: "app", subsets: [{ name: "stable" }, { name: "canary" }] },
  });
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  await world.stop();
});
