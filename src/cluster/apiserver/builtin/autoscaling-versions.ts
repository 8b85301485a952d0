import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual, isRecord } from "../../../base/json.ts";
import type { Converter } from "../../../kube/admission.ts";
import { cpuMetric, DEFAULT_CPU_PERCENT, validateAutoscaler } from "./autoscaling-rules.ts";
import { type Fields, fieldsOf, listOf } from "./define.ts";

/**
 * autoscaling/v1 has one target, a share of CPU. What else an autoscaler of v2 holds is an annotation there, so that a
 * change by way of v1 loses none of it; the original does so too, with four annotations in a form of their own.
 */
const V2_ANNOTATION = "autoscaling.fairway.dev/v2";

export const convertAutoscaler: Converter = (object, toVersion) => (toVersion === "v1" ? toV1(object) : toV2(object));

function toV1(object: KubeObject): KubeObject {
  const { metrics, behavior, ...spec } = { ...fieldsOf(object, "spec") };
  const { currentMetrics, conditions, ...status } = { ...fieldsOf(object, "status") };
  const target = firstCpu(metrics, "target");
  const current = firstCpu(currentMetrics, "current");
  if (target !== undefined) spec["targetCPUUtilizationPercentage"] = target;
  if (current !== undefined) status["currentCPUUtilizationPercentage"] = current;
  const isPlain = metrics === undefined || deepEqual(metrics, [cpuMetric(target)]);
  const rest = { metrics: isPlain ? undefined : metrics, behavior, currentMetrics, conditions };
  const text = JSON.stringify(rest);
  const annotations = { ...object.metadata.annotations, ...(text === "{}" ? {} : { [V2_ANNOTATION]: text }) };
  const metadata = text === "{}" ? object.metadata : { ...object.metadata, annotations };
  return { ...object, apiVersion: "autoscaling/v1", metadata, spec, status };
}

function toV2(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = { ...fieldsOf(object, "spec") };
  const { currentCPUUtilizationPercentage: _current, ...status } = { ...fieldsOf(object, "status") };
  const { [V2_ANNOTATION]: text, ...annotations } = object.metadata.annotations ?? {};
  const plain = { ...spec, metrics: [cpuMetric(percent ?? DEFAULT_CPU_PERCENT)] };
  const v2 = { ...object, apiVersion: "autoscaling/v2", spec: plain, status };
  if (text === undefined) return v2;
  const { annotations: _all, ...others } = object.metadata;
  const metadata = Object.keys(annotations).length === 0 ? others : { ...others, annotations };
  const { metrics, behavior, currentMetrics, conditions } = restOf(text);
  const restored = {
    ...v2,
    metadata,
    spec: {
      ...plain,
      ...(metrics === undefined ? {} : { metrics: metrics.map((metric) => withPercent(metric, percent)) }),
      ...(behavior === undefined ? {} : { behavior }),
    },
    status: { ...status, ...(currentMetrics ? { currentMetrics } : {}), ...(conditions ? { conditions } : {}) },
  };
  // Anybody can write annotations: one that makes no acceptable autoscaler counts for nothing.
  return validateAutoscaler(restored).length === 0 ? restored : { ...v2, metadata };
}

interface Rest {
  readonly metrics?: readonly Fields[];
  readonly behavior?: Fields;
  readonly currentMetrics?: readonly Fields[];
  readonly conditions?: readonly Fields[];
}

function restOf(text: string): Rest {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return {};
    const lists = ["metrics", "currentMetrics", "conditions"].flatMap((key) => {
      const items = listOf(value, key).filter(isRecord);
      return items.length === 0 ? [] : [[key, items]];
    });
    const behavior = fieldsOf(value, "behavior");
    return { ...Object.fromEntries(lists), ...(behavior ? { behavior } : {}) };
  } catch {
    return {};
  }
}

/** The target may have been changed by way of v1. */
function withPercent(metric: Fields, percent: unknown): Fields {
  const now = cpuOf(metric, "target");
  return percent === undefined || now === undefined || now === percent ? metric : cpuMetric(percent);
}

function firstCpu(metrics: unknown, part: "target" | "current"): unknown {
  const all = Array.isArray(metrics) ? (metrics as readonly Fields[]) : [];
  return all.map((metric) => cpuOf(metric, part)).find((percent) => percent !== undefined);
}

function cpuOf(metric: Fields, part: "target" | "current"): unknown {
  const resource = fieldsOf(metric, "resource");
  return resource?.["name"] === "cpu" ? fieldsOf(resource, part)?.["averageUtilization"] : undefined;
}
