import { openMeasurement } from "../../../analysis/status.ts";
import type { AnalysisRunStatus } from "../../../analysis/types.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { type Instant, parseTime } from "../../../base/time.ts";

/** MP-033, SU-009: a Job whose image cannot be pulled says nothing of it itself, and would hold the release to its deadline. */

const STUCK: ReadonlySet<string> = new Set(["ErrImagePull", "ImagePullBackOff", "InvalidImageName"]);

interface ContainerStatus {
  readonly name?: string;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

interface PodStatus {
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

/** The original's text about the first container that will never start; null: there is none. */
export function stuckContainer(pods: readonly KubeObject[]): string | null {
  for (const pod of pods) {
    const { initContainerStatuses = [], containerStatuses = [] } = (pod["status"] ?? {}) as PodStatus;
    for (const { name = "", state } of [...initContainerStatuses, ...containerStatuses]) {
      const { reason = "", message = "" } = state?.waiting ?? {};
      if (!STUCK.has(reason)) continue;
      return `Pod ${pod.metadata.name}, container ${name} has terminal error (${reason}): ${message}`;
    }
  }
  return null;
}

/** When to look at the pods of Jobs again: less and less often, as the original does. They do not wake the run. */
export function nextLookAt(status: AnalysisRunStatus, jobMetrics: ReadonlySet<string>, now: Instant): Instant | null {
  const since = (status.metricResults ?? [])
    .filter(({ name }) => jobMetrics.has(name))
    .map((result) => parseTime(openMeasurement(result)?.startedAt))
    .filter((startedAt) => startedAt !== null);
  if (since.length === 0) return null;
  const elapsedSeconds = Math.max(0, (now - Math.max(...since)) / 1000);
  return now + Math.max(LOOK_MIN_MS, Math.sqrt(2 * elapsedSeconds) * 1000);
}

const LOOK_MIN_MS = 1000;
