import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { redact, resolveArguments, resolveMetric, substituteText } from "./arguments.ts";
import { collectTemplates, composeRunSpec, resolveGivenArguments, templatesProblem } from "./compose.ts";
import type { AnalysisTemplate, AnalysisTemplateSpec, Argument, Metric } from "./types.ts";

const rollout = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Rollout",
  metadata: { name: "web", namespace: "prod", uid: "u1", labels: { app: "a", tier: "x" } },
  spec: { replicas: 3, strategy: { canary: { steps: [{ setWeight: 20 }] } } },
} as KubeObject;
const context = { object: rollout, stableHash: "old", latestHash: "new" };

const paths: readonly (readonly [path: string, value: string | RegExp])[] = [
  ["metadata.name", "web"],
  ["metadata.namespace", "prod"],
  ["metadata.uid", "u1"],
  ["metadata.labels['app']", "a"],
  ["metadata.labels['absent']", ""],
  ["metadata.labels", 'app="a"\ntier="x"'],
  ["spec.replicas", "3"],
  ["spec.strategy.canary.steps[0].setWeight", "20"],
  ["spec.nothing", /^invalid path spec.nothing in rollout$/],
  ["spec.strategy.canary.steps[x]", /^invalid index 'x'$/],
  ["spec.strategy.canary.steps[7].setWeight", /^index 7 out of range$/],
  ["spec.strategy", /^path spec.strategy in rollout must terminate in a primitive value$/],
];
for (const [fieldPath, expected] of paths) {
  test(`AN-013 fieldRef ${fieldPath}`, () => {
    const args: Argument[] = [{ name: "x", valueFrom: { fieldRef: { fieldPath } } }];
    if (typeof expected === "string")
      assert.deepEqual(resolveGivenArguments(args, context), [{ name: "x", value: expected }]);
    else assert.throws(() => resolveGivenArguments(args, context), { message: expected });
  });
}

test("AN-013 SU-014 every bad fieldRef is told, not the last one alone", () => {
  const bad = (name: string, fieldPath: string): Argument => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  assert.throws(() => resolveGivenArguments([bad("a", "spec.nothing"), bad("b", "spec.other")], context), {
    message: "invalid path spec.nothing in rollout; invalid path spec.other in rollout",
  });
});

test("AN-012 hashes of the stable and the new ReplicaSet", () => {
  const args: Argument[] = [
    { name: "s", valueFrom: { podTemplateHashValue: "Stable" } },
    { name: "l", valueFrom: { podTemplateHashValue: "Latest" } },
  ];
  assert.deepEqual(
    resolveGivenArguments(args, context).map(({ value }) => value),
    ["old", "new"],
  );
});

function template(name: string, spec: AnalysisTemplateSpec): AnalysisTemplate {
  return { apiVersion: "", kind: "AnalysisTemplate", metadata: { name }, spec };
}

const metric: Metric = { name: "m", provider: { web: { url: "http://{{args.host}}/" } } };

test("AN-010 given arguments go over declared ones, undeclared ones are ignored", () => {
  const templates = [
    template("t", {
      args: [
        { name: "host", value: "a" },
        { name: "port", value: "1" },
      ],
      metrics: [metric],
    }),
  ];
  const spec = composeRunSpec({
    templates,
    args: [
      { name: "host", value: "b" },
      { name: "extra", value: "c" },
    ],
  });
  assert.deepEqual(spec.args, [
    { name: "host", value: "b" },
    { name: "port", value: "1" },
  ]);
});

test("AN-011 an argument without any value is refused", () => {
  const templates = [template("t", { args: [{ name: "host" }], metrics: [metric] })];
  assert.throws(() => composeRunSpec({ templates, args: [] }), { message: "args.host was not resolved" });
});

const conflicts: readonly (readonly [message: string, one: AnalysisTemplateSpec, two: AnalysisTemplateSpec])[] = [
  ["two metrics have the same name 'm'", { metrics: [metric] }, { metrics: [metric] }],
  [
    "Argument `x` specified multiple times with different values: 'a', 'b'",
    { args: [{ name: "x", value: "a" }] },
    { args: [{ name: "x", value: "b" }] },
  ],
  [
    "two Dry-Run metric rules have the same name 'm'",
    { dryRun: [{ metricName: "m" }] },
    { dryRun: [{ metricName: "m" }] },
  ],
  [
    "two Measurement Retention metric rules have the same name 'm'",
    { measurementRetention: [{ metricName: "m", limit: 1 }] },
    { measurementRetention: [{ metricName: "m", limit: 1 }] },
  ],
];
for (const [message, one, two] of conflicts) {
  test(`AN-015 ${message}`, () => {
    assert.throws(() => composeRunSpec({ templates: [template("a", one), template("b", two)], args: [] }), { message });
  });
}

test("AN-016 SU-017 included templates count once, cluster ones come last, cycles and gaps are refused", () => {
  const all: Record<string, AnalysisTemplate> = {
    a: template("a", { templates: [{ templateName: "b" }, { templateName: "c", clusterScope: true }] }),
    b: template("b", {}),
    loop: template("loop", { templates: [{ templateName: "loop" }] }),
  };
  const lookup = {
    namespaced: (name: string) => all[name] ?? null,
    cluster: (name: string) => (name === "c" ? template("c", {}) : null),
  };
  const names = (list: readonly AnalysisTemplate[]) => list.map(({ metadata }) => metadata.name);
  assert.deepEqual(names(collectTemplates([{ templateName: "a" }, { templateName: "b" }], lookup)), ["a", "b", "c"]);
  assert.throws(() => collectTemplates([{ templateName: "loop" }], lookup), /includes itself/);
  assert.throws(() => collectTemplates([{ templateName: "x" }], lookup), { message: "AnalysisTemplate 'x' not found" });
  assert.throws(() => collectTemplates([{ templateName: "x", clusterScope: true }], lookup), {
    message: "ClusterAnalysisTemplate 'x' not found",
  });
});

test("AN-018 SU-015 arguments are put in everywhere, and an unknown tag is refused as written", () => {
  const values = new Map([["host", 'a"b\nc']]);
  assert.deepEqual(resolveMetric(metric, values).provider.web?.url, 'http://a"b\nc/');
  assert.equal(substituteText("{{ args.host }}", values), 'a"b\nc');
  assert.throws(() => substituteText("{{ .Values.x }}", values), { message: "failed to resolve {{ .Values.x }}" });
  assert.equal(substituteText('{{"{{"}} .x }}', values), "{{ .x }}");
});

test("AN-019 secrets are read when asked for, and hidden in texts", () => {
  const { values, secrets } = resolveArguments(
    [
      { name: "t", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
      { name: "p", value: "1" },
    ],
    ({ name, key }) => `${name}-${key}`,
  );
  assert.equal(values.get("t"), "s-k");
  assert.equal(redact("Bearer s-k failed", secrets), "Bearer ***** failed");
});

test("AN-003 SU-014 a run's argument without a value is not supplied", () => {
  const args: Argument[] = [{ name: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
  assert.throws(() => resolveArguments(args, () => ""), { message: 'argument "x" was not supplied' });
});

test("AN-025 SU-003 only a background metric may run without end", () => {
  const endless = [template("t", { metrics: [{ ...metric, interval: "5s", provider: { web: {} } }] })];
  assert.equal(templatesProblem(endless, { isBackground: true }), null);
  assert.equal(
    templatesProblem(endless, { isBackground: false }),
    "AnalysisTemplate t has metric m which runs indefinitely. Invalid value for count: <nil>",
  );
  const zero = [template("t", { metrics: [{ ...metric, interval: "5s", count: 0, provider: { web: {} } }] })];
  assert.match(templatesProblem(zero, { isBackground: false }) ?? "", /runs indefinitely/);
  const twice = [template("t", { args: [{ name: "x", value: "1", valueFrom: { fieldRef: { fieldPath: "a" } } }] })];
  assert.equal(templatesProblem(twice, { isBackground: false }), "arg 'x' has both Value and ValueFrom fields");
});
