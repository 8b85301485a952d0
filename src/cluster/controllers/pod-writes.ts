import type { PodTemplate } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { deepCopy } from "../../base/json.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { PlannedEvent, Write } from "../../runtime/plan.ts";
import { controllerReference } from "./ownership.ts";

/** How the workload controllers make and remove pods, and what they tell of it (K8S-230). */

/** Pods made or removed in one pass (K8S-230). */
export const PODS_PER_PASS_MAX = 500;

export interface PodOwner extends KubeObject {
  spec: { template: PodTemplate };
}

export interface PodWrites {
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
}

export function createPods(type: ResourceType, owner: PodOwner, names: readonly string[]): PodWrites {
  return {
    writes: names.map((name) => ({ op: "create", type: resources.pods, object: makePod(type, owner, name) })),
    events: names.map((name) => normalEvent(owner, "SuccessfulCreate", `Created pod: ${name}`)),
  };
}

export function deletePods(owner: KubeObject, pods: readonly KubeObject[]): PodWrites {
  return {
    writes: pods.map((object) => ({ op: "delete", type: resources.pods, object })),
    events: pods.map(({ metadata }) => normalEvent(owner, "SuccessfulDelete", `Deleted pod: ${metadata.name}`)),
  };
}

/** What to tell when the server would not have one of these writes. */
export function refusalEvents(owner: KubeObject, { op }: Write, message: string): readonly PlannedEvent[] {
  if (op !== "create" && op !== "delete") return [];
  const [reason, doing] = op === "create" ? ["FailedCreate", "creating"] : ["FailedDelete", "deleting"];
  return [{ regarding: owner, type: "Warning", reason, message: `Error ${doing}: ${message}` }];
}

export function normalEvent(regarding: KubeObject, reason: string, message: string): PlannedEvent {
  return { regarding, type: "Normal", reason, message };
}

function makePod(type: ResourceType, owner: PodOwner, name: string): KubeObject {
  const { metadata } = owner;
  const template = deepCopy(owner.spec.template);
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      generateName: `${metadata.name}-`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(type, owner)],
    },
    spec: template.spec,
  };
}
