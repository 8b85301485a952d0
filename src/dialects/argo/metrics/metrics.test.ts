import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../../test/support/world.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { renderMetrics } from "../../../base/metrics.ts";
import { countingClient } from "../../../kube/counting-client.ts";
import { resources } from "../../../kube/resource.ts";
import { parseExposition } from "../../../promql/exposition.ts";
import type { RunnerObserver } from "../../../runtime/observer.ts";
import { labels } from "../keys.ts";
import { aRollout, deployed, KEY, patchStatus, setImage, startArgo } from "../rollout.fixture.ts";
import type { Rollout } from "../types.ts";
import { endedAttempt } from "./durations.ts";
import { ArgoMetrics } from "./index.ts";
import { metricPhase } from "./objects.ts";

const build = { version: "1.2.3", runtime: "node", architecture: "x64", commit: "" };

/** A world whose runner is watched, and the value of a series; null where there is none. */
async function observed(): Promise<{ world: World; value: (series: string) => number | null; metrics: ArgoMetrics }> {
  let metrics: ArgoMetrics | null = null;
  const later: RunnerObserver = {
    onChange: (change) => metrics?.onChange(change),
    onTurn: (turn) => metrics?.onTurn(turn),
    onEvent: (component, event) => metrics?.onEvent(component, event),
  };
  const world = await startArgo({ observer: later });
  const made = new ArgoMetrics({ clock: world.clock, instanceId: "", build });
  metrics = made;
  const value = (series: string) => {
    const text = renderMetrics(made.metrics(world.caches));
    parseExposition(text); // throws where a Prometheus would refuse the answer
    const line = text.split("\n").find((one) => one.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  };
  return { world, value, metrics: made };
}

const NAMES = 'namespace="default",name="istio-rollout"';
const INFO = `rollout_info{${NAMES},strategy="canary",traffic_router="Istio"`;

test("ARC-800 a Rollout's phase and sizes are told while they hold", async () => {
  const { world, value } = await observed();
  await deployed(world, aRollout({ steps: [{ setWeight: 10 }, { pause: {} }] }, { replicas: 2 }));
  assert.equal(value(`${INFO},phase="Completed"}`), 1);
  for (const [name, count] of Object.entries({ available: 2, unavailable: 0, desired: 2, updated: 2 })) {
    assert.equal(value(`rollout_info_replicas_${name}{${NAMES}}`), count, name);
  }
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  assert.equal(value(`${INFO},phase="Paused"}`), 1);
  assert.equal(value(`${INFO},phase="Completed"}`), null);
  assert.equal(value(`rollout_phase{${NAMES},strategy="canary",phase="Paused"}`), 1);
  assert.equal(value(`rollout_phase{${NAMES},strategy="canary",phase="Completed"}`), 0);
  await world.stop();
});

test("ARC-801 ARC-646 turns and events are counted, and forgotten 65 s after the Rollout", async () => {
  const { world, value } = await observed();
  await deployed(world, aRollout({ steps: [] }));
  const events = `rollout_events_total{${NAMES},type="Normal",reason="RolloutCompleted"}`;
  assert.equal(value(events), 1);
  assert.ok((value(`rollout_reconcile_count{${NAMES}}`) ?? 0) > 0);
  await world.client.delete(resources.argoRollouts, KEY);
  await world.settle();
  await world.advance(60_000);
  assert.equal(value(`${INFO},phase="Completed"}`), null, "a gauge of what is gone is gone");
  assert.equal(value(events), 1);
  await world.advance(10_000);
  assert.equal(value(events), null);
  assert.equal(value(`rollout_reconcile_count{${NAMES}}`), null);
  await world.stop();
});

test("ARC-802 an attempt is observed once, when its end is stored", async () => {
  const { world, value } = await observed();
  await deployed(world, aRollout({ steps: [{ setWeight: 10 }, { pause: {} }] }));
  assert.equal(value('rollout_duration_seconds_count{status="Promoted"}'), 1);
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  await setImage(world, "red");
  await world.settle({ quietMs: 15_000 });
  assert.equal(value('rollout_duration_seconds_count{status="Superseded"}'), 1);
  await world.advance(100_000);
  await patchStatus(world, { abort: true });
  await world.settle();
  await world.advance(60_000);
  assert.equal(value('rollout_duration_seconds_count{status="Aborted"}'), 1);
  const total = value('rollout_duration_seconds_sum{status="Aborted"}') ?? 0;
  const manual = value('rollout_manual_pause_duration_seconds_sum{status="Aborted"}') ?? 0;
  assert.ok(manual >= 100 && manual <= total, `${manual} of ${total}`);
  assert.equal(value('rollout_progression_duration_seconds_sum{status="Aborted"}'), total - manual);
  await world.stop();
});

const clock = new VirtualClock();

test("ARC-801 only Argo's own requests count; ReplicaSets and lists have no names", async () => {
  const metrics = new ArgoMetrics({ clock, instanceId: "", build });
  const world = await startArgo({ hasMesh: false });
  const client = countingClient(world.client, (request) => metrics.countRequest(request));
  const replicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "r", namespace: "default" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  };
  await client.create(resources.replicaSets, replicaSet, { fieldManager: "argo-rollout" });
  await client.delete(resources.replicaSets, { namespace: "default", name: "r" });
  await client.create(resources.replicaSets, replicaSet, { fieldManager: "deployment" });
  await client.list(resources.argoRollouts);
  await client.get(resources.argoRollouts, KEY).catch(() => {});
  const lines = renderMetrics(metrics.metrics(null))
    .split("\n")
    .filter((line) => line.startsWith("controller_clientset_k8s_request_total"));
  assert.deepEqual(lines, [
    'controller_clientset_k8s_request_total{kind="replicasets",namespace="default",name="N/A",verb="Create",status_code="201"} 1',
    'controller_clientset_k8s_request_total{kind="rollouts",namespace="",name="N/A",verb="List",status_code="200"} 1',
    'controller_clientset_k8s_request_total{kind="rollouts",namespace="default",name="istio-rollout",verb="Get",status_code="404"} 1',
  ]);
  await world.stop();
});

test("ARC-801 what runs is told, before any cache is there too", () => {
  const text = renderMetrics(new ArgoMetrics({ clock, instanceId: "", build }).metrics(null));
  assert.match(text, /^argo_rollouts_controller_info\{version="1\.2\.3"\} 1$/m);
  assert.match(text, /^build_info\{version="1\.2\.3",goversion="node",goarch="x64",commit=""\} 1$/m);
});

test("ARC-805 Rollouts of other instances have no series", async () => {
  const { world, value } = await observed();
  const other = aRollout();
  await world.apply({ ...other, metadata: { ...other.metadata, labels: { [labels.instanceId]: "b" } } });
  await world.settle();
  assert.equal(value(`rollout_info_replicas_desired{${NAMES}}`), null);
  assert.equal(value(`rollout_reconcile_count{${NAMES}}`), null);
  await world.stop();
});

test("AN section 9: runs, their metrics and templates are told", async () => {
  const { world, value } = await observed();
  const metric = { name: "rate", interval: "1m", provider: { web: { url: "http://x", jsonPath: "{$}" } } };
  const spec = { metrics: [metric], dryRun: [{ metricName: "rate" }] };
  await world.apply([
    {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "AnalysisTemplate",
      metadata: { name: "t" },
      spec: { metrics: [metric] },
    },
    { apiVersion: "argoproj.io/v1alpha1", kind: "AnalysisRun", metadata: { name: "r" }, spec },
  ]);
  await world.settle({ quietMs: 1000 });
  const run = 'namespace="default",name="r"';
  assert.equal(value(`analysis_run_info{${run},phase="Running"}`), 1);
  assert.equal(value(`analysis_run_metric_type{${run},metric="rate",type="Web"}`), 1);
  const phase = (one: string) =>
    value(`analysis_run_metric_phase{${run},metric="rate",type="Web",dry_run="true",phase="${one}"}`);
  assert.deepEqual([phase("Running"), phase("Pending"), phase("Failed")], [1, 0, 0]);
  assert.equal(value('analysis_template_info{namespace="default",name="t"}'), 1);
  assert.equal(value('analysis_template_metric_info{namespace="default",name="t",type="Web",metric="rate"}'), 1);
  await world.stop();
});

test("SU-027 a finished run is told once, with its end, until it is deleted", async () => {
  const { world, value } = await observed();
  const key = { namespace: "default", name: "r" };
  const metrics = [{ name: "rate", initialDelay: "10h", provider: { web: { url: "http://x" } } }];
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: { name: "r" },
    spec: { metrics },
  });
  await world.settle({ quietMs: 1000 });
  await world.patch(resources.analysisRuns, key, { status: { phase: "Failed" } });
  await world.settle({ quietMs: 1000 });
  const told = (phase: string) => value(`analysis_run_info{namespace="default",name="r",phase="${phase}"}`);
  assert.deepEqual([told("Failed"), told("Running") ?? 0], [1, 0]);
  await world.client.delete(resources.analysisRuns, key);
  await world.settle({ quietMs: 1000 });
  assert.deepEqual([told("Failed"), told("Running")], [null, null]);
  await world.stop();
});

const phases: readonly { reason: string; phase: string }[] = [
  { reason: "NewReplicaSetAvailable", phase: "Completed" },
  { reason: "RolloutPaused", phase: "Paused" },
  { reason: "ReplicaSetCreateError", phase: "Error" },
  { reason: "ProgressDeadlineExceeded", phase: "Timeout" },
  { reason: "RolloutAborted", phase: "Abort" },
  { reason: "RolloutRetry", phase: "Progressing" },
];
for (const { reason, phase } of phases) {
  test(`ARC-800 ${reason} is the phase ${phase}`, () => {
    const time = "2030-01-01T00:00:00Z";
    const times = { lastUpdateTime: time, lastTransitionTime: time, message: "" };
    const condition = { type: "Progressing", status: "True" as const, reason, ...times };
    assert.equal(metricPhase({ ...aRollout(), status: { conditions: [condition] } }), phase);
    const invalid = { ...condition, type: "InvalidSpec", reason: "InvalidSpec" };
    assert.equal(metricPhase({ ...aRollout(), status: { conditions: [condition, invalid] } }), "InvalidSpec");
  });
}

test("ARC-802 a state without a before, or one that had ended, tells no attempt", () => {
  const at = (duration: object | undefined): Rollout => ({ ...aRollout(), status: duration ? { duration } : {} });
  const [start, end] = ["2030-01-01T00:00:00Z", "2030-01-01T00:01:00Z"];
  const done = { rolloutStartedAt: start, finishedAt: end, completionStatus: "Promoted" };
  assert.equal(endedAttempt(at(undefined), at(done)), null);
  assert.equal(endedAttempt(at(done), at(done)), null);
  assert.equal(endedAttempt(at(done), at({ rolloutStartedAt: end })), null);
  assert.deepEqual(endedAttempt(at({ rolloutStartedAt: start }), at(done)), {
    status: "Promoted",
    totalSeconds: 60,
    manualPauseSeconds: 0,
  });
  const paused = { rolloutStartedAt: start, manualPauseStartedAt: start };
  assert.deepEqual(endedAttempt(at(paused), at({ rolloutStartedAt: end })), {
    status: "Superseded",
    totalSeconds: 60,
    manualPauseSeconds: 60,
  });
});
