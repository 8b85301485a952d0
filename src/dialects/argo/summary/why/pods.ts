import type { PodSummary } from "../pod.ts";
import type { ReplicaSetSummary } from "../replica-set.ts";
import { type Action, kubectl, type Situation } from "./situation.ts";

/** Pods that a sentence names; the others are counted. */
const NAMED_MAX = 2;
const TERMINATING = "Terminating";

export function isShort({ available, desired }: ReplicaSetSummary): boolean {
  return available < desired;
}

/** Why a ReplicaSet has fewer pods available than it should. */
export function shortageText({ revision, podHash, desired, available, pods }: ReplicaSetSummary): string {
  const head = `${available} of ${desired} pods of revision ${revision} (${podHash}) are available`;
  const waiting = troubled(pods);
  if (waiting.length === 0) {
    const staying = pods.filter(({ status }) => status !== TERMINATING);
    return staying.length < desired
      ? `${head}; ${staying.length} exist so far`
      : `${head}; the others are ready, and not long enough`;
  }
  const named = waiting.slice(0, NAMED_MAX).map((pod) => `${pod.name} is ${stateText(pod)}`);
  const more = waiting.length > NAMED_MAX ? [`${waiting.length - NAMED_MAX} more are not ready`] : [];
  return `${head}; ${[...named, ...more].join(", ")}`;
}

function troubled(pods: readonly PodSummary[]): readonly PodSummary[] {
  return pods.filter(({ status, ready }) => status !== TERMINATING && ready.count < ready.total);
}

function stateText({ status, ready, restarts, message }: PodSummary): string {
  const again = restarts > 0 ? ` after ${restarts} restart${restarts === 1 ? "" : "s"}` : "";
  if (status === "Running") return `running, and not ready (${ready.count} of ${ready.total} containers${again})`;
  return `${status}${again}${message === "" ? "" : ` (${message})`}`;
}

export function podActions(situation: Situation, { pods }: ReplicaSetSummary): readonly Action[] {
  const [pod] = troubled(pods);
  if (!pod) return [];
  const { name, status, restarts } = pod;
  if (status === "Running" || restarts > 0) {
    return [kubectl(situation, `logs ${name} --all-containers`, "shows what the pod says")];
  }
  return [kubectl(situation, `describe pod ${name}`, "shows the pod's events")];
}
