import type { KubeObject } from "./meta.ts";

/**
 * Istio's networking objects as far as our code reads them (networking.istio.io v1alpha3, v1beta1 and v1 are one
 * schema, MESH-255), with the fields that Alibaba's mesh adds (MESH-105, LANE-202).
 */

/** At most one member is set; none means presence (MESH-075). */
export interface StringMatch {
  exact?: string;
  prefix?: string;
  regex?: string;
}

export interface Destination {
  host?: string;
  subset?: string;
  port?: { number?: number };
}

export interface HeaderOperationsSpec {
  set?: Record<string, string>;
  add?: Record<string, string>;
  remove?: string[];
}

export interface HeadersSpec {
  request?: HeaderOperationsSpec;
  response?: HeaderOperationsSpec;
}

export interface FallbackSpec {
  /** `noinstances`, `noavailabled` (sic), or both joined by `|`; absent: both (LANE-203). */
  case?: string;
  target?: Destination;
  targets?: { destination?: Destination; hostRewrite?: boolean }[];
}

export interface HttpRouteDestination {
  destination?: Destination;
  weight?: number;
  headers?: HeadersSpec;
  fallback?: FallbackSpec;
}

export interface HttpMatchRequest {
  name?: string;
  uri?: StringMatch;
  scheme?: StringMatch;
  method?: StringMatch;
  authority?: StringMatch;
  headers?: Record<string, StringMatch | null>;
  withoutHeaders?: Record<string, StringMatch | null>;
  queryParams?: Record<string, StringMatch>;
  port?: number;
  sourceLabels?: Record<string, string>;
  sourceNamespace?: string;
  gateways?: string[];
  ignoreUriCase?: boolean;
}

export interface HttpRedirectSpec {
  uri?: string;
  prefixRewrite?: string;
  authority?: string;
  port?: number;
  derivePort?: "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT";
  scheme?: string;
  redirectCode?: number;
}

export interface HttpRewriteSpec {
  uri?: string;
  authority?: string;
  uriRegexRewrite?: { match?: string; rewrite?: string };
}

export interface RetriesSpec {
  attempts?: number;
  perTryTimeout?: string;
  retryOn?: string;
  backoff?: string;
}

export interface FaultSpec {
  delay?: { fixedDelay?: string; percent?: number; percentage?: { value?: number } };
  abort?: { httpStatus?: number; grpcStatus?: string; percentage?: { value?: number } };
}

export interface CorsPolicySpec {
  /** Deprecated: exact origins. */
  allowOrigin?: string[];
  allowOrigins?: StringMatch[];
  allowMethods?: string[];
  allowHeaders?: string[];
  exposeHeaders?: string[];
  maxAge?: string;
  allowCredentials?: boolean | null;
  unmatchedPreflights?: "UNSPECIFIED" | "FORWARD" | "IGNORE";
}

export interface HttpRouteSpec {
  name?: string;
  match?: HttpMatchRequest[];
  route?: HttpRouteDestination[];
  redirect?: HttpRedirectSpec;
  directResponse?: { status?: number; body?: { string?: string; bytes?: string } };
  delegate?: { name?: string; namespace?: string };
  rewrite?: HttpRewriteSpec;
  timeout?: string;
  retries?: RetriesSpec;
  fault?: FaultSpec;
  headers?: HeadersSpec;
  mirror?: Destination | null;
  mirrors?: ({ destination?: Destination; percentage?: { value?: number } } | null)[];
  mirrorPercentage?: { value?: number };
  mirrorPercent?: number | null;
  corsPolicy?: CorsPolicySpec;
}

export interface VirtualServiceSpec {
  hosts?: string[];
  gateways?: string[];
  exportTo?: string[];
  http?: HttpRouteSpec[];
  tcp?: unknown[];
  tls?: unknown[];
}

export interface OutlierDetectionSpec {
  consecutive5xxErrors?: number | null;
  consecutiveGatewayErrors?: number | null;
  consecutiveLocalOriginFailures?: number | null;
  splitExternalLocalOriginErrors?: boolean;
  interval?: string;
  baseEjectionTime?: string;
  maxEjectionPercent?: number;
  minHealthPercent?: number;
}

export interface ConsistentHashSpec {
  httpHeaderName?: string;
  httpCookie?: { name?: string; path?: string; ttl?: string; attributes?: { name?: string; value?: string }[] };
  useSourceIp?: boolean;
  httpQueryParameterName?: string;
  ringHash?: { minimumRingSize?: number | string };
  maglev?: { tableSize?: number | string };
  /** An old form of `ringHash`. */
  minimumRingSize?: number | string;
}

export interface ConnectionPoolSpec {
  tcp?: { maxConnections?: number; connectTimeout?: string; [field: string]: unknown };
  http?: {
    http1MaxPendingRequests?: number;
    http2MaxRequests?: number;
    maxRequestsPerConnection?: number;
    maxRetries?: number;
    idleTimeout?: string;
    [field: string]: unknown;
  };
}

export interface TrafficPolicySpec {
  loadBalancer?: { simple?: string; consistentHash?: ConsistentHashSpec; [field: string]: unknown };
  connectionPool?: ConnectionPoolSpec;
  outlierDetection?: OutlierDetectionSpec;
  tls?: Record<string, unknown>;
  portLevelSettings?: (TrafficPolicySpec & { port?: { number?: number } })[];
  [field: string]: unknown;
}

export interface SubsetSpec {
  name: string;
  labels?: Record<string, string | null>;
  trafficPolicy?: TrafficPolicySpec;
}

export interface DestinationRuleSpec {
  host?: string;
  trafficPolicy?: TrafficPolicySpec;
  subsets?: (SubsetSpec | null)[];
  exportTo?: string[];
  workloadSelector?: { matchLabels?: Record<string, string> };
}

export interface ServerSpec {
  name?: string;
  port?: { number?: number; name?: string; protocol?: string };
  hosts?: string[];
  tls?: { mode?: string; httpsRedirect?: boolean; [field: string]: unknown };
}

export interface GatewaySpec {
  selector?: Record<string, string> | null;
  servers?: ServerSpec[];
}

export interface VirtualService extends KubeObject {
  spec?: VirtualServiceSpec;
}

export interface DestinationRule extends KubeObject {
  spec?: DestinationRuleSpec;
}

export interface Gateway extends KubeObject {
  spec?: GatewaySpec;
}
