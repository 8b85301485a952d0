import assert from "node:assert/strict";
import { test } from "node:test";
import { fix, lint } from "./lint.ts";

const source = (...documents: string[]) => ({ file: "a.yaml", text: documents.join("---\n") });

const object = (apiVersion: string, kind: string, name: string, rest = "") =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}}\n${rest}`;

const rollout = (strategy: string) =>
  object(
    "argoproj.io/v1alpha1",
    "Rollout",
    "shop",
    `spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: a/b}]}
  strategy:
    ${strategy}
`,
  );

const template = (metric: string, kind = "AnalysisTemplate") =>
  object(
    "argoproj.io/v1alpha1",
    kind,
    "success-rate",
    `spec:\n  args: [{name: service}, {name: every}]\n  metrics:\n  - {name: rate, ${metric}}\n`,
  );

const PROVIDER = "provider: {prometheus: {address: 'http://p', query: 'up{a=\"{{args.service}}\"}'}}";
const good = template(`interval: "{{args.every}}", ${PROVIDER}`);
const service = (name: string) => object("v1", "Service", name, "spec: {ports: [{port: 80}]}\n");
const route = object(
  "networking.istio.io/v1",
  "VirtualService",
  "shop",
  "spec: {hosts: [shop], http: [{name: primary, route: [{destination: {host: shop-stable}, weight: 100}, {destination: {host: shop-canary}, weight: 0}]}]}\n",
);
const canary = "canary: {analysis: {templates: [{templateName: sucess-rate}], args: [{name: service, value: a}]}}";

const cases: readonly (readonly [name: string, documents: readonly string[], found: readonly string[]])[] = [
  [
    "ARC-701 a slip in a template's name",
    [good, rollout(canary)],
    ["ARC-701 Rollout default/shop: no file has AnalysisTemplate sucess-rate; did you mean success-rate?"],
  ],
  ["ARC-701 a template that may be in the cluster", [good, rollout(canary.replace("sucess-rate", "latency"))], []],
  [
    "ARC-701 another template of the same name and another number",
    [good.replace("success-rate", "rate-v1"), rollout(canary.replace("sucess-rate", "rate-v2"))],
    [],
  ],
  [
    "ARC-701 the cluster's template is another kind",
    [good, rollout(canary.replace("sucess-rate", "success-rates, clusterScope: true"))],
    [],
  ],
  [
    "ARC-701 a slip in a VirtualService's name",
    [
      route,
      rollout("canary: {canaryService: a, stableService: b, trafficRouting: {istio: {virtualService: {name: shp}}}}"),
    ],
    ["ARC-701 Rollout default/shop: no file has VirtualService shp; did you mean shop?"],
  ],
  [
    "ARC-701 a slip in a Service's name",
    [service("shop-preview"), rollout("blueGreen: {activeService: shop, previewService: shop-prevew}")],
    ["ARC-701 Rollout default/shop: no file has Service shop-prevew; did you mean shop-preview?"],
  ],
  ["AN-018 arguments that the template has", [good], []],
  [
    "AN-018 a slip in an argument's name",
    [template(PROVIDER.replace("args.service", "args.servce"))],
    ["AN-018 success-rate: metrics[0] uses {{args.servce}}, and there is no such argument; did you mean service?"],
  ],
  [
    "AN-022 a run that would end before it measures",
    [template(`interval: 20z, ${PROVIDER}`)],
    ['AN-021 success-rate: metrics[0]: invalid interval string: time: invalid duration "20z"'],
  ],
];
for (const [name, documents, expected] of cases) {
  test(`${name}`, () => {
    const codes = ["ARC-701", "AN-018", "AN-021", "K8S-81", "K8S-155"];
    const found = lint([source(...documents)]).filter(({ code }) => codes.includes(code));
    assert.deepEqual(
      found.map(({ code, message }) => `${code} ${message}`),
      expected,
    );
  });
}

test("ARC-701 --fix writes the name that is there", () => {
  const file = source(good, rollout(canary));
  assert.match(fix(file, lint([file])), /templateName: success-rate\}/);
});

for (const [start, found] of [
  [0, []],
  [2, []],
  [
    3,
    [
      "Rollout default/shop: background analysis starts at step 3, which never comes: steps count from 0, the last one is 1",
    ],
  ],
] as const) {
  test(`RA-004 background analysis that starts at step ${start} of two`, () => {
    const strategy = `canary: {analysis: {startingStep: ${start}, templates: [{templateName: t}]}, steps: [{setWeight: 10}, {pause: {}}]}`;
    const warnings = lint([source(rollout(strategy))]).filter(({ code }) => code === "RA-004");
    assert.deepEqual(
      warnings.map(({ message }) => message),
      found,
    );
  });
}
