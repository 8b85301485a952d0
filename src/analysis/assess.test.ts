import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime, type Instant } from "../base/time.ts";
import { assessRun } from "./assess.ts";
import { nextMeasurementAt } from "./schedule.ts";
import { finishMeasurement, isCompleted, isTerminating, resultOf, startMeasurement } from "./status.ts";
import type { AnalysisPhase, AnalysisRun, AnalysisRunStatus, Metric } from "./types.ts";

const start = Date.UTC(2030, 0, 1);
const letters: Readonly<Record<string, AnalysisPhase>> = {
  S: "Successful",
  F: "Failed",
  I: "Inconclusive",
  E: "Error",
};

interface Script {
  readonly metrics: readonly (Partial<Metric> & { readonly results: string; readonly message?: string })[];
  /** Seconds after the start at which the run is told to end. */
  readonly terminateAt?: number;
  readonly untilSeconds?: number;
  readonly dryRun?: string;
}

interface Played {
  readonly status: AnalysisRunStatus;
  /** By metric: the seconds at which it was measured. */
  readonly measuredAt: Readonly<Record<string, readonly number[]>>;
}

/** Plays a run on a fake clock, second by second, with measurements that take no time. */
function play({ metrics: scripts, terminateAt, untilSeconds = 300, dryRun }: Script): Played {
  const metrics = scripts.map(
    ({ results: _, message: __, ...metric }, index): Metric => ({
      name: "ab"[index]!,
      provider: { web: {} },
      ...metric,
    }),
  );
  const spec = { metrics, ...(dryRun ? { dryRun: [{ metricName: dryRun }] } : {}) };
  let run = { apiVersion: "", kind: "", metadata: { name: "r" }, spec } as AnalysisRun;
  let status: AnalysisRunStatus = { phase: "Running", startedAt: formatTime(start) };
  const measuredAt: Record<string, number[]> = {};
  for (let second = 0; second <= untilSeconds && !isCompleted(status.phase); second++) {
    const now = start + second * 1000;
    if (second === terminateAt) run = { ...run, spec: { ...spec, terminate: true } };
    status = assessRun(run, status, { metrics, now }).status;
    status = measureDue(run, status, { metrics, now, scripts, measuredAt });
    status = assessRun(run, status, { metrics, now }).status;
  }
  return { status, measuredAt };
}

function measureDue(
  run: AnalysisRun,
  before: AnalysisRunStatus,
  {
    metrics,
    now,
    scripts,
    measuredAt,
  }: {
    metrics: readonly Metric[];
    now: Instant;
    scripts: Script["metrics"];
    measuredAt: Record<string, number[]>;
  },
): AnalysisRunStatus {
  if (isCompleted(before.phase) || isTerminating(run, before)) return before;
  let status = before;
  for (const [index, metric] of metrics.entries()) {
    const at = nextMeasurementAt(metric, status, now);
    if (at === null || at > now) continue;
    measuredAt[metric.name] ??= [];
    const times = measuredAt[metric.name]!;
    const { results, message } = scripts[index]!;
    const phase = letters[results[times.length] ?? results.at(-1)!]!;
    times.push((now - start) / 1000);
    status = startMeasurement(status, { run, metric, now });
    const outcome = { phase, ...(message === undefined ? {} : { message }) };
    status = finishMeasurement(status, { run, name: metric.name, outcome, now })!;
  }
  return status;
}

const consecutive = "consecutiveErrors (5) > consecutiveErrorLimit (4)";
const vectors: readonly {
  readonly id: string;
  readonly script: Script;
  readonly phase: AnalysisPhase;
  readonly metric?: AnalysisPhase;
  readonly reason?: string;
  readonly measuredAt?: readonly number[];
}[] = [
  { id: "V1", script: { metrics: [{ results: "S" }] }, phase: "Successful", measuredAt: [0] },
  { id: "V2", script: { metrics: [{ results: "EEEES" }] }, phase: "Successful", measuredAt: [0, 10, 20, 30, 40] },
  {
    id: "V3",
    script: { metrics: [{ results: "E" }] },
    phase: "Error",
    reason: consecutive,
    measuredAt: [0, 10, 20, 30, 40],
  },
  {
    id: "V4",
    script: { metrics: [{ interval: "20s", count: 3, failureLimit: 1, results: "SFS" }] },
    phase: "Successful",
    measuredAt: [0, 20, 40],
  },
  {
    id: "V5",
    script: { metrics: [{ interval: "20s", count: 3, failureLimit: 1, results: "F" }] },
    phase: "Failed",
    reason: "failed (2) > failureLimit (1)",
    measuredAt: [0, 20],
  },
  {
    id: "V7",
    script: { metrics: [{ interval: "10s", count: 2, results: "I" }] },
    phase: "Inconclusive",
    reason: "inconclusive (1) > inconclusiveLimit (0)",
    measuredAt: [0],
  },
  {
    id: "V8",
    script: { metrics: [{ interval: "10s", count: 4, inconclusiveLimit: 1, results: "IF" }] },
    phase: "Failed",
    reason: "failed (1) > failureLimit (0)",
  },
  {
    id: "V9",
    script: { metrics: [{ interval: "10s", failureLimit: -1, consecutiveSuccessLimit: 3, results: "FSSFSSS" }] },
    phase: "Successful",
    measuredAt: [0, 10, 20, 30, 40, 50, 60],
  },
  {
    id: "V10",
    script: { metrics: [{ interval: "10s", count: 4, failureLimit: -1, consecutiveSuccessLimit: 3, results: "SSFS" }] },
    phase: "Failed",
    reason: "consecutiveSuccess (1) < consecutiveSuccessLimit (3)",
  },
  {
    id: "V11",
    script: { metrics: [{ interval: "10s", count: 4, failureLimit: 1, consecutiveSuccessLimit: 3, results: "SSFS" }] },
    phase: "Inconclusive",
    reason: "consecutiveSuccess (1) < consecutiveSuccessLimit (3)",
  },
  {
    id: "V13",
    script: { metrics: [{ interval: "20s", results: "EEEESEEEES" }], untilSeconds: 95 },
    phase: "Running",
    measuredAt: [0, 10, 20, 30, 40, 60, 70, 80, 90],
  },
];
for (const { id, script, phase, reason, measuredAt } of vectors) {
  test(`AN-040 ${id} ends ${phase}${reason ? ` due to ${reason}` : ""}`, () => {
    const played = play(script);
    assert.equal(played.status.phase, phase);
    if (phase !== "Running") assert.equal(resultOf(played.status, "a")?.phase, phase);
    assert.equal(played.status.message ?? "", reason ? `Metric "a" assessed ${phase} due to ${reason}` : "");
    if (measuredAt) assert.deepEqual(played.measuredAt["a"], measuredAt);
    assert.equal(played.status.completedAt !== undefined, phase !== "Running");
  });
}

test("AN-040 V6 an unbounded healthy metric is Successful when the run is terminated", () => {
  const { status, measuredAt } = play({ metrics: [{ interval: "20s", results: "S" }], terminateAt: 50 });
  assert.equal(status.phase, "Successful");
  assert.equal(status.message, "Run Terminated");
  assert.deepEqual(measuredAt["a"], [0, 20, 40]);
});

test("AN-036 V14 the failing metric ends the healthy one in the next tick, and is named", () => {
  const { status } = play({ metrics: [{ interval: "20s", results: "S" }, { results: "F" }] });
  assert.equal(resultOf(status, "a")?.phase, "Successful");
  assert.equal(status.phase, "Failed");
  assert.equal(status.message, 'Metric "b" assessed Failed due to failed (1) > failureLimit (0)');
  assert.deepEqual(status.runSummary, { count: 2, successful: 1, failed: 1 });
});

test("AN-041 V15 Failed is worse than Error in the same tick", () => {
  const { status } = play({ metrics: [{ consecutiveErrorLimit: 0, results: "E" }, { results: "F" }] });
  assert.equal(status.phase, "Failed");
  assert.match(status.message!, /^Metric "b" assessed Failed/);
});

test("AN-045 the metric's own message follows the reason", () => {
  const { status } = play({ metrics: [{ results: "E", message: "no route" }] });
  assert.equal(status.message, `Metric "a" assessed Error due to ${consecutive}: "Error Message: no route"`);
});

test("AN-031 a metric with initialDelay is measured that long after the start", () => {
  const { measuredAt } = play({
    metrics: [{ initialDelay: "60s", interval: "20s", results: "SSE" }],
    untilSeconds: 135,
  });
  assert.deepEqual(measuredAt["a"], [60, 80, 100, 110, 120, 130]);
});

test("AN-044 a dry-run metric is measured and summed apart, and changes neither phase nor message", () => {
  const { status } = play({ metrics: [{ results: "S" }, { results: "F" }], dryRun: "^b$" });
  assert.equal(status.phase, "Successful");
  assert.equal(status.message, undefined);
  assert.deepEqual(status.dryRunSummary, { count: 1, failed: 1 });
  const dry = resultOf(status, "b")!;
  assert.equal(dry.dryRun, true);
  assert.equal(dry.message, "Metric assessed Failed due to failed (1) > failureLimit (0)");
});

test("SU-004 a terminated run is Successful within its limits, as in the original; the counters tell what it saw", () => {
  for (const [results, counter] of [
    ["F", "failed"],
    ["E", "error"],
  ] as const) {
    const { status } = play({ metrics: [{ interval: "20s", failureLimit: 3, results }], terminateAt: 5 });
    assert.deepEqual([status.phase, resultOf(status, "a")?.[counter]], ["Successful", 1]);
  }
});

test("AN-048 SU-011 a metric that fails by its count is no successful one of the summary, and the run says why", () => {
  const metrics = [{ interval: "10s", count: 2, failureLimit: -1, consecutiveSuccessLimit: 2, results: "FS" }];
  const { status } = play({ metrics });
  assert.deepEqual(status.runSummary, { count: 1, failed: 1 });
  assert.match(status.message ?? "", /due to consecutiveSuccess \(1\) < consecutiveSuccessLimit \(2\)$/);
});

test("AN-043 a run terminated before anything was measured is Successful", () => {
  const { status } = play({ metrics: [{ initialDelay: "60s", interval: "20s", results: "S" }], terminateAt: 5 });
  assert.equal(status.phase, "Successful");
  assert.equal(status.message, "Run Terminated");
});

test("AN-049 the newest ten measurements stay, counters keep the totals", () => {
  const { status } = play({ metrics: [{ interval: "10s", count: 15, results: "S" }] });
  const result = resultOf(status, "a")!;
  assert.equal(result.measurements?.length, 10);
  assert.equal(result.count, 15);
  assert.equal(result.measurements?.at(-1)?.startedAt, formatTime(start + 140_000));
});

test("AN-002 limits that are texts count as numbers", () => {
  const { status } = play({ metrics: [{ interval: "20s", count: "3", failureLimit: "1", results: "FF" }] });
  assert.equal(status.phase, "Failed");
});

test("a metric that never saw traffic does not pass", () => {
  const metric: Metric = { name: "a", interval: "10s", count: 2, provider: { web: {} } };
  const run = { apiVersion: "", kind: "", metadata: { name: "r" }, spec: { metrics: [metric] } } as AnalysisRun;
  let status: AnalysisRunStatus = { phase: "Running", startedAt: formatTime(start) };
  for (const isNoData of [true, true]) {
    status = startMeasurement(status, { run, metric, now: start });
    status = finishMeasurement(status, { run, name: "a", outcome: { phase: "Successful", isNoData }, now: start })!;
  }
  status = assessRun(run, status, { metrics: [metric], now: start }).status;
  status = assessRun(run, status, { metrics: [metric], now: start }).status;
  assert.equal(status.phase, "Inconclusive");
  assert.match(status.message!, /no data: 0 of 2 measurements saw anything/);
});
