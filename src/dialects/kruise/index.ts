import type { KubeObject } from "../../api/meta.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import type { AnyController, CacheReader, Controller } from "../../runtime/controller.ts";
import { gatherBatchRelease } from "./batch-release/gather.ts";
import { reconcileBatchRelease } from "./batch-release/reconcile.ts";
import { gatherRollout } from "./gather.ts";
import { reconcileRollout } from "./reconcile.ts";
import { isDeploymentRef } from "./strategy.ts";
import type { BatchRelease, BatchReleaseView, Rollout, RolloutView } from "./types.ts";

/** OpenKruise Rollouts: the controllers of rollouts.kruise.io. CRDs and admission are in packs/kruise.ts. */

export interface KruiseOptions {
  /** How long a noticed release waits for edits of its Rollout that were applied together with it (KRUISE-140). */
  readonly settleSeconds?: number;
}

const SETTLE_SECONDS = 3; // KRUISE-140

export function kruiseControllers({ settleSeconds = SETTLE_SECONDS }: KruiseOptions = {}): AnyController[] {
  return [rolloutController(settleSeconds), batchReleaseController];
}

function rolloutController(settleSeconds: number): Controller<RolloutView> {
  return {
    name: "kruise-rollout",
    component: "rollout-controller",
    watches: [
      { type: resources.kruiseRollouts, keysOf: rolloutAndItsRivals },
      // A BatchRelease has its Rollout's name (KRUISE-200).
      { type: resources.batchReleases, keysOf: (release) => [formatKey(keyOf(release))] },
      { type: resources.deployments, keysOf: rolloutsOfDeployment },
      {
        type: resources.replicaSets,
        keysOf: (replicaSet, cache) => throughOwner(replicaSet, cache, rolloutsOfDeployment),
      },
    ],
    gather: (key, cache, now) => gatherRollout(key, cache, { now, settleSeconds }),
    reconcile: reconcileRollout,
  };
}

const batchReleaseController: Controller<BatchReleaseView> = {
  name: "kruise-batch-release",
  component: "batchrelease-controller",
  watches: [
    { type: resources.batchReleases, keysOf: (release) => [formatKey(keyOf(release))] },
    { type: resources.deployments, keysOf: batchReleasesOfDeployment },
    { type: resources.replicaSets, keysOf: batchReleasesOfReplicaSet },
    { type: resources.pods, keysOf: batchReleasesOfPod },
  ],
  gather: gatherBatchRelease,
  reconcile: reconcileBatchRelease,
};

/** When the governing Rollout of a workload goes, the one that waited behind it takes over (INV-44). */
function rolloutAndItsRivals(object: KubeObject, cache: CacheReader): string[] {
  const { namespace, name } = keyOf(object);
  const workload = (object as Rollout).spec.workloadRef?.name;
  const rivals = cache
    .list<Rollout>(resources.kruiseRollouts, namespace)
    .filter((other) => other.metadata.name !== name && other.spec.workloadRef.name === workload);
  return [object, ...rivals].map((rollout) => formatKey(keyOf(rollout)));
}

/**
 * The Rollouts that name this Deployment, in any namespace: one whose workload is missing tells where a namesake is
 * (SEED-013). A canary Deployment wakes the Rollout of its BatchRelease.
 */
function rolloutsOfDeployment(deployment: KubeObject, cache: CacheReader): string[] {
  const { name } = keyOf(deployment);
  const naming = cache
    .list<Rollout>(resources.kruiseRollouts)
    .filter(({ spec }) => isDeploymentRef(spec.workloadRef) && spec.workloadRef.name === name)
    .map((rollout) => formatKey(keyOf(rollout)));
  return [...naming, ...owners(deployment, "BatchRelease").map(formatKey)];
}

function batchReleasesOfDeployment(deployment: KubeObject, cache: CacheReader): string[] {
  const { namespace, name } = keyOf(deployment);
  const controlling = cache
    .list<BatchRelease>(resources.batchReleases, namespace)
    .filter(({ spec }) => spec.workloadRef?.name === name)
    .map((release) => formatKey(keyOf(release)));
  return [...controlling, ...owners(deployment, "BatchRelease").map(formatKey)];
}

function batchReleasesOfReplicaSet(replicaSet: KubeObject, cache: CacheReader): string[] {
  return throughOwner(replicaSet, cache, batchReleasesOfDeployment);
}

function batchReleasesOfPod(pod: KubeObject, cache: CacheReader): string[] {
  return owners(pod, "ReplicaSet").flatMap((key) => {
    const replicaSet = cache.get(resources.replicaSets, key);
    return replicaSet ? batchReleasesOfReplicaSet(replicaSet, cache) : [];
  });
}

function throughOwner(
  replicaSet: KubeObject,
  cache: CacheReader,
  keysOf: (deployment: KubeObject, cache: CacheReader) => string[],
): string[] {
  return owners(replicaSet, "Deployment").flatMap((key) => {
    const deployment = cache.get(resources.deployments, key);
    return deployment ? keysOf(deployment, cache) : [];
  });
}

function owners({ metadata }: KubeObject, kind: string): ObjectKey[] {
  return (metadata.ownerReferences ?? [])
    .filter((owner) => owner.controller === true && owner.kind === kind)
    .map(({ name }) => ({ namespace: metadata.namespace ?? "", name }));
}
