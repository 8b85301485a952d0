import type { KubeObject } from "../../../api/meta.ts";
import { annotations } from "../keys.ts";

/** The revision that an object was made for; 0 when it does not say (CL-017). */
export function revisionOf({ metadata }: KubeObject): number {
  const text = metadata.annotations?.[annotations.revision] ?? "";
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

export function isOwnedBy({ metadata }: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && (metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}

export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
