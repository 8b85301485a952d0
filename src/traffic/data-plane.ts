import type { KubeObject } from "../api/meta.ts";
import { qualifiedPlural, type ResourceType } from "../kube/resource.ts";

/**
 * What the data plane says that it runs (design decision 3: written is not live). On the embedded cluster the mesh's
 * acknowledgement is kept in one ConfigMap, so that a reconciler reads it like any other object; where there is none
 * (another mesh), nothing is known.
 */
export const DATA_PLANE_KEY = { namespace: "istio-system", name: "fairway-data-plane" } as const;

/** `data` of the ConfigMap: the newest revision in force, by `plural.group`. */
export type DataPlaneRevisions = Readonly<Record<string, string>>;

/**
 * True once every new request obeys this state of the object; false while it does not; null when nothing is known and
 * the caller must take its conservative delay.
 */
export function isLive(configMap: KubeObject | null, type: ResourceType, object: KubeObject): boolean | null {
  const revisions = configMap?.["data"] as DataPlaneRevisions | undefined;
  const running = revisions?.[qualifiedPlural(type)];
  if (running === undefined) return null;
  return Number(running) >= Number(object.metadata.resourceVersion ?? 0);
}

/** The data plane tells of this kind. */
export function isTold(configMap: KubeObject | null, type: ResourceType): boolean {
  return (configMap?.["data"] as DataPlaneRevisions | undefined)?.[qualifiedPlural(type)] !== undefined;
}
