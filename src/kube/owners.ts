import type { KubeObject, OwnerReference } from "../api/meta.ts";

/** The one owner that manages the object; the API server accepts no second. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true);
}
