import assert from "node:assert/strict";
import { test } from "node:test";
import { dataPolicyOf, dataPolicyProblem, MIN_SAMPLES, ON_NO_DATA, runPolicies } from "./policy.ts";
import type { AnalysisTemplate, Metric } from "./types.ts";

const web = (name: string): Metric => ({ name, provider: { web: { url: "http://x/" } } });
const ratio = (name: string): Metric => ({
  name,
  provider: { prometheus: { query: "sum(rate(a[1m])) / sum(rate(http_requests_total[1m]))" } },
});
const annotated = (annotations: Record<string, string>) => ({ metadata: { annotations } });

const policies: readonly (readonly [annotations: Record<string, string>, metric: string, expected: string])[] = [
  [{}, "a", "null 0"],
  [{ [ON_NO_DATA]: "wait" }, "a", "wait 0"],
  [{ [ON_NO_DATA]: "a=wait, fail" }, "a", "wait 0"],
  [{ [ON_NO_DATA]: "a=wait, fail" }, "b", "fail 0"],
  [{ [ON_NO_DATA]: "a=wait" }, "b", "null 0"],
  [{ [ON_NO_DATA]: "a=b=pause" }, "a=b", "pause 0"],
  [{ [MIN_SAMPLES]: "20" }, "a", "error 20"],
  [{ [ON_NO_DATA]: "pass", [MIN_SAMPLES]: "b=20" }, "a", "pass 0"],
  [{ [ON_NO_DATA]: "pass", [MIN_SAMPLES]: "b=20" }, "b", "pass 20"],
];
for (const [annotations, metric, expected] of policies) {
  test(`EC-021 ${JSON.stringify(annotations)} of metric ${metric}: ${expected}`, () => {
    const { onNoData, minSamples } = dataPolicyOf(annotated(annotations), metric);
    assert.equal(`${onNoData} ${minSamples}`, expected);
  });
}

const problems: readonly (readonly [annotations: Record<string, string>, problem: RegExp | null])[] = [
  [{}, null],
  [{ [ON_NO_DATA]: "wait", [MIN_SAMPLES]: "ratio=20" }, null],
  [{ [ON_NO_DATA]: "ignore" }, /on-no-data: "ignore" is none of error, fail, pass, pause, wait$/],
  [{ [ON_NO_DATA]: "" }, /on-no-data: "" is none of/],
  [{ [ON_NO_DATA]: "wait,fail" }, /"wait,fail" says two things about one metric/],
  [{ [ON_NO_DATA]: "rate=wait" }, /on-no-data: there is no metric "rate"/],
  [{ [MIN_SAMPLES]: "0" }, /min-samples: "0" is no number of requests above 0/],
  [{ [MIN_SAMPLES]: "ratio=many" }, /"many" is no number/],
  [{ [MIN_SAMPLES]: "20" }, /the requests behind metric "web" cannot be counted; .*min-samples: METRIC=NUMBER$/],
];
for (const [annotations, problem] of problems) {
  test(`EC-021 a run with ${JSON.stringify(annotations)} ${problem ? "is refused" : "is fine"}`, () => {
    const found = dataPolicyProblem(annotated(annotations), [web("web"), ratio("ratio")]);
    if (problem) assert.match(found ?? "", problem);
    else assert.equal(found, null);
  });
}

test("EC-021 a template's arguments are not in its queries yet: only a run is asked whether requests can be counted", () => {
  const query = "sum(rate(a[{{args.window}}])) / sum(rate(http_requests_total[{{args.window}}]))";
  const metrics = [{ name: "a", provider: { prometheus: { query } } }];
  assert.equal(dataPolicyProblem(annotated({ [MIN_SAMPLES]: "5" }), metrics, { isTemplate: true }), null);
});

function aTemplate(metrics: string[], annotations?: Record<string, string>): AnalysisTemplate {
  const metadata = { name: metrics.join("-"), ...(annotations ? { annotations } : {}) };
  return { apiVersion: "", kind: "AnalysisTemplate", metadata, spec: { metrics: metrics.map(web) } };
}

test("EC-021 a run takes over what each of its templates says, and nothing where none says anything", () => {
  assert.deepEqual(runPolicies([aTemplate(["a"]), aTemplate(["b"], { other: "x" })]), {});
  assert.deepEqual(runPolicies([aTemplate(["a", "b"], { [ON_NO_DATA]: "wait" })]), { [ON_NO_DATA]: "wait" });
  const several = [
    aTemplate(["a", "b"], { [ON_NO_DATA]: "b=pass, wait" }),
    aTemplate(["c"], { [ON_NO_DATA]: "fail", [MIN_SAMPLES]: "7" }),
    aTemplate(["d"]),
  ];
  const taken = runPolicies(several);
  assert.deepEqual(taken, { [ON_NO_DATA]: "a=wait, b=pass, c=fail", [MIN_SAMPLES]: "c=7" });
  assert.equal(dataPolicyOf(annotated(taken), "d").onNoData, null);
});
