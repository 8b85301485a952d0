import type { KubeObject } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";

/** A pod as `kubectl get pods` puts it (CL-019, CL-028). */
export interface PodSummary {
  readonly name: string;
  readonly createdAt: string;
  readonly status: string;
  readonly ready: { readonly count: number; readonly total: number };
  readonly restarts: number;
  /** What the node or the scheduler says of a container or pod that does not run; "" when it says nothing. */
  readonly message: string;
}

interface PodShape {
  readonly spec?: {
    readonly initContainers?: readonly { name: string; restartPolicy?: string }[];
    readonly containers?: readonly unknown[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly status?: string; readonly message?: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { reason?: string; message?: string };
    readonly running?: object;
    readonly terminated?: Termination;
  };
}

interface Termination {
  readonly exitCode?: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Containers of one kind: what they say of the pod. */
interface Reading {
  readonly reason: string;
  readonly restarts: number;
  readonly readyCount: number;
}

/** The reason that the node controller gives a pod of a node that does not answer. */
const NODE_LOST = "NodeLost";

export function summarisePod(pod: KubeObject): PodSummary {
  const { metadata } = pod;
  const { spec = {}, status = {} } = pod as PodShape;
  const reason = status.reason || status.phase || "";
  const { restarts, readyCount, ...read } = initReading(spec, status) ?? mainReading(status, reason);
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    status: metadata.deletionTimestamp ? (status.reason === NODE_LOST ? "Unknown" : "Terminating") : read.reason,
    ready: { count: readyCount, total: spec.containers?.length ?? 0 },
    restarts,
    message: messageOf(status),
  };
}

function messageOf({ message = "", conditions = [], ...status }: NonNullable<PodShape["status"]>): string {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const texts = containers.map(({ state }) => state?.waiting?.message ?? state?.terminated?.message ?? "");
  const refusals = conditions.map((one) => (one.status === "False" ? (one.message ?? "") : ""));
  return [...texts, message, ...refusals].find((text) => text !== "") ?? "";
}

/** Of the first init container that is not done; null when all are. */
function initReading(spec: PodShape["spec"], status: NonNullable<PodShape["status"]>): Reading | null {
  const declared = spec?.initContainers ?? [];
  const isSidecar = (name: string) => declared.find((one) => one.name === name)?.restartPolicy === "Always";
  let restarts = 0;
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    restarts += container.restartCount ?? 0;
    const { terminated, waiting } = container.state ?? {};
    if (terminated && (terminated.exitCode ?? 0) === 0) continue;
    if (terminated) return { reason: `Init:${terminationText(terminated)}`, restarts, readyCount: 0 };
    if (isSidecar(container.name) && container.started) {
      if (container.ready) continue;
      return null; // It runs: the pod is past this container, and the main ones speak for it.
    }
    const isWaiting = waiting?.reason !== undefined && waiting.reason !== "" && waiting.reason !== "PodInitializing";
    const reason = isWaiting ? waiting.reason : `${index}/${declared.length}`;
    return { reason: `Init:${reason}`, restarts, readyCount: 0 };
  }
  return null;
}

/** Read from the last to the first, so that the first container with something to say has the last word. */
function mainReading({ containerStatuses = [] }: NonNullable<PodShape["status"]>, podReason: string): Reading {
  let reason = podReason;
  let readyCount = 0;
  for (const { ready, state } of [...containerStatuses].reverse()) {
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated) reason = terminationText(state.terminated);
    else if (ready && isRecord(state?.running)) readyCount++;
  }
  const restarts = containerStatuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  return { reason: reason === "Completed" && readyCount > 0 ? "Running" : reason, restarts, readyCount };
}

function terminationText({ reason, signal, exitCode }: Termination): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;
}
