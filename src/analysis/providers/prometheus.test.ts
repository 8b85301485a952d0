import assert from "node:assert/strict";
import { test } from "node:test";
import { MeasurementError, type Provider } from "../provider.ts";
import type { PrometheusMetric } from "../types.ts";
import { prometheus } from "./prometheus.ts";
import { measureWith, type Received, type Reply, startStub, testClock } from "./stub-server.fixture.ts";

const vector = (...values: string[]) => ({
  status: "success",
  data: { resultType: "vector", result: values.map((value) => ({ metric: {}, value: [1, value] })) },
});

async function ask(
  reply: (request: Received) => Reply | null,
  config: (url: string) => PrometheusMetric,
  options: Parameters<typeof measureWith>[2] & { successCondition?: string } = {},
) {
  const stub = await startStub(reply);
  try {
    const { successCondition = "result[0] > 0.9", ...rest } = options;
    const outcome = await measureWith(
      { prometheus },
      { successCondition, provider: { prometheus: config(stub.url) } },
      rest,
    );
    return { ...outcome, received: stub.received, url: stub.url };
  } finally {
    await stub.stop();
  }
}

test("MP-003 an instant query is posted under the address's own path", async () => {
  const { received, phase, value, metricMetadata } = await ask(
    () => ({ body: vector("0.95") }),
    (url) => ({ address: `${url}/api/v1/prometheus/`, query: "up", headers: [{ key: "X-Scope-OrgID", value: "t" }] }),
  );
  assert.deepEqual([phase, value], ["Successful", "[0.95]"]);
  assert.equal(received[0]?.method, "POST");
  assert.equal(received[0]?.path, "/api/v1/prometheus/api/v1/query");
  assert.equal(received[0]?.headers["x-scope-orgid"], "t");
  const form = new URLSearchParams(received[0]?.body);
  assert.deepEqual(Object.fromEntries(form), { query: "up", time: String(testClock.now() / 1000), timeout: "30s" });
  assert.deepEqual(metricMetadata, { ResolvedPrometheusQuery: "up" });
});

test("MP-003 a server that knows no POST is asked by GET", async () => {
  const { received, phase } = await ask(
    ({ method }) => (method === "POST" ? { status: 405, body: "" } : { body: vector("1") }),
    (url) => ({ address: url, query: "up" }),
  );
  assert.equal(phase, "Successful");
  assert.match(received[1]?.path ?? "", /^\/api\/v1\/query\?query=up&/);
});

const results: readonly (readonly [
  resultType: string,
  result: unknown,
  condition: string,
  value: string,
  phase: string,
])[] = [
  ["scalar", [1, "10"], "result == 10", "10", "Successful"],
  ["vector", [{ value: [1, "10"] }, { value: [1, "11"] }], "result[1] == 11", "[10,11]", "Successful"],
  [
    "matrix",
    [
      {
        values: [
          [1, "11"],
          [2, "12"],
        ],
      },
      { values: [[1, "1e-9"]] },
    ],
    "len(result) == 3",
    "[11,12,0.000000001]",
    "Successful",
  ],
  ["vector", [{ value: [1, "NaN"] }], "result[0] > 0.9", "[NaN]", "Failed"],
  ["vector", [{ value: [1, "+Inf"] }], "result[0] > 0.9", "[+Inf]", "Successful"],
  ["vector", [], "result[0] > 0.9", "[]", "Error"],
];
for (const [resultType, result, successCondition, value, phase] of results) {
  test(`MP-005 a ${resultType} is stored as ${value}`, async () => {
    const outcome = await ask(
      () => ({ body: { status: "success", data: { resultType, result } } }),
      (url) => ({ address: url, query: "up" }),
      { successCondition },
    );
    assert.deepEqual([outcome.phase, outcome.value], [phase, value]);
  });
}

const failures: readonly (readonly [id: string, reply: Reply, message: string])[] = [
  [
    "MP-008",
    {
      status: 400,
      body: { status: "error", errorType: "bad_data", error: 'invalid parameter "query": 1:5: parse error: x' },
    },
    'bad_data: invalid parameter "query": 1:5: parse error: x',
  ],
  [
    "MP-008",
    { status: 422, body: { status: "error", errorType: "execution", error: "too many" } },
    "execution: too many",
  ],
  ["MP-008", { status: 404, body: "" }, "client_error: client error: 404"],
  ["MP-008", { status: 503, body: "" }, "server_error: server error: 503"],
  [
    "MP-005",
    { body: { status: "success", data: { resultType: "string", result: [1, "x"] } } },
    "Prometheus metric type not supported",
  ],
];
for (const [id, reply, message] of failures) {
  test(`${id} a measurement errs with: ${message}`, async () => {
    const outcome = await ask(
      () => reply,
      (url) => ({ address: url, query: "up" }),
    );
    assert.deepEqual([outcome.phase, outcome.message], ["Error", message]);
    assert.deepEqual(outcome.metricMetadata, { ResolvedPrometheusQuery: "up" });
  });
}

const configurations: readonly (readonly [id: string, config: PrometheusMetric, message: string])[] = [
  ["MP-002", { query: "up" }, "prometheus address is not configured"],
  ["MP-002", { address: "nonsense", query: "up" }, "prometheus address is not is url format"],
  ["MP-001", { address: "http://x:1", timeout: -1 }, "prometheus timeout should not be negative"],
  ["MP-001 SU-031", { address: "http://x:1", timeout: 0 }, 'Post "http://x:1/api/v1/query": context deadline exceeded'],
  [
    "MP-009",
    { address: "http://x:1", authentication: { oauth2: { tokenUrl: "http://y" } } },
    "missing mandatory parameter in metric for OAuth2 setup",
  ],
  [
    "MP-009",
    { address: "http://x:1", authentication: { basicAuth: { password: "p" } } },
    "missing mandatory parameter in metric for basic auth setup: username",
  ],
  [
    "MP-009",
    { address: "http://x:1", authentication: { basicAuth: { username: "u" } } },
    "missing mandatory parameter in metric for basic auth setup: password",
  ],
  [
    "MP-004",
    { address: "http://x:1", rangeQuery: { start: "1", end: "now()", step: "1m" } },
    "failed to parse rangeQuery.start as time: expected time.Time, but got int",
  ],
  [
    "MP-004",
    { address: "http://x:1", rangeQuery: { start: "now()", end: "now()", step: "soon" } },
    'failed to parse rangeQuery.step as duration: time: invalid duration "soon"',
  ],
];
for (const [id, config, message] of configurations) {
  test(`${id} a configuration errs with: ${message}`, async () => {
    const outcome = await measureWith({ prometheus }, { provider: { prometheus: config } });
    assert.deepEqual([outcome.phase, outcome.message], ["Error", message]);
  });
}

test("EX-005 SU-012 the value is stored although the condition cannot be evaluated", async () => {
  const { phase, value } = await ask(
    () => ({ body: vector("3") }),
    (url) => ({ address: url, query: "up" }),
    { successCondition: "result > 1" },
  );
  assert.deepEqual([phase, value], ["Error", "[3]"]);
});

test("MP-004 a range query sends start, end and step", async () => {
  const { received } = await ask(
    () => ({ body: vector("1") }),
    (url) => ({
      address: url,
      query: "up",
      rangeQuery: { start: 'now() - duration("5m")', end: "now()", step: "1m" },
    }),
  );
  const now = testClock.now() / 1000;
  assert.equal(received[0]?.path, "/api/v1/query_range");
  const form = Object.fromEntries(new URLSearchParams(received[0]?.body));
  assert.deepEqual(form, { query: "up", start: String(now - 300), end: String(now), step: "60", timeout: "30s" });
});

test("MP-009 OAuth2 fetches a token first, basic authentication sends the pair", async () => {
  const { received, phase } = await ask(
    ({ path }) => ({ body: path === "/token" ? { access_token: "t0k" } : vector("1") }),
    (url) => ({
      address: url,
      query: "up",
      authentication: { oauth2: { tokenUrl: `${url}/token`, clientId: "c", clientSecret: "s", scopes: ["a", "b"] } },
    }),
  );
  assert.equal(phase, "Successful");
  assert.equal(received[0]?.body, "grant_type=client_credentials&scope=a+b");
  assert.equal(received[1]?.headers.authorization, "Bearer t0k");
  const withBasic = await ask(
    () => ({ body: vector("1") }),
    (url) => ({ address: url, query: "up", authentication: { basicAuth: { username: "u", password: "p" } } }),
  );
  assert.equal(withBasic.received[0]?.headers.authorization, `Basic ${btoa("u:p")}`);
});

test("MP-009 requests to Amazon's Prometheus are signed", async () => {
  const environment = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s" };
  const sigv4 = { region: "eu-west-1" };
  const { received, phase } = await ask(
    () => ({ body: vector("1") }),
    (url) => ({ address: `${url}/workspaces/aps-workspaces`, query: "up", authentication: { sigv4 } }),
    { context: { environment } },
  );
  assert.equal(phase, "Successful");
  assert.match(received[0]?.headers.authorization ?? "", /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-west-1\/aps\//);
});

const seedQuery = `sum(irate(istio_requests_total{reporter="source",
  destination_service=~"canary.default.svc.cluster.local",response_code!~"5.*"}[40s]))
  / sum(irate(istio_requests_total{reporter="source",destination_service=~"canary.default.svc.cluster.local"}[40s]))`;

const hints: readonly (readonly [services: readonly string[], hint: RegExp])[] = [
  [
    ["istio-rollout-canary.default.svc.cluster.local", "istio-rollout-stable.default.svc.cluster.local"],
    /^query matched no series: istio_requests_total with destination_service=~"canary\.default.*" does not exist; regular expressions match the whole label value; existing values of destination_service: istio-rollout-canary\..*; did you mean istio-rollout-canary\.default\.svc\.cluster\.local\?$/,
  ],
  [[], /^query matched no series: istio_requests_total has none yet: was there any request\?$/],
  [["canary.default.svc.cluster.local"], /no series has all of them/],
];
for (const [services, hint] of hints) {
  test(`SE-003 an empty answer comes with a hint: ${hint.source.slice(0, 60)}`, async () => {
    const { phase, message, metadata } = await ask(
      ({ path }) => {
        if (!path.startsWith("/api/v1/label/")) return { body: vector() };
        const names = services.length === 0 ? [] : ["istio_requests_total"];
        const values = path.includes("destination_service") ? services : path.includes("__name__") ? names : ["source"];
        return { body: { status: "success", data: values } };
      },
      (url) => ({ address: url, query: seedQuery }),
      { successCondition: "result[0] > 0.90" },
    );
    assert.equal(phase, "Error");
    assert.equal(
      message,
      'could not evaluate successCondition "result[0] > 0.90": metric result is nil or empty: no data returned from the metric provider',
    );
    assert.match(metadata?.["hint"] ?? "", hint);
  });
}

const bareHints: readonly (readonly [
  query: string,
  values: Readonly<Record<string, readonly string[]>>,
  hint: string,
])[] = [
  ["nothing_here", {}, "query matched no series: nothing_here has none yet"],
  ["up > 5", { __name__: ["up"] }, "query gave no value, although its metrics have series"],
  ['up{zone="a"}', { __name__: ["up"] }, "query matched no series: up has no label zone"],
  [
    'up{job="a",zone="b"}',
    { __name__: ["up"], job: ["a"], zone: ["b"] },
    "query matched no series: each label exists by itself, but no series has all of them",
  ],
];
for (const [query, values, hint] of bareHints) {
  test(`SE-003 the hint claims only what is known: ${query}`, async () => {
    const { metadata } = await ask(
      ({ path }) => {
        const [, label = ""] = /^\/api\/v1\/label\/(\w+)\//.exec(path) ?? [];
        return { body: label === "" ? vector() : { status: "success", data: values[label] ?? [] } };
      },
      (url) => ({ address: url, query }),
    );
    assert.equal(metadata?.["hint"], hint);
  });
}

for (const [query, what] of [
  [seedQuery, "no traffic was measured (0 requests seen)"],
  ["sum(cache_hits) / sum(cache_reads)", "nothing was measured"],
] as const) {
  test(`SE-013 NaN is told as what it is known to be: ${what}`, async () => {
    const { phase, message } = await ask(
      () => ({ body: vector("NaN") }),
      (url) => ({ address: url, query }),
    );
    assert.deepEqual([phase, message], ["Failed", `${what}: the metric provider returned [NaN]`]);
  });
}

/** Answers the query with `value`, and the count behind it with what each code has. */
function counting(value: string, codes: Readonly<Record<string, string>> | null) {
  return ({ body }: { readonly body: string }): Reply => {
    const { query } = Object.fromEntries(new URLSearchParams(body));
    if (!query?.startsWith("sum by (response_code) (increase(")) return { body: vector(value) };
    if (codes === null) return { status: 500, body: "" };
    const result = Object.entries(codes).map(([code, count]) => ({
      metric: code === "" ? {} : { response_code: code },
      value: [1, count],
    }));
    return { body: { status: "success", data: { resultType: "vector", result } } };
  };
}

const RATIO = "sum(rate(good_total[40s])) / sum(rate(http_requests_total[40s]))";
const COUNT = "sum by (response_code) (increase(http_requests_total[40s]))";

test("EC-020 a failed measurement says in numbers why; one that succeeds asks for nothing more", async () => {
  const failed = await ask(
    counting("0.5", { 200: "18.4", 503: "18.6", 404: "0.2" }),
    (url) => ({ address: url, query: RATIO }),
    { successCondition: "result[0] > 0.9" },
  );
  assert.deepEqual([failed.phase, failed.message], ["Failed", undefined], "the original's text stays");
  assert.equal(
    failed.reason,
    'measured [0.5]: successCondition "result[0] > 0.9" does not hold; about 37 requests in 40s: 19 × 503, 18 × 200',
  );
  assert.equal(new URLSearchParams(failed.received[1]?.body).get("query"), COUNT);
  const passed = await ask(counting("1", {}), (url) => ({ address: url, query: RATIO }), {
    successCondition: "result[0] > 0.9",
  });
  assert.deepEqual([passed.phase, passed.reason, passed.received.length], ["Successful", undefined, 1]);
});

test("EC-020 a count that cannot be had is left out", async () => {
  const { phase, reason } = await ask(counting("0.5", null), (url) => ({ address: url, query: RATIO }), {
    successCondition: "result[0] > 0.9",
  });
  assert.equal(phase, "Failed");
  assert.equal(reason, 'measured [0.5]: successCondition "result[0] > 0.9" does not hold; in a window of 40s');
});

const noData: readonly (readonly [policy: string, value: string | null, phase: string])[] = [
  ["error", "NaN", "Error"],
  ["fail", null, "Failed"],
  ["pass", null, "Successful"],
  ["pass", "NaN", "Successful"],
  ["pause", null, "Inconclusive"],
  ["wait", null, "Running"],
  ["wait", "0.5", "Failed"],
];
for (const [policy, value, phase] of noData) {
  test(`EC-021 on-no-data: ${policy} makes ${value ?? "an empty answer"} ${phase}`, async () => {
    const outcome = await ask(
      ({ path }) =>
        path.startsWith("/api/v1/label/")
          ? { status: 404, body: "" }
          : { body: value === null ? vector() : vector(value) },
      (url) => ({ address: url, query: RATIO }),
      { successCondition: "result[0] > 0.9", annotations: { "argo.fairway.dev/on-no-data": policy } },
    );
    assert.equal(outcome.phase, phase);
    if (value !== "0.5")
      assert.match(outcome.message ?? "", new RegExp(`\\(argo.fairway.dev/on-no-data: ${policy}\\)$`));
    assert.equal(outcome.resumeAt, phase === "Running" ? testClock.now() + 10_000 : undefined);
  });
}

test("EC-021 an annotation that is none, written while the run goes on, is an Error and nothing worse", async () => {
  const silent: Provider = {
    type: "Web",
    measure: () => Promise.reject(new MeasurementError("no values found", {}, { isNoData: true })),
  };
  const annotations = { "argo.fairway.dev/on-no-data": "ignore" };
  const outcome = await measureWith({ web: silent }, { provider: { web: {} } }, { annotations });
  assert.equal(outcome.phase, "Error");
  assert.match(outcome.message ?? "", /"ignore" is none of/);
});

test("EC-021 SU-001 a provider that has nothing to tell follows the policy too, and its message stays", async () => {
  const silent: Provider = {
    type: "Graphite",
    measure: () => Promise.reject(new MeasurementError("no values found", {}, { isNoData: true })),
  };
  const metric = { interval: "20s", provider: { graphite: {} } };
  const annotations = { "argo.fairway.dev/on-no-data": "wait" };
  const outcome = await measureWith({ graphite: silent }, metric, { annotations });
  assert.deepEqual(
    [outcome.phase, outcome.message, outcome.resumeAt],
    ["Running", "no values found (argo.fairway.dev/on-no-data: wait)", testClock.now() + 20_000],
  );
  const plain = await measureWith({ graphite: silent }, metric);
  assert.deepEqual([plain.phase, plain.message], ["Error", "no values found"]);
});

const few: readonly (readonly [codes: Readonly<Record<string, string>> | null, expected: string])[] = [
  [{ 200: "21" }, "Successful"],
  [{ "": "21" }, "Successful"],
  [
    { 200: "19.4" },
    "Error about 19 requests in 40s: 19 × 200; argo.fairway.dev/min-samples is 20 (argo.fairway.dev/on-no-data: error)",
  ],
  [{}, "Error about 0 requests in 40s; argo.fairway.dev/min-samples is 20 (argo.fairway.dev/on-no-data: error)"],
  [
    null,
    "Error the requests behind the value could not be counted; argo.fairway.dev/min-samples is 20 (argo.fairway.dev/on-no-data: error)",
  ],
];
for (const [codes, expected] of few) {
  test(`EC-021 min-samples: 20 with ${JSON.stringify(codes)}: ${expected}`, async () => {
    const { phase, message } = await ask(counting("1", codes), (url) => ({ address: url, query: RATIO }), {
      successCondition: "result[0] > 0.9",
      annotations: { "argo.fairway.dev/min-samples": "20" },
    });
    assert.equal([phase, ...(message ? [message] : [])].join(" "), expected);
  });
}

test("MP-006 warnings of the API stand in the measurement", async () => {
  const { metadata } = await ask(
    () => ({ body: { ...vector("1"), warnings: ["w1", "w2"] } }),
    (url) => ({ address: url, query: "up" }),
  );
  assert.deepEqual(metadata, { warnings: '"w1", "w2"' });
});

test("MP-008 nobody listening is told in Go's words", async () => {
  const stub = await startStub(() => null);
  await stub.stop();
  const config = { address: stub.url, query: "up" };
  const { message } = await measureWith({ prometheus }, { provider: { prometheus: config } });
  const host = new URL(stub.url).host;
  assert.equal(message, `Post "${stub.url}/api/v1/query": dial tcp ${host}: connect: connection refused`);
});

test("MP-008 a server that never answers runs into the deadline", async () => {
  const stub = await startStub(() => {
    setImmediate(() => testClock.advanceTo(testClock.now() + 5000));
    return null;
  });
  const config = { address: stub.url, query: "up", timeout: 5 };
  const { message } = await measureWith({ prometheus }, { provider: { prometheus: config } });
  assert.equal(message, `Post "${stub.url}/api/v1/query": context deadline exceeded`);
  await stub.stop();
});

test("SE-008 an alias answers for the address as written, and the status tells", async () => {
  const stub = await startStub(() => ({ body: vector("1") }));
  const written = "http://prometheus.istio-system:9090";
  const outcome = await measureWith(
    { prometheus },
    { provider: { prometheus: { address: written, query: "up" } } },
    { context: { addressOf: (address) => (address === written ? stub.url : address) } },
  );
  assert.equal(outcome.phase, "Successful");
  assert.equal(outcome.metricMetadata?.["PrometheusAddress"], stub.url);
  await stub.stop();
});
