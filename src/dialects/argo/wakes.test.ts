import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import {
  aRollout,
  aService,
  aVirtualService,
  deployed,
  KEY,
  seedObjects,
  startArgo,
  statusOf,
  template,
  VIRTUAL_SERVICE,
} from "./rollout.fixture.ts";

test("INV-33 what the mesh tells of others' routes wakes no Rollout that is at rest", async () => {
  const passes: string[] = [];
  const onPlan = (controller: string, key: string) => {
    if (controller === "argo-rollout") passes.push(key);
  };
  const world = await deployed(await startArgo({ onPlan }), aRollout({ steps: [{ setWeight: 50 }] }));
  passes.length = 0;
  const other: KubeObject = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "VirtualService",
    metadata: { name: "other" },
    spec: { hosts: ["other"], http: [{ route: [{ destination: { host: "other" } }] }] },
  };
  await world.apply(other);
  await world.settle();
  assert.deepEqual(passes, []);
  await world.apply({ ...other, metadata: { name: VIRTUAL_SERVICE.name, labels: { touched: "yes" } } });
  await world.settle();
  assert.ok(passes.length > 0, "its own routes wake it");
  await world.stop();
});

const ISTIO = {
  virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
  destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
};

const mesh: readonly KubeObject[] = [
  {
    ...aVirtualService,
    spec: {
      hosts: ["app"],
      http: [
        {
          name: "primary",
          route: ["stable", "canary"].map((subset) => ({
            destination: { host: "app", subset },
            weight: subset === "stable" ? 100 : 0,
          })),
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
];

const analysisTemplate: KubeObject = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "AnalysisTemplate",
  metadata: { name: "rate" },
  spec: { metrics: [{ name: "rate", count: 1, initialDelay: "10h", provider: { web: { url: "http://x/" } } }] },
};

test("ARC-055 ARC-911 all that a Rollout is decided on wakes it, and what is somebody else's does not", async () => {
  const passes: string[] = [];
  const onPlan = (controller: string, key: string) => {
    if (controller === "argo-rollout") passes.push(key);
  };
  const world = await startArgo({ onPlan });
  const rollout = aRollout({
    trafficRouting: { istio: ISTIO },
    steps: [{ setWeight: 50 }, { analysis: { templates: [{ templateName: "rate" }] } }],
  });
  delete rollout.spec.template;
  delete rollout.spec.selector;
  rollout.spec.workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const web = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas: 0, selector: { matchLabels: { app: "istio-rollout" } }, template: template("blue") },
  } as KubeObject;
  await world.apply([...seedObjects, ...mesh, analysisTemplate, web, { ...web, metadata: { name: "other" } }]);
  await world.apply([aService("other"), rollout]);
  await world.settle();
  await world.patch(
    resources.deployments,
    { namespace: "default", name: "web" },
    { spec: { template: template("yellow") } },
  );
  await world.advance(20_000);
  const [run] = await world.list(resources.analysisRuns);
  const { currentPodHash } = await statusOf(world);
  const touched: readonly [type: ResourceType, name: string, wakes: boolean][] = [
    [resources.argoRollouts, KEY.name, true],
    [resources.replicaSets, `istio-rollout-${currentPodHash}`, true],
    [resources.analysisRuns, run?.metadata.name ?? "", true],
    [resources.analysisTemplates, "rate", true],
    [resources.services, "istio-rollout-canary", true],
    [resources.virtualServices, VIRTUAL_SERVICE.name, true],
    [resources.destinationRules, "app", true],
    [resources.deployments, "web", true],
    [resources.services, "other", false],
    [resources.deployments, "other", false],
  ];
  for (const [type, name, wakes] of touched) {
    passes.length = 0;
    await world.patch(type, { namespace: "default", name }, { metadata: { labels: { touched: "yes" } } });
    await world.advance(50);
    assert.equal(passes.length > 0, wakes, `${type.kind} ${name}`);
  }
  await world.stop();
});
