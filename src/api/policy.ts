import type { IntOrPercent } from "../base/int-or-percent.ts";
import type { Condition, KubeObject, LabelSelector } from "./meta.ts";

/** The fields of policy/v1 PodDisruptionBudget that our code reads or writes. Types only. */

export interface PodDisruptionBudget extends KubeObject {
  spec: {
    minAvailable?: IntOrPercent;
    maxUnavailable?: IntOrPercent;
    /** Absent: no pod. Empty: every pod of the namespace. */
    selector?: LabelSelector;
    unhealthyPodEvictionPolicy?: "IfHealthyBudget" | "AlwaysAllow";
  };
  status?: PodDisruptionBudgetStatus;
}

export interface PodDisruptionBudgetStatus {
  observedGeneration?: number;
  /** Pods whose eviction was granted and which are not yet seen to go: name → when. */
  disruptedPods?: Record<string, string>;
  disruptionsAllowed?: number;
  currentHealthy?: number;
  desiredHealthy?: number;
  expectedPods?: number;
  conditions?: Condition[];
}
