import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { AnalysisRun, Metric } from "../../../analysis/types.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { type Script, startAnalysisWorld } from "../analysis-run/analysis-run.fixture.ts";
import { analysisRunController } from "../analysis-run/index.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import { aRollout } from "../rollout.fixture.ts";
import type { Experiment, ExperimentSpec, ExperimentTemplate } from "../types.ts";
import { experimentController } from "./index.ts";
import { renderReplicaSet } from "./objects.ts";

const controllers = [analysisRunController, experimentController];
const start = async (script: Script = () => 1) => (await startAnalysisWorld(script, { controllers })).world;
const key = { namespace: "default", name: "exp" };

function template(name: string, rest: Partial<ExperimentTemplate> = {}): ExperimentTemplate {
  return {
    name,
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image: `${name}:1`, ports: [{ containerPort: 8080 }] }] },
    },
    ...rest,
  };
}

function experiment(spec: Partial<ExperimentSpec>): Experiment {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Experiment",
    metadata: { name: "exp" },
    spec: { templates: [template("base"), template("canary")], ...spec },
  };
}

function analysisTemplate(metric: Partial<Metric>): KubeObject {
  const whole = {
    name: "rate",
    successCondition: "result > 0.5",
    provider: { web: { url: "http://{{args.host}}/" } },
    ...metric,
  };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name: "check" },
    spec: { args: [{ name: "host" }], metrics: [whole] },
  };
}

const check = {
  name: "a",
  templateName: "check",
  args: [{ name: "host", value: "{{templates.canary.replicaset.name}}" }],
};

async function get(world: World): Promise<Experiment> {
  return (await world.get<Experiment>(resources.experiments, key))!;
}

async function sizes(world: World): Promise<readonly string[]> {
  const all = await world.list<ReplicaSet>(resources.replicaSets, "default");
  return all.map(({ metadata, spec }) => `${metadata.name} ${spec.replicas}`);
}

test("XP-001 templates become ReplicaSets, the experiment runs for its duration and is taken down", async () => {
  const world = await start();
  await world.apply(experiment({ duration: "60s", scaleDownDelaySeconds: 30 }));
  await world.settle();
  const running = await get(world);
  assert.equal(running.status?.phase, "Running");
  assert.ok(running.status?.availableAt);
  assert.deepEqual(await sizes(world), ["exp-base 1", "exp-canary 1"]);
  const [replicaSet] = await world.list<ReplicaSet>(resources.replicaSets, "default");
  assert.equal(replicaSet?.metadata.annotations?.["experiment.argoproj.io/template-name"], "base");
  assert.ok(replicaSet?.spec.selector.matchLabels?.["rollouts-pod-template-hash"]);
  await checkFixpoint(world);
  await world.advance(61_000);
  const finished = await get(world);
  assert.equal(finished.status?.phase, "Successful");
  assert.deepEqual(
    finished.status?.templateStatuses?.map(({ status }) => status),
    ["Successful", "Successful"],
  );
  assert.deepEqual(await sizes(world), ["exp-base 1", "exp-canary 1"]);
  await world.advance(35_000);
  assert.deepEqual(await sizes(world), ["exp-base 0", "exp-canary 0"]);
  await checkFixpoint(world);
  await world.stop();
});

test("XP-002 a template with a service gets one, which goes with its pods", async () => {
  const world = await start();
  await world.apply(experiment({ templates: [template("canary", { service: {} })], scaleDownDelaySeconds: 0 }));
  await world.settle();
  const service = await world.get(resources.services, { namespace: "default", name: "exp-canary" });
  assert.deepEqual(
    (service!["spec"] as { ports: { port: number }[] }).ports.map(({ port }) => port),
    [8080],
  );
  assert.equal((await get(world)).status?.templateStatuses?.[0]?.serviceName, "exp-canary");
  await world.patch(resources.experiments, key, { spec: { terminate: true } });
  await world.settle();
  assert.equal((await get(world)).status?.phase, "Successful");
  assert.equal(await world.get(resources.services, { namespace: "default", name: "exp-canary" }), null);
  assert.equal((await get(world)).status?.templateStatuses?.[0]?.serviceName, undefined);
  await world.stop();
});

test("XP-003 a template that never gets available fails after the deadline", async () => {
  const kubelet = { behaviourOf: () => ({ readyMs: null }) };
  const { world } = await startAnalysisWorld(() => 1, { controllers, kubelet });
  await world.apply(experiment({ templates: [template("canary")], progressDeadlineSeconds: 90 }));
  await world.advance(80_000);
  assert.equal((await get(world)).status?.phase, "Pending");
  await world.advance(20_000);
  const { status } = await get(world);
  assert.equal(status?.phase, "Failed");
  assert.equal(status?.message, "Template 'canary' exceeded its progressDeadlineSeconds (90)");
  await world.stop();
});

test("XP-004 XP-005 analyses start when all is available, with what arguments say; required ones end it", async () => {
  const urls: string[] = [];
  const world = await start(({ provider }) => {
    urls.push(provider.web?.url ?? "");
    return 1;
  });
  await world.apply(analysisTemplate({}));
  await world.apply(experiment({ analyses: [{ ...check, requiredForCompletion: true }] }));
  await world.settle();
  const { status } = await get(world);
  assert.equal(status?.phase, "Successful");
  assert.equal(status?.message, "Required AnalysisRuns completed");
  assert.deepEqual(status?.analysisRuns, [{ name: "a", analysisRun: "exp-a", phase: "Successful" }]);
  assert.deepEqual(urls, ["http://exp-canary/"]);
  await world.stop();
});

test("XP-006 a failing analysis ends the experiment with its message", async () => {
  const world = await start(() => 0);
  await world.apply(analysisTemplate({}));
  await world.apply(experiment({ analyses: [check], duration: "1h" }));
  await world.settle();
  const { status } = await get(world);
  assert.equal(status?.phase, "Failed");
  assert.equal(status?.message, 'Metric "rate" assessed Failed due to failed (1) > failureLimit (0)');
  const events = await world.list(resources.events);
  const reasons = events.filter(({ involvedObject }) => (involvedObject as KubeObject)["kind"] === "Experiment");
  const texts = reasons.map(({ reason, message }) => `${reason}: ${message}`);
  assert.ok(texts.includes("ExperimentPending: Experiment transitioned from  -> Pending"), texts.join("\n"));
  const transition =
    /^AnalysisRunFailed: AnalysisRun 'a' transitioned from \w+ -> Failed: Metric "rate" assessed Failed/;
  assert.ok(
    texts.some((text) => transition.test(text)),
    texts.join("\n"),
  );
  await world.stop();
});

test("XP-008 runs under way are terminated with the experiment", async () => {
  const world = await start();
  await world.apply(analysisTemplate({ interval: "10s" }));
  await world.apply(experiment({ analyses: [check], duration: "60s" }));
  await world.advance(120_000);
  const run = await world.get<AnalysisRun>(resources.analysisRuns, { namespace: "default", name: "exp-a" });
  assert.equal(run?.status?.message, "Run Terminated");
  const { status } = await get(world);
  assert.equal(status?.phase, "Successful");
  assert.equal(status?.analysisRuns?.[0]?.phase, "Successful");
  await world.stop();
});

test("XP-010 a missing template is told at once", async () => {
  const world = await start();
  await world.apply(experiment({ analyses: [check] }));
  await world.settle();
  const { status } = await get(world);
  assert.equal(status?.phase, "Error");
  assert.equal(
    status?.message,
    "AnalysisTemplate verification failed for analysis 'a': AnalysisTemplate 'check' not found",
  );
  await world.stop();
});

const problems: readonly (readonly [spec: Partial<ExperimentSpec>, message: string])[] = [
  [{ templates: [template("a"), template("a")] }, "Experiment exp has repeated template name 'a' in templates"],
  [{ templates: [template("")] }, "Experiment exp has empty template name at index 0"],
  [
    { templates: [template("a", { selector: {} })] },
    "This experiment is selecting all pods at index 0. A non-empty selector is required.",
  ],
  [
    { templates: [template("a", { minReadySeconds: 601 })] },
    "MinReadySeconds cannot be longer than ProgressDeadlineSeconds. Check template index 0",
  ],
];
for (const [spec, message] of problems) {
  test(`XP-011 ${message}`, async () => {
    const world = await start();
    await world.apply(experiment(spec));
    await world.settle();
    const { status } = await get(world);
    assert.deepEqual([status?.message, status?.conditions?.[0]?.type], [message, "InvalidExperimentSpec"]);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("XP-008 a crash after any write changes nothing in the end", async () => {
  await checkCrashAtEachWrite({
    start: () => start(),
    every: 3,
    play: async (world) => {
      await world.apply(analysisTemplate({}));
      await world.apply(experiment({ analyses: [check], duration: "20s", scaleDownDelaySeconds: 10 }));
      for (let rounds = 0; rounds < 4; rounds++) {
        await world.settle();
        await world.advance(20_000);
      }
    },
    project: async (world) => {
      const { status } = await get(world);
      const runs = await world.list(resources.analysisRuns, "default");
      return [status?.phase, await sizes(world), runs.map(({ metadata }) => metadata.name)];
    },
  });
});

test("XP-007 without duration and required analyses it runs until it is terminated", async () => {
  const world = await start();
  await world.apply(analysisTemplate({ count: 1 }));
  await world.apply(experiment({ analyses: [check], progressDeadlineSeconds: 60 }));
  await world.advance(3_600_000);
  const { status } = await get(world);
  assert.deepEqual([status?.phase, status?.analysisRuns?.[0]?.phase], ["Running", "Successful"]);
  await world.patch(resources.experiments, key, { spec: { terminate: true } });
  await world.settle();
  assert.equal((await get(world)).status?.phase, "Successful");
  await world.stop();
});

test("XP-008 a template's ReplicaSet that was scaled by hand goes back", async () => {
  const world = await start();
  await world.apply(experiment({}));
  await world.settle();
  await world.patch(resources.replicaSets, { namespace: "default", name: "exp-base" }, { spec: { replicas: 5 } });
  await world.settle();
  assert.deepEqual(await sizes(world), ["exp-base 1", "exp-canary 1"]);
  await world.stop();
});

test("XP-009 arguments may name hashes, ReplicaSets and the times of the experiment", async () => {
  const urls: string[] = [];
  const world = await start(({ provider }) => {
    urls.push(provider.web?.url ?? "");
    return 1;
  });
  const value =
    "{{templates.base.podTemplateHash}}/{{templates.canary.replicaset.name}}/{{experiment.availableAt}}/{{experiment.finishedAt}}";
  await world.apply(analysisTemplate({}));
  await world.apply(experiment({ duration: "60s", analyses: [{ ...check, args: [{ name: "host", value }] }] }));
  await world.settle();
  const { status } = await get(world);
  const hash = (await world.list<ReplicaSet>(resources.replicaSets))[0]?.metadata.labels?.[
    "rollouts-pod-template-hash"
  ];
  const ended = new Date(Date.parse(status?.availableAt ?? "") + 60_000).toISOString().replace(".000Z", "Z");
  assert.deepEqual(urls, [`http://${hash}/exp-canary/${status?.availableAt}/${ended}/`]);
  await world.stop();
});

test("INV-10 XP-008 its pods and Services stay for as long as its Rollout's routes may lead to them", async () => {
  const world = await start();
  const rollout = { ...aRollout(), metadata: { name: "web", namespace: "default" } };
  await world.apply(rollout);
  const { metadata } = (await world.get(resources.argoRollouts, rollout.metadata))!;
  const owner = { apiVersion: rollout.apiVersion, kind: "Rollout", name: "web", uid: metadata.uid!, controller: true };
  const one = experiment({ duration: "5s", scaleDownDelaySeconds: 0, templates: [template("trial", { service: {} })] });
  one.metadata = { ...one.metadata, ownerReferences: [owner], annotations: { [annotations.routed]: "true" } };
  await world.apply(one);
  await world.advance(60_000);
  assert.equal((await get(world)).status?.phase, "Successful");
  assert.deepEqual(await sizes(world), ["exp-trial 1"]);
  await checkFixpoint(world);
  await world.patch(resources.experiments, key, { metadata: { annotations: { [annotations.routed]: null } } });
  await world.settle();
  assert.deepEqual(await sizes(world), ["exp-trial 0"]);
  const services = await world.list(resources.services, "default");
  assert.ok(!services.some(({ metadata: { name } }) => name === "exp-trial"));
  await world.stop();
});

test("INV-47 its pods never have the hash of a version of its Rollout, whose Services would select them", () => {
  const one = template("trial");
  const plain = renderReplicaSet(experiment({}), one, { collisionCount: undefined, taken: new Set() });
  const hash = plain.metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
  const other = renderReplicaSet(experiment({}), one, { collisionCount: undefined, taken: new Set([hash]) });
  assert.notEqual(other.metadata.labels?.[POD_TEMPLATE_HASH], hash);
  assert.equal(
    other.spec.template.metadata?.labels?.[POD_TEMPLATE_HASH],
    other.metadata.labels?.[POD_TEMPLATE_HASH],
    "the selector finds the pods",
  );
});
