import type { KubeObject } from "../../../api/meta.ts";
import { canonicalJson, deepEqual } from "../../../base/json.ts";
import { formatTime, type Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { isPodReady, isTerminating } from "../../../kube/pods.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../../kube/resource.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { emptyPlan, type Plan } from "../../../runtime/plan.ts";
import {
  type BackingPod,
  backingPods,
  type EndpointPort,
  hasManagedEndpoints,
  isHeadless,
  LAST_CHANGE,
  podReference,
  portsOn,
  type Service,
  servicesOf,
} from "./service.ts";

const MANAGED_BY = "endpoints.kubernetes.io/managed-by";
const MANAGER = "endpoint-controller";
const HEADLESS = "service.kubernetes.io/headless";

interface Address {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef: ReturnType<typeof podReference>;
}

interface Subset {
  addresses?: Address[];
  notReadyAddresses?: Address[];
  ports?: EndpointPort[];
}

export interface EndpointsView {
  /** Null when it is gone: its Endpoints, which has no owner, goes too. */
  readonly service: Service | null;
  readonly pods: readonly BackingPod[];
  readonly endpoints: KubeObject | null;
  readonly now: Instant;
}

/** The older form of the same facts, one object per Service (K8S-239). */
export const endpointsController: Controller<EndpointsView> = {
  name: "endpoint-controller",
  watches: [
    { type: resources.services, keysOf: (service) => [formatKey(keyOf(service))] },
    { type: resources.pods, keysOf: servicesOf },
    { type: resources.endpoints, keysOf: (endpoints) => [formatKey(keyOf(endpoints))] },
  ],
  gather,
  reconcile,
};

function gather(key: ObjectKey, cache: CacheReader, now: Instant): EndpointsView | null {
  const service = cache.get<Service>(resources.services, key);
  const endpoints = cache.get(resources.endpoints, key);
  if (!service && !endpoints) return null;
  return { service, pods: service && hasManagedEndpoints(service) ? backingPods(service, cache) : [], endpoints, now };
}

export function reconcile(view: EndpointsView): Plan {
  const { service, endpoints } = view;
  if (!service) return { ...emptyPlan, writes: endpoints && isOurs(endpoints) ? [remove(endpoints)] : [] };
  if (!hasManagedEndpoints(service)) return emptyPlan;
  const subsets = subsetsOf(service, view.pods);
  const labels = {
    ...service.metadata.labels,
    [MANAGED_BY]: MANAGER,
    ...(isHeadless(service) ? { [HEADLESS]: "" } : {}),
  };
  const annotations = { ...endpoints?.metadata.annotations, [LAST_CHANGE]: formatTime(view.now) };
  if (!endpoints) {
    const { name, namespace } = service.metadata;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels, annotations };
    const object: KubeObject = { apiVersion: "v1", kind: "Endpoints", metadata, ...(subsets && { subsets }) };
    return { ...emptyPlan, writes: [{ op: "create", type: resources.endpoints, object }] };
  }
  if (deepEqual(endpoints["subsets"] ?? null, subsets) && deepEqual(endpoints.metadata.labels, labels))
    return emptyPlan;
  const { subsets: _, ...rest } = endpoints;
  const object = { ...rest, metadata: { ...endpoints.metadata, labels, annotations }, ...(subsets && { subsets }) };
  return { ...emptyPlan, writes: [{ op: "update", type: resources.endpoints, object: object as KubeObject }] };
}

/** One subset for each set of port numbers, addresses by IP; null when no pod backs the Service. */
function subsetsOf(service: Service, pods: readonly BackingPod[]): readonly Subset[] | null {
  const groups = new Map<string, { ports: readonly EndpointPort[]; ready: Address[]; notReady: Address[] }>();
  const publishAll = service.spec.publishNotReadyAddresses === true;
  for (const pod of pods) {
    if (isTerminating(pod) && !publishAll) continue;
    const ports = portsOn(service, pod).map(withoutEmptyName);
    if (ports.length === 0 && !isHeadless(service)) continue;
    const key = canonicalJson(ports);
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    (publishAll || isPodReady(pod) ? group.ready : group.notReady).push(addressOf(service, pod));
    groups.set(key, group);
  }
  const subsets = [...groups.values()].map(({ ports, ready, notReady }) => ({
    ...(ready.length > 0 ? { addresses: ready.sort(byIp) } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady.sort(byIp) } : {}),
    ...(ports.length > 0 ? { ports: [...ports] } : {}),
  }));
  return subsets.length > 0 ? subsets : null;
}

function withoutEmptyName({ name, ...port }: EndpointPort): EndpointPort {
  return name ? { name, ...port } : port;
}

function addressOf(service: Service, pod: BackingPod): Address {
  const { hostname, subdomain, nodeName } = pod.spec;
  const hasHostname = hostname !== undefined && isHeadless(service) && subdomain === service.metadata.name;
  return {
    ip: pod.status?.podIP ?? "",
    ...(hasHostname ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: podReference(pod),
  };
}

function byIp(left: Address, right: Address): number {
  return left.ip < right.ip ? -1 : left.ip > right.ip ? 1 : 0;
}

function isOurs(endpoints: KubeObject): boolean {
  return endpoints.metadata.labels?.[MANAGED_BY] === MANAGER;
}

function remove(object: KubeObject) {
  return { op: "delete", type: resources.endpoints, object } as const;
}
