import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { type ApiRequest, handleApi } from "./api.ts";
import { TargetSamples } from "./scrape.ts";
import { createPrometheusServer } from "./server.ts";
import { SampleStore } from "./store.ts";

const store = new SampleStore();
const clock = new VirtualClock(1_435_781_451_781);
const target = new TargetSamples(store, { job: "mesh" });
target.scrape('# TYPE x counter\n# HELP x What.\nx{l="a"} 1\nx{l="b"} NaN\ny +Inf\n', clock.now() - 1000);

function call(url: string, request: Partial<ApiRequest> = {}, pathPrefix: string | null = null) {
  const response = handleApi({ method: "GET", url, ...request }, { store, clock, pathPrefix });
  return {
    status: response.status,
    body: response.contentType.includes("json") ? JSON.parse(response.body) : response.body,
  };
}

const encode = encodeURIComponent;

interface Result {
  readonly data: { readonly result: unknown[] };
}

test("6.3 a vector: labels, time with a fraction, values as text", () => {
  assert.deepEqual(call("/api/v1/query?query=x").body, {
    status: "success",
    data: {
      resultType: "vector",
      result: [
        { metric: { __name__: "x", job: "mesh", l: "a" }, value: [1435781451.781, "1"] },
        { metric: { __name__: "x", job: "mesh", l: "b" }, value: [1435781451.781, "NaN"] },
      ],
    },
  });
});

const form = (fields: Record<string, string>) => ({ method: "POST", body: new URLSearchParams(fields).toString() });

test("6.3 POST with a form, an own time, a scalar", () => {
  const { body } = call("/api/v1/query", form({ query: "1e999", time: "2015-07-01T20:10:51Z" }));
  assert.deepEqual(body.data, { resultType: "scalar", result: [1435781451, "+Inf"] });
});

test("6.3 a matrix from query_range", () => {
  const { body } = call(
    "/api/v1/query_range",
    form({ query: "y", start: "1435781450", end: "1435781452", step: "1s" }),
  );
  assert.deepEqual(body.data, {
    resultType: "matrix",
    result: [
      {
        metric: { __name__: "y", job: "mesh" },
        values: [
          [1435781451, "+Inf"],
          [1435781452, "+Inf"],
        ],
      },
    ],
  });
});

for (const prefix of ["", "/prometheus", "/workspaces/1/api/v1/prometheus"]) {
  test(`SE-008 the prefix "${prefix}" of an address`, () => {
    assert.equal(call(`${prefix}/api/v1/query?query=1`).status, 200);
    assert.equal(call(`${prefix}/api/v1/query?query=1`, {}, `${prefix}/`).status, 200);
    assert.equal(call(`${prefix}/-/healthy`).body, "Prometheus Server is Healthy.\n");
  });
}

test("SE-008 another prefix than the configured one is not found", () => {
  assert.equal(call("/other/api/v1/query?query=1", {}, "/prometheus").status, 404);
});

const errors: readonly (readonly [name: string, url: string, status: number, type: string, error: RegExp])[] = [
  [
    "PQ-014 a parse error",
    "/api/v1/query?query=foo%20bar",
    400,
    "bad_data",
    /^invalid parameter "query": 1:5: parse error: unexpected identifier "bar"$/,
  ],
  [
    "no query",
    "/api/v1/query",
    400,
    "bad_data",
    /^invalid parameter "query": 1:1: parse error: no expression found in input$/,
  ],
  [
    "an execution error",
    `/api/v1/query?query=${encode('count_values("1", x)')}`,
    422,
    "execution",
    /^invalid label name "1"$/,
  ],
  [
    "a bad time",
    "/api/v1/query?query=x&time=soon",
    400,
    "bad_data",
    /^invalid parameter "time": cannot parse "soon" to a valid timestamp$/,
  ],
  [
    "a bad step",
    "/api/v1/query_range?query=x&start=0&end=1&step=x",
    400,
    "bad_data",
    /cannot parse "x" to a valid duration/,
  ],
  [
    "step 0",
    "/api/v1/query_range?query=x&start=0&end=1&step=0",
    400,
    "bad_data",
    /zero or negative query resolution step widths/,
  ],
  [
    "no start",
    "/api/v1/query_range?query=x&end=1&step=1",
    400,
    "bad_data",
    /^invalid parameter "start": cannot parse "" to a valid timestamp$/,
  ],
  [
    "an end before the start",
    "/api/v1/query_range?query=x&start=2&end=1&step=1",
    400,
    "bad_data",
    /end timestamp must not be before start time/,
  ],
  ["too many points", "/api/v1/query_range?query=x&start=0&end=11001&step=1", 400, "bad_data", /11,000 points/],
  ["series without a selector", "/api/v1/series", 400, "bad_data", /no match\[\] parameter provided/],
  ["a bad selector", "/api/v1/series?match[]=1", 400, "bad_data", /^invalid parameter "match\[\]"/],
  ["a bad label", "/api/v1/label/a-b/values", 400, "bad_data", /^invalid label name: "a-b"$/],
  ["a broken escape in a label", "/api/v1/label/%E0%A4%A/values", 400, "bad_data", /invalid label name/],
  [
    "an endpoint that is not here",
    "/api/v1/admin/tsdb/snapshot",
    404,
    "not_found",
    /no endpoint .*: found \/api\/v1\/query/,
  ],
];
for (const [name, url, status, type, error] of errors) {
  test(`6.3 ${name}: ${status} ${type}`, () => {
    const answer = call(url);
    assert.equal(answer.status, status);
    assert.equal(answer.body.status, "error");
    assert.equal(answer.body.errorType, type);
    assert.match(answer.body.error, error);
  });
}

test("6.3 labels, values, series, metadata", () => {
  assert.deepEqual(call("/api/v1/labels").body.data, ["__name__", "job", "l"]);
  assert.deepEqual(call("/api/v1/labels?match[]=y").body.data, ["__name__", "job"]);
  assert.deepEqual(call("/api/v1/label/l/values").body.data, ["a", "b"]);
  assert.deepEqual(call("/api/v1/label/l/values?end=5").body.data, []);
  assert.deepEqual(call(`/api/v1/series?match[]=${encode('x{l="a"}')}&match[]=y`).body.data, [
    { __name__: "x", job: "mesh", l: "a" },
    { __name__: "y", job: "mesh" },
  ]);
  assert.deepEqual(call("/api/v1/metadata?metric=x").body.data, { x: [{ type: "counter", help: "What.", unit: "" }] });
  assert.equal(call("/api/v1/status/buildinfo").body.data.branch, "fairway");
});

test("6.3 limit cuts and says so", () => {
  const { data, warnings } = call("/api/v1/query?query=x&limit=1").body;
  assert.equal(data.result.length, 1);
  assert.deepEqual(warnings, ["results truncated due to limit"]);
});

test("MP-006 warnings and infos are part of the answer", () => {
  const { warnings, infos } = call(`/api/v1/query?query=${encode("quantile(2, rate(x[1m]))")}`).body;
  assert.deepEqual(warnings, ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]);
  assert.equal(infos, undefined);
});

test("MP-003 the server answers GET and POST, refuses others with 405 (so that clients fall back)", async () => {
  const server = await createPrometheusServer({ store, clock, port: 0 });
  try {
    const post = await fetch(`${server.url}/p/api/v1/query`, {
      method: "POST",
      body: new URLSearchParams({ query: "1" }),
    });
    assert.equal(((await post.json()) as Result).data.result[1], "1");
    const get = await fetch(`${server.url}/api/v1/query?query=2`);
    assert.equal(((await get.json()) as Result).data.result[1], "2");
    assert.equal((await fetch(`${server.url}/api/v1/query?query=2`, { method: "DELETE" })).status, 405);
    const huge = await fetch(`${server.url}/api/v1/query`, { method: "POST", body: "x".repeat(2 ** 20 + 1) });
    assert.equal(huge.status, 413);
  } finally {
    await server.close();
  }
});
