import type { Condition, KubeObject, LabelSelector, ObjectMeta } from "../api/meta.ts";
import type { IntOrPercent } from "../base/int-or-percent.ts";

/** The parts of apps/v1 and core/v1 objects that release engines read. Everything else passes through untouched. */

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec?: Record<string, unknown>;
}

export interface Deployment extends KubeObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplate;
    strategy?: {
      type?: "RollingUpdate" | "Recreate";
      rollingUpdate?: { maxSurge?: IntOrPercent; maxUnavailable?: IntOrPercent };
    };
    paused?: boolean;
    [field: string]: unknown;
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: Condition[];
  };
}

export interface ReplicaSet extends KubeObject {
  spec: { replicas?: number; template: PodTemplate; [field: string]: unknown };
}

export interface Pod extends KubeObject {
  status?: { phase?: string; conditions?: Condition[] };
}
