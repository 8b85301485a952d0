import type { Condition, KubeObject, LabelSelector } from "./meta.ts";

/** The fields of autoscaling/v2 HorizontalPodAutoscaler that our code reads or writes. Types only. */

export interface HorizontalPodAutoscaler extends KubeObject {
  spec: {
    scaleTargetRef: CrossVersionReference;
    minReplicas?: number;
    maxReplicas: number;
    metrics?: MetricSpec[];
    /** Absent: the original's older rules, see `limits.ts` of the controller. */
    behavior?: { scaleUp?: ScalingRules; scaleDown?: ScalingRules };
  };
  status?: Partial<AutoscalerStatus>;
}

export interface CrossVersionReference {
  apiVersion?: string;
  kind: string;
  name: string;
}

export interface ScalingRules {
  stabilizationWindowSeconds?: number;
  selectPolicy?: "Max" | "Min" | "Disabled";
  policies?: ScalingPolicy[];
  /** A share of the target, as a quantity. */
  tolerance?: string;
}

export interface ScalingPolicy {
  type: "Pods" | "Percent";
  value: number;
  periodSeconds: number;
}

export interface MetricSpec {
  type: "Resource" | "ContainerResource" | "Pods" | "Object" | "External" | (string & {});
  resource?: { name: string; target: MetricTarget };
  containerResource?: { name: string; container: string; target: MetricTarget };
  pods?: { metric: MetricIdentifier; target: MetricTarget };
  object?: { describedObject: CrossVersionReference; metric: MetricIdentifier; target: MetricTarget };
  external?: { metric: MetricIdentifier; target: MetricTarget };
}

export interface MetricIdentifier {
  name: string;
  selector?: LabelSelector;
}

export interface MetricTarget {
  type: string;
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

export interface MetricValue {
  averageValue?: string;
  averageUtilization?: number;
}

/** Without a source: the metric could not be measured. */
export interface MetricStatus {
  type: string;
  resource?: { name: string; current: MetricValue };
  containerResource?: { name: string; container: string; current: MetricValue };
}

export interface AutoscalerStatus {
  lastScaleTime?: string;
  currentReplicas?: number;
  desiredReplicas: number;
  /** In the order of the metrics of the spec. */
  currentMetrics?: MetricStatus[];
  conditions?: Condition[];
}
