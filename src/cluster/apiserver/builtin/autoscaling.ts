import { autoscalerColumns } from "../columns/workload-columns.ts";
import type { ResourceDefinition, Schema } from "../resource.ts";
import { int, list, listByKey, long, quantity, str, struct, time } from "../schema/dsl.ts";
import { cpuMetric, DEFAULT_CPU_PERCENT, defaultBehavior, validateAutoscaler } from "./autoscaling-rules.ts";
import { builtin, ensure, listOf, setDefaults, typeOf } from "./define.ts";
import { condition, crossVersionReference, labelSelector } from "./shared-schema.ts";

/** HorizontalPodAutoscaler in v2 (stored) and v1, which knows CPU only. */

const metricTarget = struct(
  "MetricTarget",
  { type: str, value: quantity, averageValue: quantity, averageUtilization: int },
  ["type"],
);
const metricValue = struct("MetricValueStatus", {
  value: quantity,
  averageValue: quantity,
  averageUtilization: int,
});
const metricIdentifier = struct("MetricIdentifier", { name: str, selector: labelSelector }, ["name"]);

/** The sources of a metric: with a target in the spec, with the current value in the status. */
function metric(name: string, suffix: string, measured: Readonly<Record<string, Schema>>): Schema {
  return struct(
    name,
    {
      type: str,
      object: struct(`ObjectMetric${suffix}`, {
        describedObject: crossVersionReference,
        metric: metricIdentifier,
        ...measured,
      }),
      pods: struct(`PodsMetric${suffix}`, { metric: metricIdentifier, ...measured }),
      resource: struct(`ResourceMetric${suffix}`, { name: str, ...measured }),
      containerResource: struct(`ContainerResourceMetric${suffix}`, { name: str, container: str, ...measured }),
      external: struct(`ExternalMetric${suffix}`, { metric: metricIdentifier, ...measured }),
    },
    ["type"],
  );
}

const scalingRules = struct("HPAScalingRules", {
  stabilizationWindowSeconds: int,
  selectPolicy: str,
  policies: list(
    struct("HPAScalingPolicy", { type: str, value: int, periodSeconds: int }, ["type", "value", "periodSeconds"]),
  ),
  tolerance: quantity,
});

const statusFields = {
  observedGeneration: long,
  lastScaleTime: time,
  currentReplicas: int,
  desiredReplicas: int,
};

const shared = {
  shortNames: ["hpa"],
  categories: ["all"],
  hasStatus: true,
  columns: autoscalerColumns,
  validate: validateAutoscaler,
} as const;

const targetAndBounds = { scaleTargetRef: crossVersionReference, minReplicas: int, maxReplicas: int };

const autoscalersV2 = builtin(typeOf("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"), {
  ...shared,
  fields: {
    spec: struct(
      "HorizontalPodAutoscalerSpec",
      {
        ...targetAndBounds,
        metrics: list(metric("MetricSpec", "Source", { target: metricTarget })),
        behavior: struct("HorizontalPodAutoscalerBehavior", { scaleUp: scalingRules, scaleDown: scalingRules }),
      },
      ["scaleTargetRef", "maxReplicas"],
    ),
    status: struct("HorizontalPodAutoscalerStatus", {
      ...statusFields,
      currentMetrics: list(metric("MetricStatus", "Status", { current: metricValue })),
      conditions: listByKey(condition("HorizontalPodAutoscalerCondition"), "type"),
    }),
  },
  applyDefaults: (object) => {
    const spec = ensure(object, "spec");
    setDefaults(spec, { minReplicas: 1 });
    if (listOf(spec, "metrics").length === 0) spec["metrics"] = [cpuMetric(DEFAULT_CPU_PERCENT)];
    defaultBehavior(spec);
  },
});

const autoscalersV1 = builtin(typeOf("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers"), {
  ...shared,
  fields: {
    spec: struct(
      "HorizontalPodAutoscalerSpec",
      {
        ...targetAndBounds,
        targetCPUUtilizationPercentage: int,
      },
      ["scaleTargetRef", "maxReplicas"],
    ),
    status: struct("HorizontalPodAutoscalerStatus", { ...statusFields, currentCPUUtilizationPercentage: int }),
  },
  applyDefaults: (object) => setDefaults(ensure(object, "spec"), { minReplicas: 1 }),
});

export const autoscalingDefinitions: readonly ResourceDefinition[] = [autoscalersV2, autoscalersV1];
