import assert from "node:assert/strict";
import { test } from "node:test";
import { fix, lint } from "./lint.ts";

const services = `apiVersion: v1
kind: Service
metadata:
  name: shop-canary
---
apiVersion: v1
kind: Service
metadata:
  name: shop-stable
`;

function template(query: string, kind = "AnalysisTemplate"): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: ${kind}
metadata:
  name: success
spec:
  args:
  - name: service
  - name: namespace
  metrics:
  - name: rate
    provider:
      prometheus:
        query: '${query}'
    successCondition: result[0] > 5
`;
}

const regexQuery =
  'sum(rate(istio_requests_total{destination_service=~"{{args.service}}.{{args.namespace}}.svc.cluster.local"}[1m]))';

function rollout(strategy: string): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
      - name: main
        image: shop:1
  strategy:
${strategy}`;
}

function analysed(service: string, clusterScope = false): string {
  return rollout(`    canary:
      analysis:
        templates:
        - templateName: success
          clusterScope: ${clusterScope}
        args:
        - name: service
          value: ${service}
        - name: namespace
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
`);
}

function findings(...texts: string[]) {
  return lint([{ file: "all.yaml", text: texts.join("---\n") }]);
}

test("SE-003 an analysis of a service that no series can have is named with the services that exist, and mended", () => {
  const text = [analysed("canary"), services, template(regexQuery)].join("---\n");
  const found = lint([{ file: "all.yaml", text }]);
  assert.equal(found.length, 1);
  const { code, level, line, message } = found[0]!;
  assert.deepEqual({ code, level, line }, { code: "SE-003", level: "error", line: 25 });
  assert.match(
    message,
    /destination_service=~"canary\.default\.svc\.cluster\.local"; regular expressions match the whole/,
  );
  assert.match(
    message,
    /Services: shop-canary\.default\S+, shop-stable\.default\S+; did you mean shop-canary\.default/,
  );
  const mended = fix({ file: "all.yaml", text }, found);
  assert.match(mended, /value: shop-canary\n/);
  assert.deepEqual(lint([{ file: "all.yaml", text: mended }]), []);
});

const quiet = [
  { name: "the service exists", texts: [analysed("shop-canary"), services, template(regexQuery)] },
  { name: "a pattern matches one that exists", texts: [analysed("shop-.*"), services, template(regexQuery)] },
  { name: "no Service is in the files", texts: [analysed("canary"), template(regexQuery)] },
  { name: "the template is not in the files", texts: [analysed("canary"), services] },
  {
    name: "another kind has the name",
    texts: [analysed("canary"), services, template(regexQuery, "ClusterAnalysisTemplate")],
  },
  { name: "the query asks for no service", texts: [analysed("canary"), services, template("up{{args.service}}")] },
  {
    name: "an argument is not known before the run",
    texts: [
      analysed("canary").replace(/value: canary/, "valueFrom: { podTemplateHashValue: Latest }"),
      services,
      template(regexQuery),
    ],
  },
];
for (const { name, texts } of quiet) {
  test(`SE-003 lint says nothing when ${name}`, () => assert.deepEqual(findings(...texts), []));
}

test("SE-003 a ClusterAnalysisTemplate is looked at too; a service unlike any other is a warning", () => {
  const [found, ...rest] = findings(
    analysed("billing", true),
    services,
    template(regexQuery, "ClusterAnalysisTemplate"),
  );
  assert.deepEqual(rest, []);
  assert.equal(found?.level, "warning");
  assert.equal(found?.edit, undefined);
});

const refused = [
  {
    name: "a step without meaning",
    text: rollout("    canary:\n      steps:\n      - setWeight: 10\n      - {}\n"),
    line: 21,
    message: /^spec\.strategy\.steps\[1\]: .*Step must have one of/,
  },
  {
    name: "a weight above 100",
    text: rollout("    canary:\n      steps:\n      - setWeight: 110\n"),
    line: 20,
    message: /needs to be between 0 and 100/,
  },
  { name: "a missing strategy", text: rollout("    {}\n"), line: 17, message: /missing field/ },
];
for (const { name, text, line, message } of refused) {
  test(`ARC-701 lint says what the controller would say of ${name}, at its line`, () => {
    const [found, ...rest] = findings(text);
    assert.deepEqual(rest, []);
    assert.equal(found?.code, "ARC-701");
    assert.equal(found?.line, line);
    assert.match(found?.message ?? "", message);
  });
}

test("ARC-701 a workloadRef may name a Deployment that is not in the files", () => {
  const text = rollout("    canary: {}\n").replace(
    / {2}template:.*shop:1\n/s,
    "  workloadRef: { apiVersion: apps/v1, kind: Deployment, name: shop }\n",
  );
  assert.match(text, /workloadRef/);
  assert.deepEqual(findings(text), []);
});

const unreadable = [
  {
    query: "sum(rate(foo[5m]",
    condition: "result[0] > 1",
    code: "PQ-010",
    line: 14,
    message: /unclosed left parenthesis/,
  },
  {
    query: "vector(1)",
    condition: "result[0 >",
    code: "EX-010",
    line: 11,
    message: /successCondition cannot be read: unexpected/,
  },
];
for (const { query, condition, code, line, message } of unreadable) {
  test(`${code} lint finds what cannot be read: ${query}, ${condition}`, () => {
    const [found, ...rest] = findings(withCondition(query, condition));
    assert.deepEqual(rest, []);
    assert.equal(found?.code, code);
    assert.equal(found?.line, line);
    assert.match(found?.message ?? "", message);
  });
}

for (const [query, condition] of [
  ["sum(rate(foo[{{args.window}}]))", "result[0] >= {{args.least}}"],
  ["up > {{args.least}}", "all(result, # > 0.5) && !isNaN(result[0])"],
] as const) {
  test(`PQ-010 lint lets arguments stand for what they are: ${query}, ${condition}`, () =>
    assert.deepEqual(findings(withCondition(query, condition)), []));
}

function withCondition(query: string, condition: string): string {
  return template(query)
    .replace(/ {2}args:\n.*\n.*\n/, "  args:\n  - name: window\n  - name: least\n")
    .replace("    successCondition: result[0] > 5\n", "")
    .replace("  - name: rate\n", `  - name: rate\n    successCondition: "${condition}"\n`);
}
