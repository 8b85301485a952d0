import type { KubeObject } from "../api/meta.ts";

/**
 * Oldest first, then by name, then by namespace: Istio's order wherever "the first wins" (MESH-039, 045, 048).
 * Whole seconds, as the timestamps are stored; an object without one counts as the oldest.
 */
export function compareAge(left: KubeObject, right: KubeObject): number {
  return (
    compareText(left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? "") ||
    compareText(left.metadata.name, right.metadata.name) ||
    compareText(left.metadata.namespace ?? "", right.metadata.namespace ?? "")
  );
}

export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
