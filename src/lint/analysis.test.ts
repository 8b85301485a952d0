import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Telemetry } from "../mesh/telemetry.ts";
import { fix, lint } from "./lint.ts";
import { REQUEST_LABELS } from "./rules/analysis-query.ts";

const SHARE = 'sum(irate(istio_requests_total{response_code!~"5.*"}[40s])) / sum(irate(istio_requests_total[40s]))';

interface Options {
  readonly query?: string;
  readonly condition?: string;
  readonly address?: string;
  readonly more?: string;
}

function template({
  query = SHARE,
  condition = "result[0] > 0.90",
  address = "http://prometheus.monitoring",
  more = "",
}: Options = {}) {
  return `apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: success
spec:
  args:
  - name: service
  metrics:
  - name: rate
    initialDelay: 60s
    interval: 20s${more}
    successCondition: ${condition}
    provider:
      prometheus:
        address: ${address}
        query: '${query}'
`;
}

function rollout(steps: string, startingStep = 1): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - {name: main, image: "argoproj/rollouts-demo:blue"}
  strategy:
    canary:
      analysis:
        startingStep: ${startingStep}
        templates:
        - templateName: success
        args: [{name: service, value: shop}]
      steps:
${steps}`;
}

const found = (...texts: readonly string[]) => lint([{ file: "all.yaml", text: texts.join("---\n") }]);
/** `code line level`. */
const codes = (...texts: readonly string[]) =>
  found(...texts).map(({ code, line, level }) => `${code} ${line} ${level}`);
const message = (code: string, ...texts: readonly string[]) =>
  found(...texts).find((finding) => finding.code === code)?.message;

test("SE-004 SE-005 SE-013 an analysis as the document's is told how it ends", () => {
  assert.deepEqual(codes(template()), ["SE-004 12 info", "SE-013 12 info", "SE-005 16 info"]);
  assert.equal(
    message("SE-004", template()),
    "success: rate fails at 0.9 or less, that is at 10 % errors or more; 1 such measurement fails the run",
  );
  assert.match(message("SE-005", template()) ?? "", /errs instead of failing .* and 5 errors in a row end the run$/);
  assert.match(
    message("SE-013", template()) ?? "",
    /keep requests flowing \(fairway load\), or begin the condition with/,
  );
});

test("SE-004 SU-029 the words follow the operator and the limit", () => {
  const strict = template({ condition: "result[0] >= 0.95", more: "\n    failureLimit: 2" });
  assert.match(
    message("SE-004", strict) ?? "",
    /fails at below 0\.95, that is at more than 5 % errors; 3 such measurements fail the run$/,
  );
});

const silent: readonly (readonly [name: string, options: Options])[] = [
  ["the condition allows for missing data", { condition: "len(result) == 0 || isNaN(result[0]) || result[0] > 0.90" }],
  ["the condition allows for it with an argument", { condition: '"isNaN(result[0]) || result[0] > {{args.least}}"' }],
  ["the query counts no requests", { query: "sum(rate(cache_hits[1m])) / sum(rate(cache_reads[1m]))" }],
  ["the query cannot be read", { query: "sum(" }],
];
for (const [name, options] of silent) {
  test(`SE-013 lint says nothing of traffic when ${name}`, () => {
    const text = [rollout("      - pause: {}\n", 0), template(options)].join("---\n");
    assert.deepEqual(
      codes(text).filter((code) => /^SE-0(?:04|05|13) /.test(code)),
      [],
    );
  });
}

test("SE-013 a pause that waits for a person under analysis is named with the time that is left", () => {
  const steps = "      - setWeight: 10\n      - pause: {}\n      - setWeight: 20\n      - pause: {duration: 20s}\n";
  assert.equal(
    message("SE-013", rollout(steps), template()),
    "shop: step 2 waits for a person while the analysis runs: without requests to the canary rate aborts the release after 60 to 100 s",
  );
  const later = found(rollout(steps, 2), template()).filter(({ object }) => object.startsWith("Rollout"));
  assert.deepEqual(later, [], "the pause comes before the analysis");
});

const ranges: readonly (readonly [query: string, isShort: boolean])[] = [
  ["irate(istio_requests_total[8s])", true],
  ["sum(rate(istio_requests_total[9s]))", true],
  ["irate(istio_requests_total[10s])", false],
  ["irate(istio_requests_total[{{args.window}}])", false],
  ["max_over_time(up[5s])", false],
];
for (const [query, isShort] of ranges) {
  test(`SE-006 ${query} ${isShort ? "has too few samples" : "is not spoken of"}`, () =>
    assert.equal(codes(template({ query })).includes("SE-006 16 warning"), isShort));
}

const labels: readonly (readonly [selector: string, unknown: string | null])[] = [
  ['istio_requests_total{destination_servce="a"}', "destination_servce"],
  ['istio_requests_total{pod=~"a.+"}', "pod"],
  ['istio_requests_total{destination_service="a", job="istio-mesh"}', null],
  ['istio_request_duration_milliseconds_bucket{le="5", response_code!~"5.*"}', null],
  ['istio_requests_total{pod!="a"}', null],
  ['http_requests_total{pod="a"}', null],
];
for (const [selector, unknown] of labels) {
  test(`SE-007 ${selector} ${unknown === null ? "is not spoken of" : `finds nothing for ${unknown}`}`, () => {
    const text = message("SE-007", template({ query: `sum(${selector})` }));
    assert.equal(text?.endsWith(`no label ${unknown}`), unknown === null ? undefined : true);
  });
}

test("SE-007 the labels are those that the mesh's metrics have", () => {
  const telemetry = new Telemetry();
  const source = { kind: "pod", namespace: "default", name: "p", labels: {}, workload: "w" } as const;
  const destination = { cluster: null, clusterName: "PassthroughCluster", destination: null };
  telemetry.count({ ...destination, source, code: 200, flags: "-", durationMs: 1, requestBytes: 0, responseBytes: 0 });
  const [, series = ""] = /^istio_requests_total\{(.*)\}/m.exec(telemetry.render()) ?? [];
  assert.deepEqual(
    [...series.matchAll(/(\w+)="/g)].map(([, name]) => name),
    REQUEST_LABELS,
  );
});

for (const [address, isPlaceholder] of [
  ["http://xxx.aliyuncs.com:9090/api/v1/prometheus/", true],
  ["http://prometheus.example.com", true],
  ["http://prometheus.istio-system:9090", false],
  ["http://10.0.0.7:9090", false],
] as const) {
  test(`SE-008 ${address} ${isPlaceholder ? "is a placeholder" : "is an address"}`, () =>
    assert.equal(codes(template({ address })).includes("SE-008 15 info"), isPlaceholder));
}

test("SE-010 a colour of the demo under another name is told and mended", () => {
  const text = rollout("      - setWeight: 10\n").replace("rollouts-demo:blue", "istio-rollout:yellow");
  const findings = found(text);
  assert.deepEqual(
    findings.map((finding) => finding.message),
    ["shop: there is no image argoproj/istio-rollout:yellow; did you mean argoproj/rollouts-demo:yellow?"],
  );
  assert.match(fix({ file: "all.yaml", text }, findings), /image: "argoproj\/rollouts-demo:yellow"/);
});

/** A template with one metric, as YAML flow. */
function flow(metric: string, { spec = "", annotations = "" } = {}): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: success${annotations}}
spec:
  metrics: [{name: rate, ${metric}}]
${spec}`;
}

const web = "provider: {web: {url: http://x/}}";
const surprises: readonly (readonly [code: string, text: string, message: RegExp | null])[] = [
  ["SU-003", flow(web), /^success: rate has no condition: whatever is measured counts as Successful$/],
  ["SU-003", flow("provider: {job: {spec: {}}}"), null],
  ["SU-003", flow(`successCondition: "true", interval: 5s, count: 0, ${web}`), /has count 0, which means without end/],
  ["SU-003", flow(`successCondition: "true", interval: 5s, count: "{{args.n}}", ${web}`), null],
  [
    "SU-015",
    flow(`successCondition: "true", provider: {web: {url: "http://{{ .Host }}/"}}`),
    /holds \{\{ \.Host \}\}, /,
  ],
  ["SU-015", flow(`successCondition: "true", provider: {web: {url: 'http://{{"{{"}}x/{{ args.a }}'}}`), null],
  ["SU-016", flow(`successCondition: "true", ${web}`, { spec: '  dryRun: [{metricName: "*"}]' }), /write "\.\*"$/],
  ["SU-016", flow(`successCondition: "true", ${web}`, { spec: '  dryRun: [{metricName: ".*"}]' }), null],
  ["SU-030", flow(`successCondition: "default(result[0], 0) < 1", ${web}`), /does not help where the result is empty/],
  ["SU-031", flow('successCondition: "true", provider: {prometheus: {query: up, timeout: 0}}'), /every query fails/],
  [
    "EC-021",
    flow(`successCondition: "true", ${web}`, { annotations: ", annotations: {argo.fairway.dev/on-no-data: ignore}" }),
    /"ignore" is none of error, fail, pass, pause, wait$/,
  ],
  [
    "EC-021",
    flow(`successCondition: "true", ${web}`, { annotations: ", annotations: {argo.fairway.dev/min-samples: 20}" }),
    null,
  ],
];
for (const [code, text, expected] of surprises) {
  test(`${code} ${expected ? expected.source : "nothing to say"}: ${text.split("\n")[4]?.slice(11, 90)}`, () => {
    const said = message(code, text);
    if (expected) assert.match(said ?? "", expected);
    else assert.equal(said, undefined);
  });
}

test("SU-002 a lone failure condition lets NaN pass; a guard or a policy ends the warning", () => {
  const lone = (condition: string) => template({ condition }).replace("successCondition", "failureCondition");
  assert.match(
    message("SU-002", lone("result[0] < 0.9")) ?? "",
    /^success: rate has a failureCondition alone, which NaN passes/,
  );
  assert.equal(message("SU-002", lone("isNaN(result[0]) || result[0] < 0.9")), undefined);
  const policed = lone("result[0] < 0.9").replace(
    "name: success",
    "name: success\n  annotations: {argo.fairway.dev/on-no-data: fail}",
  );
  assert.equal(message("SU-002", policed), undefined);
});

test("SE-005 a sum that has a value without series is no surprise", () => {
  const query = 'sum(rate(istio_requests_total{response_code!~"5.*"}[40s])) or vector(0)';
  const all = "sum(rate(istio_requests_total[40s]))";
  assert.equal(message("SE-005", template({ query: `(${query}) / ${all}` })), undefined);
});

test("EC-023 the built-in metrics have no surprises but that of missing requests", () => {
  const text = readFileSync(new URL("../../examples/argo/metrics.yaml", import.meta.url), "utf8");
  assert.deepEqual(new Set(found(text).map(({ code }) => code)), new Set(["SE-013"]));
});
