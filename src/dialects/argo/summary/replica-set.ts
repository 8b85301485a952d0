import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Rollout } from "../types.ts";
import { compareTexts, isOwnedBy, revisionOf } from "./order.ts";
import { type PodSummary, summarisePod } from "./pod.ts";

/** The part that a ReplicaSet plays in a release. */
export type RoleTag = "stable" | "canary" | "active" | "preview" | "ping" | "pong";

export type ReplicaSetPhase = "Healthy" | "Progressing" | "ScaledDown" | "ReplicaFailure";

export interface ReplicaSetSummary {
  readonly name: string;
  readonly createdAt: string;
  readonly revision: number;
  readonly podHash: string;
  readonly status: ReplicaSetPhase;
  readonly tags: readonly RoleTag[];
  /** The experiment's template that it runs, else "". */
  readonly template: string;
  /** When it may be scaled down, RFC 3339; "" while nothing is planned. */
  readonly scaleDownDeadline: string;
  /** Pods that there shall be. */
  readonly desired: number;
  readonly replicas: number;
  readonly available: number;
  /** Of its containers, in their order; init containers are left out (CL-013). */
  readonly images: readonly string[];
  readonly pods: readonly PodSummary[];
}

const EXPERIMENT_TEMPLATE = "experiment.argoproj.io/template-name";

export interface ReplicaSetOwner {
  readonly uid: string | undefined;
  /** Null for an experiment: its ReplicaSets play no part in the release. */
  readonly rollout: Rollout | null;
}

/** Those of the owner, newest revision first (CL-017). */
export function summariseReplicaSets(
  { uid, rollout }: ReplicaSetOwner,
  replicaSets: readonly ReplicaSet[],
  pods: readonly KubeObject[],
): ReplicaSetSummary[] {
  return replicaSets
    .filter((replicaSet) => isOwnedBy(replicaSet, uid))
    .map((replicaSet) => summarise(replicaSet, rollout, pods))
    .sort((left, right) => right.revision - left.revision || compareTexts(left.name, right.name));
}

function summarise(replicaSet: ReplicaSet, rollout: Rollout | null, pods: readonly KubeObject[]): ReplicaSetSummary {
  const { metadata, spec, status } = replicaSet;
  const podHash = metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
  const containers = (spec.template?.spec?.["containers"] ?? []) as readonly { image?: string }[];
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    revision: revisionOf(replicaSet),
    podHash,
    status: phaseOf(replicaSet),
    tags: rollout ? roleTags(rollout, podHash) : [],
    template: metadata.annotations?.[EXPERIMENT_TEMPLATE] ?? "",
    scaleDownDeadline: metadata.annotations?.[annotations.scaleDownDeadline] ?? "",
    desired: spec.replicas ?? 1,
    replicas: status?.replicas ?? 0,
    available: status?.availableReplicas ?? 0,
    images: containers.map(({ image = "" }) => image),
    pods: pods
      .filter((pod) => isOwnedBy(pod, metadata.uid))
      .map(summarisePod)
      .sort((left, right) => compareTexts(left.createdAt, right.createdAt) || compareTexts(left.name, right.name)),
  };
}

/** CL-027. */
function phaseOf({ metadata, spec, status }: ReplicaSet): ReplicaSetPhase {
  const desired = spec.replicas ?? 1;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) return "Progressing";
  if (status?.conditions?.some(({ type, status: value }) => type === "ReplicaFailure" && value === "True")) {
    return "ReplicaFailure";
  }
  if ((status?.availableReplicas ?? 0) < desired) return "Progressing";
  return desired === 0 ? "ScaledDown" : "Healthy";
}

/** In the order of the INFO column (CL-018). */
function roleTags(rollout: Rollout, hash: string): RoleTag[] {
  if (hash === "") return [];
  const { strategy } = rollout.spec;
  if (strategy?.canary) return canaryTags(rollout, hash);
  if (!strategy?.blueGreen) return [];
  const { stableRS, blueGreen } = rollout.status ?? {};
  const tags: RoleTag[] = stableRS === hash ? ["stable"] : [];
  if (blueGreen?.activeSelector === hash) tags.push("active");
  else if (blueGreen?.previewSelector === hash) tags.push("preview");
  return tags;
}

function canaryTags({ spec, status }: Rollout, hash: string): RoleTag[] {
  const isStable = status?.stableRS === hash;
  if (!isStable && status?.currentPodHash !== hash) return [];
  const role: RoleTag = isStable ? "stable" : "canary";
  if (!spec.strategy?.canary?.pingPong) return [role];
  const isStablePing = status?.canary?.stablePingPong === "ping";
  return [role, isStable === isStablePing ? "ping" : "pong"];
}
