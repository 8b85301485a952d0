import { assert } from "../base/assert.ts";
import { CompiledTable } from "./compile.ts";
import { crossOrigin } from "./cors.ts";
import { takeDraw } from "./fault.ts";
import { applyToReply } from "./headers.ts";
import { hostOfAuthority } from "./hosts.ts";
import { matches } from "./match.ts";
import { defaultRetry } from "./retry.ts";
import { clusterOf, type RoutingRequest, type Selection, select } from "./select.ts";
import { escapeTarget } from "./target.ts";
import type {
  Cluster,
  Decision,
  Facts,
  HeaderOperations,
  LaneOutcome,
  LocalDecision,
  RouteReference,
  Table,
} from "./types.ts";
import type { Action, CompiledRoute, Forward, RouteDestination } from "./virtual-service.ts";
import { choose } from "./weights.ts";

/**
 * What to do with one request. Order inside a hop (MESH-001, MESH-107): virtual host, first matching route, fault,
 * CORS, redirect or direct response, weight draw, lane, fallback. The choice of the endpoint is the balancer's.
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
  return virtualHost.notFoundBody === undefined ? noRoute : { ...noRoute, body: virtualHost.notFoundBody };
}

const NO_HEALTHY_UPSTREAM = "no healthy upstream"; // MESH-222

/** MESH-220. */
const noRoute: LocalDecision = local(404, { flags: "NR", details: "route_not_found" });

function follow(route: CompiledRoute, request: RoutingRequest): Decision {
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
  const cors = route.cors === null ? null : crossOrigin(route.cors, facts);
  const extra = cors?.response ? [cors.response] : [];
  const responseHeaders = extra.length === 0 ? route.responseHeaders : [...route.responseHeaders, ...extra];
  if (cors?.isAnswered) {
    return routeReply(route, { status: route.cors?.preflightStatus ?? 200, delayMs, responseHeaders });
  }
  const { action } = route;
  if (action.kind === "redirect") {
    const headers = [["location", escapeTarget(action.location(facts))]] as const;
    return routeReply(route, { status: action.status, headers, delayMs, responseHeaders });
  }
  if (action.kind === "direct")
    return routeReply(route, { status: action.status, body: action.body, delayMs, responseHeaders });
  const mirrored = action.forward.mirrors.length === 0 ? null : drawMirrors(action.forward, draw, request);
  const destination = choose(action.forward.choice, mirrored?.rest ?? draw);
  if (destination === null) return noRoute;
  return forward(route, destination, {
    ...request,
    action,
    delayMs,
    extra,
    mirrors: mirrored?.clusters ?? NO_CLUSTERS,
  });
}

const NO_CLUSTERS: readonly Cluster[] = [];

/** Each mirror draws for itself (MESH-155); one whose cluster is missing is skipped (MESH-157). */
function drawMirrors(
  { mirrors }: Forward,
  draw: number,
  request: RoutingRequest,
): { readonly clusters: readonly Cluster[]; readonly rest: number } {
  const clusters: Cluster[] = [];
  let rest = draw;
  for (const { target, share } of mirrors) {
    const hit = takeDraw(rest, share);
    rest = hit.rest;
    const cluster = hit.isHit ? clusterOf(target, target.subset, request) : null;
    if (cluster !== null) clusters.push(cluster);
  }
  return { clusters, rest };
}

interface ForwardContext extends RoutingRequest {
  readonly action: Action & { readonly kind: "forward" };
  readonly delayMs: number | null;
  /** Response edits besides the destination's own. */
  readonly extra: readonly HeaderOperations[];
  readonly mirrors: readonly Cluster[];
}

function forward(route: CompiledRoute, destination: RouteDestination, context: ForwardContext): Decision {
  const { facts, delayMs, extra, mirrors } = context;
  if (destination.failureStatus !== undefined) {
    const responseHeaders = [...destination.responseHeaders, ...extra];
    return routeReply(route, { status: destination.failureStatus, delayMs, responseHeaders });
  }
  const selection = select(route, destination, context);
  const responseHeaders = extra.length === 0 ? destination.responseHeaders : [...destination.responseHeaders, ...extra];
  if (selection.cluster === null) return unserved(route, { selection, delayMs, responseHeaders });
  const { timeoutMs, retry } = context.action.forward;
  const rewritePath = destination.rewritePath ?? context.action.forward.rewritePath;
  return {
    kind: "forward",
    route: route.reference,
    cluster: selection.cluster,
    connectFallback: selection.connectFallback,
    fallbackOn: selection.fallbackOn,
    mirrors,
    requestHeaders: destination.requestHeaders,
    responseHeaders,
    path: rewritePath === null ? facts.path : rewritePath(facts.path),
    authority: destination.authority ?? facts.authority,
    timeoutMs,
    retry,
    delayMs,
    lane: selection.lane,
    laneHeader: selection.laneHeader,
  };
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
      hash: null,
      connectionPool: null,
      outlier: null,
    },
    connectFallback: null,
    fallbackOn: [],
    mirrors: NO_CLUSTERS,
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
  outcome: { selection: Selection; delayMs: number | null; responseHeaders: readonly HeaderOperations[] },
): LocalDecision {
  const { selection, delayMs, responseHeaders } = outcome;
  const isUnknown = selection.flags === "NC";
  return routeReply(route, {
    status: 503,
    body: isUnknown ? "" : NO_HEALTHY_UPSTREAM,
    flags: delayMs === null ? selection.flags : orderFlags(selection.flags, "DI"),
    details: isUnknown ? "cluster_not_found" : "no_healthy_upstream",
    delayMs,
    responseHeaders,
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
