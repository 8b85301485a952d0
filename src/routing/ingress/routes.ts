import type { CompiledMatch } from "../match.ts";
import { defaultRetry } from "../retry.ts";
import type { CompiledRoute, DestinationTarget, Forward, RouteDestination } from "../virtual-service.ts";
import { compileWeights, type WeightedChoice } from "../weights.ts";
import type { Backends } from "./backends.ts";
import type { NamedCondition, Shares } from "./canary.ts";
import { type Location, referenceTo } from "./location.ts";
import { type CompiledPath, pathCondition } from "./paths.ts";
import { unmetProtections } from "./protection.ts";
import { headerEditsOf, podsOf, type Settings } from "./settings.ts";

/** A location of a main Ingress with all that decides about its requests. */
export interface LocationPlan {
  readonly location: Location;
  readonly path: CompiledPath;
  readonly shares: Shares;
  readonly settings: Settings;
}

/** A route, and the Ingress whose `order` says when it is tried. */
export interface OrderedRoute {
  readonly route: CompiledRoute;
  readonly decidedBy: Location;
}

/**
 * The routes of one location in the order in which they are tried: redirects, then the canaries' rules, then what is
 * left by weight.
 */
export function locationRoutes(plan: LocationPlan, backends: Backends): readonly OrderedRoute[] {
  const { location, settings, shares } = plan;
  const [protection] = unmetProtections(location.ingress);
  if (protection !== undefined) return [{ route: refusing(plan, protection), decidedBy: location }];
  const main = destinationTo(location, plan, backends);
  // A canary that cannot serve is as good as none (MESH-329, MESH-345).
  const toCanary = (canary: Location): RouteDestination => {
    const targets = [main.target];
    const fallback = { targets, onNoInstances: true, onNoneAvailable: true };
    return { ...destinationTo(canary, plan, backends), fallback };
  };
  const redirects = settings.redirects.map(({ name, conditions, status, location: to }): OrderedRoute => {
    const action = { kind: "redirect", status, location: to } as const;
    return { route: { ...plainRoute(plan, location, { name, conditions }), action }, decidedBy: location };
  });
  const rules = shares.rules.map(({ name, conditions, canary, isForCanary }): OrderedRoute => {
    const choice = compileWeights([{ item: isForCanary ? toCanary(canary) : main, weight: 1 }]);
    const route = plainRoute(plan, canary, { name, conditions });
    return { route: { ...route, cors: settings.cors, action: forwardTo(choice, plan) }, decidedBy: canary };
  });
  const choice = byWeight(shares, { main, toCanary });
  const rest = plainRoute(plan, location, { name: choice.items.length > 1 ? "canary-weight" : "", conditions: [] });
  return [
    ...redirects,
    ...rules,
    { route: { ...rest, cors: settings.cors, action: forwardTo(choice, plan) }, decidedBy: location },
  ];
}

/** What cannot be protected is not served. */
function refusing(plan: LocationPlan, protection: string): CompiledRoute {
  const body = `this Ingress is protected by annotation ${protection}, which is not supported`;
  return {
    ...plainRoute(plan, plan.location, { name: protection, conditions: [] }),
    action: { kind: "direct", status: 503, body },
  };
}

/** The main service gets what the canaries leave (MESH-326, MESH-344). */
function byWeight(
  { weights, total }: Shares,
  { main, toCanary }: { main: RouteDestination; toCanary: (canary: Location) => RouteDestination },
): WeightedChoice<RouteDestination> {
  const taken = weights.reduce((sum, { weight }) => sum + weight, 0);
  const canaries = weights.map(({ canary, weight }) => ({ item: toCanary(canary), weight }));
  // With one canary the smallest draws are the canary's, as in ingress-nginx.
  return compileWeights([...canaries, { item: main, weight: Math.max(total - taken, 0) }]);
}

function destinationTo(location: Location, { settings }: LocationPlan, backends: Backends): RouteDestination {
  const { ingress, backend } = location;
  const service = backends.targetOf(ingress.object.metadata.namespace ?? "", backend);
  const { request, response } = headerEditsOf(ingress);
  const { authority } = settings;
  const destination = { fallback: null, requestHeaders: request, responseHeaders: response, authority };
  if (service === null) return { ...destination, target: nowhere, failureStatus: 503 };
  const pods = podsOf(ingress);
  return { ...destination, target: pods === null ? service : { ...service, pods } };
}

/** For what only `failureStatus` is read of. */
const nowhere: DestinationTarget = { host: "", port: null, subset: "", label: "" };

function forwardTo(choice: WeightedChoice<RouteDestination>, { settings }: LocationPlan) {
  const { rewritePath, timeoutMs, mirrors } = settings;
  const forward: Forward = { choice, mirrors, rewritePath, timeoutMs, retry: defaultRetry };
  return { kind: "forward", forward } as const;
}

/** Everything of a route but its action; `by` is the Ingress that the reference names. */
function plainRoute(
  { path }: LocationPlan,
  by: Location,
  { name, conditions }: { name: string; conditions: readonly NamedCondition[] },
): Omit<CompiledRoute, "action"> {
  return {
    reference: referenceTo(by, name),
    match: matchOf(path, conditions),
    gateways: [],
    laneGroup: "",
    fault: null,
    cors: null,
    responseHeaders: [],
  };
}

function matchOf(path: CompiledPath, others: readonly NamedCondition[]): CompiledMatch {
  const holds = pathCondition(path);
  const conditions = holds === null ? others : [{ holds, text: path.text }, ...others];
  return {
    name: "",
    // Rewrites and redirects of an Ingress do not depend on how its path was matched.
    pathKind: "any",
    prefix: "",
    isCatchAll: conditions.length === 0,
    conditions: conditions.map((condition) => condition.holds),
    conditionTexts: conditions.map(({ text }) => text),
    gateways: null,
    port: null,
    sourceLabels: null,
    sourceNamespace: null,
  };
}
