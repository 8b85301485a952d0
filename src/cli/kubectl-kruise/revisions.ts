import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import type { KubeClient } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";
import { formatLabelSelector } from "../../kube/selector.ts";
import { byRevision } from "../../workloads/deployment.ts";

/** The ReplicaSets that this Deployment owns, oldest revision first. A canary's have the same labels (KRUISE-212). */
export async function revisionsOf(client: KubeClient, deployment: Deployment): Promise<ReplicaSet[]> {
  const { namespace = "", uid } = deployment.metadata;
  const labelSelector = formatLabelSelector(deployment.spec.selector);
  const { items } = await client.list<ReplicaSet>(resources.replicaSets, { namespace, labelSelector });
  return items
    .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid))
    .sort(byRevision);
}
