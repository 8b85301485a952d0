import type { KubeObject } from "../api/meta.ts";
import { compile } from "./compile.ts";
import { decide } from "./decide.ts";
import type { Decision, Endpoint, Facts, RoutingConfig, Source, Table, TraceLane } from "./types.ts";

/** The fixtures of MESH section 23 as objects, and requests to ask about. For tests only. */

let objectNumber = 0;

/** Objects get rising creation times in the order in which they are made, unless told otherwise. */
export function anObject(
  kind: string,
  name: string,
  spec: unknown,
  metadata: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  const creationTimestamp = new Date(Date.UTC(2030, 0, 1) + objectNumber++ * 1000).toISOString();
  const apiVersion = API_VERSIONS[kind] ?? "networking.istio.io/v1beta1";
  return { apiVersion, kind, metadata: { name, namespace: "default", creationTimestamp, ...metadata }, spec };
}

const API_VERSIONS: Record<string, string> = {
  Service: "v1",
  Pod: "v1",
  ASMSwimLaneGroup: "istio.alibabacloud.com/v1",
  ASMSwimLane: "istio.alibabacloud.com/v1",
};

export interface PodFixture {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly ready?: boolean;
}

/** A service with its pods and one EndpointSlice; `ports` are served by the pods on the same numbers. */
export function aService(
  name: string,
  ports: readonly number[],
  pods: readonly PodFixture[],
  namespace = "default",
): { service: KubeObject; slice: KubeObject; pods: KubeObject[] } {
  const named = ports.map((port) => ({ name: ports.length === 1 ? "http" : `http-${port}`, port }));
  const labels = { "kubernetes.io/service-name": name };
  const slice: KubeObject = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace, labels },
    ports: named,
    endpoints: pods.map(({ name: pod, ready = true }) => ({
      addresses: [addressOf(pod)],
      conditions: { ready },
      targetRef: { kind: "Pod", name: pod, namespace },
    })),
  };
  return {
    service: anObject("Service", name, { ports: named, selector: { app: name } }, { namespace }),
    slice,
    pods: pods.map((pod) => ({
      ...anObject("Pod", pod.name, {}, { namespace, labels: { app: name, ...pod.labels } }),
      status: { podIP: addressOf(pod.name) },
    })),
  };
}

/** Stands for the pod's address: only its being distinct counts. */
export function addressOf(pod: string): string {
  return `ip-of-${pod}`;
}

export const rootNamespace = "istio-system";

export function configOf(
  services: readonly ReturnType<typeof aService>[],
  objects: readonly KubeObject[],
): RoutingConfig {
  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
  return {
    gateways: ofKind("Gateway").filter((object) => !isOfGatewayApi(object)),
    virtualServices: ofKind("VirtualService"),
    destinationRules: ofKind("DestinationRule"),
    services: services.map(({ service }) => service),
    endpointSlices: services.map(({ slice }) => slice),
    pods: services.flatMap(({ pods }) => pods),
    ingresses: ofKind("Ingress"),
    ingressClasses: ofKind("IngressClass"),
    gatewayClasses: ofKind("GatewayClass"),
    apiGateways: objects.filter(isOfGatewayApi),
    httpRoutes: ofKind("HTTPRoute"),
    referenceGrants: ofKind("ReferenceGrant"),
    namespaces: ofKind("Namespace"),
    swimLaneGroups: ofKind("ASMSwimLaneGroup"),
    swimLanes: ofKind("ASMSwimLane"),
    rootNamespace,
  };
}

/** Istio and Gateway API both have a kind Gateway. */
function isOfGatewayApi({ kind, apiVersion }: KubeObject): boolean {
  return kind === "Gateway" && apiVersion.startsWith("gateway.networking.k8s.io/");
}

/** The services of MESH section 23; `web` also as a variable set of pods. */
export function standardServices(webPods: readonly PodFixture[] = webFixture): ReturnType<typeof aService>[] {
  return [
    aService("web", [80], webPods),
    aService("api", [8080], [{ name: "p1", labels: {} }]),
    aService("empty", [80], []),
    aService("multi", [80, 81], [{ name: "m1", labels: {} }]),
  ];
}

const webFixture: readonly PodFixture[] = [
  { name: "s1", labels: { version: "stable" } },
  { name: "s2", labels: { version: "stable" } },
  { name: "c1", labels: { version: "canary" } },
];

export function standardGateway(spec: Record<string, unknown> = {}): KubeObject {
  const servers = [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }];
  return anObject(
    "Gateway",
    "gw",
    { selector: { istio: "ingressgateway" }, servers, ...spec },
    { namespace: rootNamespace },
  );
}

export function webRule(
  metadata: Partial<KubeObject["metadata"]> = {},
  spec: Record<string, unknown> = {},
): KubeObject {
  const subsets = ["stable", "canary"].map((version) => ({ name: version, labels: { version } }));
  return anObject("DestinationRule", "web", { host: "web.default.svc.cluster.local", subsets, ...spec }, metadata);
}

/** A VirtualService on the gateway (`hosts: ["*"]` unless told otherwise). */
export function gatewayRoute(
  http: readonly unknown[],
  spec: Record<string, unknown> = {},
  metadata: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  const name = metadata.name ?? `gw-vs-${objectNumber}`;
  return anObject("VirtualService", name, { hosts: ["*"], gateways: ["istio-system/gw"], http, ...spec }, metadata);
}

export function meshRoute(
  hosts: readonly string[],
  http: readonly unknown[],
  metadata: Partial<KubeObject["metadata"]> = {},
  spec: Record<string, unknown> = {},
): KubeObject {
  return anObject("VirtualService", metadata.name ?? `mesh-vs-${objectNumber}`, { hosts, http, ...spec }, metadata);
}

/** A route entry: `to("web", "stable", {weight: 90})`. */
export function to(host: string, subset?: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { destination: subset === undefined ? { host } : { host, subset }, ...rest };
}

export const gatewaySource: Source = {
  kind: "gateway",
  namespace: rootNamespace,
  name: "istio-ingressgateway",
  labels: { istio: "ingressgateway" },
  workload: "istio-ingressgateway",
};

export function podSource(namespace = "default", labels: Record<string, string> = {}): Source {
  return { kind: "pod", namespace, name: "client", labels, workload: "client" };
}

export interface RequestFixture {
  readonly source?: Source;
  readonly port?: number;
  readonly scheme?: "http" | "https";
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly draw?: number;
  readonly traceLane?: (group: string, value: string) => TraceLane | null;
  readonly isEjected?: (endpoint: Endpoint) => boolean;
}

export function factsOf(request: RequestFixture): Facts {
  const headers = new Map(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    source: request.source ?? gatewaySource,
    port: request.port ?? 80,
    scheme: request.scheme ?? "http",
    method: request.method ?? "GET",
    path: request.path ?? "/",
    authority: request.host ?? "h.test",
    header: (name) => headers.get(name) ?? null,
    draw: request.draw ?? 0,
    traceLane: request.traceLane ?? (() => null),
    isEjected: request.isEjected ?? (() => false),
  };
}

/** The MESH outcome notation: the pods that can get the request, or `<status> <flag>`. */
export function answerOf(decision: Decision): string {
  if (decision.kind === "local") return `${decision.status} ${decision.flags}`;
  return decision.cluster.endpoints
    .map(({ pod, address }) => pod?.name ?? address)
    .sort()
    .join(" ");
}

export class World {
  readonly table: Table;

  constructor(objects: readonly KubeObject[], services = standardServices()) {
    this.table = compile(configOf(services, objects));
  }

  ask(request: RequestFixture): Decision {
    return decide(this.table, factsOf(request));
  }

  answer(request: RequestFixture): string {
    return answerOf(this.ask(request));
  }
}
