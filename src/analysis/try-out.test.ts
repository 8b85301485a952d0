import assert from "node:assert/strict";
import { test } from "node:test";
import { createHttp } from "./http.ts";
import type { Provider, Providers } from "./provider.ts";
import { prometheus } from "./providers/prometheus.ts";
import { startStub, testClock } from "./providers/stub-server.fixture.ts";
import { type TriedMetric, tryOut } from "./try-out.ts";
import type { AnalysisRunSpec, Metric } from "./types.ts";

/** EC-024: one measurement of each metric, without a run in the cluster. */

async function tried(
  spec: AnalysisRunSpec,
  providers: Providers,
  annotations: Record<string, string> = {},
): Promise<readonly TriedMetric[]> {
  const { http, close } = createHttp({ clock: testClock });
  const context = {
    http,
    clock: testClock,
    secrets: async () => ({ key: "hush" }),
    environment: {},
    controllerNamespace: "argo-rollouts",
  };
  const metadata = { name: "t", namespace: "ns", annotations };
  try {
    return await tryOut({ apiVersion: "", kind: "AnalysisRun", metadata, spec }, { providers, context });
  } finally {
    await close();
  }
}

const vector = (...series: (readonly [labels: Record<string, string>, value: string])[]) => ({
  status: "success",
  data: { resultType: "vector", result: series.map(([metric, value]) => ({ metric, value: [1, value] })) },
});

test("EC-024 SE-003 a trial shows value, conditions, requests, and what each selector finds", async () => {
  const stub = await startStub(({ path, body }) => {
    if (path.includes("/label/__name__/")) return { body: { status: "success", data: ["http_requests_total"] } };
    if (path.includes("/label/")) return { body: { status: "success", data: ["shop"] } };
    const query = new URLSearchParams(body).get("query") ?? "";
    if (query.startsWith("sum by (response_code)")) return { body: vector([{ response_code: "200" }, "12.2"]) };
    if (query.startsWith('count by (app, code) (http_requests_total{ app="shop"')) {
      return { body: vector([{ app: "shop", code: "200" }, "2"], [{ app: "shop", code: "404" }, "1"]) };
    }
    if (query.startsWith("count by")) return { body: vector() };
    return { body: vector([{}, "0.5"]) };
  });
  const query = `sum(rate(http_requests_total{
    app="shop",code!~"5.*"}[1m])) / sum(rate(http_requests_total{app="{{args.app}}"}[1m]))`;
  const metric = {
    name: "rate",
    successCondition: "result[0] > {{args.least}}",
    provider: { prometheus: { address: stub.url, query } },
  };
  const args = [
    { name: "app", value: "shap" },
    { name: "least", value: "0.9" },
  ];
  const [found] = await tried({ metrics: [metric], args }, { prometheus });
  await stub.stop();
  assert.deepEqual([found?.phase, found?.value, found?.successCondition], ["Failed", "[0.5]", "result[0] > 0.9"]);
  assert.match(found?.reason ?? "", /^measured \[0\.5\]: .*; about 12 requests in 1m: 12 × 200$/);
  assert.equal(found?.requests?.total, 12);
  assert.deepEqual(
    found?.selectors.map(({ selector, seriesCount, series }) => [selector, seriesCount, series.length]),
    [
      ['http_requests_total{ app="shop",code!~"5.*"}', 3, 2],
      ['http_requests_total{app="shap"}', 0, 0],
    ],
  );
  assert.equal(
    found?.selectors[1]?.hint,
    'query matched no series: http_requests_total with app="shap" does not exist; existing values of app: shop',
  );
});

const web = (provider: Metric["provider"], successCondition = "result > 0.5"): Metric => ({
  name: "m",
  successCondition,
  provider,
});
const one: Provider = {
  type: "Web",
  measure: async ({ metric }) => ({ kind: "result", result: { value: 1, text: metric.provider.web?.url ?? "" } }),
};

test("EC-024 AN-019 a secret is used and not shown; a Job is not run; bad metrics are refused", async () => {
  const secret = { name: "key", valueFrom: { secretKeyRef: { name: "s", key: "key" } } };
  const job = { name: "job", provider: { job: { spec: {} } } };
  const metrics = [web({ web: { url: "http://{{args.key}}/" } }), job];
  const found = await tried({ metrics, args: [secret] }, { web: one });
  assert.deepEqual(
    found.map(({ phase, value }) => [phase, value]),
    [
      ["Successful", "http://*****/"],
      ["Skipped", null],
    ],
  );
  await assert.rejects(tried({ metrics: [job, job] }, {}), /^AnalysisSpecError: metrics\[1\]: duplicate name 'job'$/);
});

test("EC-024 EC-021 a policy counts in a trial too, and does not wait", async () => {
  const nothing: Provider = {
    type: "Web",
    measure: async () => ({ kind: "result", result: { value: null, text: "null" } }),
  };
  const metrics = [web({ web: { url: "http://x/" } })];
  const [found] = await tried({ metrics }, { web: nothing }, { "argo.fairway.dev/on-no-data": "wait" });
  assert.equal(found?.phase, "Running");
  assert.match(found?.message ?? "", /no data returned .* \(argo\.fairway\.dev\/on-no-data: wait\)$/);
});
