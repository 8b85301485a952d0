import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import type { AnalysisRun } from "../../../analysis/types.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { argoControllers } from "../index.ts";
import type { Experiment, Rollout, Step } from "../types.ts";
import { type Script, startAnalysisWorld } from "./analysis-run.fixture.ts";

/** Analysis and experiments where most people meet them: in a Rollout (sections 7 and 8.3). */

const key = { namespace: "default", name: "web" };

function rollout(image: string, canary: Record<string, unknown>): KubeObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
      strategy: { canary },
    },
  };
}

const template: KubeObject = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "AnalysisTemplate",
  metadata: { name: "rate", namespace: "default" },
  spec: {
    args: [{ name: "service" }],
    metrics: [
      {
        name: "success-rate",
        initialDelay: "60s",
        interval: "20s",
        successCondition: "result > 0.90",
        provider: { web: { url: "http://{{args.service}}/" } },
      },
    ],
  },
};

async function release(script: Script, steps: readonly Step[], more: Record<string, unknown> = {}): Promise<World> {
  const { world } = await startAnalysisWorld(script, { controllers: argoControllers() });
  await world.apply(template);
  await world.apply(rollout("web:1", { steps, ...more }));
  await world.settle();
  await world.apply(rollout("web:2", { steps, ...more }));
  // Analysis without end never settles.
  await world.advance(15_000);
  return world;
}

async function statusOf(world: World) {
  return (await world.get<Rollout>(resources.argoRollouts, key))?.status;
}

const background = {
  analysis: { templates: [{ templateName: "rate" }], startingStep: 1, args: [{ name: "service", value: "canary" }] },
};
const paused: readonly Step[] = [{ setWeight: 50 }, { pause: {} }];

test("RA-021 a background run that fails aborts with its message", async () => {
  const world = await release(() => 0.5, paused, background);
  await world.advance(70_000);
  const status = await statusOf(world);
  assert.equal(status?.phase, "Degraded");
  assert.equal(
    status?.message,
    'RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)',
  );
  await world.stop();
});

test("SE-002 SE-003 errors every 10 s after the first minute abort with the fifth", async () => {
  const world = await release(() => "no series", paused, background);
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns, "default");
  const sinceStart = world.clock.now() - Date.parse(run?.status?.startedAt ?? "");
  await world.advance(98_000 - sinceStart);
  assert.equal((await statusOf(world))?.phase, "Paused");
  await world.advance(10_000);
  const { message = "" } = (await statusOf(world)) ?? {};
  assert.match(
    message,
    /assessed Error due to consecutiveErrors \(5\) > consecutiveErrorLimit \(4\): "Error Message: no series"$/,
  );
  await world.stop();
});

test("SE-003 the Rollout's events say why its analysis finds nothing, before the limit is reached", async () => {
  const world = await release(() => "no series", paused, background);
  await world.advance(70_000);
  assert.equal((await statusOf(world))?.phase, "Paused");
  const told = (await world.list(resources.events)).filter((event) => event["reason"] === "MeasurementError");
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns, "default");
  const { uid } = (await world.get<Rollout>(resources.argoRollouts, key))!.metadata;
  const of = (kind: string) => told.find((event) => (event["involvedObject"] as { kind: string }).kind === kind);
  assert.equal(of("AnalysisRun")?.["message"], "Metric 'success-rate': no series");
  assert.equal(of("Rollout")?.["message"], `Analysis Run '${run?.metadata.name}' Metric 'success-rate': no series`);
  assert.deepEqual(of("Rollout")?.["involvedObject"], {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    name: "web",
    namespace: "default",
    uid,
  });
  await world.stop();
});

test("RA-004 the background run ends with the release and is Successful", async () => {
  const world = await release(() => 1, paused, background);
  await world.advance(90_000);
  await world.client.patch(
    resources.argoRollouts,
    key,
    { kind: "merge", body: { status: { pauseConditions: null } } },
    { subresource: "status" },
  );
  await world.advance(60_000);
  assert.equal((await statusOf(world))?.phase, "Healthy");
  const [run] = await world.list<AnalysisRun>(resources.analysisRuns, "default");
  assert.deepEqual([run?.status?.phase, run?.status?.message], ["Successful", "Run Terminated"]);
  await world.stop();
});

test("XP-021 an experiment step is run, and its success takes the release on", async () => {
  const experiment = { templates: [{ name: "trial", specRef: "canary", replicas: 1 }], duration: "30s" };
  const world = await release(() => 1, [{ experiment }, { setWeight: 50 }]);
  const [made] = await world.list<Experiment>(resources.experiments, "default");
  assert.equal(made?.status?.phase, "Running");
  await world.advance(120_000);
  const [ended] = await world.list<Experiment>(resources.experiments, "default");
  assert.equal(ended?.status?.phase, "Successful");
  assert.equal((await statusOf(world))?.phase, "Healthy");
  await world.stop();
});

test("XP-021 an experiment that fails aborts the release", async () => {
  const analyses = [{ name: "a", templateName: "rate", args: [{ name: "service", value: "x" }] }];
  const experiment = { templates: [{ name: "trial", specRef: "canary", replicas: 1 }], analyses };
  const world = await release(() => 0, [{ experiment }, { setWeight: 50 }]);
  await world.advance(90_000);
  const { phase, message = "" } = (await statusOf(world)) ?? {};
  assert.equal(phase, "Degraded");
  assert.match(message, /Experiment analysis phase is error\/failed: Metric "success-rate" assessed Failed/);
  await world.stop();
});
