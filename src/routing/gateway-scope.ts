import type { Gateway, ServerSpec } from "../api/istio.ts";
import { compareAge } from "./age.ts";
import { HostIndex, hostOfAuthority, intersectHosts } from "./hosts.ts";
import type { ListenerRoutes } from "./listener-routes.ts";
import { hasLabels } from "./match.ts";
import type { Source } from "./types.ts";
import { bindRoutes, isBoundTo, type RouteScope, type VirtualHost } from "./virtual-hosts.ts";
import type { CompiledRoute, CompiledVirtualService } from "./virtual-service.ts";

/** One server of a Gateway that we can serve. */
export interface GatewayServer {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly port: number;
  readonly hosts: readonly ServerHost[];
  readonly redirectsToHttps: boolean;
}

/** `ns/dns`: only VirtualServices of that namespace may bind (MESH-032). */
interface ServerHost {
  /** "*": any. */
  readonly namespace: string;
  readonly domain: string;
}

const PLAIN_PROTOCOLS = new Set(["HTTP", "HTTP2", "GRPC", "GRPC-WEB"]);

/** The servers of all Gateways that select this proxy, first by age (MESH-030, MESH-039). */
export function serversOf(source: Source, gateways: readonly Gateway[]): readonly GatewayServer[] {
  return [...gateways]
    .sort(compareAge)
    .filter(({ spec }) => hasLabels(source.labels, spec?.selector ?? {}))
    .flatMap((gateway) =>
      (gateway.spec?.servers ?? []).filter(isPlain).map((server) => compileServer(gateway, server)),
    );
}

/** Servers that end TLS or carry bare TCP need certificates and protocols that this data plane does not have. */
export function isPlain({ port }: ServerSpec): boolean {
  return PLAIN_PROTOCOLS.has((port?.protocol ?? "").toUpperCase());
}

function compileServer({ metadata }: Gateway, server: ServerSpec): GatewayServer {
  const { namespace = "", name } = metadata;
  const hosts = (server.hosts ?? []).map((host): ServerHost => {
    const slash = host.indexOf("/");
    const scope = slash < 0 ? "*" : host.slice(0, slash);
    return { namespace: scope === "." ? namespace : scope, domain: host.slice(slash + 1).toLowerCase() };
  });
  return {
    gateway: `${namespace}/${name}`,
    port: server.port?.number ?? 0,
    hosts,
    redirectsToHttps: server.tls?.httpsRedirect === true,
  };
}

/** What a gateway proxy's requests are matched with: per server port an index of domains. */
export class GatewayScope implements RouteScope {
  readonly #source: Source;
  readonly #ports = new Map<number, HostIndex<VirtualHost>>();

  constructor(
    source: Source,
    servers: readonly GatewayServer[],
    virtualServices: readonly CompiledVirtualService[],
    listeners: readonly ListenerRoutes[] = [],
  ) {
    this.#source = source;
    // Private objects first, then by age (MESH-045); `virtualServices` come oldest first and sorting is stable.
    const candidates = virtualServices
      .filter(({ visibility }) => visibility.isVisibleTo(source.namespace))
      .sort((left, right) => left.visibility.rank - right.visibility.rank);
    for (const port of new Set([...servers, ...listeners].map((one) => one.port))) {
      const onPort = servers.filter((server) => server.port === port);
      const others = listeners.filter((listener) => listener.port === port);
      this.#ports.set(port, this.#compilePort(onPort, candidates, others));
    }
  }

  virtualHost(authority: string, port: number): VirtualHost | null {
    return this.#ports.get(port)?.find(hostOfAuthority(authority)) ?? null;
  }

  #compilePort(
    servers: readonly GatewayServer[],
    candidates: readonly CompiledVirtualService[],
    listeners: readonly ListenerRoutes[],
  ): HostIndex<VirtualHost> {
    const drafts = new Map<string, { routes: Set<CompiledRoute>; redirectsToHttps: boolean }>();
    const draft = (domain: string) => {
      const known = drafts.get(domain) ?? { routes: new Set(), redirectsToHttps: false };
      drafts.set(domain, known);
      return known;
    };
    for (const server of servers) {
      // A server that only redirects needs no VirtualService to do so.
      if (server.redirectsToHttps) for (const { domain } of server.hosts) draft(domain).redirectsToHttps = true;
      for (const candidate of candidates) {
        if (!isBoundTo(candidate, server.gateway)) continue;
        const routes = bindRoutes(candidate, { gateway: server.gateway, port: server.port, source: this.#source });
        for (const domain of domainsOf(candidate, server)) {
          const target = draft(domain);
          for (const route of routes) target.routes.add(route);
          if (server.redirectsToHttps) target.redirectsToHttps = true;
        }
      }
    }
    const index = new HostIndex<VirtualHost>();
    for (const [domain, { routes, redirectsToHttps }] of drafts) {
      index.set(domain, { routes: sinkCatchAlls([...routes]), redirectsToHttps });
    }
    // Where several kinds claim one host a VirtualService's rules come first.
    for (const { domain, routes, notFoundBody } of listeners) {
      const known = index.get(domain) ?? { routes: [], redirectsToHttps: false };
      const notFound = notFoundBody === undefined ? {} : { notFoundBody };
      index.set(domain, { ...known, ...notFound, routes: joinRoutes(known.routes, routes) });
    }
    return index;
  }
}

/** The narrower of VirtualService host and server host, for every pair that meets (MESH-033). */
function domainsOf(virtualService: CompiledVirtualService, server: GatewayServer): ReadonlySet<string> {
  const { namespace = "" } = virtualService.object.metadata;
  const domains = new Set<string>();
  for (const allowed of server.hosts) {
    if (allowed.namespace !== "*" && allowed.namespace !== namespace) continue;
    for (const host of virtualService.hosts) {
      const domain = intersectHosts(allowed.domain, host);
      if (domain !== null) domains.add(domain);
    }
  }
  return domains;
}

/** Nor must the catch-all of one kind hide the rules of another: of two, the first kind's counts. */
function joinRoutes(first: readonly CompiledRoute[], second: readonly CompiledRoute[]): readonly CompiledRoute[] {
  const [rules, rest] = splitAtCatchAll(first);
  const [otherRules, otherRest] = splitAtCatchAll(second);
  return [...rules, ...otherRules, ...rest, ...otherRest];
}

function splitAtCatchAll(routes: readonly CompiledRoute[]): [readonly CompiledRoute[], readonly CompiledRoute[]] {
  const at = routes.findIndex(({ match }) => match.isCatchAll);
  return at < 0 ? [routes, []] : [routes.slice(0, at), routes.slice(at)];
}

/** Catch-alls of one VirtualService must not hide the rules of another (MESH-045). */
function sinkCatchAlls(routes: readonly CompiledRoute[]): readonly CompiledRoute[] {
  return [...routes.filter(({ match }) => !match.isCatchAll), ...routes.filter(({ match }) => match.isCatchAll)];
}
