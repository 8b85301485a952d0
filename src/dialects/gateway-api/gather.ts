import type {
  ApiGateway,
  BackendReference,
  GatewayClass,
  HttpRoute,
  HttpRouteRule,
  ReferenceGrant,
} from "../../api/gateway-api.ts";
import type { Instant } from "../../base/time.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import { isGatewayRef, isServiceRef, parentKeyOf } from "../../routing/gateway-api/attach.ts";
import type { GatewayApiObjects } from "../../routing/gateway-api/objects.ts";
import type { CacheReader } from "../../runtime/controller.ts";
import { DATA_PLANE_KEY, gatewayPorts, isLive } from "../../traffic/data-plane.ts";

export interface ClassView {
  readonly gatewayClass: GatewayClass;
  readonly now: Instant;
}

export interface GatewayView {
  readonly gateway: ApiGateway;
  readonly objects: GatewayApiObjects;
  /** Those that name the Gateway as a parent. */
  readonly routes: readonly HttpRoute[];
  /** The data plane runs the Gateway as it is here; null: it tells of no Gateways, and what is written counts. */
  readonly isLive: boolean | null;
  /** Where the gateway proxy can be reached. */
  readonly address: string;
  /** Port at that address by listener port; null: not told. */
  readonly hostPorts: Readonly<Record<string, number>> | null;
  readonly now: Instant;
}

export interface RouteView {
  readonly route: HttpRoute;
  readonly objects: GatewayApiObjects;
  readonly now: Instant;
}

export function gatherClass(key: ObjectKey, cache: CacheReader, now: Instant): ClassView | null {
  const gatewayClass = cache.get<GatewayClass>(resources.gatewayClasses, key);
  return gatewayClass === null ? null : { gatewayClass, now };
}

export function gatherGateway(
  key: ObjectKey,
  cache: CacheReader,
  { now, address }: { now: Instant; address: string },
): GatewayView | null {
  const gateway = cache.get<ApiGateway>(resources.apiGateways, key);
  if (gateway === null) return null;
  const dataPlane = cache.get(resources.configMaps, DATA_PLANE_KEY);
  return {
    gateway,
    objects: objectsIn(cache),
    routes: cache.indexedBy<HttpRoute>(resources.httpRoutes, parentsOf, formatKey(key)),
    isLive: isLive(dataPlane, resources.apiGateways, gateway),
    hostPorts: gatewayPorts(dataPlane),
    address,
    now,
  };
}

export function gatherRoute(key: ObjectKey, cache: CacheReader, now: Instant): RouteView | null {
  const route = cache.get<HttpRoute>(resources.httpRoutes, key);
  return route === null ? null : { route, objects: objectsIn(cache), now };
}

function objectsIn(cache: CacheReader): GatewayApiObjects {
  return {
    gatewayClass: (name) => cache.get<GatewayClass>(resources.gatewayClasses, { namespace: "", name }),
    gateway: (key) => cache.get<ApiGateway>(resources.apiGateways, key),
    service: (key) => cache.get(resources.services, key),
    namespaceLabels: (name) => cache.get(resources.namespaces, { namespace: "", name })?.metadata.labels ?? {},
    grants: (namespace) => cache.list<ReferenceGrant>(resources.referenceGrants, namespace),
  };
}

/** Index: `namespace/name` of the Gateways that a route names. */
export function parentsOf(route: HttpRoute): readonly string[] {
  const parents = (route.spec?.parentRefs ?? []).filter(isGatewayRef);
  return [...new Set(parents.map((ref) => formatKey(parentKeyOf(ref, route))))];
}

/** Index: `namespace/name` of the services that a route names, as backends, mirrors and parents. */
export function servicesOf(route: HttpRoute): readonly string[] {
  const { namespace = "" } = keyOf(route);
  const parents = (route.spec?.parentRefs ?? []).filter(isServiceRef);
  const refs = [...(route.spec?.rules ?? []).flatMap(referencesOf), ...parents];
  return [...new Set(refs.map((ref) => `${ref.namespace ?? namespace}/${ref.name ?? ""}`))];
}

function referencesOf({ backendRefs = [], filters = [] }: HttpRouteRule): readonly BackendReference[] {
  const mirrors = filters.flatMap(({ requestMirror }) => requestMirror?.backendRef ?? []);
  return [...backendRefs, ...mirrors];
}
