import type { RoutedService } from "./services.ts";
import type { CompiledRoute } from "./virtual-service.ts";

/** Routes of one host on one port of a gateway proxy, from objects other than VirtualServices. */
export interface ListenerRoutes {
  readonly port: number;
  /** Exact, `*.suffix`, or `*`. */
  readonly domain: string;
  /** In the order in which they are tried. Empty: the port is open for the host, every request is answered 404. */
  readonly routes: readonly CompiledRoute[];
  /** Of the 404 for what no route of the host takes; absent: it is empty, as Envoy's. */
  readonly notFoundBody?: string;
}

/** One kind's part of a table: made from the objects, once for each gateway proxy that asks. */
export interface ListenerRouteSource {
  /** By labels of the proxy; none when it does not serve these objects. */
  listenersOf(gatewayLabels: Readonly<Record<string, string>>): readonly ListenerRoutes[];
  /** For calls of pods in a namespace to a service; null: no object has a say. Absent: the kind is of gateways alone. */
  meshRoutesOf?(service: RoutedService, port: number, clientNamespace: string): readonly CompiledRoute[] | null;
  readonly problems: readonly { readonly object: string; readonly message: string }[];
}
