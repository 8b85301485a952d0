import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricProvider } from "../types.ts";
import { providers } from "./index.ts";
import { fluxValues } from "./influxdb.ts";
import { measureWith, type Received, type Reply, startStub, testClock } from "./stub-server.fixture.ts";

type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Case {
  readonly reply: (request: Received) => Reply;
  readonly provider: (url: string) => MetricProvider;
  readonly secrets?: (url: string) => Secrets;
  readonly environment?: (url: string) => Record<string, string>;
  readonly successCondition?: string;
}

async function ask({ reply, provider, secrets, environment, successCondition }: Case) {
  const stub = await startStub(reply);
  const stored = secrets?.(stub.url) ?? {};
  const outcome = await measureWith(
    providers,
    { provider: provider(stub.url), ...(successCondition ? { successCondition } : {}) },
    {
      context: {
        environment: environment?.(stub.url) ?? {},
        secrets: async ({ namespace, name }) => {
          const found = stored[`${namespace}/${name}`];
          if (!found) throw new Error(`secrets "${name}" not found`);
          return { ...found };
        },
      },
    },
  );
  await stub.stop();
  return { ...outcome, received: stub.received };
}

const nowSeconds = () => Math.floor(testClock.now() / 1000);

test("MP-041 graphite renders the query without blanks and gives the points that are there", async () => {
  const { value, phase, received } = await ask({
    reply: () => ({
      body: [
        {
          datapoints: [
            [1.5, 1],
            [null, 2],
            [2, 3],
          ],
        },
      ],
    }),
    provider: (url) => ({ graphite: { address: `${url}/g`, query: "target=sum(\n a.b\n)&from=-2min" } }),
    successCondition: "result[1] == 2",
  });
  assert.deepEqual([phase, value], ["Successful", "[1.5,2]"]);
  assert.equal(received[0]?.path, "/g/render?target=sum%28a.b%29&from=-2min&format=json");
});

test("MP-041 graphite without points is an error", async () => {
  const { message } = await ask({
    reply: () => ({ body: [] }),
    provider: (url) => ({ graphite: { address: url, query: "target=a" } }),
  });
  assert.equal(message, "no values found");
});

const wavefront = (body: unknown, successCondition: string): Case => ({
  reply: () => ({ body }),
  provider: (url) => ({ wavefront: { address: url, query: "ts(x)" } }),
  secrets: (url) => ({ "argo-rollouts/wavefront-api-tokens": { [url]: "tok" } }),
  successCondition,
});

test("MP-041 wavefront gives a float for one series and a list for more", async () => {
  const one = await ask(
    wavefront(
      {
        timeseries: [
          {
            data: [
              [1, 4],
              [2, 5.128],
            ],
          },
        ],
      },
      "result > 5",
    ),
  );
  assert.deepEqual([one.phase, one.value], ["Successful", "5.13"]);
  assert.equal(one.received[0]?.headers.authorization, "Bearer tok");
  const two = await ask(wavefront({ timeseries: [{ data: [[1, 1]] }, { data: [[1, 2]] }] }, "result[1] == 2"));
  assert.deepEqual([two.phase, two.value], ["Successful", "[1.00,2.00]"]);
  const none = await ask(wavefront({}, "result > 5"));
  assert.equal(none.message, "No TimeSeries found in response from Wavefront");
});

const keys = (url: string) => ({ DD_API_KEY: "k", DD_APP_KEY: "a", DD_ADDRESS: url });

test("MP-041 datadog v1 gives the last point, and nil without data", async () => {
  const some = await ask({
    reply: () => ({
      body: {
        series: [
          {
            pointlist: [
              [1, 0.1],
              [2, 0.02],
            ],
          },
        ],
      },
    }),
    provider: () => ({ datadog: { query: "avg:x{*}", interval: "10m" } }),
    environment: keys,
    successCondition: "result < 0.05",
  });
  assert.deepEqual([some.phase, some.value], ["Successful", "0.02"]);
  const url = new URL(some.received[0]?.path ?? "", "http://x");
  assert.deepEqual([url.pathname, url.searchParams.get("from")], ["/api/v1/query", String(nowSeconds() - 600)]);
  assert.equal(some.received[0]?.headers["dd-application-key"], "a");
  const none = await ask({
    reply: () => ({ body: { series: [] } }),
    provider: () => ({ datadog: { query: "x" } }),
    environment: keys,
    successCondition: "default(result, 0) < 0.05",
  });
  assert.deepEqual([none.phase, none.value], ["Successful", "[]"]);
});

test("MP-041 datadog v2 posts queries and formula, with keys of a Secret", async () => {
  const { phase, received } = await ask({
    reply: () => ({ body: { data: { attributes: { columns: [{ type: "number", values: [7] }] } } } }),
    provider: () => ({
      datadog: {
        apiVersion: "v2",
        queries: { b: "y", a: "x" },
        formula: "a / b",
        secretRef: { name: "dd", namespaced: true },
      },
    }),
    secrets: (address) => ({ "ns/dd": { address, "api-key": "k", "app-key": "p" } }),
    successCondition: "result == 7",
  });
  assert.equal(phase, "Successful");
  const { attributes } = JSON.parse(received[0]?.body ?? "").data;
  assert.deepEqual(attributes.formulas, [{ formula: "a / b" }]);
  assert.deepEqual(attributes.queries[0], { aggregator: "last", data_source: "metrics", name: "a", query: "x" });
});

const newRelic = (results: unknown, successCondition: string): Case => ({
  reply: () => ({ body: { data: { actor: { account: { nrql: { results } } } } } }),
  provider: () => ({ newRelic: { query: "FROM Transaction SELECT average(duration)" } }),
  secrets: (url) => ({
    "argo-rollouts/newrelic": { "personal-api-key": "k", "account-id": "12", "base-url-nerdgraph": `${url}/graphql` },
  }),
  successCondition,
});

test("MP-041 newRelic gives the row itself when there is one", async () => {
  const one = await ask(newRelic([{ average: 0.2 }], "result.average < 0.5"));
  assert.deepEqual([one.phase, one.value], ["Successful", '{"average":0.2}']);
  assert.equal(JSON.parse(one.received[0]?.body ?? "").variables.accountId, 12);
  assert.match(one.metricMetadata?.["ResolvedNewRelicQuery"] ?? "", /^FROM Transaction/);
  const two = await ask(newRelic([{ c: 1 }, { c: 2 }], "result[1].c == 2"));
  assert.equal(two.phase, "Successful");
  const none = await ask(newRelic([], "true"));
  assert.equal(none.message, "no results returned from NRQL query");
});

test("MP-041 influxdb reads the values of annotated CSV", async () => {
  const csv =
    '#datatype,string,long,double,string\r\n#group,false,false,false,true\r\n#default,_result,,,\r\n,result,table,_value,host\r\n,,0,0.5,"a,b"\r\n,,0,2,c\r\n\r\n';
  assert.deepEqual(fluxValues(csv), [0.5, 2]);
  const { phase, value, received } = await ask({
    reply: () => ({ body: csv }),
    provider: () => ({ influxdb: { query: "from(bucket: 1)" } }),
    secrets: (address) => ({ "argo-rollouts/influxdb": { address, authToken: "t", org: "o" } }),
    successCondition: "result[0] == 0.5",
  });
  assert.deepEqual([phase, value], ["Successful", "[0.5,2]"]);
  assert.equal(received[0]?.path, "/api/v2/query?org=o");
  assert.equal(received[0]?.headers.authorization, "Token t");
});

test("MP-041 skywalking passes the duration in minutes and gives the data", async () => {
  const { phase, received } = await ask({
    reply: () => ({ body: { data: { service_apdex: { values: { values: [{ value: 9900 }] } } } } }),
    provider: (url) => ({ skywalking: { address: `${url}/graphql`, query: "query q($duration: Duration!) {}" } }),
    successCondition: "all(result.service_apdex.values.values, .value >= 9900)",
  });
  assert.equal(phase, "Successful");
  const { duration } = JSON.parse(received[0]?.body ?? "").variables;
  assert.match(duration.start, /^\d{4}-\d{2}-\d{2} \d{4}$/);
  assert.equal(duration.step, "MINUTE");
});

const kayentaConfig = (address: string) => ({
  address,
  application: "app",
  canaryConfigName: "cfg",
  metricsAccountName: "m",
  configurationAccountName: "c",
  storageAccountName: "s",
  threshold: { pass: 90, marginal: 75 },
  scopes: [],
});

test("MP-041 kayenta starts a judgement and asks again in 15 s", async () => {
  const { phase, resumeAt, metadata, received } = await ask({
    reply: ({ method }) => ({ body: method === "GET" ? [{ id: "id1", name: "cfg" }] : { canaryExecutionId: "e1" } }),
    provider: (url) => ({ kayenta: kayentaConfig(url) }),
  });
  assert.equal(phase, "Running");
  assert.equal(resumeAt, testClock.now() + 15_000);
  assert.equal(metadata?.["canaryExecutionId"], "e1");
  assert.match(received[1]?.path ?? "", /^\/canary\/id1\?application=app&/);
});

for (const [score, phase] of [
  [95, "Successful"],
  [80, "Inconclusive"],
  [10, "Failed"],
] as const) {
  test(`MP-041 kayenta's score ${score} is ${phase}`, async () => {
    const stub = await startStub(() => ({ body: { complete: true, result: { judgeResult: { score: { score } } } } }));
    const measurement = {
      phase: "Running" as const,
      resumeAt: "2030-01-01T00:00:00Z",
      metadata: { canaryExecutionId: "e1" },
    };
    const outcome = await measureWith(providers, { provider: { kayenta: kayentaConfig(stub.url) } }, { measurement });
    assert.deepEqual([outcome.phase, outcome.value], [phase, String(score)]);
    assert.equal(stub.received[0]?.path, "/canary/e1");
    await stub.stop();
  });
}

test("MP-041 kayenta without the configuration errs", async () => {
  const { message } = await ask({ reply: () => ({ body: [] }), provider: (url) => ({ kayenta: kayentaConfig(url) }) });
  assert.equal(message, "Canary config not found");
});

test("MP-041 cloudWatch signs the request and gives the results", async () => {
  const { phase, received } = await ask({
    reply: () => ({ body: { MetricDataResults: [{ Id: "rate", Values: [0.5] }] } }),
    provider: () => ({ cloudWatch: { metricDataQueries: [{ id: "rate", expression: "a/b", period: "300" }] } }),
    environment: (url) => ({
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "AKID",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_ENDPOINT_URL_CLOUDWATCH: `${url}/`,
    }),
    successCondition: "len(result[0].Values) == 1 && result[0].Values[0] < 1",
  });
  assert.equal(phase, "Successful");
  assert.deepEqual(JSON.parse(received[0]?.body ?? "").MetricDataQueries, [
    { Id: "rate", Expression: "a/b", Period: 300 },
  ]);
  assert.match(
    received[0]?.headers.authorization ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-west-1\/monitoring\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
  );
});

test("MP-041 a plugin is told to be none of ours", async () => {
  const { phase, message } = await ask({ reply: () => ({ body: "" }), provider: () => ({ plugin: { "a/b": {} } }) });
  assert.deepEqual(
    [phase, message],
    ["Error", 'metric plugin "a/b" cannot run: Fairway does not start metric provider plugins'],
  );
});
