import type { HttpRoute } from "../../../api/gateway-api.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Ingress } from "../../../api/networking.ts";
import { typeKey } from "../../../kube/cache.ts";
import { qualifiedPlural, type ResourceType, resources } from "../../../kube/resource.ts";
import { DEFAULT_PREFIX as ALB_PREFIX } from "../../../traffic/alb/annotations.ts";
import { albRouter } from "../../../traffic/alb/router.ts";
import { ambassadorRouter, canaryMappingName, type Mapping, mappings } from "../../../traffic/ambassador/router.ts";
import { apisixRouter, apisixRoutes } from "../../../traffic/apisix/router.ts";
import type { ApisixRoute } from "../../../traffic/apisix/rules.ts";
import { routeKinds } from "../../../traffic/gateway-api/kinds.ts";
import { gatewayApiRouter, type RouteOfRelease } from "../../../traffic/gateway-api/router.ts";
import { canaryIngressName, DEFAULT_PREFIX as NGINX_PREFIX } from "../../../traffic/nginx/canary-ingress.ts";
import { nginxRouter } from "../../../traffic/nginx/router.ts";
import type { Release } from "../../../traffic/parties.ts";
import { type Router, refused } from "../../../traffic/router.ts";
import { smiRouter, trafficSplits } from "../../../traffic/smi/router.ts";
import { traefikRouter, traefikServices } from "../../../traffic/traefik/router.ts";
import type { Pass } from "../pass.ts";
import { ownerReference } from "../replica-sets/new-replica-set.ts";
import type { TrafficRouting } from "../types.ts";
import { formerShares } from "./experiment-shares.ts";
import { gatewayConfig } from "./gateway-config.ts";
import { istioRouter } from "./istio-router.ts";
import { managedNamesOf } from "./managed-routes.ts";
import { rolesOf } from "./roles.ts";
import { albIngresses, stableIngresses } from "./route-objects.ts";

type Make = (pass: Pass, routing: TrafficRouting) => Router | null;

/** In the order in which the original runs them. */
const MAKERS: readonly Make[] = [
  (pass, { istio }) => (istio ? istioRouter(pass) : null),
  nginx,
  alb,
  smi,
  traefik,
  ambassador,
  apisix,
  gatewayApi,
];

/** All routers that the Rollout names: each gets the same split. */
export function routersOf(pass: Pass): readonly Router[] {
  const routing = pass.canary?.trafficRouting;
  return routing ? MAKERS.flatMap((make) => make(pass, routing) ?? []) : [];
}

function releaseOf({ rollout }: Pass): Release {
  const { name, namespace = "" } = rollout.metadata;
  return { name, namespace, reference: ownerReference(rollout) };
}

function objectOf<T extends KubeObject>({ view }: Pass, type: ResourceType, name: string): T | null {
  const found = view.routeObjects.found.find((one) => one.type === type && one.key.name === name);
  return (found?.object ?? null) as T | null;
}

const SERVICES = { prefersPingPong: false } as const;

// Kinds that are always there -----------------------------------------------------------------------------------------

function nginx(pass: Pass, routing: TrafficRouting): Router | null {
  const config = routing.nginx;
  if (!config) return null;
  const { name } = pass.rollout.metadata;
  const pairs = stableIngresses(routing).map((stable) => ({
    name: stable,
    stable: objectOf<Ingress>(pass, resources.ingresses, stable),
    canary: objectOf<Ingress>(pass, resources.ingresses, canaryIngressName(name, stable)),
  }));
  return nginxRouter(pairs, {
    parties: rolesOf(pass, SERVICES),
    release: releaseOf(pass),
    prefix: config.annotationPrefix || NGINX_PREFIX,
    additionalAnnotations: config.additionalIngressAnnotations ?? {},
    canaryAnnotations: config.canaryIngressAnnotations ?? {},
    total: routing.maxTrafficWeight ?? null,
  });
}

function alb(pass: Pass, routing: TrafficRouting): Router | null {
  const config = routing.alb;
  if (!config) return null;
  const { enabled, durationSeconds } = config.stickinessConfig ?? { enabled: false, durationSeconds: 0 };
  const ingresses = albIngresses(routing).map((name) => ({
    name,
    object: objectOf<Ingress>(pass, resources.ingresses, name),
  }));
  return albRouter(ingresses, {
    parties: rolesOf(pass, { prefersPingPong: true }),
    release: releaseOf(pass),
    prefix: config.annotationPrefix || ALB_PREFIX,
    rootService: config.rootService || (pass.canary?.stableService ?? ""),
    servicePort: config.servicePort,
    stickinessSeconds: enabled ? durationSeconds : null,
    total: pass.maxWeight,
    managedNames: managedNamesOf(pass),
  });
}

// Kinds that somebody must have installed -----------------------------------------------------------------------------

/** The first version that is served. */
function servedOf({ view }: Pass, types: readonly ResourceType[]): ResourceType | null {
  return types.find((type) => view.routeObjects.served.has(typeKey(type))) ?? null;
}

function unserved(name: string, type: ResourceType, reason?: string, prefix = ""): Router {
  const message = `${prefix}the kind ${qualifiedPlural(type)} is not served: its CustomResourceDefinition is not installed`;
  return {
    name,
    usesServices: true,
    carriers: [],
    share: 0,
    standing: new Set(),
    decide: () => refused(message, reason),
  };
}

function smi(pass: Pass, routing: TrafficRouting): Router | null {
  if (!routing.smi) return null;
  const { trafficSplitName, rootService } = routing.smi;
  const name = trafficSplitName || pass.rollout.metadata.name;
  const type = servedOf(pass, trafficSplits);
  if (!type) {
    const failed = `TrafficSplit \`${name}\` failed creation: `;
    return unserved("smi", trafficSplits[0] as ResourceType, "TrafficSplitNotCreated", failed);
  }
  const parties = rolesOf(pass, SERVICES);
  return smiRouter({
    name,
    type,
    object: objectOf(pass, type, name),
    rootService: rootService || parties.stable,
    parties,
    release: releaseOf(pass),
    total: pass.maxWeight,
  });
}

function traefik(pass: Pass, routing: TrafficRouting): Router | null {
  if (!routing.traefik) return null;
  if (!servedOf(pass, [traefikServices])) return unserved("traefik", traefikServices);
  const name = routing.traefik.weightedTraefikServiceName;
  return traefikRouter({
    name,
    object: objectOf(pass, traefikServices, name),
    parties: rolesOf(pass, SERVICES),
    total: pass.maxWeight,
  });
}

function ambassador(pass: Pass, routing: TrafficRouting): Router | null {
  if (!routing.ambassador) return null;
  const type = servedOf(pass, mappings);
  if (!type) return unserved("ambassador", mappings[0] as ResourceType);
  const pairs = routing.ambassador.mappings.map((name) => ({
    name,
    base: objectOf<Mapping>(pass, type, name),
    canary: objectOf<Mapping>(pass, type, canaryMappingName(name)),
  }));
  return ambassadorRouter(pairs, {
    type,
    parties: rolesOf(pass, SERVICES),
    release: releaseOf(pass),
    isZeroInForce: pass.status.canary?.weights?.canary.weight === 0,
  });
}

function apisix(pass: Pass, routing: TrafficRouting): Router | null {
  if (!routing.apisix) return null;
  if (!servedOf(pass, [apisixRoutes])) return unserved("apisix", apisixRoutes);
  const { name = "", rules } = routing.apisix.route ?? {};
  return apisixRouter({
    name,
    object: objectOf<ApisixRoute>(pass, apisixRoutes, name),
    rules: rules ?? [name],
    headerRoutes: new Map(
      [...managedNamesOf(pass)].map((managed) => [managed, objectOf<ApisixRoute>(pass, apisixRoutes, managed)]),
    ),
    parties: rolesOf(pass, SERVICES),
    release: releaseOf(pass),
    total: pass.maxWeight,
  });
}

function gatewayApi(pass: Pass, routing: TrafficRouting): Router | null {
  const config = gatewayConfig(routing);
  if (config === null || typeof config === "string") return null;
  const words = [...config.routes, ...config.selectors].map(({ word }) => word);
  const missing = words.find((word) => !servedOf(pass, [routeKinds[word]]));
  if (missing !== undefined) return unserved("plugins", routeKinds[missing]);
  const named = config.routes.map(
    (one): RouteOfRelease => ({ ...one, object: objectOf<HttpRoute>(pass, routeKinds[one.word], one.name) }),
  );
  const selected = config.selectors.flatMap(({ word }) =>
    pass.view.routeObjects.found
      .filter(
        ({ type, key }) =>
          type === routeKinds[word] && !named.some((one) => one.word === word && one.name === key.name),
      )
      .map(
        ({ key, object }): RouteOfRelease => ({
          word,
          name: key.name,
          object: object as HttpRoute | null,
          usesHeaderRoutes: false,
        }),
      ),
  );
  const routes = [...named, ...selected];
  return gatewayApiRouter(routes, {
    parties: rolesOf(pass, SERVICES),
    total: pass.maxWeight,
    managedNames: managedNamesOf(pass),
    formerly: formerShares(pass),
    namespace: pass.rollout.metadata.namespace ?? "",
    inProgressLabel: config.inProgressLabel,
    portOf: (service) => pass.view.routeObjects.ports.get(service) ?? 0,
    problem: routes.length === 0 ? "no route matches the selectors of the Gateway API configuration" : null,
  });
}
