import type { KubeObject } from "../api/meta.ts";
import type { Instant } from "../base/time.ts";
import type { PoolPolicy } from "./connection-pool.ts";
import type { HashPolicy } from "./consistent-hash.ts";
import type { OutlierPolicy } from "./outlier.ts";

/**
 * The contract between the pure routing (`compile`, `decide`) and the proxy that asks it. Nothing here does I/O.
 *
 *   objects ──compile──> Table ──┐
 *   one request ──> Facts ───────┴─decide──> Decision ──> the proxy acts
 */

/** Every object that can influence a route, as stored. Objects of the wrong shape are skipped and reported. */
export interface RoutingConfig {
  readonly gateways: readonly KubeObject[];
  readonly virtualServices: readonly KubeObject[];
  readonly destinationRules: readonly KubeObject[];
  readonly services: readonly KubeObject[];
  readonly endpointSlices: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
  readonly swimLaneGroups: readonly KubeObject[];
  readonly swimLanes: readonly KubeObject[];
  /** Kubernetes' own ingress; these and Gateway API's kinds may be absent: there are none. */
  readonly ingresses?: readonly KubeObject[];
  readonly ingressClasses?: readonly KubeObject[];
  /** Gateway API. */
  readonly gatewayClasses?: readonly KubeObject[];
  readonly apiGateways?: readonly KubeObject[];
  readonly httpRoutes?: readonly KubeObject[];
  readonly referenceGrants?: readonly KubeObject[];
  /** For what selects by a namespace's labels. */
  readonly namespaces?: readonly KubeObject[];
  /** `istio-system`: DestinationRules there apply to every client (MESH-170). */
  readonly rootNamespace: string;
  /** Calls to hosts that no service has (MESH-019); default ALLOW_ANY: they go to the name that the client wrote. */
  readonly outboundTrafficPolicy?: "ALLOW_ANY" | "REGISTRY_ONLY";
  /** Endpoints at these addresses count as not ready: their pods' own proxies do not listen (MESH-006). */
  readonly withheldAddresses?: ReadonlySet<string>;
  /** The moment of compilation, kept as `Table.compiledAt`. */
  readonly now?: Instant;
}

/** Who sends: a gateway proxy or a pod. Built once per source, not per request. */
export interface Source {
  readonly kind: "gateway" | "pod";
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The owning workload as telemetry names it (MESH 18.2), e.g. `mocka-v1`. */
  readonly workload: string;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  /** The pod behind it; null for an endpoint without one. */
  readonly pod: Source | null;
}

/** A service port, or a subset of it: Envoy's cluster. */
export interface Cluster {
  /** `outbound|<port>|<subset>|<fqdn>` (MESH-090). */
  readonly name: string;
  readonly host: string;
  readonly serviceName: string;
  readonly serviceNamespace: string;
  readonly port: number;
  readonly subset: string;
  /** Ready endpoints only: the ones a request may go to. */
  readonly endpoints: readonly Endpoint[];
  /** Endpoints of any state: tells "no instances" from "none available" (LANE-203). */
  readonly instanceCount: number;
  readonly loadBalancing: "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM";
  /** Requests with a key go where it says; null: all go by `loadBalancing`. */
  readonly hash: HashPolicy | null;
  /** Null: no bounds of its own. */
  readonly connectionPool: PoolPolicy | null;
  /** Null: endpoints are never ejected. */
  readonly outlier: OutlierPolicy | null;
}

/** One request, reduced to what routing may look at. The proxy fills and re-uses one object per connection. */
export interface Facts {
  readonly source: Source;
  /** Gateway: the server port that accepted it. Pod: the port in the URL (80 when there is none). */
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly method: string;
  /** Normalised path with query, starting with "/". */
  readonly path: string;
  /** The Host header (or the authority of an absolute-form target) as sent. */
  readonly authority: string;
  /** By lower-case name; repeated lines joined by ","; null when absent. */
  header(name: string): string | null;
  /** Uniform in [0, 1); drawn once per request. */
  readonly draw: number;
  /** The lane that the pod's inbound requests with this trace value carry (LANE-261); null when unknown. */
  traceLane(group: string, traceValue: string): TraceLane | null;
  /** Outlier detection has taken the endpoint out of the cluster for now (MESH-197). */
  isEjected(endpoint: Endpoint, cluster: Cluster): boolean;
}

export interface TraceLane {
  readonly lane: string;
  /** Open requests of more than one lane use this value (LANE-264). */
  readonly ambiguous: boolean;
}

export interface HeaderOperations {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
}

export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | null;
  /** Tokens of MESH-142. */
  readonly retryOn: readonly string[];
  readonly retriableStatusCodes: readonly number[];
  readonly backoffBaseMs: number;
}

/** Where a decision came from: for the access log, explain and the metric labels. */
export interface RouteReference {
  /** Null for the implicit route of a service without VirtualService (MESH-018) and of an unknown host (MESH-019). */
  readonly virtualService: { readonly namespace: string; readonly name: string } | null;
  /** The object when it is of another kind; absent for a VirtualService. */
  readonly object?: {
    readonly kind: "Ingress" | "HTTPRoute";
    readonly namespace: string;
    readonly name: string;
    /** The place in it: `spec.rules[0].http.paths[1]`, `spec.rules[0].matches[1]`. */
    readonly path: string;
  };
  /** Index in `spec.http`, and in its `match` list (null: no match list). */
  readonly httpIndex: number;
  readonly matchIndex: number | null;
  readonly name: string;
}

export type LaneReason =
  | "lane"
  | "no-lane"
  | "fallback:unknown-lane"
  | "fallback:noinstances"
  | "fallback:noavailabled"
  | "fallback:connect"
  | `fallback:${LateFailure}`;

/** Failures after processing began that a lane group may opt in to fall back on (LANE-205 F5). */
export type LateFailure = "5xx" | "gateway-error" | "timeout";

/** What the lane rules did with one request (LANE-212). */
export interface LaneOutcome {
  readonly group: string;
  /** Lane asked for, "" when there is none. */
  readonly requested: string;
  /** `header:<name>`, `trace-map:<key>`, `baggage:<key>`, `pod-label`, `gateway-rule:<vs>/<name>`, `none` (LANE-901). */
  readonly source: string;
  /** The lane (subset) that serves it. */
  readonly served: string;
  readonly reason: LaneReason;
  readonly ambiguous: boolean;
}

export interface ForwardDecision {
  readonly kind: "forward";
  readonly route: RouteReference;
  readonly cluster: Cluster;
  /** Used once when every connection to `cluster` is refused before a request byte was processed (F4, LANE-205). */
  readonly connectFallback: Cluster | null;
  /** What else `connectFallback` is used for, with methods that may run twice (F5, LANE-205). */
  readonly fallbackOn: readonly LateFailure[];
  /** Each gets a copy of the request, whose answer nobody sees (MESH-155). */
  readonly mirrors: readonly Cluster[];
  /** In the order in which they are applied (MESH-111). */
  readonly requestHeaders: readonly HeaderOperations[];
  readonly responseHeaders: readonly HeaderOperations[];
  /** After rewrite, with query. */
  readonly path: string;
  readonly authority: string;
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy;
  readonly delayMs: number | null;
  readonly lane: LaneOutcome | null;
  /** The header pair that every later hop needs, absent from the request: set when forwarding (LANE-221). */
  readonly laneHeader: readonly [name: string, value: string] | null;
}

export interface LocalDecision {
  readonly kind: "local";
  readonly route: RouteReference | null;
  readonly status: number;
  readonly body: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Envoy's response flag, e.g. `NR`, `NC`, `UH`; "-" for none (MESH section 10). */
  readonly flags: string;
  readonly details: string;
  /** The cluster that was chosen but could not serve, when there was one. */
  readonly cluster: Cluster | null;
  readonly clusterName: string;
  readonly lane: LaneOutcome | null;
  /** An injected delay that comes before the reply (MESH-151); absent: none. */
  readonly delayMs?: number | null;
}

export type Decision = ForwardDecision | LocalDecision;

/** A lane group as the data plane needs it: which headers to read and write, and which pods are in which lane. */
export interface LaneContext {
  readonly group: string;
  readonly traceHeader: string;
  readonly routeHeader: string;
  /** Answers carry `x-fairway-lane-served` (LANE-212); absent: no. */
  readonly debugHeaders?: boolean;
  /** The lane that the labels put a pod in; "" when in none. */
  laneOfLabels(labels: Readonly<Record<string, string>>): string;
}

/** A compiled configuration. Immutable: a change makes a new table, swapped by one assignment (MESH-005). */
export interface Table {
  /** Ports that each gateway proxy must listen on: the servers of the Gateways that select it. */
  gatewayPorts(gateway: Source): readonly number[];
  /** Lane groups that a destination service belongs to: the proxy records inbound trace values for them (LANE-260). */
  lanesOf(serviceNamespace: string, serviceName: string): readonly LaneContext[];
  /** The clusters by name, for telemetry and tests. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Objects that were skipped, with the reason. */
  readonly problems: readonly { readonly object: string; readonly message: string }[];
  readonly compiledAt: Instant | null;
}
