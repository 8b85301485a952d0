import type { Ingress, IngressClass } from "../../api/networking.ts";
import { compareAge } from "../age.ts";
import type { ListenerRouteSource, ListenerRoutes } from "../listener-routes.ts";
import type { RoutingConfig } from "../types.ts";
import { annotationProblems } from "./annotation-problems.ts";
import { Backends } from "./backends.ts";
import type { Report, Shares } from "./canary.ts";
import { mseShares } from "./canary-mse.ts";
import { nginxShares } from "./canary-nginx.ts";
import { ingressClassifier, servesIngresses } from "./classes.ts";
import {
  describeLocation,
  ingressName,
  type Location,
  locationKey,
  locationsOf,
  type ServedIngress,
  serveIngress,
} from "./location.ts";
import { anyPath, type CompiledPath, comparePaths, compilePath } from "./paths.ts";
import { type LocationPlan, locationRoutes } from "./routes.ts";
import { settingsOf } from "./settings.ts";
import { asksForRegex } from "./settings-nginx.ts";

/**
 * Ingress and IngressClass objects to routes (MESH sections 14 to 16):
 *
 *   Ingress ──class──> dialect ──> locations ──┬─ mains: the oldest of each host and path
 *                                              └─ canaries: attached to the main of the same class, host and path
 *   main + canaries ──shares, settings──> routes, by host and path
 */
export function compileIngresses(config: RoutingConfig): ListenerRouteSource {
  const problems: Problem[] = [];
  const served = serveAll(config, problems);
  if (served.length === 0) return { listenersOf: () => [], problems };
  const report: Report = ({ ingress }, message) => problems.push(problemOf(ingress.object, message));
  for (const ingress of served) {
    for (const message of annotationProblems(ingress)) problems.push(problemOf(ingress.object, message));
  }
  const mains = oldestOfEach(served.filter(({ isCanary }) => !isCanary).flatMap(locationsOf), report);
  const canaries = attach(served.filter(({ isCanary }) => isCanary).flatMap(locationsOf), mains, report);
  const backends = new Backends(config.services);
  const listeners = [...Map.groupBy(mains.values(), ({ host }) => host)].map(([domain, locations]): ListenerRoutes => {
    const hasExpressions = locations.some((location) => isNginx(location) && asksForRegex(location));
    const plans = locations.flatMap((location) => planOf(location, { hasExpressions, canaries, report }));
    const notFound = locations.some(isNginx) ? { notFoundBody: NGINX_NOT_FOUND } : {};
    return { port: HTTP_PORT, domain, routes: orderedRoutes(plans, backends), ...notFound };
  });
  return { listenersOf: (labels) => (servesIngresses(labels) ? listeners : []), problems: distinct(problems) };
}

/** Every ingress controller answers plain HTTP here. */
const HTTP_PORT = 80;

/** What the default backend says that an installation of ingress-nginx brings (MESH-304). */
const NGINX_NOT_FOUND = "default backend - 404";

interface Problem {
  readonly object: string;
  readonly message: string;
}

function problemOf({ metadata }: Ingress, message: string): Problem {
  return { object: `Ingress ${metadata.namespace ?? ""}/${metadata.name}`, message };
}

/** One Ingress can give cause for the same complaint at several of its paths. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.object} ${problem.message}`, problem])).values()];
}

/** Oldest first (MESH-306). */
function serveAll(config: RoutingConfig, problems: Problem[]): readonly ServedIngress[] {
  const classify = ingressClassifier((config.ingressClasses ?? []) as readonly IngressClass[]);
  const ingresses = [...(config.ingresses ?? [])].sort(compareAge) as readonly Ingress[];
  return ingresses.flatMap((object) => {
    const found = classify(object);
    if (found.dialect !== null) return [serveIngress(object, found.className, found.dialect)];
    problems.push(problemOf(object, `is not served: ${found.reason}`));
    return [];
  });
}

function oldestOfEach(locations: readonly Location[], report: Report): ReadonlyMap<string, Location> {
  const mains = new Map<string, Location>();
  for (const location of locations) {
    const key = locationKey(location);
    const first = mains.get(key);
    if (first === undefined) mains.set(key, location);
    else if (location.path !== null) {
      report(location, `${describeLocation(location)} is already served by ${ingressName(first.ingress)}`);
    }
  }
  return mains;
}

/** The canaries of each main location, oldest first (MESH-320). */
function attach(
  canaries: readonly Location[],
  mains: ReadonlyMap<string, Location>,
  report: Report,
): ReadonlyMap<Location, readonly Location[]> {
  const attached = new Map<Location, Location[]>();
  for (const canary of canaries) {
    const main = mains.get(locationKey(canary));
    if (main?.ingress.className === canary.ingress.className) {
      attached.set(main, [...(attached.get(main) ?? []), canary]);
    } else if (canary.path !== null) {
      const { className } = canary.ingress;
      report(canary, `is a canary without a main Ingress of class ${className} for ${describeLocation(canary)}`);
    }
  }
  return attached;
}

interface PlanContext {
  /** nginx makes every path of a host an expression once one of them is. */
  readonly hasExpressions: boolean;
  readonly canaries: ReadonlyMap<Location, readonly Location[]>;
  readonly report: Report;
}

/** Empty: the location cannot be served, which is reported. */
function planOf(location: Location, context: PlanContext): readonly LocationPlan[] {
  const { hasExpressions, canaries, report } = context;
  const path = pathOf(location, hasExpressions);
  if ("error" in path) {
    report(location, path.error);
    return [];
  }
  if (!location.backend.service?.name) report(location, `${describeLocation(location)}: only Services can be backends`);
  const shares = sharesOf(location, canaries.get(location) ?? [], report);
  return [{ location, path, shares, settings: settingsOf(location) }];
}

function pathOf(location: Location, hasExpressions: boolean): CompiledPath | { readonly error: string } {
  const { path, ingress } = location;
  if (path === null) return anyPath;
  const { implementationSpecific, settings } = ingress.dialect;
  // On MSE only the paths of the Ingress that asks.
  const asks = settings === "mse" && ingress.annotations.isTrue("use-regex");
  return compilePath(path, { implementationSpecific, isRegex: isNginx(location) ? hasExpressions : asks });
}

function isNginx({ ingress }: Location): boolean {
  return ingress.dialect.settings === "nginx";
}

function sharesOf({ ingress: { dialect } }: Location, canaries: readonly Location[], report: Report): Shares {
  return dialect.canary === "mse" ? mseShares(canaries, report) : nginxShares(canaries, report);
}

/** `order`, then the path; all sorting is stable, so that a location's own routes keep theirs. */
function orderedRoutes(plans: readonly LocationPlan[], backends: Backends): ListenerRoutes["routes"] {
  return plans
    .flatMap((plan) => locationRoutes(plan, backends).map((ordered) => ({ ...ordered, path: plan.path })))
    .sort((left, right) => orderOf(left.decidedBy) - orderOf(right.decidedBy) || comparePaths(left.path, right.path))
    .map(({ route }) => route);
}

/** The default when `order` is absent, and for all who do not know it (MESH-350). */
const ORDER_DEFAULT = 10;

function orderOf({ ingress: { dialect, annotations }, path }: Location): number {
  if (path === null) return Number.MAX_SAFE_INTEGER;
  return dialect.isOrdered ? (annotations.count("order") ?? ORDER_DEFAULT) : ORDER_DEFAULT;
}
