import type { ApiGateway, HttpRoute } from "../../api/gateway-api.ts";
import type { Condition, KubeObject } from "../../api/meta.ts";
import { conditionsOf, findCondition } from "../../kube/pods.ts";
import { formatKey, keyOf, resources } from "../../kube/resource.ts";
import type { AnyController, CacheReader, Controller } from "../../runtime/controller.ts";
import { DATA_PLANE_KEY, gatewayPorts } from "../../traffic/data-plane.ts";
import {
  type ClassView,
  type GatewayView,
  gatherClass,
  gatherGateway,
  gatherRoute,
  parentsOf,
  type RouteView,
  servicesOf,
} from "./gather.ts";
import { reconcileClass, reconcileGateway, reconcileRoute } from "./reconcile.ts";
import { programmedMessage } from "./status-gateway.ts";

export { gatewayApiCrds } from "./schema.ts";

/** The status of Gateway API's objects. `address` is where the gateway proxy can be reached. */
export function gatewayApiControllers({ address }: { address: string }): AnyController[] {
  const classes: Controller<ClassView> = {
    name: "gateway-class",
    watches: [{ type: resources.gatewayClasses, keysOf: ownKey }],
    gather: gatherClass,
    reconcile: reconcileClass,
  };
  const gateways: Controller<GatewayView> = {
    name: "gateway",
    watches: [
      { type: resources.apiGateways, keysOf: ownKey },
      { type: resources.gatewayClasses, keysOf: (object, cache) => keysOf(gatewaysOfClass(object, cache)) },
      { type: resources.httpRoutes, keysOf: (route) => parentsOf(route as HttpRoute) },
      {
        type: resources.namespaces,
        keysOf: (_namespace, cache) => keysOf(allGateways(cache).filter(selectsNamespaces)),
      },
      {
        type: resources.configMaps,
        keysOf: (object, cache) =>
          isDataPlane(object) ? keysOf(outdated(cache, { address, hostPorts: gatewayPorts(object) })) : [],
      },
    ],
    gather: (key, cache, now) => gatherGateway(key, cache, { now, address }),
    reconcile: reconcileGateway,
  };
  const routes: Controller<RouteView> = {
    name: "http-route",
    watches: [
      { type: resources.httpRoutes, keysOf: ownKey },
      {
        type: resources.apiGateways,
        keysOf: (gateway, cache) => (isJudged(gateway, cache) ? [] : keysOf(routesOf(gateway, cache))),
      },
      {
        type: resources.gatewayClasses,
        keysOf: (object, cache) =>
          keysOf(gatewaysOfClass(object, cache).flatMap((gateway) => routesOf(gateway, cache))),
      },
      {
        type: resources.services,
        keysOf: (service, cache) =>
          keysOf(cache.indexedBy<HttpRoute>(resources.httpRoutes, servicesOf, formatKey(keyOf(service)))),
      },
      {
        type: resources.referenceGrants,
        keysOf: ({ metadata }, cache) => keysOf(routesInto(metadata.namespace ?? "", cache)),
      },
      {
        type: resources.namespaces,
        keysOf: ({ metadata }, cache) => keysOf(cache.list(resources.httpRoutes, metadata.name)),
      },
    ],
    gather: gatherRoute,
    reconcile: reconcileRoute,
  };
  return [classes, gateways, routes];
}

function ownKey(object: KubeObject): readonly string[] {
  return [formatKey(keyOf(object))];
}

function keysOf(objects: readonly KubeObject[]): readonly string[] {
  return objects.map((object) => formatKey(keyOf(object)));
}

function allGateways(cache: CacheReader): readonly ApiGateway[] {
  return cache.list<ApiGateway>(resources.apiGateways);
}

function gatewaysOfClass({ metadata }: KubeObject, cache: CacheReader): readonly ApiGateway[] {
  return allGateways(cache).filter(({ spec }) => spec?.gatewayClassName === metadata.name);
}

/**
 * Its status tells of its spec as it is, so that the routes were woken before: what is new is the status, such as the
 * number of attached routes. Without this each of 1,000 routes wakes 1,000.
 */
function isJudged(gateway: KubeObject, cache: CacheReader): boolean {
  if (cache.get(resources.apiGateways, keyOf(gateway)) === null) return false; // It is gone.
  // `status` is there on every kind that has conditions; KubeObject does not name it.
  const accepted = findCondition(conditionsOf(gateway as { status?: unknown }), "Accepted");
  return accepted?.observedGeneration === gateway.metadata.generation;
}

function selectsNamespaces({ spec }: ApiGateway): boolean {
  return (spec?.listeners ?? []).some(({ allowedRoutes }) => allowedRoutes?.namespaces?.from === "Selector");
}

function isDataPlane({ metadata }: KubeObject): boolean {
  return metadata.name === DATA_PLANE_KEY.name && metadata.namespace === DATA_PLANE_KEY.namespace;
}

/** The data plane tells of every route, too: only Gateways of which it has not told yet, or tells another place. */
function outdated(cache: CacheReader, place: Pick<GatewayView, "address" | "hostPorts">): readonly ApiGateway[] {
  return allGateways(cache).filter((gateway) => {
    const { conditions = [] } = (gateway["status"] ?? {}) as { conditions?: Condition[] };
    const programmed = conditions.find(({ type }) => type === "Programmed");
    if (programmed?.status !== "True" || programmed.observedGeneration !== gateway.metadata.generation) return true;
    return programmed.message !== programmedMessage(gateway, place);
  });
}

function routesOf(gateway: KubeObject, cache: CacheReader): readonly HttpRoute[] {
  return cache.indexedBy<HttpRoute>(resources.httpRoutes, parentsOf, formatKey(keyOf(gateway)));
}

/** Routes of other namespaces with a backend in this one. */
function routesInto(namespace: string, cache: CacheReader): readonly HttpRoute[] {
  return cache
    .list<HttpRoute>(resources.httpRoutes)
    .filter((route) => servicesOf(route).some((service) => service.startsWith(`${namespace}/`)));
}
