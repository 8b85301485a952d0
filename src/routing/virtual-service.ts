import type { Destination, FallbackSpec, HttpRouteDestination, HttpRouteSpec, VirtualService } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";
import type { PodSelection } from "./clusters.ts";
import { type CompiledCors, compileCors } from "./cors.ts";
import { type CompiledFault, compileFault } from "./fault.ts";
import { compileHeaders, orderHeaders } from "./headers.ts";
import { expandHost } from "./hosts.ts";
import { LANE_GROUP_LABEL } from "./lane.ts";
import { type CompiledMatch, compileMatch, matchEverything } from "./match.ts";
import { type CompiledMirror, compileMirrors } from "./mirror.ts";
import { REDIRECT_CODES, redirectLocation } from "./redirect.ts";
import { compileRetry } from "./retry.ts";
import { compileRewrite, type PathRewrite } from "./rewrite.ts";
import type { Facts, HeaderOperations, RetryPolicy, RouteReference } from "./types.ts";
import { compileVisibility, type Visibility } from "./visibility.ts";
import { compileWeights, type WeightedChoice } from "./weights.ts";

/** A VirtualService with everything decided that does not depend on the proxy, the services or the endpoints. */
export interface CompiledVirtualService {
  readonly object: VirtualService;
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name` (MESH-016). */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
  /** The lane group that generated it; "" for all others. */
  readonly laneGroup: string;
  /** One entry per match of every rule, in order. */
  readonly routes: readonly CompiledRoute[];
  /** What it asks for that we do not do. */
  readonly problems: readonly string[];
}

/** One match of one http rule: what Envoy calls a route. */
export interface CompiledRoute {
  readonly reference: RouteReference;
  readonly match: CompiledMatch;
  /** The gateways of the VirtualService; the match's own list replaces them (MESH-053). */
  readonly gateways: readonly string[];
  readonly laneGroup: string;
  readonly action: Action;
  readonly fault: CompiledFault | null;
  readonly cors: CompiledCors | null;
  readonly responseHeaders: readonly HeaderOperations[];
}

export type Action =
  | { readonly kind: "forward"; readonly forward: Forward }
  | { readonly kind: "redirect"; readonly status: number; readonly location: (facts: Facts) => string }
  | { readonly kind: "direct"; readonly status: number; readonly body: string };

export interface Forward {
  readonly choice: WeightedChoice<RouteDestination>;
  readonly mirrors: readonly CompiledMirror<DestinationTarget>[];
  readonly rewritePath: PathRewrite | null;
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy;
}

export interface RouteDestination {
  readonly target: DestinationTarget;
  /** In the order in which they are tried (LANE-202); null: the call stays where it is. */
  readonly fallback: Fallback | null;
  readonly requestHeaders: readonly HeaderOperations[];
  readonly responseHeaders: readonly HeaderOperations[];
  /** Replaces the Host sent upstream; null: stays. */
  readonly authority: string | null;
  /** Instead of the rule's own rewrite; absent: that one holds. */
  readonly rewritePath?: PathRewrite;
  /** Its share of the requests gets this answer, since nothing can serve them (MESH-363); absent: they are sent on. */
  readonly failureStatus?: number;
}

export interface Fallback {
  readonly targets: readonly DestinationTarget[];
  readonly onNoInstances: boolean;
  readonly onNoneAvailable: boolean;
}

export interface DestinationTarget {
  readonly host: string;
  readonly port: number | null;
  readonly subset: string;
  /** `$asm-label` gives "asm-label": the subset is the lane of the request (LANE-200). "" for a plain subset. */
  readonly label: string;
  /** Instead of a subset: only these pods (MESH-346). */
  readonly pods?: PodSelection;
}

/** The traffic label of lanes (LANE-113). */
export const LANE_LABEL = "asm-label";

export function compileVirtualService(object: VirtualService): CompiledVirtualService {
  const { namespace = "", labels = {} } = object.metadata;
  const spec = object.spec ?? {};
  const resolve = (name: string) => resolveGatewayName(name, namespace);
  const gateways = (spec.gateways?.length ? spec.gateways : ["mesh"]).map(resolve);
  const laneGroup = labels[LANE_GROUP_LABEL] ?? "";
  const problems: string[] = [];
  if (spec.tcp?.length || spec.tls?.length) problems.push("tcp and tls routes are not supported");
  const routes = (spec.http ?? []).flatMap((rule, index) => {
    problems.push(...unsupported(rule).map((what) => `http[${index}]: ${what} is not supported`));
    if (rule.delegate) return [];
    // Such a code passes validation, but no such answer can be sent (MESH-125).
    if (rule.redirect?.redirectCode && !REDIRECT_CODES.has(rule.redirect.redirectCode)) return [];
    return compileRule(object, { rule, index, resolve, gateways, laneGroup });
  });
  const hosts = [...new Set((spec.hosts ?? []).map((host) => expandHost(host, namespace)))];
  const visibility = compileVisibility(spec.exportTo, namespace);
  return { object, hosts, gateways, visibility, laneGroup, routes, problems };
}

/** The forms of MESH-016: `name`, `./name`, `namespace/name`, and the old `name.namespace[.svc.cluster.local]`. */
function resolveGatewayName(name: string, namespace: string): string {
  if (name === "mesh") return name;
  const slash = name.indexOf("/");
  if (slash >= 0) return name.startsWith("./") ? `${namespace}/${name.slice(2)}` : name;
  const [first, second] = name.split(".");
  return second ? `${second}/${first}` : `${namespace}/${name}`;
}

function unsupported(rule: HttpRouteSpec): string[] {
  const found: string[] = [];
  if (rule.delegate) found.push("delegate");
  if (rule.fault?.abort?.grpcStatus) found.push("fault.abort.grpcStatus");
  const mirrored = [rule.mirror, ...(rule.mirrors ?? []).map((mirror) => mirror?.destination)];
  if (mirrored.some((target) => target?.subset?.startsWith("$"))) found.push("a traffic label in a mirror");
  for (const { destination, fallback } of rule.route ?? []) {
    const subsets = [destination, fallback?.target, ...(fallback?.targets ?? []).map((target) => target.destination)];
    for (const { subset = "" } of subsets.filter((target) => target !== undefined)) {
      if (subset.startsWith("$") && subset !== `$${LANE_LABEL}`) found.push(`traffic label ${subset}`);
    }
  }
  return found;
}

interface RuleContext {
  readonly rule: HttpRouteSpec;
  readonly index: number;
  readonly resolve: (gateway: string) => string;
  readonly gateways: readonly string[];
  readonly laneGroup: string;
}

function compileRule(object: VirtualService, context: RuleContext): CompiledRoute[] {
  const { rule, index, resolve, gateways, laneGroup } = context;
  const { namespace = "", name } = object.metadata;
  const virtualService = { namespace, name };
  const matches = rule.match?.length ? rule.match.map((match) => compileMatch(match, resolve)) : [matchEverything];
  const fault = compileFault(rule.fault);
  const cors = compileCors(rule.corsPolicy);
  const destinations = compileDestinations(rule, namespace);
  const mirrors = compileMirrors(rule, (destination) => compileTarget(destination, namespace));
  const response = compileHeaders(rule.headers?.response).operations;
  return matches.map((match, matchIndex) => {
    const routeName = match.name && rule.name ? `${rule.name}.${match.name}` : (rule.name ?? match.name);
    return {
      reference: {
        virtualService,
        httpIndex: index,
        matchIndex: rule.match?.length ? matchIndex : null,
        name: routeName,
      },
      match,
      gateways,
      laneGroup,
      action: compileAction(rule, { match, destinations, mirrors }),
      fault,
      cors,
      responseHeaders: response ? [response] : [],
    };
  });
}

function compileAction(
  rule: HttpRouteSpec,
  parts: { match: CompiledMatch; destinations: WeightedChoice<RouteDestination>; mirrors: Forward["mirrors"] },
): Action {
  const { match, destinations, mirrors } = parts;
  const { redirect } = rule;
  if (redirect) {
    const location = (facts: Facts) => redirectLocation(redirect, match, facts);
    return { kind: "redirect", status: redirect.redirectCode || 301, location };
  }
  if (rule.directResponse) {
    const { status = 200, body } = rule.directResponse;
    const text = body?.bytes !== undefined ? Buffer.from(body.bytes, "base64").toString("utf8") : (body?.string ?? "");
    return { kind: "direct", status, body: text };
  }
  return {
    kind: "forward",
    forward: {
      choice: destinations,
      mirrors,
      rewritePath: compileRewrite(rule.rewrite, match),
      // Istio switches Envoy's default of 15 s off (MESH-130).
      timeoutMs: (rule.timeout ? parseDurationMs(rule.timeout) : null) || null,
      retry: compileRetry(rule.retries),
    },
  };
}

function compileDestinations(rule: HttpRouteSpec, namespace: string): WeightedChoice<RouteDestination> {
  const entries = rule.route ?? [];
  return compileWeights(
    entries.map((entry) => ({
      item: compileDestination(entry, { rule, namespace, count: entries.length }),
      weight: entry.weight ?? 0,
    })),
  );
}

function compileDestination(
  entry: HttpRouteDestination,
  { rule, namespace, count }: { rule: HttpRouteSpec; namespace: string; count: number },
): RouteDestination {
  const ruleRequest = compileHeaders(rule.headers?.request);
  const ownRequest = compileHeaders(entry.headers?.request);
  const ruleResponse = compileHeaders(rule.headers?.response);
  const ownResponse = compileHeaders(entry.headers?.response);
  return {
    target: compileTarget(entry.destination ?? {}, namespace),
    fallback: compileFallback(entry.fallback, namespace),
    requestHeaders: orderHeaders(ruleRequest.operations, ownRequest.operations, count),
    responseHeaders: orderHeaders(ruleResponse.operations, ownResponse.operations, count),
    authority: rule.rewrite?.authority || ruleRequest.authority || ownRequest.authority,
  };
}

function compileTarget({ host = "", port, subset = "" }: Destination, namespace: string): DestinationTarget {
  const label = subset.startsWith("$") ? subset.slice(1) : "";
  return { host: expandHost(host, namespace), port: port?.number || null, subset, label };
}

/** An unknown `case` counts as both, like an absent one: falling back is the safe side (LANE-203). */
function compileFallback(spec: FallbackSpec | undefined, namespace: string): Fallback | null {
  const destinations = [spec?.target, ...(spec?.targets ?? []).map(({ destination }) => destination)];
  const targets = destinations
    .filter((target) => target !== undefined)
    .map((target) => compileTarget(target, namespace));
  if (targets.length === 0) return null;
  const cases = new Set((spec?.case ?? "").split("|").map((part) => part.trim()));
  const onNoInstances = cases.has("noinstances");
  const onNoneAvailable = cases.has("noavailabled");
  const isBoth = onNoInstances === onNoneAvailable;
  return { targets, onNoInstances: isBoth || onNoInstances, onNoneAvailable: isBoth || onNoneAvailable };
}
