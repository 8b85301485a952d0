import { appliesTo, matchEverything } from "./match.ts";
import { defaultRetry } from "./retry.ts";
import type { RoutedService } from "./services.ts";
import type { Source } from "./types.ts";
import type { CompiledRoute, CompiledVirtualService } from "./virtual-service.ts";

/** The routes of one domain on one listener, in the order in which they are tried. */
export interface VirtualHost {
  readonly routes: readonly CompiledRoute[];
  /** Every plain request is sent to https (MESH-036). */
  readonly redirectsToHttps: boolean;
  readonly notFoundBody?: string;
}

/** What one proxy knows of hosts. */
export interface RouteScope {
  /** Null: no virtual host answers. */
  virtualHost(authority: string, port: number): VirtualHost | null;
}

/** The routes of a VirtualService that hold on this proxy and port, up to its first catch-all (MESH-047, MESH-053). */
export function bindRoutes(
  virtualService: CompiledVirtualService,
  { gateway, port, source }: { gateway: string; port: number; source: Source },
): readonly CompiledRoute[] {
  const bound: CompiledRoute[] = [];
  for (const route of virtualService.routes) {
    if (route.match.gateways === null && !route.gateways.includes(gateway)) continue;
    if (!appliesTo(route.match, gateway, port, source)) continue;
    bound.push(route);
    if (route.match.isCatchAll) break;
  }
  return bound;
}

/** Whether the VirtualService, or one of its matches, names the gateway (MESH-033). */
export function isBoundTo(virtualService: CompiledVirtualService, gateway: string): boolean {
  return (
    virtualService.gateways.includes(gateway) ||
    virtualService.routes.some(({ match }) => match.gateways?.includes(gateway))
  );
}

/** The route of a service without VirtualService (MESH-018). */
export function implicitRoute(service: RoutedService, port: number): CompiledRoute {
  const target = { host: service.host, port, subset: "", label: "" };
  const destination = { target, fallback: null, requestHeaders: [], responseHeaders: [], authority: null };
  return {
    reference: { virtualService: null, httpIndex: 0, matchIndex: null, name: "default" },
    match: matchEverything,
    gateways: ["mesh"],
    laneGroup: "",
    action: {
      kind: "forward",
      forward: {
        choice: { items: [destination], cumulative: [1] },
        mirrors: [],
        rewritePath: null,
        timeoutMs: null,
        retry: defaultRetry,
      },
    },
    fault: null,
    cors: null,
    responseHeaders: [],
  };
}
