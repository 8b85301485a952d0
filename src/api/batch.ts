import type { PodTemplate } from "./apps.ts";
import type { Condition, KubeObject, LabelSelector } from "./meta.ts";

/** The fields of batch/v1 Job that our code reads or writes. Types only. */
export interface Job extends KubeObject {
  spec: JobSpec;
  status?: JobStatus;
}

export interface JobSpec {
  parallelism?: number;
  /** Absent: a work queue, done when a pod has succeeded and all have ended. */
  completions?: number;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  suspend?: boolean;
  podReplacementPolicy?: "TerminatingOrFailed" | "Failed";
  completionMode?: "NonIndexed" | "Indexed";
  managedBy?: string;
  selector?: LabelSelector;
  template: PodTemplate;
  [field: string]: unknown;
}

export interface JobStatus {
  conditions?: Condition[];
  startTime?: string;
  completionTime?: string;
  active?: number;
  ready?: number;
  succeeded?: number;
  failed?: number;
  terminating?: number;
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
}
