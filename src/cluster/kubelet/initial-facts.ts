import type { Instant } from "../../base/time.ts";
import { parseTime } from "../../base/time.ts";
import { type ContainerFacts, type ContainerPhase, type Terminated, waiting } from "./container-facts.ts";
import { restartPolicyOf } from "./next-action.ts";
import type { Container, ContainerStatus, Pod, TerminatedState } from "./pod.ts";

/**
 * Where a container stands when the node first meets its pod. A new pod has no status yet. A pod that an earlier run of
 * the cluster left behind has one, but none of its processes: what ran then has ended, and starts again under the same
 * pod where its restart policy says so (K8S-196).
 */
export function initialFacts(pod: Pod, container: Container, now: Instant): ContainerFacts {
  const stored = findStatus(pod, container.name);
  const base = { name: container.name, image: container.image, isStarted: false, isReady: false, retryAt: now };
  const fresh = waiting(pod.spec.initContainers?.length ? "PodInitializing" : "ContainerCreating");
  if (!stored) return { ...base, state: fresh, last: null, restartCount: 0 };

  const last = stored.lastState?.terminated ? toTerminated(stored.lastState.terminated) : null;
  return { ...base, last, restartCount: stored.restartCount, state: storedState(pod, stored, now) ?? fresh };
}

/** Null: it never ran. */
function storedState(pod: Pod, { state, containerID = "" }: ContainerStatus, now: Instant): ContainerPhase | null {
  if (state.terminated) return toTerminated(state.terminated);
  if (!state.running) return null;
  return {
    kind: "terminated",
    containerId: containerID,
    startedAt: parseTime(state.running.startedAt) ?? now,
    finishedAt: now,
    // As the original reports a container that it lost sight of.
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message:
      restartPolicyOf(pod) === "Never"
        ? "The container ended with the cluster and its restart policy is Never"
        : "The container ended with the cluster",
  };
}

function findStatus(pod: Pod, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
}

function toTerminated(state: TerminatedState): Terminated {
  return {
    kind: "terminated",
    containerId: state.containerID ?? "",
    startedAt: parseTime(state.startedAt) ?? 0,
    finishedAt: parseTime(state.finishedAt) ?? 0,
    exitCode: state.exitCode,
    reason: state.reason ?? "",
    message: state.message ?? null,
  };
}
