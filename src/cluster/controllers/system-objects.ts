import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { formatKey, keyOf, type ResourceType, resources } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan, type Write } from "../../runtime/plan.ts";

/** Where the API server can be reached from pods. */
export interface ApiServerAddress {
  readonly ip: string;
  readonly port: number;
  /** First address of the service range: the cluster IP of Service default/kubernetes. */
  readonly clusterIp: string;
}

export interface SystemObjectsView {
  readonly wanted: readonly {
    readonly type: ResourceType;
    readonly wanted: KubeObject;
    readonly found: KubeObject | null;
  }[];
}

/** What every cluster has besides its first namespaces, made again when somebody deletes it (K8S-200). */
export function systemObjectsController(apiServer: ApiServerAddress | null): Controller<SystemObjectsView> {
  const wanted = [...priorityClasses(), ...(apiServer ? kubernetesService(apiServer) : [])];
  const names = new Set(wanted.map(({ type, object }) => `${type.plural} ${formatKey(keyOf(object))}`));
  const types = [resources.priorityClasses, resources.services, resources.endpointSlices];
  const key = "default";
  return {
    name: "system-objects-controller",
    watches: [
      { type: resources.namespaces, keysOf: ({ metadata }) => (metadata.name === key ? [key] : []) },
      ...types.map((type) => ({
        type,
        keysOf: (object: KubeObject) => (names.has(`${type.plural} ${formatKey(keyOf(object))}`) ? [key] : []),
      })),
    ],
    gather: (_key, cache) => ({
      wanted: wanted.map(({ type, object }) => ({ type, wanted: object, found: cache.get(type, keyOf(object)) })),
    }),
    reconcile,
  };
}

function reconcile({ wanted }: SystemObjectsView): Plan {
  const writes = wanted.flatMap(({ type, wanted, found }): Write[] => {
    if (!found) return [{ op: "create", type, object: wanted }];
    // Only the slice follows the server: its port may be another one after a restart.
    if (type !== resources.endpointSlices || isSameSlice(wanted, found)) return [];
    const { endpoints, ports } = wanted;
    return [{ op: "update", type, object: { ...found, endpoints, ports } }];
  });
  return { ...emptyPlan, writes };
}

function isSameSlice(wanted: KubeObject, found: KubeObject): boolean {
  return deepEqual(wanted["endpoints"], found["endpoints"]) && deepEqual(wanted["ports"], found["ports"]);
}

function priorityClasses(): readonly { type: ResourceType; object: KubeObject }[] {
  const classes = [
    {
      name: "system-cluster-critical",
      value: 2_000_000_000,
      description: "For pods without which the cluster does not work; they may run on any node.",
    },
    {
      name: "system-node-critical",
      value: 2_000_001_000,
      description: "For pods without which their node does not work.",
    },
  ];
  return classes.map(({ name, value, description }) => ({
    type: resources.priorityClasses,
    object: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value,
      description,
      preemptionPolicy: "PreemptLowerPriority",
    },
  }));
}

function kubernetesService({ ip, port, clusterIp }: ApiServerAddress) {
  const metadata = { name: "kubernetes", namespace: "default" };
  const labels = { component: "apiserver", provider: "kubernetes" };
  const service: KubeObject = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, labels },
    spec: {
      type: "ClusterIP",
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
    },
  };
  const slice: KubeObject = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
  return [
    { type: resources.services, object: service },
    { type: resources.endpointSlices, object: slice },
  ];
}
