import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { isNotFound } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import { argoPack } from "../../packs/argo.ts";
import { argoCrds } from "./crds.ts";
import type { Rollout } from "./types.ts";

const key = { namespace: "default", name: "web" };

test("ARC-002 ARC-003 a Rollout has status and scale subresources", async () => {
  const world = await startWorld({ packs: [argoPack] });
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web" },
    spec: { replicas: 2, template: { spec: { containers: [{ name: "c", image: "i" }] } } },
    status: { phase: "Healthy" },
  });
  assert.equal((await world.get(resources.argoRollouts, key))?.["status"], undefined);
  await world.client.patch(
    resources.argoRollouts,
    key,
    { kind: "merge", body: { status: { HPAReplicas: 4, selector: "app=web" } } },
    { subresource: "status" },
  );
  await world.client.patch(
    resources.argoRollouts,
    key,
    { kind: "merge", body: { spec: { replicas: 5 } } },
    { subresource: "scale" },
  );
  const rollout = await world.get<Rollout>(resources.argoRollouts, key);
  assert.equal(rollout?.spec.replicas, 5);
  assert.equal(rollout?.metadata.generation, 2);
  await world.stop();
});

test("ARC-001 ARC-004 the kind's names and columns", () => {
  const [crd] = argoCrds.filter(({ metadata }) => metadata.name === "rollouts.argoproj.io");
  const { names, scope, versions } = (crd as KubeObject)["spec"] as unknown as {
    names: Record<string, unknown>;
    scope: string;
    versions: { name: string; served: boolean; storage: boolean; additionalPrinterColumns: Record<string, string>[] }[];
  };
  assert.deepEqual(
    [names["kind"], names["listKind"], names["plural"], names["singular"], names["shortNames"], scope],
    ["Rollout", "RolloutList", "rollouts", "rollout", ["ro"], "Namespaced"],
  );
  assert.deepEqual(
    versions.map(({ name, served, storage }) => [name, served, storage]),
    [["v1alpha1", true, true]],
  );
  assert.deepEqual(
    versions[0]?.additionalPrinterColumns.map(({ name, type, jsonPath }) => [name, type, jsonPath]),
    [
      ["Desired", "integer", ".spec.replicas"],
      ["Current", "integer", ".status.replicas"],
      ["Up-to-date", "integer", ".status.updatedReplicas"],
      ["Available", "integer", ".status.availableReplicas"],
      ["Age", "date", ".metadata.creationTimestamp"],
    ],
  );
});

test("ARC-005 the schema neither fills in nor narrows: the controller does both", () => {
  const crd = argoCrds.find(({ metadata }) => metadata.name === "rollouts.argoproj.io");
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (["default", "enum", "minimum", "maximum", "pattern"].includes(key) && typeof member !== "object")
        found.add(key);
      walk(member);
    }
  };
  walk(crd?.["spec"]);
  assert.deepEqual([...found], []);
});

test("ARC-006 the selector of a Rollout stays as it is", async () => {
  const world = await startWorld({ packs: [argoPack] });
  const selector = { matchLabels: { app: "web" } };
  const spec = { selector, template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c" }] } } };
  await world.apply({ apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: { name: "web" }, spec });
  const change = (matchLabels: Record<string, string>) =>
    world.patch(resources.argoRollouts, key, { spec: { selector: { matchLabels } } });
  await change({ app: "web" });
  await assert.rejects(change({ tier: "x" }), /spec\.selector: Invalid value: .*\.spec\.selector is immutable/);
  await world.stop();
});

test("ARC-007 a template's metadata has labels and annotations, and a pod's fields stay as written", async () => {
  const world = await startWorld({ packs: [argoPack] });
  const container = { name: "c", image: "i", resources: { limits: { "example.com/chip": 2 } } };
  const template = {
    metadata: { labels: { app: "web" }, annotations: { a: "b" }, name: "gone", namespace: "gone" },
    spec: { containers: [container] },
  };
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web" },
    spec: { template },
  });
  const stored = await world.get<Rollout>(resources.argoRollouts, key);
  assert.deepEqual(stored?.spec.template?.metadata, { labels: { app: "web" }, annotations: { a: "b" } });
  assert.deepEqual(stored?.spec.template?.spec, { containers: [container] });
  await world.stop();
});

test("AN-001 a run has no status subresource: status is written with the object, and /status answers 404", async () => {
  const world = await startWorld({ packs: [argoPack] });
  const run: KubeObject = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: { name: "web" },
    spec: {
      metrics: [{ name: "m", count: "{{args.n}}", provider: { web: { url: "http://x", jsonBody: { a: [1] } } } }],
    },
    status: { phase: "Running" },
  };
  await world.apply(run);
  const stored = await world.get(resources.analysisRuns, key);
  assert.deepEqual(stored?.["status"], { phase: "Running" });
  assert.deepEqual(stored?.["spec"], run["spec"]);
  const patch = { kind: "merge", body: { status: { phase: "Failed" } } } as const;
  await assert.rejects(world.client.patch(resources.analysisRuns, key, patch, { subresource: "status" }), (error) =>
    isNotFound(error),
  );
  await world.stop();
});
