import type { Converter } from "../../../kube/admission.ts";
import { autoscalerColumns } from "../columns/workload-columns.ts";
import type { ResourceDefinition, Schema } from "../resource.ts";
import { int, list, listByKey, long, quantity, str, struct, time } from "../schema/dsl.ts";
import { defaultBehavior, validateAutoscaler } from "./autoscaling-rules.ts";
import { builtin, ensure, type Fields, fieldsOf, listOf, setDefaults, typeOf } from "./define.ts";
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

/** K8S-189. */
const DEFAULT_CPU_PERCENT = 80;

function cpuMetric(averageUtilization: unknown): Fields {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

/** v1 carries the first CPU metric; what else v2 holds does not fit and is left out, as far as v1 is concerned. */
export const convertAutoscaler: Converter = (object, toVersion) => {
  const spec = { ...fieldsOf(object, "spec") };
  const status = { ...fieldsOf(object, "status") };
  if (toVersion === "v1") {
    const cpu = listOf(spec, "metrics")
      .map((metric) => cpuOf(metric, "target"))
      .find((percent) => percent !== undefined);
    const current = listOf(status, "currentMetrics")
      .map((metric) => cpuOf(metric, "current"))
      .find((percent) => percent !== undefined);
    if (current !== undefined) status["currentCPUUtilizationPercentage"] = current;
    for (const key of ["metrics", "behavior"]) delete spec[key];
    for (const key of ["currentMetrics", "conditions"]) delete status[key];
    if (cpu !== undefined) spec["targetCPUUtilizationPercentage"] = cpu;
  } else {
    spec["metrics"] = [cpuMetric(spec["targetCPUUtilizationPercentage"] ?? DEFAULT_CPU_PERCENT)];
    delete spec["targetCPUUtilizationPercentage"];
    delete status["currentCPUUtilizationPercentage"];
  }
  return { ...object, apiVersion: `autoscaling/${toVersion}`, spec, status };
};

function cpuOf(metric: Fields, part: "target" | "current"): unknown {
  const resource = fieldsOf(metric, "resource");
  return resource?.["name"] === "cpu" ? fieldsOf(resource, part)?.["averageUtilization"] : undefined;
}

export const autoscalingDefinitions: readonly ResourceDefinition[] = [autoscalersV2, autoscalersV1];
