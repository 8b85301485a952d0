import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./condition.ts";
import type { Value } from "./expression/index.ts";
import type { AnalysisPhase, Metric } from "./types.ts";
import { metricsProblem, validateRules } from "./validate.ts";

const successOnly = { successCondition: "result[0] >= 0.95" };
const failureOnly = { failureCondition: "result[0] < 0.95" };
const both = { ...successOnly, ...failureOnly };
const scalar = { successCondition: "result >= 0.95" };

function phaseOf(conditions: object, value: Value): AnalysisPhase {
  return judge(conditions, { value, text: String(value), ...(Array.isArray(value) ? { type: "[]float64" } : {}) }, 0)
    .phase;
}

const table: readonly (readonly [id: string, conditions: object, value: Value, phase: AnalysisPhase])[] = [
  ["EX-001 SU-003", {}, [1], "Successful"],
  ["EX-002", successOnly, [1], "Successful"],
  ["EX-002", successOnly, [0.5], "Failed"],
  ["EX-002", failureOnly, [0.5], "Failed"],
  ["EX-002", failureOnly, [1], "Successful"],
  ["EX-002", both, [1], "Successful"],
  ["EX-002", both, [0.5], "Failed"],
  ["EX-002", { successCondition: "true", failureCondition: "true" }, [1], "Failed"],
  ["EX-002", { successCondition: "false", failureCondition: "false" }, [1], "Inconclusive"],
  ["EX-020", successOnly, [Number.NaN], "Failed"],
  ["EX-020", both, [Number.NaN], "Inconclusive"],
  ["EX-020 SU-002", failureOnly, [Number.NaN], "Successful"],
  ["EX-020", successOnly, [Infinity], "Successful"],
  ["EX-020", both, [Infinity], "Successful"],
  ["EX-020", failureOnly, [Infinity], "Successful"],
  ["EX-020", successOnly, [], "Error"],
  ["EX-020", both, [], "Error"],
  ["EX-020", failureOnly, [], "Error"],
  ["EX-020", scalar, Number.NaN, "Failed"],
  ["EX-020", { ...scalar, failureCondition: "result < 0.95" }, Number.NaN, "Inconclusive"],
  ["EX-020", { failureCondition: "result < 0.95" }, Number.NaN, "Successful"],
];
for (const [id, conditions, value, phase] of table) {
  test(`${id} ${JSON.stringify(conditions)} of ${String(value) || "[]"} is ${phase}`, () =>
    assert.equal(phaseOf(conditions, value), phase));
}

test("EX-004 SU-001 an empty result says that no data came, whatever the cause", () => {
  const verdict = judge({ successCondition: "result[0] > 0.90" }, { value: [], type: "[]float64", text: "[]" }, 0);
  assert.deepEqual(verdict, {
    phase: "Error",
    message:
      'could not evaluate successCondition "result[0] > 0.90": metric result is nil or empty: no data returned from the metric provider',
    isNoData: true,
  });
});

test("EX-006 SU-001 a vector compared with a number names both types", () => {
  const { message } = judge({ successCondition: "result >= 0.95" }, { value: [1], type: "[]float64", text: "[1]" }, 0);
  assert.equal(
    message,
    'could not evaluate successCondition "result >= 0.95": invalid operation: >= (mismatched types []float64 and float64)',
  );
});

test("SU-030 default() does not help where the result is empty, and isNil asks its argument", () => {
  assert.equal(phaseOf({ successCondition: "default(result[0], 0) >= 0" }, []), "Error");
  assert.equal(phaseOf({ successCondition: "isNil(result)" }, null), "Successful");
  assert.equal(phaseOf({ successCondition: "!isNil(result)" }, 1), "Successful");
});

test("SE-013 a result without data says what the provider returned and what is known of it, unless the author thought of it", () => {
  const nan = { value: [Number.NaN], type: "[]float64", text: "[NaN]" };
  const verdict = judge(failureOnly, nan, 0);
  assert.equal(verdict.message, "nothing was measured: the metric provider returned [NaN]");
  const { message } = judge(failureOnly, { ...nan, absence: "requests" }, 0);
  assert.equal(message, "no traffic was measured (0 requests seen): the metric provider returned [NaN]");
  assert.equal(verdict.isNoData, true);
  const guarded = { successCondition: "len(result) == 0 || isNaN(result[0]) || result[0] >= 0.95" };
  assert.deepEqual(judge(guarded, nan, 0), { phase: "Successful" });
});

const metric: Metric = { name: "a", provider: { web: {} } };
const problems: readonly (readonly [id: string, metrics: readonly Metric[], problem: string | null])[] = [
  ["AN-021", [], "no metrics specified"],
  ["AN-022", [metric, metric], "metrics[1]: duplicate name 'a'"],
  [
    "AN-022",
    [{ ...metric, count: 1, failureLimit: -1, consecutiveSuccessLimit: 2 }],
    "metrics[0]: count must be >= consecutiveSuccessLimit",
  ],
  ["AN-022", [{ ...metric, count: 1, inconclusiveLimit: 2 }], "metrics[0]: count must be >= inconclusiveLimit"],
  [
    "AN-022",
    [{ ...metric, count: 3, interval: "1s", failureLimit: 2, consecutiveSuccessLimit: 2 }],
    "metrics[0]: count (3) must be >= failureLimit + consecutiveSuccessLimit (2 + 2) if both >= 0",
  ],
  ["AN-022", [{ ...metric, count: 2 }], "metrics[0]: interval must be specified when count > 1"],
  ["AN-022", [{ ...metric, interval: "x" }], 'metrics[0]: invalid interval string: time: invalid duration "x"'],
  ["AN-022", [{ ...metric, initialDelay: "5" }], 'metrics[0]: invalid startDelay string: time: invalid duration "5"'],
  ["AN-023", [{ ...metric, failureLimit: -2 }], "metrics[0]: failureLimit must be >= 0, or -1 to be disabled"],
  ["AN-023", [{ ...metric, inconclusiveLimit: -1 }], "metrics[0]: inconclusiveLimit must be >= 0"],
  ["AN-023", [{ ...metric, consecutiveErrorLimit: -1 }], "metrics[0]: consecutiveErrorLimit must be >= 0"],
  ["AN-023", [{ ...metric, consecutiveSuccessLimit: -1 }], "metrics[0]: consecutiveSuccessLimit must be >= 0"],
  [
    "AN-023",
    [{ ...metric, failureLimit: -1 }],
    "metrics[0]: failureLimit and consecutiveSuccessLimit cannot both be disabled",
  ],
  ["AN-024", [{ ...metric, provider: {} }], "metrics[0]: no provider specified"],
  ["AN-024", [{ ...metric, provider: { web: {}, prometheus: {} } }], "metrics[0]: multiple providers specified"],
  ["SE-001", [{ ...metric, initialDelay: "60s", interval: "20s", successCondition: "result[0] > 0.90" }], null],
];
for (const [id, metrics, problem] of problems) {
  test(`${id} metrics are refused with: ${problem ?? "nothing"}`, () => assert.equal(metricsProblem(metrics), problem));
}

test("AN-020 SU-016 a rule that matches no metric is refused", () => {
  validateRules([{ ...metric, name: "error-rate" }], { dryRun: [{ metricName: "rate" }] });
  assert.throws(() => validateRules([metric], { dryRun: [{ metricName: "*" }] }), {
    message: "dryRun[0]: Rule didn't match any metric name(s)",
  });
  assert.throws(() => validateRules([metric], { measurementRetention: [{ metricName: "x", limit: 1 }] }), {
    message: "measurementRetention[0]: Rule didn't match any metric name(s)",
  });
});
