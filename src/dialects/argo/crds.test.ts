import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { isNotFound } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import { argoPack } from "../../packs/argo.ts";
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
