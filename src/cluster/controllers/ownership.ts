import type { KubeObject, LabelSelector, OwnerReference } from "../../api/meta.ts";
import { controllerOf } from "../../kube/owners.ts";
import type { ResourceType } from "../../kube/resource.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import { matchesLabelSelector } from "../../kube/selector.ts";
import type { Write } from "../../runtime/plan.ts";

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference that a controller puts on what it makes. */
export function controllerReference(type: ResourceType, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claim<T> {
  /** Controlled by the owner, or about to be. */
  readonly claimed: readonly T[];
  /** Adoptions and releases. */
  readonly writes: readonly Write[];
}

/**
 * Sorts candidates by the rule of all workload controllers (K8S-225, K8S-230): what matches the selector and has no
 * controller is adopted; what is ours and matches no longer is released; what another controls is never touched, even
 * when two owners share a selector (Kruise's canary Deployment beside the stable one, INV-43).
 */
export function claim<T extends KubeObject>(
  owner: { readonly type: ResourceType; readonly object: KubeObject; readonly selector: LabelSelector },
  type: ResourceType,
  candidates: readonly T[],
): Claim<T> {
  const claimed: T[] = [];
  const writes: Write[] = [];
  const isDeleting = owner.object.metadata.deletionTimestamp !== undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const matches = matchesLabelSelector(owner.selector, candidate.metadata.labels);
    if (controller && controller.uid !== owner.object.metadata.uid) continue;
    if (controller && matches) claimed.push(candidate);
    else if (controller && !isDeleting) writes.push(setOwners(type, candidate, without(candidate, controller)));
    else if (!controller && matches && !isDeleting && !candidate.metadata.deletionTimestamp) {
      const owners = [...(candidate.metadata.ownerReferences ?? []), controllerReference(owner.type, owner.object)];
      writes.push(setOwners(type, candidate, owners));
      claimed.push({ ...candidate, metadata: { ...candidate.metadata, ownerReferences: owners } });
    }
  }
  return { claimed, writes };
}

/** The write that makes these the object's owners. */
export function setOwners(type: ResourceType, object: KubeObject, owners: readonly OwnerReference[]): Write {
  const key = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  const ownerReferences = owners.length > 0 ? [...owners] : null;
  return { op: "patch", type, key, basedOn: object, patch: { kind: "merge", body: { metadata: { ownerReferences } } } };
}

function without(object: KubeObject, owner: OwnerReference): readonly OwnerReference[] {
  return (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.uid);
}
