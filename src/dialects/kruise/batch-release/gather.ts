import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import type { Pod } from "../../../api/core.ts";
import type { Instant } from "../../../base/time.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import type { CacheReader } from "../../../runtime/controller.ts";
import type { BatchRelease, BatchReleaseView } from "../types.ts";
import { canaryName } from "./canary.ts";

/** Reads everything that the BatchRelease reconciler decides on. Ownership is by uid, never by labels (KRUISE-212). */
export function gatherBatchRelease(key: ObjectKey, cache: CacheReader, now: Instant): BatchReleaseView | null {
  const release = cache.get<BatchRelease>(resources.batchReleases, key);
  if (!release) return null;
  const uid = release.metadata.uid ?? "";
  const name = release.spec.workloadRef?.name ?? "";
  const deploymentAt = (at: string) =>
    cache.get<Deployment>(resources.deployments, { namespace: key.namespace, name: at });
  const stable = name === "" ? null : deploymentAt(name);
  const canaries = [...cache.ownedBy<Deployment>(resources.deployments, uid)].sort(newestFirst);
  const namesake = stable && deploymentAt(canaryName(release, stable));
  return {
    release,
    now,
    stable,
    stableReplicaSets: stable ? cache.ownedBy<ReplicaSet>(resources.replicaSets, stable.metadata.uid ?? "") : [],
    canaries,
    nameTaken: Boolean(namesake) && !canaries.some(({ metadata }) => metadata.name === namesake?.metadata.name),
    canaryPods: canaries.slice(0, 1).flatMap((canary) => podsOf(canary, cache)),
  };
}

function podsOf(deployment: Deployment, cache: CacheReader): readonly Pod[] {
  return cache
    .ownedBy<ReplicaSet>(resources.replicaSets, deployment.metadata.uid ?? "")
    .flatMap(({ metadata }) => cache.ownedBy<Pod>(resources.pods, metadata.uid ?? ""));
}

function newestFirst(left: Deployment, right: Deployment): number {
  const [a, b] = [left, right].map(({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`);
  return a! > b! ? -1 : a! < b! ? 1 : 0;
}
