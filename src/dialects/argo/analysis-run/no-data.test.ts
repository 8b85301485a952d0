import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { AnalysisRun, AnalysisRunSpec } from "../../../analysis/types.ts";
import { resources } from "../../../kube/resource.ts";
import { analysisRun, getRun, metric, runKey, type Script, startAnalysisWorld } from "./analysis-run.fixture.ts";

/** EC-020, EC-021: runs whose measurements find no data, or fail, from the first measurement to the verdict. */

const NOTHING = Number.NaN;
const KEY = "argo.fairway.dev/on-no-data";

function policed(policy: string | null, spec: AnalysisRunSpec): AnalysisRun {
  const run = analysisRun(spec);
  return policy === null ? run : { ...run, metadata: { ...run.metadata, annotations: { [KEY]: policy } } };
}

async function told(world: World, reason: string): Promise<readonly string[]> {
  const events = await world.list(resources.events);
  return events.filter((event) => event["reason"] === reason).map((event) => String(event["message"]));
}

/** No data twice, then 0.9 for good. */
const late: Script = (_, count) => (count < 2 ? NOTHING : 0.9);
const counted = { metrics: [metric("rate", { interval: "20s", count: 2, failureLimit: 1 })] };

const ends: readonly (readonly [policy: string | null, phase: string, counters: Record<string, number>])[] = [
  // The original: NaN fails a success condition.
  [null, "Failed", { count: 2, failed: 2 }],
  ["fail", "Failed", { count: 2, failed: 2 }],
  ["error", "Successful", { count: 2, error: 2, successful: 2 }],
  ["pass", "Successful", { count: 2, successful: 2 }],
  ["pause", "Inconclusive", { count: 1, inconclusive: 1 }],
  ["wait", "Successful", { count: 2, successful: 2 }],
];
for (const [policy, phase, counters] of ends) {
  test(`EC-021 on-no-data ${policy ?? "unset"}: the run is ${phase}`, async () => {
    const { world } = await startAnalysisWorld(late);
    await world.apply(policed(policy, counted));
    await world.advance(120_000);
    const { status } = await getRun(world);
    assert.equal(status?.phase, phase);
    const { count, successful, failed, inconclusive, error } = status?.metricResults?.[0] ?? {};
    const found = Object.entries({ count, successful, failed, inconclusive, error });
    assert.deepEqual(Object.fromEntries(found.filter(([, value]) => value !== undefined)), counters);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("EC-021 wait: one measurement stays open, says so once, and is clean in the end", async () => {
  const { world, measuredAt } = await startAnalysisWorld(late);
  await world.apply(policed("wait", counted));
  await world.advance(25_000);
  const text = `nothing was measured: the metric provider returned NaN (${KEY}: wait)`;
  const open = (await getRun(world)).status?.metricResults?.[0];
  assert.deepEqual([open?.measurements?.length, open?.measurements?.[0]?.phase], [1, "Running"]);
  assert.deepEqual([open?.measurements?.[0]?.message, open?.metadata?.["reason"]], [text, text]);
  assert.deepEqual(await told(world, "MeasurementWaiting"), [`Metric 'rate': ${text}`]);
  await world.advance(60_000);
  const [first, second] = (await getRun(world)).status?.metricResults?.[0]?.measurements ?? [];
  assert.deepEqual([first?.value, first?.message, first?.resumeAt], ["0.9", undefined, undefined]);
  assert.equal(second?.phase, "Successful");
  const at = measuredAt.get("rate") ?? [];
  assert.deepEqual(
    at.map((seconds) => Math.round(seconds - (at[0] ?? 0))),
    [0, 20, 40, 60],
    "at the metric's own interval",
  );
  assert.deepEqual((await told(world, "MeasurementWaiting")).length, 1);
  await world.stop();
});

test("EC-021 wait: a run without traffic neither passes nor fails, however long; ended by hand it has no verdict", async () => {
  const { world } = await startAnalysisWorld(() => NOTHING);
  await world.apply(policed("wait", counted));
  await world.advance(3_600_000);
  assert.equal((await getRun(world)).status?.phase, "Running");
  await world.patch(resources.analysisRuns, runKey, { spec: { terminate: true } });
  await world.advance(10_000);
  assert.equal((await getRun(world)).status?.phase, "Inconclusive");
  await checkFixpoint(world);
  await world.stop();
});

test("EC-021 policies by metric", async () => {
  const { world } = await startAnalysisWorld(() => NOTHING);
  const metrics = [metric("a"), metric("b")];
  await world.apply(policed("a=pass, b=pause", { metrics }));
  await world.advance(10_000);
  const { status } = await getRun(world);
  assert.deepEqual(status?.metricResults?.map(({ name, phase }) => `${name} ${phase}`).sort(), [
    "a Successful",
    "b Inconclusive",
  ]);
  await world.stop();
});

test("EC-021 a policy that is none ends the run before anything is measured", async () => {
  const { world, measuredAt } = await startAnalysisWorld(() => 1);
  await world.apply(policed("ignore", counted));
  await world.settle();
  assert.equal(
    (await getRun(world)).status?.message,
    `Analysis spec invalid: annotation ${KEY}: "ignore" is none of error, fail, pass, pause, wait`,
  );
  assert.equal(measuredAt.size, 0);
  await world.stop();
});

test("EC-021 a crash after any write changes nothing in the end", () =>
  checkCrashAtEachWrite({
    start: async () => (await startAnalysisWorld(late)).world,
    play: async (world) => {
      await world.apply(policed("wait", counted));
      for (let rounds = 0; rounds < 6; rounds++) {
        await world.settle({ quietMs: 15_000 });
        await world.advance(15_000);
      }
      await world.settle();
    },
    project: async (world) => {
      const { status } = await getRun(world);
      return [status?.phase, ...(status?.metricResults ?? []).map(({ phase, count, error }) => [phase, count, error])];
    },
  }));

test("EC-020 SU-005 the value and the condition stand beside the verdict and in events; the original's texts stay", async () => {
  const { world } = await startAnalysisWorld((_, count) => (count === 1 ? 0.9 : 0.25));
  await world.apply(analysisRun({ metrics: [metric("rate", { interval: "20s", failureLimit: 1 })] }));
  await world.advance(10_000);
  const reason = 'measured 0.25: successCondition "result > 0.5" does not hold';
  assert.equal((await getRun(world)).status?.metricResults?.[0]?.metadata?.["reason"], reason);
  await world.advance(20_000);
  assert.equal((await getRun(world)).status?.metricResults?.[0]?.metadata, undefined, "it succeeded");
  await world.advance(20_000);
  const { status } = await getRun(world);
  assert.equal(status?.message, 'Metric "rate" assessed Failed due to failed (2) > failureLimit (1)');
  const [result] = status?.metricResults ?? [];
  assert.deepEqual([result?.message, result?.metadata], [undefined, { reason }]);
  assert.ok(
    result?.measurements?.every(({ metadata }) => metadata === undefined),
    "SU-019 values stay visible as such",
  );
  assert.deepEqual(new Set(await told(world, "MeasurementFailed")), new Set([`Metric 'rate': ${reason}`]));
  await checkFixpoint(world);
  await world.stop();
});
