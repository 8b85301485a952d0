import type { KubeObject, OwnerReference } from "../api/meta.ts";

/** Between which two Services a router splits, and for whom. */
export interface ServiceParties {
  readonly canary: string;
  readonly stable: string;
}

/** The release on whose behalf objects are made: the one that they are removed with. */
export interface Release {
  readonly namespace: string;
  readonly name: string;
  readonly reference: OwnerReference;
}

export function isControlledBy({ metadata }: KubeObject, { reference }: Release): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === reference.uid);
}
