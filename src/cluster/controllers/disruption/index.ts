import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { PodDisruptionBudget } from "../../../api/policy.ts";
import type { Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { type BudgetView, reconcile, type Scale } from "./reconcile.ts";

/** Keeps the status of PodDisruptionBudgets, which evictions are decided on (K8S-243, apiserver/eviction.ts). */
export const disruptionController: Controller<BudgetView> = {
  name: "disruption-controller",
  component: "controllermanager",
  watches: [
    { type: resources.podDisruptionBudgets, keysOf: (budget) => [formatKey(keyOf(budget))] },
    { type: resources.pods, keysOf: (pod, cache) => budgetsOf(pod, pod.metadata.labels, cache) },
    { type: resources.replicaSets, keysOf: (owner, cache) => budgetsOf(owner, templateLabels(owner), cache) },
    { type: resources.deployments, keysOf: (owner, cache) => budgetsOf(owner, templateLabels(owner), cache) },
  ],
  gather,
  reconcile,
};

function budgetsOf(
  { metadata }: KubeObject,
  labels: Record<string, string> | undefined,
  cache: CacheReader,
): readonly string[] {
  return cache
    .list<PodDisruptionBudget>(resources.podDisruptionBudgets, metadata.namespace ?? "")
    .filter(({ spec }) => matchesLabelSelector(spec?.selector, labels))
    .map((budget) => formatKey(keyOf(budget)));
}

function templateLabels(owner: KubeObject): Record<string, string> | undefined {
  return (owner as ReplicaSet).spec?.template?.metadata?.labels;
}

function gather(key: ObjectKey, cache: CacheReader, now: Instant): BudgetView | null {
  const budget = cache.get<PodDisruptionBudget>(resources.podDisruptionBudgets, key);
  if (!budget || budget.metadata.deletionTimestamp) return null;
  const { selector } = budget.spec;
  const pods = selector ? cache.selectedBy(resources.pods, key.namespace, selector) : [];
  return { budget, pods, scales: new Map(pods.map((pod) => [pod.metadata.name, scaleOf(pod, cache)])), now };
}

/**
 * How many pods there should be of the workload that a pod belongs to. A Rollout's ReplicaSets count one by one, like
 * those of nobody; a Deployment's count as the Deployment.
 */
function scaleOf(pod: KubeObject, cache: CacheReader): Scale | null {
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet") return null;
  const namespace = pod.metadata.namespace ?? "";
  const replicaSet = cache.get<ReplicaSet>(resources.replicaSets, { namespace, name: owner.name });
  if (!replicaSet || replicaSet.metadata.uid !== owner.uid) return null;
  const above = controllerOf(replicaSet);
  if (above?.kind !== "Deployment") return { uid: owner.uid, replicas: replicaSet.spec.replicas ?? 1 };
  const deployment = cache.get<Deployment>(resources.deployments, { namespace, name: above.name });
  return deployment && { uid: above.uid, replicas: deployment.spec.replicas ?? 1 };
}
