import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import { replicaSetName } from "./template-hash.ts";

export interface DeploymentView {
  readonly deployment: Deployment;
  /** Candidates: ours, and those without controller that our selector matches. */
  readonly candidates: readonly ReplicaSet[];
  /** Whoever has the name that the next new ReplicaSet would get. */
  readonly namesake: ReplicaSet | null;
  /** Pods of our ReplicaSets by the ReplicaSet's uid; only for the Recreate strategy. */
  readonly podsByReplicaSet: ReadonlyMap<string, readonly KubeObject[]>;
  readonly now: Instant;
}

export function gather(key: ObjectKey, cache: CacheReader, now: Instant): DeploymentView | null {
  const deployment = cache.get<Deployment>(resources.deployments, key);
  if (!deployment) return null;
  const owned = cache.ownedBy<ReplicaSet>(resources.replicaSets, deployment.metadata.uid ?? "");
  const orphans = cache
    .selectedBy<ReplicaSet>(resources.replicaSets, key.namespace, deployment.spec.selector)
    .filter((replicaSet) => controllerOf(replicaSet) === undefined);
  const name = replicaSetName(deployment);
  const podsByReplicaSet = new Map<string, readonly KubeObject[]>();
  if (deployment.spec.strategy?.type === "Recreate") {
    for (const { metadata } of owned) {
      podsByReplicaSet.set(metadata.uid ?? "", cache.ownedBy(resources.pods, metadata.uid ?? ""));
    }
  }
  return {
    deployment,
    candidates: [...owned, ...orphans],
    namesake: cache.get<ReplicaSet>(resources.replicaSets, { namespace: key.namespace, name }),
    podsByReplicaSet,
    now,
  };
}
