import type { KubeObject } from "../api/meta.ts";
import {
  ageColumn,
  anyObject,
  anything,
  type CrdSchema,
  customResourceDefinition,
  flag,
  int32,
  list,
  mapOf,
  number,
  object,
  oneOfTexts,
  type PrinterColumn,
  text,
  uint32,
} from "../kube/crd.ts";
import { istioAdmission } from "../routing/validate.ts";
import type { Pack } from "./pack.ts";
import { sidecarInjection } from "./sidecar-injection.ts";

/**
 * Istio's traffic kinds (networking.istio.io), with the fields that Alibaba's mesh adds to VirtualService: `fallback`
 * on a destination and `headerToDynamicSubsetKey` (LANE-285: they must not be pruned). v1alpha3, v1beta1 and v1 share
 * one schema (MESH-255).
 */

/** A duration such as "1.5s"; a protobuf JSON text. */
const duration = text;

const stringMatch = object({ exact: text, prefix: text, regex: text });
/** `headers: {x: {}}` asks for presence; null stands in users' manifests for the same (MESH-075). */
const stringMatches: CrdSchema = mapOf({ ...stringMatch, nullable: true });
const percent = object({ value: number });
const portSelector = object({ number: uint32 });
const destination = object({ host: text, subset: text, port: portSelector }, ["host"]);
const headerOperations = object({ set: mapOf(text), add: mapOf(text), remove: list(text) });
const headers = object({ request: headerOperations, response: headerOperations });

const fallback = object({
  case: text,
  target: destination,
  targets: list(object({ destination, hostRewrite: flag })),
});

const httpMatch = object({
  name: text,
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: stringMatches,
  port: uint32,
  sourceLabels: mapOf(text),
  gateways: list(text),
  queryParams: mapOf(stringMatch),
  ignoreUriCase: flag,
  withoutHeaders: stringMatches,
  sourceNamespace: text,
  statPrefix: text,
});

const httpRoute = object({
  name: text,
  match: list(httpMatch),
  route: list(object({ destination, weight: int32, headers, fallback }, ["destination"])),
  redirect: object({
    uri: text,
    authority: text,
    port: uint32,
    derivePort: oneOfTexts("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
    scheme: text,
    redirectCode: uint32,
    prefixRewrite: text,
  }),
  directResponse: object({ status: uint32, body: object({ string: text, bytes: text }) }, ["status"]),
  delegate: object({ name: text, namespace: text }),
  rewrite: object({ uri: text, authority: text, uriRegexRewrite: object({ match: text, rewrite: text }) }),
  timeout: duration,
  retries: object({
    attempts: int32,
    perTryTimeout: duration,
    retryOn: text,
    retryRemoteLocalities: { ...flag, nullable: true },
    retryIgnorePreviousHosts: { ...flag, nullable: true },
    backoff: duration,
  }),
  fault: object({
    delay: object({ percent: int32, fixedDelay: duration, exponentialDelay: duration, percentage: percent }),
    abort: object({ httpStatus: int32, grpcStatus: text, http2Error: text, percentage: percent }),
  }),
  mirror: destination,
  mirrorPercent: { ...uint32, nullable: true },
  mirrorPercentage: percent,
  mirrors: list(object({ destination, percentage: percent }, ["destination"])),
  corsPolicy: object({
    allowOrigin: list(text),
    allowOrigins: list(stringMatch),
    allowMethods: list(text),
    allowHeaders: list(text),
    exposeHeaders: list(text),
    maxAge: duration,
    allowCredentials: { ...flag, nullable: true },
    unmatchedPreflights: oneOfTexts("UNSPECIFIED", "FORWARD", "IGNORE"),
  }),
  headers,
  headerToDynamicSubsetKey: list(object({ header: text, key: text, defaultValue: text })),
});

const l4Route = list(object({ destination, weight: int32 }, ["destination"]));

const virtualServiceSpec = object({
  hosts: list(text),
  gateways: list(text),
  http: list(httpRoute),
  tls: list(
    object(
      {
        match: list(
          object(
            {
              sniHosts: list(text),
              destinationSubnets: list(text),
              port: uint32,
              sourceLabels: mapOf(text),
              gateways: list(text),
              sourceNamespace: text,
            },
            ["sniHosts"],
          ),
        ),
        route: l4Route,
      },
      ["match"],
    ),
  ),
  tcp: list(
    object({
      match: list(
        object({
          destinationSubnets: list(text),
          port: uint32,
          sourceSubnet: text,
          sourceLabels: mapOf(text),
          gateways: list(text),
          sourceNamespace: text,
        }),
      ),
      route: l4Route,
    }),
  ),
  exportTo: list(text),
});

const clientTls = object({
  mode: oneOfTexts("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
  clientCertificate: text,
  privateKey: text,
  caCertificates: text,
  credentialName: text,
  subjectAltNames: list(text),
  sni: text,
  insecureSkipVerify: { ...flag, nullable: true },
  caCrl: text,
});

const size: CrdSchema = { type: "integer", minimum: 0 };
const consistentHash = object({
  httpHeaderName: text,
  httpCookie: object(
    { name: text, path: text, ttl: duration, attributes: list(object({ name: text, value: text }, ["name"])) },
    ["name"],
  ),
  useSourceIp: flag,
  httpQueryParameterName: text,
  ringHash: object({ minimumRingSize: size }),
  maglev: object({ tableSize: size }),
  minimumRingSize: size,
});

const connectionPool = object({
  tcp: object({
    maxConnections: int32,
    connectTimeout: duration,
    tcpKeepalive: object({ probes: uint32, time: duration, interval: duration }),
    maxConnectionDuration: duration,
    idleTimeout: duration,
  }),
  http: object({
    http1MaxPendingRequests: int32,
    http2MaxRequests: int32,
    maxRequestsPerConnection: int32,
    maxRetries: int32,
    idleTimeout: duration,
    h2UpgradePolicy: oneOfTexts("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    useClientProtocol: flag,
    maxConcurrentStreams: int32,
  }),
});

const trafficPolicyBlocks: Record<string, CrdSchema> = {
  loadBalancer: object({
    simple: oneOfTexts("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
    consistentHash,
    localityLbSetting: anyObject,
    warmupDurationSecs: duration,
    warmup: anyObject,
    dynamicSubset: anyObject,
  }),
  connectionPool,
  outlierDetection: object({
    consecutiveErrors: int32,
    splitExternalLocalOriginErrors: flag,
    consecutiveLocalOriginFailures: { ...uint32, nullable: true },
    consecutiveGatewayErrors: { ...uint32, nullable: true },
    consecutive5xxErrors: { ...uint32, nullable: true },
    interval: duration,
    baseEjectionTime: duration,
    maxEjectionPercent: int32,
    minHealthPercent: int32,
  }),
  tls: clientTls,
};

const trafficPolicy = object({
  ...trafficPolicyBlocks,
  portLevelSettings: list(object({ port: portSelector, ...trafficPolicyBlocks })),
  tunnel: object({ protocol: text, targetHost: text, targetPort: uint32 }, ["targetHost", "targetPort"]),
  proxyProtocol: object({ version: oneOfTexts("V1", "V2") }),
  retryBudget: anyObject,
});

const destinationRuleSpec = object(
  {
    host: text,
    trafficPolicy,
    subsets: list(object({ name: text, labels: mapOf(text), trafficPolicy }, ["name"])),
    exportTo: list(text),
    workloadSelector: object({ matchLabels: mapOf(text) }),
  },
  ["host"],
);

const gatewaySpec = object({
  selector: mapOf(text),
  servers: list(
    object(
      {
        port: object({ number: uint32, protocol: text, name: text, targetPort: uint32 }, [
          "number",
          "protocol",
          "name",
        ]),
        bind: text,
        hosts: list(text),
        tls: anyObject,
        defaultEndpoint: text,
        name: text,
      },
      ["port", "hosts"],
    ),
  ),
});

const serviceEntrySpec = object(
  {
    hosts: list(text),
    addresses: list(text),
    ports: list(object({ number: uint32, protocol: text, name: text, targetPort: uint32 }, ["number", "name"])),
    location: oneOfTexts("MESH_EXTERNAL", "MESH_INTERNAL"),
    resolution: oneOfTexts("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    endpoints: list(anyObject),
    workloadSelector: object({ labels: mapOf(text) }),
    exportTo: list(text),
    subjectAltNames: list(text),
  },
  ["hosts"],
);

function istioKind(
  kind: string,
  plural: string,
  shortName: string,
  spec: CrdSchema,
  columns: readonly PrinterColumn[],
): KubeObject {
  const status = anyObject;
  return customResourceDefinition({
    group: "networking.istio.io",
    kind,
    plural,
    scope: "Namespaced",
    shortNames: [shortName],
    categories: ["istio-io", "networking-istio-io"],
    versions: ["v1alpha3", "v1beta1", "v1"].map((name) => ({ name, storage: name === "v1", spec, status, columns })),
  });
}

function textColumn(name: string, jsonPath: string, description: string): PrinterColumn {
  return { name, type: "string", jsonPath, description };
}

const crds: readonly KubeObject[] = [
  istioKind("Gateway", "gateways", "gw", gatewaySpec, [ageColumn]),
  istioKind("VirtualService", "virtualservices", "vs", virtualServiceSpec, [
    textColumn("Gateways", ".spec.gateways", "Gateways and sidecars that apply these routes"),
    textColumn("Hosts", ".spec.hosts", "Destination hosts that the routes are for"),
    ageColumn,
  ]),
  istioKind("DestinationRule", "destinationrules", "dr", destinationRuleSpec, [
    textColumn("Host", ".spec.host", "Service that the rule is for"),
    ageColumn,
  ]),
  istioKind("ServiceEntry", "serviceentries", "se", serviceEntrySpec, [
    textColumn("Hosts", ".spec.hosts", "Hosts of the entry"),
    textColumn("Location", ".spec.location", "Inside or outside of the mesh"),
    textColumn("Resolution", ".spec.resolution", "How addresses are found"),
    ageColumn,
  ]),
  istioKind("Sidecar", "sidecars", "sidecar", anything, [ageColumn]),
];

export const istioPack: Pack = {
  name: "istio",
  crds,
  converters: {},
  admission: [...istioAdmission, sidecarInjection],
};
