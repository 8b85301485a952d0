import type { KubeObject } from "../../../api/meta.ts";
import { type Index, type Located, typeKey } from "../../../kube/cache.ts";
import {
  formatKey,
  keyOf,
  type ObjectKey,
  qualifiedPlural,
  type ResourceType,
  resources,
} from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { CacheReader } from "../../../runtime/controller.ts";
import { canaryMappingName, mappings } from "../../../traffic/ambassador/router.ts";
import { apisixRoutes } from "../../../traffic/apisix/router.ts";
import { routeKinds } from "../../../traffic/gateway-api/kinds.ts";
import { canaryIngressName } from "../../../traffic/nginx/canary-ingress.ts";
import { trafficSplits } from "../../../traffic/smi/router.ts";
import { traefikServices } from "../../../traffic/traefik/router.ts";
import type { Rollout, TrafficRouting } from "../types.ts";
import { gatewayConfig } from "./gateway-config.ts";
import { isContested } from "./rivals.ts";

/** The objects that routers other than Istio's read and write. */

/** Kinds that exist only where somebody has installed them. */
export const customRouteKinds: readonly ResourceType[] = [
  ...Object.values(routeKinds),
  ...trafficSplits,
  traefikServices,
  ...mappings,
  apisixRoutes,
];

export const routeObjectKinds: readonly ResourceType[] = [resources.ingresses, ...customRouteKinds];

export interface RouteObject {
  readonly type: ResourceType;
  readonly key: ObjectKey;
  /** Null: does not exist. */
  readonly object: KubeObject | null;
}

export interface RouteObjects {
  /** What the routers' configuration names and what its selectors match. */
  readonly found: readonly RouteObject[];
  /** `typeKey` of the custom kinds that are served. */
  readonly served: ReadonlySet<string>;
  /** What the Rollout made for a configuration that it has no more. */
  readonly leftovers: readonly Located[];
  /** By temporary Service: the port that takes requests. */
  readonly ports: ReadonlyMap<string, number>;
}

type Target = Omit<RouteObject, "object">;

/** In the Rollout's namespace, unless the configuration names another. */
function targetsOf(rollout: Rollout): readonly Target[] {
  const routing = rollout.spec.strategy?.canary?.trafficRouting;
  if (!routing) return [];
  const namespace = rollout.metadata.namespace ?? "";
  const named = (types: readonly ResourceType[], names: readonly string[]) =>
    types.flatMap((type) => names.map((name) => ({ type, key: { namespace, name } })));
  const { traefik, smi, ambassador, apisix, managedRoutes = [] } = routing;
  const route = apisix?.route;
  const config = gatewayConfig(routing);
  const gateway = config !== null && typeof config !== "string" ? config : null;
  return [
    ...named(
      [resources.ingresses],
      stableIngresses(routing).flatMap((name) => [name, canaryIngressName(rollout.metadata.name, name)]),
    ),
    ...named([resources.ingresses], albIngresses(routing)),
    ...named(trafficSplits, smi ? [smi.trafficSplitName || rollout.metadata.name] : []),
    ...named([traefikServices], traefik ? [traefik.weightedTraefikServiceName] : []),
    ...named(
      mappings,
      (ambassador?.mappings ?? []).flatMap((name) => [name, canaryMappingName(name)]),
    ),
    ...named([apisixRoutes], route ? [route.name, ...managedRoutes.map(({ name }) => name)] : []),
    ...(gateway?.routes ?? []).map(({ word, name }) => ({
      type: routeKinds[word],
      key: { namespace: gateway?.namespace ?? namespace, name },
    })),
  ];
}

export function stableIngresses({ nginx }: TrafficRouting): readonly string[] {
  return nginx?.stableIngresses ?? (nginx?.stableIngress ? [nginx.stableIngress] : []);
}

export function albIngresses({ alb }: TrafficRouting): readonly string[] {
  return alb?.ingresses ?? (alb?.ingress ? [alb.ingress] : []);
}

function selectorsOf(rollout: Rollout) {
  const config = gatewayConfig(rollout.spec.strategy?.canary?.trafficRouting);
  if (config === null || typeof config === "string") return [];
  const namespace = config.namespace ?? rollout.metadata.namespace ?? "";
  return config.selectors.map(({ word, selector }) => ({ type: routeKinds[word], namespace, selector }));
}

// From the cache ------------------------------------------------------------------------------------------------------

/** Of a Rollout that Istio routes, or nobody. */
const NONE: RouteObjects = { found: [], served: new Set(), leftovers: [], ports: new Map() };

export function gatherRouteObjects(
  rollout: Rollout,
  cache: CacheReader,
  temporaryServices: readonly string[],
): RouteObjects {
  const targets = targetsOf(rollout);
  const selectors = selectorsOf(rollout);
  const watched = new Set(cache.types().map(typeKey));
  const leftovers = leftoversOf(rollout, targets, cache, watched);
  if (targets.length === 0 && selectors.length === 0) return { ...NONE, leftovers };
  const isWatched = ({ type }: { type: ResourceType }) => watched.has(typeKey(type));
  const named = targets.map(
    (target): RouteObject => ({ ...target, object: isWatched(target) ? cache.get(target.type, target.key) : null }),
  );
  const names = new Set(named.map(({ type, key }) => `${typeKey(type)} ${formatKey(key)}`));
  const selected = selectors
    .filter(isWatched)
    .flatMap(({ type, namespace, selector }) =>
      cache.selectedBy(type, namespace, selector).map((object) => ({ type, key: keyOf(object), object })),
    )
    .filter(({ type, key }) => !names.has(`${typeKey(type)} ${formatKey(key)}`));
  return {
    found: [...named, ...selected],
    served: servedKinds(cache),
    leftovers,
    ports: new Map(temporaryServices.map((name) => [name, portOf(rollout.metadata.namespace ?? "", name, cache)])),
  };
}

function leftoversOf(
  { metadata }: Rollout,
  targets: readonly Target[],
  cache: CacheReader,
  watched: ReadonlySet<string>,
): readonly Located[] {
  const isTarget = (type: ResourceType, key: ObjectKey) =>
    targets.some((target) => target.type === type && formatKey(target.key) === formatKey(key));
  return routeObjectKinds
    .filter((type) => watched.has(typeKey(type)))
    .flatMap((type) => cache.ownedBy(type, metadata.uid ?? "").map((object) => ({ type, object })))
    .filter(({ type, object }) => !object.metadata.deletionTimestamp && !isTarget(type, keyOf(object)));
}

function servedKinds(cache: CacheReader): ReadonlySet<string> {
  return new Set(customRouteKinds.filter((type) => isServed(type, cache)).map(typeKey));
}

function isServed(type: ResourceType, cache: CacheReader): boolean {
  const crd = cache.get(resources.customResourceDefinitions, { namespace: "", name: qualifiedPlural(type) });
  const { versions = [] } = (crd?.["spec"] ?? {}) as { versions?: { name?: string; served?: boolean }[] };
  return versions.some(({ name, served }) => name === type.version && served !== false);
}

const FALLBACK_PORT = 8080; // of the original plugin

/** The one called http, or else the first. */
function portOf(namespace: string, name: string, cache: CacheReader): number {
  const service = cache.get(resources.services, { namespace, name });
  const { ports = [] } = (service?.["spec"] ?? {}) as { ports?: { name?: string; port?: number }[] };
  return (ports.find((port) => port.name === "http") ?? ports[0])?.port ?? FALLBACK_PORT;
}

// Whom an object concerns ---------------------------------------------------------------------------------------------

/** For Rollouts that choose by labels: they are asked for every object of the kind. */
const ANY = "*";

/** By `typeKey`: the keys of the objects of this kind that a Rollout names. An index's identity is its name. */
const indexes: ReadonlyMap<string, Index<Rollout>> = new Map(
  routeObjectKinds.map((type) => [
    typeKey(type),
    (rollout: Rollout) => [
      ...targetsOf(rollout).flatMap((target) => (target.type === type ? [formatKey(target.key)] : [])),
      ...(selectorsOf(rollout).some((one) => one.type === type) ? [ANY] : []),
    ],
  ]),
);

export function rolloutsOfRouteObject(type: ResourceType, object: KubeObject, cache: CacheReader): string[] {
  return concerned(type, object, cache).map((rollout) => formatKey(keyOf(rollout)));
}

function concerned(type: ResourceType, object: KubeObject, cache: CacheReader): readonly Rollout[] {
  const index = indexes.get(typeKey(type));
  if (!index) return [];
  return [formatKey(keyOf(object)), ANY].flatMap((entry) =>
    cache.indexedBy<Rollout>(resources.argoRollouts, index, entry),
  );
}

export interface RouteRival {
  /** Of the Rollout that was there before. */
  readonly key: string;
  /** The kind of what both would write. */
  readonly kind: string;
}

/** ARC-926: whoever set these weights first, by `isFirst`. One that chooses routes by labels counts where they match. */
export function routeRivals(
  rollout: Rollout,
  { found }: RouteObjects,
  { cache, isFirst }: { readonly cache: CacheReader; readonly isFirst: (other: Rollout) => boolean },
): readonly RouteRival[] {
  return found.flatMap((one) => {
    if (one.object === null) return [];
    return concerned(one.type, one.object, cache)
      .filter((other) => other.metadata.uid !== rollout.metadata.uid && isFirst(other))
      .filter((other) => chooses(other, one) && isContested(rollout, other, one))
      .map((other) => ({ key: formatKey(keyOf(other)), kind: one.type.kind }));
  });
}

function chooses(rollout: Rollout, { type, key, object }: RouteObject): boolean {
  const isNamed = targetsOf(rollout).some((one) => one.type === type && formatKey(one.key) === formatKey(key));
  const isSelected = selectorsOf(rollout).some(
    (one) =>
      one.type === type &&
      one.namespace === key.namespace &&
      matchesLabelSelector(one.selector, object?.metadata.labels),
  );
  return isNamed || isSelected;
}

/** A kind came or went. */
export function rolloutsOfKind(crd: KubeObject, cache: CacheReader): string[] {
  const isMeant = ({ type }: { type: ResourceType }) => qualifiedPlural(type) === crd.metadata.name;
  return cache
    .list<Rollout>(resources.argoRollouts)
    .filter((rollout) => [...targetsOf(rollout), ...selectorsOf(rollout)].some(isMeant))
    .map((rollout) => formatKey(keyOf(rollout)));
}
