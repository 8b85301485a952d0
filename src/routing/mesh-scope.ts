import { compareWildcards, HostIndex, hostMatches, hostOfAuthority, isWildcard, serviceAliases } from "./hosts.ts";
import type { ListenerRouteSource } from "./listener-routes.ts";
import type { RoutedService } from "./services.ts";
import type { Source } from "./types.ts";
import { bindRoutes, implicitRoute, isBoundTo, type RouteScope, type VirtualHost } from "./virtual-hosts.ts";
import type { CompiledRoute, CompiledVirtualService } from "./virtual-service.ts";

/** The port of VirtualService hosts that no service has (MESH-050). */
const FOREIGN_HOST_PORT = 80;

/**
 * What a pod's calls are matched with. Each service takes its routes from one VirtualService: the most specific host,
 * of equal hosts the oldest object (MESH-048, MESH-049). Virtual hosts are made when first asked for.
 */
export class MeshScope implements RouteScope {
  readonly #source: Source;
  readonly #names: ReadonlyMap<string, RoutedService>;
  readonly #virtualServices: readonly CompiledVirtualService[];
  readonly #others: readonly ListenerRouteSource[];
  readonly #served = new Map<RoutedService, Map<number, VirtualHost | null>>();
  readonly #foreign: HostIndex<VirtualHost>;

  /** `virtualServices` oldest first. */
  constructor(
    source: Source,
    services: readonly RoutedService[],
    virtualServices: readonly CompiledVirtualService[],
    others: readonly ListenerRouteSource[] = [],
  ) {
    const { namespace } = source;
    this.#source = source;
    this.#others = others;
    this.#names = namesOf(
      services.filter(({ visibility }) => visibility.isVisibleTo(namespace)),
      namespace,
    );
    this.#virtualServices = virtualServices.filter(
      (candidate) => candidate.visibility.isVisibleTo(namespace) && isBoundTo(candidate, "mesh"),
    );
    this.#foreign = this.#compileForeign();
  }

  virtualHost(authority: string, port: number): VirtualHost | null {
    // A name as it stands in almost every request needs no copy.
    const service = this.#names.get(authority) ?? this.#names.get(hostOfAuthority(authority));
    if (service === undefined)
      return port === FOREIGN_HOST_PORT ? this.#foreign.find(hostOfAuthority(authority)) : null;
    let ports = this.#served.get(service);
    if (ports === undefined) {
      ports = new Map();
      this.#served.set(service, ports);
    }
    let found = ports.get(port);
    if (found === undefined) {
      found = this.#compile(service, port);
      // Only ports of the service are kept: a client that scans ports must not fill the map.
      if (found !== null) ports.set(port, found);
    }
    return found;
  }

  #compile(service: RoutedService, port: number): VirtualHost | null {
    if (!service.ports.some(({ number }) => number === port)) return null;
    const owner = this.#ownerOf(service.host);
    if (owner === null) return { routes: this.#withoutOwner(service, port), redirectsToHttps: false };
    const routes = bindRoutes(owner, { gateway: "mesh", port, source: this.#source });
    return { routes, redirectsToHttps: false };
  }

  /** A VirtualService goes before other kinds, as at the gateway. */
  #withoutOwner(service: RoutedService, port: number): readonly CompiledRoute[] {
    for (const other of this.#others) {
      const routes = other.meshRoutesOf?.(service, port, this.#source.namespace) ?? null;
      if (routes !== null) return routes;
    }
    return [implicitRoute(service, port)];
  }

  #ownerOf(host: string): CompiledVirtualService | null {
    const exact = this.#virtualServices.find(({ hosts }) => hosts.includes(host));
    if (exact) return exact;
    const covering = this.#virtualServices.flatMap((candidate) =>
      candidate.hosts
        .filter((pattern) => isWildcard(pattern) && hostMatches(pattern, host))
        .map((pattern) => ({ candidate, pattern })),
    );
    covering.sort((left, right) => compareWildcards(left.pattern, right.pattern));
    return covering[0]?.candidate ?? null;
  }

  #compileForeign(): HostIndex<VirtualHost> {
    const index = new HostIndex<VirtualHost>();
    for (const virtualService of this.#virtualServices) {
      for (const host of virtualService.hosts) {
        if (this.#names.has(host) || index.get(host)) continue;
        const binding = { gateway: "mesh", port: FOREIGN_HOST_PORT, source: this.#source };
        index.set(host, { routes: bindRoutes(virtualService, binding), redirectsToHttps: false });
      }
    }
    return index;
  }
}

/** Every name that a client in `namespace` may write (MESH-011). */
function namesOf(services: readonly RoutedService[], namespace: string): ReadonlyMap<string, RoutedService> {
  const names = new Map<string, RoutedService>();
  for (const service of services) {
    for (const alias of serviceAliases(service.namespace, service.name)) names.set(alias, service);
    if (service.namespace === namespace) names.set(service.name, service);
    if (service.clusterIP !== "") names.set(service.clusterIP, service);
  }
  return names;
}
