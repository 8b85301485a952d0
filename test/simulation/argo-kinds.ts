import type { KubeObject } from "../../src/api/meta.ts";
import type { Rollout, Strategy } from "../../src/dialects/argo/types.ts";

/** How requests reach the versions of the one Rollout of a simulation: its Services, what routes to them, and by which names. */
export interface ArgoKind {
  /** Besides the Rollout. */
  readonly objects: readonly KubeObject[];
  /** What the Rollout's strategy says of them. */
  readonly strategy: Strategy;
  /** Requests to each of these are always answered. */
  readonly hosts: readonly string[];
  /** The name, of a Service or of a subset, that leads to the version under release now; null: none does. */
  canaryName(rollout: Rollout): string | null;
  /** Services that may stand for a version before it has pods: no request leads to them then. */
  unready(rollout: Rollout): readonly string[];
  /** An experiment's version can get a share of its own. */
  readonly hasExperiments: boolean;
}

export const ROLLOUT = { namespace: "default", name: "istio-rollout" };
export const LABELS = { app: "istio-rollout" };
const STABLE = "istio-rollout-stable";
const CANARY = "istio-rollout-canary";
const SUBSETS = ["stable", "canary"];
const SERVICE = "istio-rollout";

const HOSTS = { istio: "gateway.example.com", ingress: "ingress.example.com", route: "route.example.com" };

function service(name: string): KubeObject {
  const spec = { selector: LABELS, ports: [{ name: "http", port: 80, targetPort: "http" }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
}

const SERVICES = [STABLE, CANARY].map(service);

// Istio ---------------------------------------------------------------------------------------------------------------

const gateway: KubeObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "Gateway",
  metadata: { name: "edge" },
  spec: {
    selector: { istio: "ingressgateway" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: [HOSTS.istio] }],
  },
};

function virtualService(destinations: readonly object[]): KubeObject {
  const route = destinations.map((destination, index) => ({ destination, weight: index === 0 ? 100 : 0 }));
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "web" },
    spec: { gateways: ["edge"], hosts: [HOSTS.istio], http: [{ name: "primary", route }] },
  };
}

const istio = { virtualService: { name: "web", routes: ["primary"] } };

const twoServices: readonly KubeObject[] = [gateway, virtualService([{ host: STABLE }, { host: CANARY }])];

const subsets: KubeObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: { name: SERVICE },
  spec: { host: SERVICE, subsets: SUBSETS.map((name) => ({ name, labels: LABELS })) },
};

// Others --------------------------------------------------------------------------------------------------------------

const ingress: KubeObject = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "web" },
  spec: {
    ingressClassName: "nginx",
    rules: [
      {
        host: HOSTS.ingress,
        http: {
          paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: STABLE, port: { number: 80 } } } }],
        },
      },
    ],
  },
};

const nginx = { stableIngress: "web" };

const httpRoute: readonly KubeObject[] = [
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GatewayClass",
    metadata: { name: "fairway" },
    spec: { controllerName: "fairway.dev/gateway-controller" },
  },
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "edge" },
    spec: { gatewayClassName: "fairway", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
  },
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "web" },
    spec: {
      parentRefs: [{ name: "edge" }],
      hostnames: [HOSTS.route],
      rules: [{ backendRefs: [STABLE, CANARY].map((name) => ({ name, port: 80 })) }],
    },
  },
];

const plugins = { "argoproj-labs/gatewayAPI": { httpRoute: "web" } };

// Kinds ---------------------------------------------------------------------------------------------------------------

const byServices = { canaryService: CANARY, stableService: STABLE };
const canary = { canaryName: () => CANARY, unready: () => [] };

function pingPongCanary({ status }: Rollout): string {
  return status?.canary?.stablePingPong === "ping" ? CANARY : STABLE;
}

export const ARGO_KINDS = {
  argo: {
    objects: [...SERVICES, ...twoServices],
    strategy: { canary: { ...byServices, trafficRouting: { istio } } },
    hosts: [HOSTS.istio],
    hasExperiments: true,
    ...canary,
  },
  "argo-subsets": {
    objects: [service(SERVICE), subsets, gateway, virtualService(SUBSETS.map((subset) => ({ host: SERVICE, subset })))],
    strategy: {
      canary: {
        trafficRouting: {
          istio: {
            ...istio,
            destinationRule: { name: SERVICE, canarySubsetName: "canary", stableSubsetName: "stable" },
          },
        },
      },
    },
    hosts: [HOSTS.istio],
    hasExperiments: false,
    canaryName: () => "canary",
    unready: () => [],
  },
  "argo-nginx": {
    objects: [...SERVICES, ingress],
    strategy: { canary: { ...byServices, trafficRouting: { nginx } } },
    hosts: [HOSTS.ingress],
    hasExperiments: false,
    ...canary,
  },
  "argo-gateway-api": {
    objects: [...SERVICES, ...httpRoute],
    strategy: { canary: { ...byServices, trafficRouting: { plugins } } },
    hosts: [HOSTS.route],
    hasExperiments: true,
    ...canary,
  },
  "argo-several": {
    objects: [...SERVICES, ...twoServices, ingress, ...httpRoute],
    strategy: { canary: { ...byServices, trafficRouting: { istio, nginx, plugins } } },
    hosts: Object.values(HOSTS),
    hasExperiments: false,
    ...canary,
  },
  "argo-ping-pong": {
    objects: [...SERVICES, ...twoServices],
    strategy: { canary: { pingPong: { pingService: STABLE, pongService: CANARY }, trafficRouting: { istio } } },
    hosts: [HOSTS.istio],
    hasExperiments: false,
    canaryName: pingPongCanary,
    // ARC-204: it follows the newest version at once.
    unready: (rollout) => [pingPongCanary(rollout)],
  },
  "argo-blue-green": {
    objects: [...["active", "preview"].map(service), gateway, virtualService([{ host: "active" }])],
    strategy: { blueGreen: { activeService: "active", previewService: "preview" } },
    hosts: [HOSTS.istio],
    hasExperiments: false,
    canaryName: () => null,
    // ARC-500: the preview follows the newest version at once.
    unready: () => ["preview"],
  },
} as const satisfies Record<string, ArgoKind>;

export type ArgoKindName = keyof typeof ARGO_KINDS;
export const argoKindNames = Object.keys(ARGO_KINDS) as ArgoKindName[];
