import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { formatKey, keyOf, resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { gather, type ReplicaSetView, reconcile } from "./reconcile.ts";

export const replicaSetController: Controller<ReplicaSetView> = {
  name: "replicaset-controller",
  watches: [
    { type: resources.replicaSets, keysOf: (replicaSet) => [formatKey(keyOf(replicaSet))] },
    { type: resources.pods, keysOf: replicaSetsOf },
  ],
  gather,
  reconcile,
};

/** The ReplicaSet that controls the pod; of one without controller, all that might adopt it. */
function replicaSetsOf(pod: KubeObject, cache: CacheReader): readonly string[] {
  const namespace = pod.metadata.namespace ?? "";
  const controller = controllerOf(pod);
  if (controller) return controller.kind === "ReplicaSet" ? [formatKey({ namespace, name: controller.name })] : [];
  return cache
    .list<ReplicaSet>(resources.replicaSets, namespace)
    .filter(({ spec }) => matchesLabelSelector(spec.selector, pod.metadata.labels))
    .map((replicaSet) => formatKey(keyOf(replicaSet)));
}
