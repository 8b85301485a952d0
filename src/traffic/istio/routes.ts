import type { HttpRouteDestination, HttpRouteSpec, VirtualService } from "../../api/istio.ts";
import { type Parties, type RouteSelection, serviceOfHost } from "./parties.ts";

/** A route of any protocol, as far as the split needs it. */
export interface SplitRoute {
  readonly kind: "http" | "tls" | "tcp";
  readonly index: number;
  readonly destinations: readonly HttpRouteDestination[];
}

interface L4Route {
  match?: { port?: number; sniHosts?: string[] }[];
  route?: HttpRouteDestination[];
}

export type FoundRoutes =
  | { readonly routes: readonly SplitRoute[]; readonly error?: undefined }
  | {
      readonly routes?: undefined;
      readonly error: { readonly kind: "HTTP" | "TLS" | "TCP" | null; readonly text: string };
    };

const NAMES = { http: "HTTP", tls: "TLS", tcp: "TCP" } as const;

/** The routes that carry the split, or why there are none (ARC-301…304). `managed` are the names of routes we add. */
export function findRoutes(
  { spec }: VirtualService,
  selection: RouteSelection,
  parties: Parties,
  managed: ReadonlySet<string>,
): FoundRoutes {
  const http = spec?.http;
  const tls = spec?.tls as L4Route[] | undefined;
  const tcp = spec?.tcp as L4Route[] | undefined;
  if (!http && !tls && !tcp) {
    return failed(null, "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService");
  }
  const routes: SplitRoute[] = [];
  const selected = [
    ["http", http, () => selectHttp(http ?? [], selection, { managed, parties })],
    ["tls", tls, () => selectTls(tls ?? [], selection.tlsRoutes)],
    ["tcp", tcp, () => selectTcp(tcp ?? [], selection.tcpRoutes)],
  ] as const;
  for (const [kind, present, select] of selected) {
    if (!present) continue;
    const found = select();
    if (typeof found === "string") return failed(NAMES[kind], found);
    for (const index of found) {
      const destinations = present[index]?.route ?? [];
      const missing = missingParty(destinations, parties);
      if (missing !== null) return failed(NAMES[kind], missing);
      routes.push({ kind, index, destinations });
    }
  }
  return { routes };
}

function failed(kind: "HTTP" | "TLS" | "TCP" | null, text: string): FoundRoutes {
  return { error: { kind, text } };
}

/** ARC-301, ARC-304, ARC-914. */
function selectHttp(
  http: readonly HttpRouteSpec[],
  { routes: names, takesEvery }: RouteSelection,
  { managed, parties }: { readonly managed: ReadonlySet<string>; readonly parties: Parties },
): readonly number[] | string {
  if (names.length === 0) {
    const own = http.flatMap(({ name }, index) => (name !== undefined && managed.has(name) ? [] : [index]));
    if (!takesEvery) return own.length === 1 ? own : onlyOne("http", "routes");
    const splitting = own.filter((index) => missingParty(http[index]?.route ?? [], parties) === null);
    return splitting.length > 0 ? splitting : "No HTTP route leads to both sides of the split.";
  }
  const indices: number[] = [];
  for (const name of names) {
    const index = http.findIndex((route) => route.name === name);
    if (index < 0) return `HTTP Route '${name}' is not found in the defined Virtual Service.`;
    indices.push(index);
  }
  return indices;
}

/** ARC-302: all match blocks together have one port and one set of SNI hosts. */
function selectTls(tls: readonly L4Route[], wanted: RouteSelection["tlsRoutes"]): readonly number[] | string {
  if (wanted.length === 0) return tls.length === 1 ? [0] : onlyOne("tls", "tlsRoutes");
  const indices = tls.flatMap((route, index) =>
    wanted.some(({ port, sniHosts = [] }) => {
      const hosts = new Set((route.match ?? []).flatMap((match) => match.sniHosts ?? []));
      return hasPort(route, port) && hosts.size === sniHosts.length && sniHosts.every((host) => hosts.has(host));
    })
      ? [index]
      : [],
  );
  return indices.length > 0 ? indices : "No matching TLS routes found in the defined Virtual Service.";
}

function selectTcp(tcp: readonly L4Route[], wanted: RouteSelection["tcpRoutes"]): readonly number[] | string {
  if (wanted.length === 0) return tcp.length === 1 ? [0] : onlyOne("tcp", "tcpRoutes");
  const indices = tcp.flatMap((route, index) => (wanted.some(({ port }) => hasPort(route, port)) ? [index] : []));
  return indices.length > 0 ? indices : "No matching TCP routes found in the defined Virtual Service.";
}

function hasPort({ match = [] }: L4Route, port = 0): boolean {
  const ports = new Set(match.map((block) => block.port ?? 0));
  return ports.size === 0 ? port === 0 : ports.size === 1 && ports.has(port);
}

function onlyOne(list: string, field: string): string {
  return (
    `spec.${list}[] should be set in VirtualService and it must have exactly one route when omitting ` +
    `spec.strategy.canary.trafficRouting.istio.virtualService.${field}`
  );
}

/** ARC-303: both sides of the split must stand in the route. */
function missingParty(destinations: readonly HttpRouteDestination[], parties: Parties): string | null {
  const { subsets, canaryService, stableService } = parties;
  if (subsets) {
    const named = new Set(destinations.map(({ destination }) => destination?.subset));
    if (!named.has(subsets.canary)) return `Canary DestinationRule subset '${subsets.canary}' not found in route`;
    if (!named.has(subsets.stable)) return `Stable DestinationRule subset '${subsets.stable}' not found in route`;
    return null;
  }
  const hosts = new Set(destinations.map(({ destination }) => serviceOfHost(destination?.host)));
  if (!hosts.has(canaryService)) return `Canary Service '${canaryService}' not found in route`;
  if (!hosts.has(stableService)) return `Stable Service '${stableService}' not found in route`;
  return null;
}
