import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { formatKey, keyOf, resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { isRollingUpdate } from "./limits.ts";
import { reconcile } from "./reconcile.ts";
import { type DeploymentView, gather } from "./view.ts";

export const deploymentController: Controller<DeploymentView> = {
  name: "deployment-controller",
  watches: [
    { type: resources.deployments, keysOf: (deployment) => [formatKey(keyOf(deployment))] },
    { type: resources.replicaSets, keysOf: deploymentsOf },
    { type: resources.pods, keysOf: recreatingDeploymentOf },
  ],
  gather,
  reconcile,
};

/** The Deployment that controls the ReplicaSet; of one without controller, all that might adopt it. */
function deploymentsOf(replicaSet: KubeObject, cache: CacheReader): readonly string[] {
  const namespace = replicaSet.metadata.namespace ?? "";
  const controller = controllerOf(replicaSet);
  if (controller) return controller.kind === "Deployment" ? [formatKey({ namespace, name: controller.name })] : [];
  return cache
    .list<Deployment>(resources.deployments, namespace)
    .filter(({ spec }) => matchesLabelSelector(spec.selector, replicaSet.metadata.labels))
    .map((deployment) => formatKey(keyOf(deployment)));
}

/** Only the Recreate strategy looks at pods: it waits until the last old one is gone. */
function recreatingDeploymentOf(pod: KubeObject, cache: CacheReader): readonly string[] {
  const namespace = pod.metadata.namespace ?? "";
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet") return [];
  const replicaSet = cache.get<ReplicaSet>(resources.replicaSets, { namespace, name: owner.name });
  const deployment = replicaSet && controllerOf(replicaSet);
  if (deployment?.kind !== "Deployment") return [];
  const key = { namespace, name: deployment.name };
  const found = cache.get<Deployment>(resources.deployments, key);
  return found && !isRollingUpdate(found) ? [formatKey(key)] : [];
}
