import type { MetricSpec } from "../../../api/autoscaling.ts";
import { formatLabelSelector } from "../../../kube/selector.ts";
import type { MetricFailure } from "./metrics.ts";

/**
 * Metrics of pods, objects and other systems come from adapters that an embedded cluster does not run: the answer is that
 * of a cluster without them, and names the metric.
 */
export function unservedMetric(metric: MetricSpec, namespace: string): MetricFailure {
  const { pods, object, external } = metric;
  const custom =
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";
  if (metric.type === "Pods" && pods) {
    return failure("FailedGetPodsMetric", "pods", `unable to get metric ${pods.metric.name}: ${custom}`);
  }
  if (metric.type === "Object" && object) {
    const { kind, name } = object.describedObject;
    const where = `${kind} on ${namespace} ${name}`;
    return failure("FailedGetObjectMetric", "object", `unable to get metric ${object.metric.name}: ${where}/${custom}`);
  }
  if (metric.type === "External" && external) {
    const { name, selector } = external.metric;
    const which = `${namespace}/${name}/${formatLabelSelector(selector ?? {})}`;
    return failure(
      "FailedGetExternalMetric",
      `${name} external`,
      `unable to get external metric ${which}: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered`,
    );
  }
  const known = "Resource, ContainerResource, Pods, Object, External";
  const message = `unknown metric source type ${JSON.stringify(metric.type)}, or its source is missing: expected one of ${known}, with the source of that name`;
  return { reason: "InvalidMetricSourceType", message, context: message };
}

function failure(reason: string, what: string, message: string): MetricFailure {
  return { reason, message, context: `failed to get ${what} metric value: ${message}` };
}
