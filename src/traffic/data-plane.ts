import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { qualifiedPlural, type ResourceType } from "../kube/resource.ts";

/**
 * What the data plane says that it runs (design decision 3: written is not live). On the embedded cluster the mesh's
 * acknowledgement is kept in one ConfigMap, so that a reconciler reads it like any other object; where there is none
 * (another mesh), nothing is known.
 */
export const DATA_PLANE_KEY = { namespace: "istio-system", name: "fairway-data-plane" } as const;

/** `data` of the ConfigMap: the newest revision in force, by `plural.group`, and `GATEWAY_PORTS`. */
export type DataPlaneRevisions = Readonly<Record<string, string>>;

/** Where the gateway's open ports are on the host, as JSON: `{"80":18080}`. */
export const GATEWAY_PORTS = "gateway-ports";

/**
 * True once every new request obeys this state of the object; false while it does not; null when nothing is known and
 * the caller must take its conservative delay.
 */
export function isLive(configMap: KubeObject | null, type: ResourceType, object: KubeObject): boolean | null {
  return isCaughtUp(configMap, type, Number(object.metadata.resourceVersion ?? 0));
}

/** The same of every change of the kind up to a revision, deletions included: they leave no object to ask about. */
export function isCaughtUp(configMap: KubeObject | null, type: ResourceType, revision: number): boolean | null {
  const running = runningOf(configMap, type);
  return running === null ? null : running >= revision;
}

/** Null: nothing is told of the kind. Whoever wrote something else than a revision told nothing. */
function runningOf(configMap: KubeObject | null, type: ResourceType): number | null {
  const text = (configMap?.["data"] as DataPlaneRevisions | undefined)?.[qualifiedPlural(type)];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** Host port by server port of the gateway; null when the data plane does not tell. */
export function gatewayPorts(configMap: KubeObject | null): Readonly<Record<string, number>> | null {
  const text = (configMap?.["data"] as DataPlaneRevisions | undefined)?.[GATEWAY_PORTS];
  try {
    const ports: unknown = JSON.parse(text ?? "null");
    return isRecord(ports) ? (ports as Record<string, number>) : null;
  } catch {
    return null; // Not ours: whoever wrote it told nothing.
  }
}

/** The data plane tells of this kind. */
export function isTold(configMap: KubeObject | null, type: ResourceType): boolean {
  return runningOf(configMap, type) !== null;
}
