import type { DestinationRule, Gateway, VirtualService } from "../api/istio.ts";
import type { KubeObject } from "../api/meta.ts";
import { canonicalJson, deepEqual } from "../base/json.ts";
import type { Instant } from "../base/time.ts";
import { formatKey, keyOf } from "../kube/resource.ts";
import { compareAge } from "./age.ts";
import { type ClusterScope, ClusterSet } from "./cluster-set.ts";
import { mergeDestinationRules, type RulesByNamespace } from "./destination-rule.ts";
import { compileGatewayApi } from "./gateway-api/compile.ts";
import { GatewayScope, isPlain, serversOf } from "./gateway-scope.ts";
import { ineffectivePolicies } from "./ineffective-policies.ts";
import { compileIngresses } from "./ingress/compile.ts";
import { compileLaneGroups, type LaneGroup } from "./lane.ts";
import type { ListenerRouteSource, ListenerRoutes } from "./listener-routes.ts";
import { MeshScope } from "./mesh-scope.ts";
import { type RoutedService, readService } from "./services.ts";
import type { Cluster, LaneContext, RoutingConfig, Source, Table } from "./types.ts";
import { destinationRuleProblems, gatewayProblems, virtualServiceProblems } from "./validate.ts";
import type { RouteScope } from "./virtual-hosts.ts";
import { type CompiledVirtualService, compileVirtualService } from "./virtual-service.ts";

/**
 * Objects to a table that `decide` can ask. Parts whose input objects are the same references as in `previous` are
 * taken over, so that a pod that became ready costs its service's clusters and nothing else.
 *
 *   gateways, virtualServices, services ──> routes (made per proxy when it first asks)
 *   destinationRules, services, slices, pods ──> clusters (per service and rule)
 *   swimLaneGroups, swimLanes ──> lanes
 */
export function compile(config: RoutingConfig, previous?: Table): Table {
  return new CompiledTable(config, previous instanceof CompiledTable ? previous : null);
}

interface Problem {
  readonly object: string;
  readonly message: string;
}

/** Compiled objects of one kind; an invalid one keeps its last valid form while it has one (MESH-093, MESH-256). */
interface Parts<Part> {
  readonly list: readonly Part[];
  readonly problems: readonly Problem[];
  /** By `namespace/name`. */
  readonly byKey: ReadonlyMap<
    string,
    { readonly object: KubeObject; readonly part: Part | null; readonly problems: readonly Problem[] }
  >;
}

/** What one source needs on every request: found once, then remembered. */
export interface SourceScope {
  readonly routes: RouteScope;
  readonly clusters: ClusterScope;
}

export class CompiledTable implements Table {
  readonly config: RoutingConfig;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly problems: readonly Problem[];
  readonly compiledAt: Instant | null;
  readonly laneGroups: ReadonlyMap<string, LaneGroup>;
  readonly services: readonly RoutedService[];
  readonly virtualServices: Parts<CompiledVirtualService>;
  readonly destinationRules: Parts<DestinationRule>;
  readonly gateways: Parts<Gateway>;
  /** Kinds other than VirtualService that give a gateway routes. */
  readonly others: readonly ListenerRouteSource[];
  readonly rules: RulesByNamespace;
  readonly clusterSet: ClusterSet;
  readonly #routeScopes: Map<string, RouteScope>;
  readonly #lanesByService: ReadonlyMap<string, readonly LaneGroup[]>;
  readonly #scopes = new WeakMap<Source, SourceScope>();

  constructor(config: RoutingConfig, previous: CompiledTable | null) {
    const before = previous?.config;
    this.config = config;
    this.compiledAt = config.now ?? null;
    this.services = areSame(before?.services, config.services)
      ? previous!.services
      : readServices(config.services, previous?.services ?? []);
    this.virtualServices = compileParts(config.virtualServices, previous?.virtualServices, compileVirtualServicePart);
    this.destinationRules = compileParts(config.destinationRules, previous?.destinationRules, checkDestinationRule);
    this.gateways = compileParts(config.gateways, previous?.gateways, checkGateway);
    const hasSameServices = previous !== null && previous.services === this.services;
    const hasSamePorts = hasSameServices || arePortsSame(previous?.services, this.services);
    this.others = OTHER_SOURCES.map(({ kinds, compileAll }, index) =>
      hasSamePorts && kinds.every((kind) => areSame(before?.[kind] ?? [], config[kind] ?? []))
        ? previous!.others[index]!
        : compileAll(config),
    );
    const hasSameRules = previous !== null && areSame(previous.destinationRules.list, this.destinationRules.list);
    this.rules = hasSameRules ? previous.rules : mergeDestinationRules(this.destinationRules.list);
    const hasSameRoutes =
      hasSameServices &&
      areSame(previous.others, this.others) &&
      areSame(previous.virtualServices.list, this.virtualServices.list) &&
      areSame(previous.gateways.list, this.gateways.list);
    this.#routeScopes = hasSameRoutes ? previous.#routeScopes : new Map();
    this.laneGroups =
      areSame(before?.swimLaneGroups, config.swimLaneGroups) && areSame(before?.swimLanes, config.swimLanes)
        ? previous!.laneGroups
        : compileLaneGroups(config.swimLaneGroups, config.swimLanes);
    this.#lanesByService = groupByService(this.laneGroups);
    this.clusterSet = new ClusterSet(config, this.services, this.rules, previous?.clusterSet ?? null);
    this.clusters = this.clusterSet.byName();
    this.problems = [this.gateways, this.virtualServices, this.destinationRules, ...this.others].flatMap(
      ({ problems }) => problems,
    );
  }

  gatewayPorts(gateway: Source): readonly number[] {
    const servers = [...serversOf(gateway, this.gateways.list), ...this.#listenersOf(gateway)];
    return [...new Set(servers.map(({ port }) => port))].sort((a, b) => a - b);
  }

  #listenersOf({ labels }: Source): readonly ListenerRoutes[] {
    return this.others.flatMap((source) => source.listenersOf(labels));
  }

  lanesOf(serviceNamespace: string, serviceName: string): readonly LaneContext[] {
    return this.#lanesByService.get(`${serviceNamespace}/${serviceName}`) ?? [];
  }

  /** The group whose rules a call obeys: the one that made the route, else the first that the service belongs to. */
  laneGroupOf(laneGroup: string, serviceNamespace: string, serviceName: string): LaneGroup | null {
    const named = laneGroup === "" ? undefined : this.laneGroups.get(laneGroup);
    return named ?? this.#lanesByService.get(`${serviceNamespace}/${serviceName}`)?.[0] ?? null;
  }

  scopeOf(source: Source): SourceScope {
    let scope = this.#scopes.get(source);
    if (scope === undefined) {
      scope = { routes: this.#routeScopeOf(source), clusters: this.clusterSet.scope(source.namespace) };
      this.#scopes.set(source, scope);
    }
    return scope;
  }

  /** Pods of a namespace share their routes, unless some rule looks at the caller's labels. */
  #routeScopeOf(source: Source): RouteScope {
    const { kind, namespace, labels } = source;
    const looksAtLabels = kind === "gateway" || this.virtualServices.list.some(usesSourceLabels);
    const key = canonicalJson([kind, namespace, looksAtLabels ? labels : null]);
    let scope = this.#routeScopes.get(key);
    if (scope === undefined) {
      const virtualServices = [...this.virtualServices.list].sort((a, b) => compareAge(a.object, b.object));
      scope =
        kind === "gateway"
          ? new GatewayScope(source, serversOf(source, this.gateways.list), virtualServices, this.#listenersOf(source))
          : new MeshScope(source, this.services, virtualServices, this.others);
      this.#routeScopes.set(key, scope);
    }
    return scope;
  }
}

/** In the order in which they answer where several claim one host. */
const OTHER_SOURCES = [
  {
    kinds: ["httpRoutes", "apiGateways", "gatewayClasses", "referenceGrants", "namespaces"],
    compileAll: compileGatewayApi,
  },
  { kinds: ["ingresses", "ingressClasses"], compileAll: compileIngresses },
] as const;

function usesSourceLabels({ routes }: CompiledVirtualService): boolean {
  return routes.some(({ match }) => match.sourceLabels !== null);
}

function readServices(objects: readonly KubeObject[], previous: readonly RoutedService[]): readonly RoutedService[] {
  const known = new Map(previous.map((service) => [service.object, service]));
  return objects.map((object) => known.get(object) ?? readService(object));
}

/**
 * What Ingresses and HTTPRoutes read of services. A release changes the selector of a Service at every step, which must
 * not cost a compilation of all routes.
 */
function arePortsSame(before: readonly RoutedService[] | undefined, after: readonly RoutedService[]): boolean {
  return (
    before?.length === after.length &&
    after.every((service, index) => {
      const { host, ports } = before[index]!;
      return service.host === host && (service.ports === ports || deepEqual(service.ports, ports));
    })
  );
}

function groupByService(groups: ReadonlyMap<string, LaneGroup>): ReadonlyMap<string, readonly LaneGroup[]> {
  const index = new Map<string, LaneGroup[]>();
  for (const group of groups.values()) {
    for (const service of group.services) index.set(service, [...(index.get(service) ?? []), group]);
  }
  return index;
}

interface CompiledPart<Part> {
  /** Null: not valid. */
  readonly part: Part | null;
  readonly problems: readonly string[];
}

function compileParts<Part>(
  objects: readonly KubeObject[],
  previous: Parts<Part> | undefined,
  compileOne: (object: KubeObject) => CompiledPart<Part>,
): Parts<Part> {
  const byKey = new Map<string, { object: KubeObject; part: Part | null; problems: readonly Problem[] }>();
  for (const object of objects) {
    const key = formatKey(keyOf(object));
    const known = previous?.byKey.get(key);
    if (known?.object === object) {
      byKey.set(key, known);
      continue;
    }
    const { part, problems } = compileOne(object);
    const named = problems.map((message) => ({ object: `${object.kind} ${key}`, message }));
    byKey.set(key, { object, part: part ?? known?.part ?? null, problems: named });
  }
  const entries = [...byKey.values()];
  return {
    list: entries.flatMap(({ part }) => (part === null ? [] : [part])),
    problems: entries.flatMap(({ problems }) => problems),
    byKey,
  };
}

function compileVirtualServicePart(object: KubeObject): CompiledPart<CompiledVirtualService> {
  const problems = virtualServiceProblems(object as VirtualService);
  if (problems.length > 0) return { part: null, problems };
  const part = compileVirtualService(object as VirtualService);
  return { part, problems: part.problems };
}

function checkDestinationRule(object: KubeObject): CompiledPart<DestinationRule> {
  const rule = object as DestinationRule;
  const problems = destinationRuleProblems(rule);
  if (problems.length > 0) return { part: null, problems };
  // A rule for some clients only must not be applied to all of them.
  if (rule.spec?.workloadSelector) return { part: null, problems: ["workloadSelector is not supported"] };
  return { part: rule, problems: ineffectivePolicies(rule) };
}

function checkGateway(object: KubeObject): CompiledPart<Gateway> {
  const gateway = object as Gateway;
  const problems = gatewayProblems(gateway);
  if (problems.length > 0) return { part: null, problems };
  const others = (gateway.spec?.servers ?? []).filter((server) => !isPlain(server));
  return {
    part: gateway,
    problems: others.map(({ port }) => `protocol ${port?.protocol} of port ${port?.number} is not supported`),
  };
}

function areSame(left: readonly unknown[] | undefined, right: readonly unknown[]): boolean {
  return left !== undefined && left.length === right.length && left.every((item, index) => item === right[index]);
}
