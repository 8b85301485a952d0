import type { KubeObject } from "../../../api/meta.ts";
import { fnv1a32, safeEncode } from "../../../base/hash.ts";
import { canonicalJson, deepEqual } from "../../../base/json.ts";
import { formatTime, type Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { isPodReady, isTerminating } from "../../../kube/pods.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../../kube/resource.ts";
import type { Controller } from "../../../runtime/controller.ts";
import { emptyPlan, type Plan, type Write } from "../../../runtime/plan.ts";
import { controllerReference } from "../ownership.ts";
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

const SERVICE_NAME = "kubernetes.io/service-name";
const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
const MANAGER = "endpointslice-controller.k8s.io";
const HEADLESS = "service.kubernetes.io/headless";
/** K8S-238 */
const ENDPOINTS_MAX = 100;

interface Slice extends KubeObject {
  endpoints?: Endpoint[] | null;
  ports?: EndpointPort[] | null;
}

interface Endpoint {
  addresses: string[];
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  hostname?: string;
  nodeName?: string;
  targetRef: ReturnType<typeof podReference>;
}

/** What one slice should hold. */
interface Content {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface EndpointSliceView {
  readonly service: Service;
  readonly pods: readonly BackingPod[];
  /** The slices of this Service that this controller made. */
  readonly slices: readonly Slice[];
  readonly now: Instant;
}

export const endpointSliceController: Controller<EndpointSliceView> = {
  name: "endpointslice-controller",
  watches: [
    { type: resources.services, keysOf: (service) => [formatKey(keyOf(service))] },
    { type: resources.pods, keysOf: servicesOf },
    { type: resources.endpointSlices, keysOf: serviceOf },
  ],
  gather,
  reconcile,
};

function serviceOf({ metadata }: KubeObject): readonly string[] {
  const name = metadata.labels?.[SERVICE_NAME];
  return name === undefined ? [] : [formatKey({ namespace: metadata.namespace ?? "", name })];
}

/** Slices of a deleted Service are the garbage collector's: they name it as their owner. */
function gather(key: ObjectKey, cache: CacheReader, now: Instant): EndpointSliceView | null {
  const service = cache.get<Service>(resources.services, key);
  if (!service || isTerminating(service)) return null;
  const selector = { matchLabels: { [SERVICE_NAME]: key.name, [MANAGED_BY]: MANAGER } };
  return {
    service,
    pods: hasManagedEndpoints(service) ? backingPods(service, cache) : [],
    slices: cache.selectedBy<Slice>(resources.endpointSlices, key.namespace, selector).filter((s) => !isTerminating(s)),
    now,
  };
}

/**
 * Slices for the pods behind a Service (K8S-238). A slice holds pods of equal port numbers, in the order of their names;
 * up to `ENDPOINTS_MAX` pods one pod's change is one write.
 */
export function reconcile(view: EndpointSliceView): Plan {
  const { service, slices } = view;
  if (!hasManagedEndpoints(service)) return { ...emptyPlan, writes: slices.map(remove) };
  const writes: Write[] = [];
  const free = new Set(slices);
  const wanted = contents(view);
  const unplaced: Content[] = [];
  for (const content of wanted) {
    const slice = takeSlice(free, content);
    if (slice) writes.push(...update(view, slice, content));
    else unplaced.push(content);
  }
  // A slice that is left over is filled anew before another one is made.
  for (const content of unplaced) {
    const [slice] = free;
    if (slice) free.delete(slice);
    writes.push(...(slice ? update(view, slice, content) : [create(view, content)]));
  }
  return { ...emptyPlan, writes: [...writes, ...[...free].map(remove)] };
}

/** The contents of all slices; at least one, which says that there are no endpoints. */
function contents(view: EndpointSliceView): readonly Content[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of view.pods) {
    const ports = portsOn(view.service, pod);
    const key = canonicalJson(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(view.service, pod));
    groups.set(key, group);
  }
  const result: Content[] = [];
  for (const { ports, endpoints } of groups.values()) {
    for (let from = 0; from < endpoints.length; from += ENDPOINTS_MAX) {
      result.push({ ports, endpoints: endpoints.slice(from, from + ENDPOINTS_MAX) });
    }
  }
  return result.length > 0 ? result : [{ ports: [], endpoints: [] }];
}

function endpointOf(service: Service, pod: BackingPod): Endpoint {
  const serving = isPodReady(pod);
  const terminating = isTerminating(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { hostname, subdomain, nodeName } = pod.spec;
  const hasHostname = hostname !== undefined && isHeadless(service) && subdomain === service.metadata.name;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready, serving, terminating },
    ...(hasHostname ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: podReference(pod),
  };
}

/** Takes the slice of the same ports that shares most pods with the content. */
function takeSlice(free: Set<Slice>, { ports, endpoints }: Content): Slice | null {
  const uids = new Set(endpoints.map(({ targetRef }) => targetRef.uid));
  let best: { slice: Slice; shared: number } | null = null;
  for (const slice of free) {
    if (!deepEqual(slice.ports ?? [], ports)) continue;
    const shared = (slice.endpoints ?? []).filter(({ targetRef }) => uids.has(targetRef?.uid)).length;
    if (best === null || shared > best.shared) best = { slice, shared };
  }
  if (best) free.delete(best.slice);
  return best?.slice ?? null;
}

function update(view: EndpointSliceView, slice: Slice, content: Content): readonly Write[] {
  const labels = labelsOf(view.service);
  const isSame =
    deepEqual(slice.ports ?? [], content.ports) &&
    deepEqual(slice.endpoints ?? [], content.endpoints) &&
    deepEqual(slice.metadata.labels, labels);
  if (isSame) return [];
  const annotations = { ...slice.metadata.annotations, [LAST_CHANGE]: formatTime(view.now) };
  const object = { ...slice, ...bodyOf(content), metadata: { ...slice.metadata, labels, annotations } };
  return [{ op: "update", type: resources.endpointSlices, object }];
}

function create(view: EndpointSliceView, content: Content): Write {
  const { service, slices, now } = view;
  const { name, namespace, uid } = service.metadata;
  const taken = slices.map(({ metadata }) => metadata.uid).sort();
  // Derived, so that a repeat finds the first: other slices or other ports make another name.
  const hash = safeEncode(String(fnv1a32(canonicalJson([uid, taken, content.ports, content.endpoints[0]?.targetRef]))));
  return {
    op: "create",
    type: resources.endpointSlices,
    object: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${name}-${hash.slice(-5)}`,
        generateName: `${name}-`,
        ...(namespace === undefined ? {} : { namespace }),
        labels: labelsOf(service),
        annotations: { [LAST_CHANGE]: formatTime(now) },
        ownerReferences: [controllerReference(resources.services, service)],
      },
      addressType: "IPv4",
      ...bodyOf(content),
    },
  };
}

/** No endpoints are `null`, as the original's placeholder slice has it. */
function bodyOf({ ports, endpoints }: Content) {
  const isEmpty = endpoints.length === 0;
  return { endpoints: isEmpty ? null : endpoints, ports: isEmpty ? null : ports };
}

function labelsOf(service: Service): Record<string, string> {
  return {
    ...service.metadata.labels,
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: MANAGER,
    ...(isHeadless(service) ? { [HEADLESS]: "" } : {}),
  };
}

function remove(object: Slice): Write {
  return { op: "delete", type: resources.endpointSlices, object };
}
