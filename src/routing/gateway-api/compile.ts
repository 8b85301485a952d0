import type { ApiGateway, HttpRoute, ParentReference } from "../../api/gateway-api.ts";
import { formatKey, keyOf } from "../../kube/resource.ts";
import type { ListenerRouteSource, ListenerRoutes } from "../listener-routes.ts";
import type { RoutingConfig } from "../types.ts";
import { judgeParents, listenerFor, parentKeyOf } from "./attach.ts";
import { gatewayRefusal } from "./gateways.ts";
import { type Attached, HostedRoutes } from "./hosted-routes.ts";
import { judgeListeners, type ListenerVerdict } from "./listeners.ts";
import { type JudgedRoute, MeshRoutes } from "./mesh-routes.ts";
import { controllerOf, type GatewayApiObjects, objectsOf } from "./objects.ts";
import { comparePrecedence, type HostedRoute, type RankedRoute } from "./precedence.ts";
import { compileHttpRoute } from "./route.ts";
import { judgeRules, problemsOf, unresolvedOf } from "./rules.ts";

/**
 * Gateway API's objects to routes. Every Gateway of a class of ours is served by the one gateway proxy: listeners of one
 * port, also of several Gateways, share it.
 *
 *   Gateway ─> judgeListeners ─┐
 *   HTTPRoute ─> judgeParents ─┴─> attachments ─┐
 *             └> judgeRules ──> compileHttpRoute ┴─> per port and host, sorted by precedence
 */
export function compileGatewayApi(config: RoutingConfig): ListenerRouteSource {
  const objects = objectsOf(config);
  const gateways = (config.apiGateways ?? []).filter((gateway) => isOurs(gateway, objects));
  const routes = (config.httpRoutes ?? []).map((route) => judgeRoute(route, objects));
  const listeners = compileListeners(gateways, routes);
  const mesh = new MeshRoutes(routes);
  return {
    meshRoutesOf: (service, port, clientNamespace) => mesh.of(service, port, clientNamespace),
    listenersOf: (labels) => (labels["istio"] === GATEWAY_LABEL ? listeners : []),
    problems: [...gateways.flatMap(gatewayProblems), ...routes.flatMap((route) => routeProblems(route))],
  };
}

/** The proxy that Istio installs for the mesh serves the Gateways: there is no proxy for each of them. */
const GATEWAY_LABEL = "ingressgateway";

function isOurs(gateway: ApiGateway, objects: GatewayApiObjects): boolean {
  return controllerOf(objects.gatewayClass(gateway.spec?.gatewayClassName ?? "")) !== null;
}

function judgeRoute(route: HttpRoute, objects: GatewayApiObjects): JudgedRoute {
  const parents = judgeParents(route, objects);
  return { route, parents, rules: parents.length === 0 ? [] : judgeRules(route, objects) };
}

/** A served listener with the routes that are attached to it. */
interface OpenListener {
  readonly gateway: string;
  readonly verdict: ListenerVerdict;
  readonly attached: HostedRoutes;
}

function compileListeners(gateways: readonly ApiGateway[], routes: readonly JudgedRoute[]): readonly ListenerRoutes[] {
  const attachedTo = indexAttachments(routes);
  const served = gateways.filter((gateway) => gatewayRefusal(gateway) === null);
  const open = served.flatMap((gateway) => {
    const key = formatKey(keyOf(gateway));
    return judgeListeners(gateway)
      .filter(({ problem }) => problem === null)
      .map((verdict): OpenListener => {
        const attached = new HostedRoutes(attachedTo.get(`${key} ${verdict.name}`) ?? []);
        return { gateway: key, verdict, attached };
      });
  });
  const byPort = Map.groupBy(open, ({ verdict }) => verdict.port);
  return [...byPort].flatMap(([port, listeners]) => compilePort(port, listeners));
}

/** By Gateway and listener name. A route may name one listener in two ways and is still there once. */
function indexAttachments(routes: readonly JudgedRoute[]): ReadonlyMap<string, readonly Attached[]> {
  const index = new Map<string, Attached[]>();
  for (const judged of routes) {
    const seen = new Set<string>();
    for (const { gateway, attachments } of judged.parents) {
      if (gateway === null) continue;
      for (const { listener, hosts } of attachments) {
        const key = `${formatKey(keyOf(gateway))} ${listener.name}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const attached = index.get(key);
        if (attached === undefined) index.set(key, [{ judged, hosts }]);
        else attached.push({ judged, hosts });
      }
    }
  }
  return index;
}

function compilePort(port: number, listeners: readonly OpenListener[]): readonly ListenerRoutes[] {
  const compiled = new Map<HttpRoute, readonly RankedRoute[]>();
  const compileOnce = ({ route, rules }: JudgedRoute) => {
    const known = compiled.get(route) ?? compileHttpRoute(route, rules, port);
    compiled.set(route, known);
    return known;
  };
  const domains = new Set(listeners.flatMap(({ verdict, attached }) => [verdict.hostname, ...attached.domains]));
  const byGateway = [...Map.groupBy(listeners, ({ gateway }) => gateway).values()];
  return [...domains].map((domain) => ({ port, domain, routes: routesOf(domain, byGateway, compileOnce) }));
}

/**
 * All that can answer for a host, the most specific hostname first: where its rules do not match, those of a wider
 * hostname have their turn (MESH-361). Within a Gateway only the listener that fits the host best is asked.
 */
function routesOf(
  domain: string,
  byGateway: readonly (readonly OpenListener[])[],
  compileOnce: (judged: JudgedRoute) => readonly RankedRoute[],
): ListenerRoutes["routes"] {
  const found = new Map<JudgedRoute, string>();
  for (const own of byGateway) {
    const listener = listenerFor(
      domain,
      own.map(({ verdict }) => verdict),
    );
    const attached = own.find(({ verdict }) => verdict === listener)?.attached;
    for (const [judged, hostname] of attached?.covering(domain) ?? []) {
      if (!found.has(judged)) found.set(judged, hostname);
    }
  }
  return [...found]
    .flatMap(([judged, own]) => compileOnce(judged).map((ranked): HostedRoute => ({ ...ranked, own })))
    .sort(comparePrecedence)
    .map(({ route }) => route);
}

interface Problem {
  readonly object: string;
  readonly message: string;
}

function gatewayProblems(gateway: ApiGateway): readonly Problem[] {
  const object = `Gateway ${formatKey(keyOf(gateway))}`;
  const refusal = gatewayRefusal(gateway);
  if (refusal !== null) return [{ object, message: refusal.message }];
  return judgeListeners(gateway).flatMap(({ name, problem }) =>
    problem === null ? [] : [{ object, message: `listener ${name}: ${problem.message}` }],
  );
}

function nameOf(ref: ParentReference, route: HttpRoute): string {
  return `${ref.kind ?? "Gateway"} ${formatKey(parentKeyOf(ref, route))}`;
}

function routeProblems({ route, parents, rules }: JudgedRoute): readonly Problem[] {
  const object = `HTTPRoute ${formatKey(keyOf(route))}`;
  const messages = [
    ...parents.flatMap(({ ref, refusal }) =>
      refusal === null ? [] : [`not attached to ${nameOf(ref, route)}: ${refusal.message}`],
    ),
    ...rules.flatMap((rule) => [...problemsOf(rule), ...unresolvedOf(rule)].map(({ message }) => message)),
  ];
  return [...new Set(messages)].map((message) => ({ object, message }));
}
