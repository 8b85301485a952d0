import { assert } from "../base/assert.ts";
import { clusterName } from "./clusters.ts";
import { CompiledTable, type SourceScope } from "./compile.ts";
import { takeDraw } from "./fault.ts";
import { applyToReply } from "./headers.ts";
import { hostOfAuthority } from "./hosts.ts";
import { type LaneGroup, type ResolvedLane, resolveLane } from "./lane.ts";
import { matches } from "./match.ts";
import { redirectLocation } from "./redirect.ts";
import { defaultRetry } from "./retry.ts";
import type {
  Cluster,
  Decision,
  Facts,
  HeaderOperations,
  LaneOutcome,
  LaneReason,
  LocalDecision,
  RouteReference,
  Table,
} from "./types.ts";
import type { CompiledRoute, DestinationTarget, Fallback, RouteDestination } from "./virtual-service.ts";
import { choose } from "./weights.ts";

/**
 * What to do with one request. Order inside a hop (MESH-001, MESH-107): virtual host, first matching route, fault,
 * redirect or direct response, weight draw, lane, fallback. The choice of the endpoint is the balancer's.
 */
export function decide(table: Table, facts: Facts): Decision {
  assert(table instanceof CompiledTable);
  const scope = table.scopeOf(facts.source);
  const virtualHost = scope.routes.virtualHost(facts.authority, facts.port);
  if (virtualHost === null) return facts.source.kind === "gateway" ? noRoute : unknownHost(table, facts);
  if (virtualHost.redirectsToHttps && facts.scheme === "http") return redirectToHttps(facts);
  const question = facts.path.indexOf("?");
  const path = question < 0 ? facts.path : facts.path.slice(0, question);
  for (const route of virtualHost.routes) {
    if (matches(route.match, facts, path)) return follow(route, { table, scope, facts });
  }
  return noRoute;
}

interface Request {
  readonly table: CompiledTable;
  readonly scope: SourceScope;
  readonly facts: Facts;
}

const NO_HEALTHY_UPSTREAM = "no healthy upstream"; // MESH-222

/** MESH-220. */
const noRoute: LocalDecision = local(404, { flags: "NR", details: "route_not_found" });

function follow(route: CompiledRoute, request: Request): Decision {
  const { facts } = request;
  let { draw } = facts;
  let delayMs: number | null = null;
  if (route.fault !== null) {
    const delay = takeDraw(draw, route.fault.delayMs > 0 ? route.fault.delayShare : 0);
    if (delay.isHit) delayMs = route.fault.delayMs;
    const abort = takeDraw(delay.rest, route.fault.abortShare);
    if (abort.isHit) return aborted(route, route.fault.abortStatus, delayMs);
    draw = abort.rest;
  }
  const { action } = route;
  if (action.kind === "redirect") {
    const headers = [["location", redirectLocation(action.redirect, route.match, facts)]] as const;
    return routeReply(route, { status: action.redirect.redirectCode || 301, headers, delayMs });
  }
  if (action.kind === "direct") return routeReply(route, { status: action.status, body: action.body, delayMs });
  const destination = choose(action.forward.choice, draw);
  if (destination === null) return noRoute;
  return forward(route, destination, { ...request, delayMs });
}

function forward(
  route: CompiledRoute,
  destination: RouteDestination,
  request: Request & { readonly delayMs: number | null },
): Decision {
  const { facts, delayMs } = request;
  const selection = select(route, destination, request);
  if (selection.cluster === null) return unserved(route, destination, { selection, delayMs });
  assert(route.action.kind === "forward");
  const { rewritePath, timeoutMs, retry } = route.action.forward;
  return {
    kind: "forward",
    route: route.reference,
    cluster: selection.cluster,
    connectFallback: selection.connectFallback,
    requestHeaders: destination.requestHeaders,
    responseHeaders: destination.responseHeaders,
    path: rewritePath === null ? facts.path : rewritePath(facts.path),
    authority: destination.authority ?? facts.authority,
    timeoutMs,
    retry,
    delayMs,
    lane: selection.lane,
    laneHeader: selection.laneHeader,
  };
}

interface Selection {
  /** Null: nothing can serve; `flags` says why. */
  readonly cluster: Cluster | null;
  readonly connectFallback: Cluster | null;
  readonly flags: "" | "NC" | "UH";
  /** What was aimed at first. */
  readonly clusterName: string;
  readonly aimed: Cluster | null;
  readonly lane: LaneOutcome | null;
  readonly laneHeader: readonly [string, string] | null;
}

/** From a destination to the cluster that serves: placeholder, then fallback (MESH-105, 106, LANE-204). */
function select(route: CompiledRoute, destination: RouteDestination, request: Request): Selection {
  const { target, fallback } = destination;
  const group = laneGroupOf(route, target, request);
  const resolved = resolveFor(route, { target, group, facts: request.facts });
  const subset = target.label === "" ? target.subset : resolved.lane;
  const aimed = aim(target, { subset, resolved, group, request });
  const reason = usability(aimed, fallback, request);
  const laneHeader = laneHeaderFor(group, { target, resolved, facts: request.facts });
  const first = { aimed, laneHeader, clusterName: nameOf(target, subset, request) };

  if (reason === null) {
    const isLaneCall = group !== null && resolved.lane !== "";
    const laneReason: LaneReason = isLaneCall ? "lane" : "no-lane";
    return {
      ...first,
      cluster: aimed,
      connectFallback: isUsedOnConnectFailure(fallback) ? alternative(fallback, aimed, request) : null,
      flags: "",
      lane: outcome(group, resolved, { served: aimed!.subset, reason: laneReason }),
    };
  }
  const why = fallbackReason(reason, { subset, group, resolved });
  const replacement = allows(fallback, reason) ? alternative(fallback, null, request) : null;
  const lane = outcome(group, resolved, { served: replacement?.subset ?? "", reason: why });
  if (replacement !== null) return { ...first, cluster: replacement, connectFallback: null, flags: "", lane };
  // With a fallback the answer is "no healthy upstream" even when a subset is missing (LANE-207).
  const flags = reason === "unknown" && fallback === null ? "NC" : "UH";
  return { ...first, cluster: null, connectFallback: null, flags, lane };
}

/** Why a cluster cannot take a request; null: it can. */
type Unusable = "unknown" | "noinstances" | "noavailabled";

function usability(cluster: Cluster | null, fallback: Fallback | null, request: Request): Unusable | null {
  if (cluster === null) return "unknown";
  if (cluster.instanceCount === 0) return "noinstances";
  if (cluster.endpoints.length === 0) return "noavailabled";
  if (fallback === null || !cluster.endpoints.every((endpoint) => request.facts.isEjected(endpoint))) return null;
  // Without anything better an ejected endpoint is the balancer's affair: it may have come back.
  return alternative(fallback, cluster, request) === null ? null : "noavailabled";
}

function allows(fallback: Fallback | null, reason: Unusable): fallback is Fallback {
  if (fallback === null) return false;
  return reason === "noavailabled" ? fallback.onNoneAvailable : fallback.onNoInstances;
}

/** A refused connection is a kind of "instances, but none available" (F4, LANE-205). */
function isUsedOnConnectFailure(fallback: Fallback | null): fallback is Fallback {
  return fallback?.onNoneAvailable ?? false;
}

/** The first fallback target that could serve; never `except`. */
function alternative(fallback: Fallback, except: Cluster | null, request: Request): Cluster | null {
  for (const target of fallback.targets) {
    const cluster = clusterOf(target, target.subset, request);
    if (cluster !== null && cluster !== except && cluster.endpoints.length > 0) return cluster;
  }
  return null;
}

/** The cluster that a destination means for this request; null when there is none of that name. */
function aim(
  target: DestinationTarget,
  context: { subset: string; resolved: ResolvedLane; group: LaneGroup | null; request: Request },
): Cluster | null {
  const { subset, group, request } = context;
  if (target.label === "" || subset !== "") return clusterOf(target, subset, request);
  // No lane value: a strict group's call goes to the whole service, any other to the fallback (LANE-210).
  return group !== null && !group.isPermissive ? clusterOf(target, "", request) : null;
}

function clusterOf(target: DestinationTarget, subset: string, { scope, facts }: Request): Cluster | null {
  const clusters = scope.clusters.of(target.host);
  if (clusters === null) return null;
  const port = clusters.ports.get(target.port ?? clusters.onlyPort ?? facts.port);
  if (port === undefined) return null;
  return subset === "" ? port.whole : (port.subsets.get(subset) ?? null);
}

function nameOf(target: DestinationTarget, subset: string, { scope, facts }: Request): string {
  const onlyPort = scope.clusters.of(target.host)?.onlyPort ?? null;
  return clusterName(target.port ?? onlyPort ?? facts.port, subset, target.host);
}

/** Lane rules concern routes that a group made, and routes with a placeholder. */
function laneGroupOf(route: CompiledRoute, target: DestinationTarget, { table, scope }: Request): LaneGroup | null {
  if (route.laneGroup === "" && target.label === "") return null;
  const service = scope.clusters.of(target.host)?.service;
  return table.laneGroupOf(route.laneGroup, service?.namespace ?? "", service?.name ?? "");
}

const unresolved: ResolvedLane = { lane: "", source: "none", ambiguous: false };

/** A placeholder takes the lane of the call; a plain subset is the lane that the rule names (LANE-222). */
function resolveFor(
  route: CompiledRoute,
  { target, group, facts }: { target: DestinationTarget; group: LaneGroup | null; facts: Facts },
): ResolvedLane {
  if (group === null) return unresolved;
  if (target.label !== "") return facts.source.kind === "gateway" ? unresolved : resolveLane(group, facts);
  const lane = target.subset;
  const isCarried = group.routeHeader !== "" && facts.header(group.routeHeader) === lane;
  const { virtualService, name } = route.reference;
  const source = isCarried ? `header:${group.routeHeader}` : `gateway-rule:${virtualService?.name}/${name}`;
  return { lane, source, ambiguous: false };
}

/** The route header goes upstream with every call that has a lane, whatever served it (LANE-206, LANE-221). */
function laneHeaderFor(
  group: LaneGroup | null,
  { target, resolved, facts }: { target: DestinationTarget; resolved: ResolvedLane; facts: Facts },
): readonly [string, string] | null {
  if (group === null || target.label === "" || resolved.lane === "" || group.routeHeader === "") return null;
  return facts.header(group.routeHeader) === null ? [group.routeHeader, resolved.lane] : null;
}

function fallbackReason(
  reason: Unusable,
  { subset, group, resolved }: { subset: string; group: LaneGroup | null; resolved: ResolvedLane },
): LaneReason {
  if (group !== null && resolved.lane === "") return "no-lane";
  if (reason === "noavailabled") return "fallback:noavailabled";
  return reason === "unknown" && group !== null && !group.lanes.has(subset)
    ? "fallback:unknown-lane"
    : "fallback:noinstances";
}

function outcome(
  group: LaneGroup | null,
  { lane, source, ambiguous }: ResolvedLane,
  { served, reason }: { served: string; reason: LaneReason },
): LaneOutcome | null {
  return group === null ? null : { group: group.group, requested: lane, source, served, reason, ambiguous };
}

/** Calls to a host that no service has (MESH-019): on to the name as written, or refused. */
function unknownHost(table: CompiledTable, facts: Facts): Decision {
  if (table.config.outboundTrafficPolicy === "REGISTRY_ONLY") {
    return local(502, { route: reference("block_all"), clusterName: "BlackHoleCluster", details: "direct_response" });
  }
  const host = hostOfAuthority(facts.authority);
  const endpoint = { address: host.replace(/^\[|\]$/g, ""), port: facts.port, ready: true, pod: null };
  return {
    kind: "forward",
    route: reference("allow_any"),
    cluster: {
      name: "PassthroughCluster",
      host,
      serviceName: "PassthroughCluster",
      serviceNamespace: "",
      port: facts.port,
      subset: "",
      endpoints: [endpoint],
      instanceCount: 1,
      loadBalancing: "ROUND_ROBIN",
    },
    connectFallback: null,
    requestHeaders: [],
    responseHeaders: [],
    path: facts.path,
    authority: facts.authority,
    timeoutMs: null,
    retry: defaultRetry,
    delayMs: null,
    lane: null,
    laneHeader: null,
  };
}

function reference(name: string): RouteReference {
  return { virtualService: null, httpIndex: 0, matchIndex: null, name };
}

/** MESH-036. The server's own port says nothing on the other side. */
function redirectToHttps(facts: Facts): LocalDecision {
  const location = `https://${facts.authority.replace(/:80$/, "")}${facts.path}`;
  return local(301, { headers: [["location", location]], details: "direct_response" });
}

function aborted(route: CompiledRoute, status: number, delayMs: number | null): LocalDecision {
  const flags = delayMs === null ? "FI" : "DI,FI";
  const reply = { status, body: "fault filter abort", flags, details: "fault_filter_abort", delayMs };
  return routeReply(route, reply);
}

/** MESH-221, MESH-222. */
function unserved(
  route: CompiledRoute,
  destination: RouteDestination,
  { selection, delayMs }: { selection: Selection; delayMs: number | null },
): LocalDecision {
  const isUnknown = selection.flags === "NC";
  return routeReply(route, {
    status: 503,
    body: isUnknown ? "" : NO_HEALTHY_UPSTREAM,
    flags: delayMs === null ? selection.flags : orderFlags(selection.flags, "DI"),
    details: isUnknown ? "cluster_not_found" : "no_healthy_upstream",
    delayMs,
    responseHeaders: destination.responseHeaders,
    cluster: selection.aimed,
    clusterName: selection.clusterName,
    lane: selection.lane,
  });
}

/** MESH-241 puts UH before DI and NC after it. */
function orderFlags(flags: string, delayFlag: string): string {
  return flags === "NC" ? `${delayFlag},NC` : `${flags},${delayFlag}`;
}

interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly flags?: string;
  readonly details?: string;
  readonly delayMs?: number | null;
  readonly responseHeaders?: readonly HeaderOperations[];
  readonly cluster?: Cluster | null;
  readonly clusterName?: string;
  readonly lane?: LaneOutcome | null;
}

/** A local reply of a route: its response header edits apply (MESH-114). */
function routeReply(route: CompiledRoute, reply: Reply): LocalDecision {
  const { status, body = "", headers = [], responseHeaders = route.responseHeaders } = reply;
  const typed = body === "" ? headers : [...headers, ["content-type", "text/plain"] as const];
  const flags = reply.flags ?? (reply.delayMs ? "DI" : "-");
  const edited = applyToReply(typed, responseHeaders);
  return local(status, { ...reply, flags, headers: edited, route: route.reference });
}

function local(status: number, reply: Omit<Reply, "status"> & { readonly route?: RouteReference }): LocalDecision {
  return {
    kind: "local",
    route: reply.route ?? null,
    status,
    body: reply.body ?? "",
    headers: reply.headers ?? [],
    flags: reply.flags ?? "-",
    details: reply.details ?? "direct_response",
    cluster: reply.cluster ?? null,
    clusterName: reply.clusterName ?? "",
    lane: reply.lane ?? null,
    delayMs: reply.delayMs ?? null,
  };
}
