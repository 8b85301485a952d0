import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { Provider } from "../../../analysis/provider.ts";
import type { Metric } from "../../../analysis/types.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { analysisRun, getRun, metric, runKey, startAnalysisWorld } from "./analysis-run.fixture.ts";

async function messages(world: World, reason: string): Promise<readonly string[]> {
  const events = await world.list(resources.events);
  return events.filter((event) => event["reason"] === reason).map((event) => `${event["type"]} ${event["message"]}`);
}

test("AN-031 a run without delay is measured at once and completes", async () => {
  const { world, measuredAt } = await startAnalysisWorld(() => 1);
  await world.apply(analysisRun({ metrics: [metric("rate")] }));
  await world.settle();
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Successful");
  assert.equal(status?.message, undefined);
  assert.deepEqual(status?.runSummary, { count: 1, successful: 1 });
  assert.equal(status?.metricResults?.[0]?.measurements?.[0]?.value, "1");
  assert.equal(measuredAt.get("rate")?.length, 1);
  assert.deepEqual(await messages(world, "MetricSuccessful"), ["Normal Metric 'rate' Completed. Result: Successful"]);
  assert.deepEqual(await messages(world, "AnalysisRunSuccessful"), ["Normal Analysis Completed. Result: Successful"]);
  await checkFixpoint(world);
  await world.stop();
});

test("AN-032 SE-002 first after the delay, then after each interval, after an error every 10 s", async () => {
  const { world, measuredAt } = await startAnalysisWorld((_, count) => (count < 2 ? 1 : "no answer"));
  await world.apply(analysisRun({ metrics: [metric("rate", { initialDelay: "60s", interval: "20s" })] }));
  const begun = world.clock.now();
  await world.advance(200_000);
  const seconds = measuredAt.get("rate")?.map((at) => Math.round(at - begun / 1000));
  assert.deepEqual(seconds, [60, 80, 100, 110, 120, 130, 140]);
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Error");
  assert.equal(
    status?.message,
    'Metric "rate" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): "Error Message: no answer"',
  );
  assert.deepEqual(await messages(world, "AnalysisRunError"), ["Warning Analysis Completed. Result: Error"]);
  await checkFixpoint(world);
  await world.stop();
});

test("SE-003 measurements that go wrong are an event of the run, in the provider's words", async () => {
  const { world } = await startAnalysisWorld(() => "no answer");
  await world.apply(analysisRun({ metrics: [metric("rate", { interval: "20s", consecutiveErrorLimit: 2 })] }));
  await world.advance(5_000);
  assert.deepEqual(await messages(world, "MeasurementError"), [], "the next measurement has not begun");
  await world.advance(60_000);
  assert.equal((await getRun(world)).status?.phase, "Error");
  assert.deepEqual(await messages(world, "MeasurementError"), ["Warning Metric 'rate': no answer"]);
  const events = await world.list(resources.events);
  const told = events.find((event) => event["reason"] === "MeasurementError");
  assert.equal(told?.["count"], 2, "at first and with the verdict; not in between");
  await checkFixpoint(world);
  await world.stop();
});

test("SE-013 SU-002 what passes without having seen anything is told too", async () => {
  const { world } = await startAnalysisWorld(() => Number.NaN);
  const watchful = metric("rate", { failureCondition: "result > 0.5" });
  delete watchful.successCondition;
  await world.apply(analysisRun({ metrics: [watchful] }));
  await world.settle();
  assert.deepEqual(await messages(world, "MeasurementSuccessful"), [
    "Warning Metric 'rate': nothing was measured: the metric provider returned NaN",
  ]);
  await world.stop();
});

test("AN-045 V6 termination ends an unbounded run with Run Terminated", async () => {
  const { world } = await startAnalysisWorld(() => 1);
  await world.apply(analysisRun({ metrics: [metric("rate", { interval: "20s" })] }));
  await world.advance(50_000);
  assert.equal((await getRun(world)).status?.phase, "Running");
  await world.patch(resources.analysisRuns, runKey, { spec: { terminate: true } });
  await world.settle();
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Successful");
  assert.equal(status?.message, "Run Terminated");
  assert.equal(status?.metricResults?.[0]?.count, 3);
  await world.stop();
});

const invalid: readonly (readonly [id: string, spec: Parameters<typeof analysisRun>[0], message: string])[] = [
  [
    "AN-040 V12",
    { metrics: [metric("rate", { failureLimit: -1 })] },
    "Analysis spec invalid: metrics[0]: failureLimit and consecutiveSuccessLimit cannot both be disabled",
  ],
  ["AN-021", { metrics: [] }, "Analysis spec invalid: no metrics specified"],
  [
    "AN-037",
    { metrics: [metric("rate", { successCondition: "result > {{args.x}}" })] },
    "Unable to resolve metric arguments: failed to resolve {{args.x}}",
  ],
  [
    "AN-019",
    { metrics: [metric("rate")], args: [{ name: "x", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] },
    'Unable to resolve metric arguments: secrets "s" not found',
  ],
  [
    "AN-020",
    { metrics: [metric("rate")], dryRun: [{ metricName: "*" }] },
    "Analysis spec invalid: dryRun[0]: Rule didn't match any metric name(s)",
  ],
];
for (const [id, spec, message] of invalid) {
  test(`${id} the run ends in Error: ${message}`, async () => {
    const { world, measuredAt } = await startAnalysisWorld(() => 1);
    await world.apply(analysisRun(spec));
    await world.settle();
    const { status } = await getRun(world);
    assert.deepEqual([status?.phase, status?.message, measuredAt.size], ["Error", message, 0]);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("AN-019 a secret argument is used and never shown", async () => {
  const { world } = await startAnalysisWorld(({ provider }) => `refused: ${provider.web?.url}`);
  await world.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    data: { k: btoa("hush") },
  });
  const secret = { name: "key", valueFrom: { secretKeyRef: { name: "s", key: "k" } } };
  const web = { web: { url: "http://x/{{args.key}}" } };
  await world.apply(analysisRun({ metrics: [metric("rate", { provider: web })], args: [secret] }));
  await world.settle();
  const run = await getRun(world);
  assert.equal(run.status?.metricResults?.[0]?.measurements?.[0]?.message, "refused: http://x/*****");
  assert.ok(!JSON.stringify(run).includes("hush"));
  await world.stop();
});

test("AN-050 a completed run is deleted when its time has passed", async () => {
  const { world } = await startAnalysisWorld(() => 1);
  await world.apply(analysisRun({ metrics: [metric("rate")], ttlStrategy: { secondsAfterCompletion: 60 } }));
  await world.advance(59_000);
  assert.ok(await getRun(world));
  await world.advance(4000);
  assert.equal(await getRun(world), null);
  await world.stop();
});

test("AN-050 SU-013 a run that cannot be completes at once, and is deleted when its time has passed", async () => {
  const { world } = await startAnalysisWorld(() => 1);
  await world.apply(analysisRun({ metrics: [], ttlStrategy: { secondsAfterCompletion: 60 } }));
  await world.advance(5000);
  assert.ok((await getRun(world)).status?.completedAt);
  await world.advance(60_000);
  assert.equal(await getRun(world), null);
  await world.stop();
});

test("AN-035 a measurement under way is finished and counted before a terminated run completes", async () => {
  const { world } = await startAnalysisWorld(() => 0, { delayMs: 20_000 });
  await world.apply(analysisRun({ metrics: [metric("rate", { interval: "60s" })] }));
  await world.advance(5000);
  await world.patch(resources.analysisRuns, runKey, { spec: { terminate: true } });
  await world.advance(5000);
  assert.equal((await getRun(world)).status?.phase, "Running");
  await world.advance(30_000);
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Failed");
  assert.equal(status?.metricResults?.[0]?.failed, 1);
  await world.stop();
});

test("a measurement whose outcome was lost is measured again and counted once", async () => {
  let isLost = true;
  const { world, measurer } = await startAnalysisWorld(() => (isLost ? undefined : 1));
  await world.apply(analysisRun({ metrics: [metric("rate")] }));
  await world.advance(5000);
  assert.equal((await getRun(world)).status?.metricResults?.[0]?.phase, "Running");
  isLost = false;
  measurer().stop();
  measurer().start();
  await world.restartControllers();
  await world.settle();
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Successful");
  assert.equal(status?.metricResults?.[0]?.count, 1);
  assert.equal(status?.metricResults?.[0]?.measurements?.length, 1);
  await world.stop();
});

test("AN-040 a crash after any write changes nothing in the end", async () => {
  await checkCrashAtEachWrite({
    start: async () => (await startAnalysisWorld((_, count) => (count === 1 ? 0 : 1))).world,
    play: async (world) => {
      await world.apply(
        analysisRun({ metrics: [metric("rate", { interval: "10s", count: 3, failureLimit: 1 }), metric("other")] }),
      );
      for (let rounds = 0; rounds < 4; rounds++) {
        await world.settle({ quietMs: 25_000 });
        await world.advance(15_000);
      }
      await world.settle();
    },
    project: async (world) => {
      const { status } = await getRun(world);
      return [
        status?.phase,
        ...(status?.metricResults ?? []).map(({ name, phase, count }) => `${name} ${phase} ${count}`).sort(),
      ];
    },
  });
});

const jobMetric = metric("check", {
  successCondition: "",
  provider: {
    job: {
      metadata: { labels: { team: "a" } },
      spec: {
        backoffLimit: 0,
        template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "c:1" }] } },
      },
    },
  },
});

async function endJob(world: World, type: "Complete" | "Failed"): Promise<void> {
  const [job] = await world.list(resources.jobs, "default");
  await world.client.patch(
    resources.jobs,
    { namespace: "default", name: job!.metadata.name },
    { kind: "merge", body: { status: { conditions: [{ type, status: "True" }] } } },
    { subresource: "status" },
  );
  await world.settle();
}

for (const [condition, phase] of [
  ["Complete", "Successful"],
  ["Failed", "Failed"],
] as const) {
  test(`MP-031 a Job that is ${condition} makes the measurement ${phase}`, async () => {
    const { world } = await startAnalysisWorld(() => 1);
    await world.apply(analysisRun({ metrics: [jobMetric] }));
    await world.settle();
    const run = await getRun(world);
    const [job] = (await world.list<KubeObject>(resources.jobs, "default")) as KubeObject[];
    assert.equal(job?.metadata.name, `${run.metadata.uid}.check.1`);
    assert.equal(job?.metadata.labels?.["analysisrun.argoproj.io/uid"], run.metadata.uid);
    assert.equal(job?.metadata.annotations?.["analysisrun.argoproj.io/metric-name"], "check");
    assert.deepEqual(run.status?.metricResults?.[0]?.measurements?.[0]?.metadata, {
      "job-name": job?.metadata.name,
      "job-namespace": "default",
    });
    await endJob(world, condition);
    assert.equal((await getRun(world)).status?.phase, phase);
    await checkFixpoint(world);
    await world.stop();
  });
}

for (const [exitCode, phase, message] of [
  [0, "Successful", undefined],
  [3, "Failed", "Job has reached the specified backoff limit"],
] as const) {
  test(`MP-031 K8S-237 a Job whose pod exits with ${exitCode} makes the run ${phase}`, async () => {
    const { world } = await startAnalysisWorld(() => 1, {
      kubelet: { behaviourOf: () => ({ exitMs: 2000, exitCode }) },
    });
    await world.apply(analysisRun({ metrics: [jobMetric] }));
    await world.settle();
    const { status } = await getRun(world);
    assert.equal(status?.phase, phase);
    assert.equal(status?.metricResults?.[0]?.measurements?.[0]?.message, message);
    const [pod, ...others] = await world.list(resources.pods, "default");
    assert.equal(others.length, 0);
    assert.equal(pod?.metadata.labels?.["analysisrun.argoproj.io/uid"], (await getRun(world)).metadata.uid);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("MP-034 terminating a run deletes its Job and leaves the run Inconclusive", async () => {
  const { world } = await startAnalysisWorld(() => 1);
  await world.apply(analysisRun({ metrics: [jobMetric] }));
  await world.settle();
  await world.patch(resources.analysisRuns, runKey, { spec: { terminate: true } });
  await world.settle();
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Inconclusive");
  assert.equal(status?.metricResults?.[0]?.measurements?.[0]?.message, "Metric Terminated");
  await world.stop();
});

const patient: Provider = {
  type: "Kayenta",
  measure: async (_, { clock }) => ({
    kind: "outcome",
    outcome: { phase: "Running", resumeAt: clock.now() + 15_000, metadata: { asked: "0" } },
  }),
  async resume({ measurement }, { clock }) {
    const asked = Number(measurement.metadata?.["asked"]) + 1;
    if (asked === 3) return { kind: "outcome", outcome: { phase: "Successful", value: "95" } };
    const outcome = { phase: "Running" as const, resumeAt: clock.now() + 15_000, metadata: { asked: String(asked) } };
    return { kind: "outcome", outcome };
  },
};
const patientMetric: Metric = { name: "judge", provider: { web: { url: "http://x/" } } };

test("AN-033 an asynchronous provider is asked again when it said, and counted once", async () => {
  const { world } = await startAnalysisWorld(() => 1, { providers: { web: patient } });
  await world.apply(analysisRun({ metrics: [patientMetric] }));
  await world.advance(40_000);
  const open = (await getRun(world)).status?.metricResults?.[0];
  assert.equal(open?.measurements?.length, 1);
  assert.ok(open?.measurements?.[0]?.resumeAt);
  await world.advance(10_000);
  const { status } = await getRun(world);
  assert.deepEqual([status?.phase, status?.metricResults?.[0]?.count], ["Successful", 1]);
  const [measurement] = status?.metricResults?.[0]?.measurements ?? [];
  assert.deepEqual([measurement?.value, measurement?.resumeAt], ["95", undefined]);
  await checkFixpoint(world);
  await world.stop();
});

test("AN-035 an asynchronous measurement ends at once with its run", async () => {
  const { world } = await startAnalysisWorld(() => 1, { providers: { web: patient } });
  await world.apply(analysisRun({ metrics: [patientMetric] }));
  await world.advance(5000);
  await world.patch(resources.analysisRuns, runKey, { spec: { terminate: true } });
  await world.advance(2000);
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Inconclusive");
  assert.equal(status?.metricResults?.[0]?.measurements?.[0]?.message, "Metric Terminated");
  await world.stop();
});

test("AN-001 a refused Job is an Error measurement with the server's text", async () => {
  const { world } = await startAnalysisWorld(() => 1);
  const provider = { job: { spec: { template: { spec: { restartPolicy: "Always", containers: [] } } } } };
  await world.apply(analysisRun({ metrics: [{ name: "check", consecutiveErrorLimit: 0, provider }] }));
  await world.advance(5000);
  const { status } = await getRun(world);
  assert.equal(status?.phase, "Error");
  assert.match(status?.message ?? "", /Error Message: Job.batch .* is invalid/);
  await world.stop();
});
