import type { Condition, KubeObject, LabelSelector } from "./meta.ts";

/**
 * Gateway API (gateway.networking.k8s.io), the part that the data plane reads. Every field may be absent: defaults are the
 * schema's affair, and readers repeat those that they need.
 */

export interface GatewayClass extends KubeObject {
  spec?: { controllerName?: string; description?: string };
}

export interface ApiGateway extends KubeObject {
  spec?: ApiGatewaySpec;
}

export interface ApiGatewaySpec {
  gatewayClassName?: string;
  listeners?: ListenerSpec[];
  addresses?: { type?: string; value?: string }[];
  infrastructure?: { parametersRef?: { group?: string; kind?: string; name?: string } };
}

export interface ListenerSpec {
  name?: string;
  hostname?: string;
  port?: number;
  protocol?: string;
  allowedRoutes?: {
    namespaces?: { from?: "All" | "Selector" | "Same"; selector?: LabelSelector };
    kinds?: RouteKind[];
  };
}

export interface RouteKind {
  group?: string;
  kind?: string;
}

export interface HttpRoute extends KubeObject {
  spec?: HttpRouteObjectSpec;
  status?: { parents?: RouteParentStatus[] };
}

export interface HttpRouteObjectSpec {
  parentRefs?: ParentReference[];
  hostnames?: string[];
  rules?: HttpRouteRule[];
}

export interface ParentReference {
  group?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  sectionName?: string;
  port?: number;
}

export interface RouteParentStatus {
  parentRef: ParentReference;
  controllerName: string;
  conditions: Condition[];
}

export interface HttpRouteRule {
  name?: string;
  matches?: HttpRouteMatch[];
  filters?: HttpRouteFilter[];
  backendRefs?: HttpBackendRef[];
  timeouts?: { request?: string; backendRequest?: string };
  retry?: { codes?: number[]; attempts?: number; backoff?: string };
}

export interface HttpRouteMatch {
  path?: { type?: string; value?: string };
  headers?: NamedMatch[];
  queryParams?: NamedMatch[];
  method?: string;
}

export interface NamedMatch {
  type?: string;
  name?: string;
  value?: string;
}

export interface BackendReference {
  group?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  port?: number;
}

export interface HttpBackendRef extends BackendReference {
  weight?: number;
  filters?: HttpRouteFilter[];
}

export interface HttpRouteFilter {
  type?: string;
  requestHeaderModifier?: HeaderModifier;
  responseHeaderModifier?: HeaderModifier;
  requestMirror?: RequestMirrorFilter;
  requestRedirect?: RequestRedirectFilter;
  urlRewrite?: { hostname?: string; path?: PathModifier };
  cors?: CorsFilter;
  extensionRef?: { group?: string; kind?: string; name?: string };
}

export interface HeaderModifier {
  set?: { name?: string; value?: string }[];
  add?: { name?: string; value?: string }[];
  remove?: string[];
}

export interface RequestMirrorFilter {
  backendRef?: BackendReference;
  percent?: number;
  fraction?: { numerator?: number; denominator?: number };
}

export interface RequestRedirectFilter {
  scheme?: string;
  hostname?: string;
  path?: PathModifier;
  port?: number;
  statusCode?: number;
}

export interface PathModifier {
  type?: string;
  replaceFullPath?: string;
  replacePrefixMatch?: string;
}

export interface CorsFilter {
  allowOrigins?: string[];
  allowCredentials?: boolean;
  allowMethods?: string[];
  allowHeaders?: string[];
  exposeHeaders?: string[];
  maxAge?: number;
}

export interface ReferenceGrant extends KubeObject {
  spec?: {
    from?: { group?: string; kind?: string; namespace?: string }[];
    to?: { group?: string; kind?: string; name?: string }[];
  };
}
