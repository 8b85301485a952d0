import type { Job } from "../../../api/batch.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import { isPodActive, isPodReady, isTerminating } from "../../../kube/pods.ts";

/** The parts of a pod that tell how it fared. */
export interface JobPod extends KubeObject {
  spec: { restartPolicy?: string };
  status?: {
    phase?: string;
    initContainerStatuses?: readonly JobContainerStatus[];
    containerStatuses?: readonly JobContainerStatus[];
  };
}

interface JobContainerStatus {
  readonly restartCount?: number;
  readonly state?: { readonly terminated?: { readonly finishedAt?: string } };
}

/** A Job's pods by how they fare. */
export interface Tally {
  readonly active: readonly JobPod[];
  readonly ready: number;
  /** On their way out without having ended. They count neither as active nor as failed: somebody wanted them gone. */
  readonly terminating: number;
  /**
   * Never less than what was recorded: finished pods are kept, but people may delete them, and what was counted once
   * stays counted.
   */
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededPods: readonly JobPod[];
  readonly failedPods: readonly JobPod[];
}

export function tallyOf({ status }: Job, pods: readonly JobPod[]): Tally {
  const active = pods.filter(isPodActive);
  const succeededPods = pods.filter((pod) => pod.status?.phase === "Succeeded");
  // A node reports a pod that it was told to stop as Failed.
  const failedPods = pods.filter((pod) => pod.status?.phase === "Failed" && !isTerminating(pod));
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && !hasEnded(pod)).length,
    succeeded: Math.max(status?.succeeded ?? 0, succeededPods.length),
    failed: Math.max(status?.failed ?? 0, failedPods.length),
    succeededPods,
    failedPods,
  };
}

/** When the last of the pod's containers ended. */
export function endedAt(pod: JobPod): Instant {
  const times = statuses(pod).map(({ state }) => parseTime(state?.terminated?.finishedAt) ?? 0);
  const last = Math.max(0, ...times);
  // An evicted pod may never have had a container.
  return last > 0 ? last : (parseTime(pod.metadata.creationTimestamp) ?? 0);
}

export function restartsOf(pod: JobPod): number {
  return statuses(pod).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
}

function statuses({ status }: JobPod): readonly JobContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function hasEnded({ status }: JobPod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
