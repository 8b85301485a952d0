import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import type { Instant } from "../../base/time.ts";
import { type ObjectKey, resources } from "../../kube/resource.ts";
import type { CacheReader } from "../../runtime/controller.ts";
import { activeReplicaSets, byRevision, isObserved, replicaSetOf, templateHash } from "../../workloads/deployment.ts";
import { desiredReplicas } from "../../workloads/replicas.ts";
import { sameTemplate, templateRevision } from "../../workloads/template.ts";
import { rolloutIdOf } from "./admission.ts";
import { annotations } from "./keys.ts";
import { conditionOf } from "./status.ts";
import { byAge, isDeploymentRef, isSameWorkload } from "./strategy.ts";
import type { BatchRelease, Rollout, RolloutView, WorkloadView } from "./types.ts";

/** Reads everything that the Rollout reconciler decides on. */
export function gatherRollout(
  key: ObjectKey,
  cache: CacheReader,
  { now, settleSeconds }: { now: Instant; settleSeconds: number },
): RolloutView | null {
  const rollout = cache.get<Rollout>(resources.kruiseRollouts, key);
  if (!rollout) return null;
  const ref = rollout.spec.workloadRef;
  const deployment = isDeploymentRef(ref)
    ? cache.get<Deployment>(resources.deployments, { namespace: key.namespace, name: ref.name })
    : null;
  const batchRelease = cache.get<BatchRelease>(resources.batchReleases, key);
  const governing = cache
    .list<Rollout>(resources.kruiseRollouts, key.namespace)
    .filter((other) => !other.metadata.deletionTimestamp && isSameWorkload(other.spec.workloadRef, ref))
    .sort(byAge)[0];
  return {
    rollout,
    now,
    settleSeconds,
    workload: deployment && viewWorkload(deployment, rollout, batchRelease, cache),
    workloadElsewhere: deployment || !isDeploymentRef(ref) ? null : namespaceOfNamesake(ref.name, cache),
    rival: governing && governing.metadata.uid !== rollout.metadata.uid ? governing : null,
    batchRelease,
  };
}

function viewWorkload(
  deployment: Deployment,
  rollout: Rollout,
  batchRelease: BatchRelease | null,
  cache: CacheReader,
): WorkloadView {
  const replicaSets = cache.ownedBy<ReplicaSet>(resources.replicaSets, deployment.metadata.uid ?? "");
  const { template } = deployment.spec;
  const isInProgressing = isMarkedBy(rollout, deployment);
  const stable = stableReplicaSet(deployment, replicaSets, isInProgressing ? rollout : null);
  return {
    deployment,
    isSettled: isObserved(deployment) && stable !== null,
    revision: templateRevision(template),
    stableRevision: templateHash(stable),
    isInProgressing,
    isInRollback: isInProgressing && stable !== null && sameTemplate(stable.spec.template, template),
    rolloutId: rolloutIdOf(deployment),
    canaryTemplateHash: canaryTemplateHash(batchRelease, cache),
  };
}

/** The mark names its Rollout (KRUISE-102); one that another Rollout set is not ours to act on (INV-44). */
function isMarkedBy(rollout: Rollout, deployment: Deployment): boolean {
  const mark = deployment.metadata.annotations?.[annotations.inProgressing];
  if (!mark) return false;
  try {
    const { rolloutName } = JSON.parse(mark) as { rolloutName?: unknown };
    return rolloutName === undefined || rolloutName === rollout.metadata.name;
  } catch {
    // Set by hand (KRUISE-110): whoever did it meant the one Rollout there is.
    return true;
  }
}

/**
 * The ReplicaSet of the stable version. During a release it is the one that the release started from, by name, even if
 * it has no pods left; the original asks for the oldest ReplicaSet with pods and so takes a rollback at the end of a
 * release for a new release (BUG-06). At rest, and where the name is not known yet, it is the oldest with pods.
 */
function stableReplicaSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  releasing: Rollout | null,
): ReplicaSet | null {
  const recorded = releasing ? recordedStableRevision(releasing) : "";
  const remembered = recorded === "" ? null : replicaSets.find((candidate) => templateHash(candidate) === recorded);
  if (remembered) return remembered;
  const oldestActive = activeReplicaSets(replicaSets)[0];
  if (oldestActive) return oldestActive;
  // Scaled to zero: no ReplicaSet has pods, which the original waits out for ever (INV-28).
  if (desiredReplicas(deployment) > 0) return null;
  return replicaSetOf(replicaSets, deployment.spec.template) ?? [...replicaSets].sort(byRevision).at(-1) ?? null;
}

/** While a release is only just noticed, the sub-status is still the one of the release before (KRUISE 6.3 row 1). */
function recordedStableRevision({ status }: Rollout): string {
  if (status?.phase !== "Progressing" || !status.canaryStatus) return "";
  const isNoticed = conditionOf(status, "Progressing")?.reason === "Initializing";
  if (isNoticed && status.canaryStatus.currentStepState !== "BeforeStepUpgrade") return "";
  return status.canaryStatus.stableRevision ?? "";
}

function canaryTemplateHash(batchRelease: BatchRelease | null, cache: CacheReader): string {
  if (!batchRelease) return "";
  const canaries = cache.ownedBy<Deployment>(resources.deployments, batchRelease.metadata.uid ?? "");
  for (const canary of canaries) {
    const replicaSets = cache.ownedBy<ReplicaSet>(resources.replicaSets, canary.metadata.uid ?? "");
    const current = replicaSetOf(replicaSets, canary.spec.template);
    if (current) return templateHash(current);
  }
  return "";
}

/** A wrong namespace is an easy mistake, and the plain "Workload Not Found" hides it (SEED-013). */
function namespaceOfNamesake(name: string, cache: CacheReader): string | null {
  const namesake = cache.list<Deployment>(resources.deployments).find(({ metadata }) => metadata.name === name);
  return namesake?.metadata.namespace ?? null;
}
