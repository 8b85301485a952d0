import type { KubeObject, ObjectMeta } from "../../../api/meta.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { formatKey, keyOf, resources } from "../../../kube/resource.ts";

/** What EndpointSlices and Endpoints have in common: which pods back a Service, and at which ports. */

export interface Service extends KubeObject {
  spec: {
    type?: string;
    clusterIP?: string;
    selector?: Record<string, string>;
    ports?: ServicePort[];
    publishNotReadyAddresses?: boolean;
  };
}

export interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  targetPort?: number | string;
  appProtocol?: string;
}

export interface BackingPod extends KubeObject {
  metadata: ObjectMeta;
  spec: {
    nodeName?: string;
    hostname?: string;
    subdomain?: string;
    containers: { ports?: { name?: string; containerPort: number; protocol?: string }[] }[];
  };
  status?: { phase?: string; podIP?: string };
}

export interface EndpointPort {
  name?: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

export const LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time";

/** Services without selector are their owner's to fill; an ExternalName has no endpoints (K8S-238). */
export function hasManagedEndpoints(service: Service): boolean {
  return service.spec.type !== "ExternalName" && Object.keys(service.spec.selector ?? {}).length > 0;
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === "None";
}

/** Pods that have an address and have not finished; terminating ones included. */
export function backingPods(service: Service, cache: CacheReader): readonly BackingPod[] {
  const selector = { matchLabels: service.spec.selector ?? {} };
  return cache
    .selectedBy<BackingPod>(resources.pods, service.metadata.namespace ?? "", selector)
    .filter(({ status }) => status?.podIP && status.phase !== "Succeeded" && status.phase !== "Failed");
}

/** The Service's ports with the numbers that they have on this pod; a name that no container has is left out. */
export function portsOn(service: Service, pod: BackingPod): readonly EndpointPort[] {
  const resolved: EndpointPort[] = [];
  for (const { name = "", port, protocol = "TCP", targetPort = port, appProtocol } of service.spec.ports ?? []) {
    const number = typeof targetPort === "number" ? targetPort : containerPort(pod, targetPort, protocol);
    if (number === null) continue;
    resolved.push({ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return resolved;
}

function containerPort(pod: BackingPod, name: string, protocol: string): number | null {
  for (const { ports = [] } of pod.spec.containers) {
    for (const port of ports)
      if (port.name === name && (port.protocol ?? "TCP") === protocol) return port.containerPort;
  }
  return null;
}

export function podReference({ metadata }: BackingPod) {
  return { kind: "Pod", namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid ?? "" };
}

/** Keys of the Services that select the pod. */
export function servicesOf(pod: KubeObject, cache: CacheReader): readonly string[] {
  const labels = pod.metadata.labels ?? {};
  const keys: string[] = [];
  for (const service of cache.list<Service>(resources.services, pod.metadata.namespace ?? "")) {
    const selector = Object.entries(service.spec.selector ?? {});
    if (selector.length > 0 && selector.every(([key, value]) => labels[key] === value)) {
      keys.push(formatKey(keyOf(service)));
    }
  }
  return keys;
}
