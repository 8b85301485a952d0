import type {
  Destination,
  HttpMatchRequest,
  HttpRouteSpec,
  VirtualService,
  VirtualServiceSpec,
} from "../../api/istio.ts";
import { deepCopy } from "../../base/json.ts";
import type { ManagedRoute, MirrorRoute } from "../router.ts";
import type { Parties, RouteSelection, Split } from "./parties.ts";
import { findRoutes } from "./routes.ts";
import { roleOf, splitDestinations } from "./weights.ts";

export interface VirtualServiceWish {
  readonly parties: Parties;
  readonly selection: RouteSelection;
  readonly split: Split;
  /** In the order in which they come on top of all other routes (ARC-312). */
  readonly managed: readonly ManagedRoute[];
  /** Every name that a managed route of this release may have; those not in `managed` are removed. */
  readonly managedNames: ReadonlySet<string>;
  /** Services of temporary destinations that earlier splits of this release may have added. */
  readonly formerly: ReadonlySet<string>;
  /** The host of the DestinationRule, where the split goes by subset. */
  readonly ruleHost: string | null;
}

export type VirtualServiceEdit =
  | { readonly object: VirtualService; readonly changed: boolean; readonly error?: undefined }
  | { readonly object?: undefined; readonly changed?: undefined; readonly error: string };

/**
 * The VirtualService with the wish in it. Only the weights of the split and the managed routes are touched: all other
 * fields, routes and their order stay (INV-37). `changed` is false, and the object the same one, when it says so already.
 */
export function editVirtualService(virtualService: VirtualService, wish: VirtualServiceWish): VirtualServiceEdit {
  const { parties, selection, split, managedNames, formerly } = wish;
  const found = findRoutes(virtualService, selection, parties, managedNames);
  if (found.error) return { error: found.error.text };
  // Only what is touched is copied, so that nobody else's fields can change on the way.
  const spec: Record<string, unknown> & VirtualServiceSpec = { ...virtualService.spec };
  for (const { kind, index, destinations } of found.routes) {
    const routes = [...((spec[kind] ?? []) as HttpRouteSpec[])];
    routes[index] = { ...routes[index], route: splitDestinations(destinations, parties, split, formerly) };
    spec[kind] = routes;
  }
  const first = found.routes.find(({ kind }) => kind === "http");
  if (spec.http && first) spec.http = placeManaged(spec.http, spec.http[first.index] as HttpRouteSpec, wish);
  const changed = JSON.stringify(spec) !== JSON.stringify(virtualService.spec ?? {});
  return { object: changed ? { ...virtualService, spec } : virtualService, changed };
}

/** The percentage of requests that the canary gets by this object; null when the routes do not tell. */
export function canaryShare(virtualService: VirtualService, wish: VirtualServiceWish): number | null {
  const found = findRoutes(virtualService, wish.selection, wish.parties, wish.managedNames);
  const shares = (found.routes ?? []).map(({ destinations }) => {
    const canary = destinations.filter((one) => roleOf(one, wish.parties, wish.split) === "canary");
    return canary.reduce((total, { weight = 0 }) => total + weight, 0);
  });
  return shares.length === 0 ? null : Math.max(...shares);
}

function placeManaged(
  http: readonly HttpRouteSpec[],
  edited: HttpRouteSpec,
  { managed, managedNames, parties, split, ruleHost }: VirtualServiceWish,
): HttpRouteSpec[] {
  const others = http.filter(({ name }) => name === undefined || !managedNames.has(name));
  if (managed.length === 0 && others.length === http.length) return [...http];
  const port = edited.route?.[0]?.destination?.port;
  const canary: Destination = parties.subsets
    ? {
        host: ruleHost ?? canaryHost(edited, parties, split),
        subset: parties.subsets.canary,
        ...(port ? { port } : {}),
      }
    : { host: parties.canaryService, ...(port ? { port } : {}) };
  return [...managed.map((route) => managedRoute(route, edited, canary)), ...others];
}

/** Without a DestinationRule at hand: the host that the edited route names for the canary. */
function canaryHost(edited: HttpRouteSpec, parties: Parties, split: Split): string {
  return edited.route?.find((one) => roleOf(one, parties, split) === "canary")?.destination?.host ?? "";
}

function managedRoute(route: ManagedRoute, edited: HttpRouteSpec, canary: Destination): HttpRouteSpec {
  if (route.kind === "header") {
    return {
      name: route.name,
      match: route.match.map(({ headerName, headerValue }) => ({ headers: { [headerName]: headerValue } })),
      route: [{ destination: canary, weight: 100 }],
    };
  }
  return {
    name: route.name,
    match: route.match.map(mirrorMatch),
    route: deepCopy(edited.route ?? []),
    mirror: canary,
    mirrorPercentage: { value: route.percentage },
  };
}

function mirrorMatch({ method, path, headers }: MirrorRoute["match"][number]): HttpMatchRequest {
  return {
    ...(method ? { method } : {}),
    ...(path ? { uri: path } : {}),
    ...(headers ? { headers: { ...headers } } : {}),
  };
}
