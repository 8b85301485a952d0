import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { autoscalingDefinitions } from "./autoscaling.ts";
import { defaultBehavior } from "./autoscaling-rules.ts";
import { convertAutoscaler } from "./autoscaling-versions.ts";

const [v2] = autoscalingDefinitions;

function problemsOf(spec: Record<string, unknown>): readonly string[] {
  const object = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "a" },
    spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3, ...spec },
  } as KubeObject;
  return v2!.validate(object, null).map(({ field, message }) => `${field}: ${message}`);
}

const resource = (target: object) => [{ type: "Resource", resource: { name: "cpu", target } }];
const policy = { type: "Pods", value: 1, periodSeconds: 15 };

interface Case {
  readonly spec: Record<string, unknown>;
  readonly problems: readonly string[];
}

const cases: Case[] = [
  { spec: { metrics: resource({ type: "Utilization", averageUtilization: 50 }) }, problems: [] },
  {
    spec: {
      metrics: [{ type: "External", external: { metric: { name: "q" }, target: { type: "Value", value: "1" } } }],
    },
    problems: [],
  },
  { spec: { metrics: [{}] }, problems: ["spec.metrics[0].type: Required value: must specify a metric source type"] },
  {
    spec: { metrics: [{ type: "Cpu" }] },
    problems: [
      'spec.metrics[0].type: Unsupported value: "Cpu": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
    ],
  },
  {
    spec: { metrics: [{ type: "Resource", pods: {} }] },
    problems: [
      "spec.metrics[0].pods: Forbidden: must populate the given metric source only",
      "spec.metrics[0].resource: Required value: must populate information for the given metric source",
    ],
  },
  {
    spec: { metrics: resource({ type: "Utilization" }) },
    problems: [
      "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
    ],
  },
  {
    spec: { metrics: resource({ type: "Much", averageUtilization: 0, averageValue: "0" }) },
    problems: [
      'spec.metrics[0].resource.target.type: Invalid value: "Much": must be either Utilization, Value, or AverageValue',
      'spec.metrics[0].resource.target.averageValue: Invalid value: "0": must be positive',
      "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
      "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization",
    ],
  },
  { spec: { behavior: { scaleUp: { policies: [policy] } } }, problems: [] },
  {
    spec: {
      behavior: { scaleDown: { stabilizationWindowSeconds: 3601, selectPolicy: "All", tolerance: "-1", policies: [] } },
    },
    problems: [
      "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
      'spec.behavior.scaleDown.selectPolicy: Unsupported value: "All": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater or equal to 0',
      "spec.behavior.scaleDown.policies: Required value: must specify at least one Policy",
    ],
  },
  {
    spec: { behavior: { scaleUp: { policies: [{ type: "Nodes", value: 0, periodSeconds: 1801 }] } } },
    problems: [
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Nodes": supported values: "Percent", "Pods"',
      "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
      "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
    ],
  },
];

for (const { spec, problems } of cases) {
  test(`K8S-242 an autoscaler with ${JSON.stringify(spec)}`, () => assert.deepEqual(problemsOf(spec), problems));
}

test("K8S-189 what a behavior says where it says nothing", () => {
  const spec: Record<string, unknown> = { behavior: { scaleDown: { stabilizationWindowSeconds: 10 } } };
  defaultBehavior(spec);
  const percent = { type: "Percent", value: 100, periodSeconds: 15 };
  assert.deepEqual(spec["behavior"], {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [{ type: "Pods", value: 4, periodSeconds: 15 }, percent],
    },
    scaleDown: { stabilizationWindowSeconds: 10, selectPolicy: "Max", policies: [percent] },
  });
  const none = {};
  defaultBehavior(none);
  assert.deepEqual(none, {});
});

const cpuStatus = { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 42 } } };
const rich = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "a", annotations: { team: "shop" } },
  spec: {
    scaleTargetRef: { kind: "Deployment", name: "d" },
    maxReplicas: 3,
    metrics: [
      ...resource({ type: "Utilization", averageUtilization: 50 }),
      { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "64Mi" } } },
    ],
    behavior: { scaleUp: { policies: [policy] } },
  },
  status: { desiredReplicas: 2, currentMetrics: [cpuStatus], conditions: [{ type: "AbleToScale", status: "True" }] },
};

test("K8S-242 what v1 has no words for comes back from it", () => {
  const v1 = convertAutoscaler(rich, "v1");
  assert.deepEqual(v1["status"], { desiredReplicas: 2, currentCPUUtilizationPercentage: 42 });
  assert.deepEqual(convertAutoscaler(v1, "v2"), rich);
  const spec = { ...(v1["spec"] as object), targetCPUUtilizationPercentage: 70, maxReplicas: 9 };
  const changed = convertAutoscaler({ ...v1, spec }, "v2")["spec"] as typeof rich.spec;
  assert.equal(changed.maxReplicas, 9);
  assert.deepEqual(changed.metrics[0], resource({ type: "Utilization", averageUtilization: 70 })[0]);
  assert.deepEqual([changed.metrics[1], changed.behavior], [rich.spec.metrics[1], rich.spec.behavior]);
});

test("K8S-242 an annotation that makes no acceptable autoscaler counts for nothing", () => {
  for (const text of ["no JSON", "[]", '{"metrics":[{"type":"Cpu"}]}', '{"metrics":"many"}']) {
    const v1 = convertAutoscaler(rich, "v1");
    const metadata = { ...v1.metadata, annotations: { "autoscaling.fairway.dev/v2": text } };
    const v2 = convertAutoscaler({ ...v1, metadata }, "v2");
    assert.deepEqual(
      (v2["spec"] as typeof rich.spec).metrics,
      resource({ type: "Utilization", averageUtilization: 50 }),
      text,
    );
    assert.equal(v2.metadata.annotations, undefined);
  }
});
