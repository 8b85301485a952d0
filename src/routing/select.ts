import { clusterName } from "./clusters.ts";
import type { CompiledTable, SourceScope } from "./compile.ts";
import { type LaneGroup, type ResolvedLane, resolveLane } from "./lane.ts";
import type { Cluster, Facts, LaneOutcome, LaneReason, LateFailure } from "./types.ts";
import type { CompiledRoute, DestinationTarget, Fallback, RouteDestination } from "./virtual-service.ts";

/** From a chosen destination to the cluster that serves the request: the lane of the call, then the fallback. */

/** A request in the view of its sender. */
export interface RoutingRequest {
  readonly table: CompiledTable;
  readonly scope: SourceScope;
  readonly facts: Facts;
}

const NO_FAILURES: readonly LateFailure[] = [];

export interface Selection {
  /** Null: nothing can serve; `flags` says why. */
  readonly cluster: Cluster | null;
  readonly connectFallback: Cluster | null;
  readonly fallbackOn: readonly LateFailure[];
  readonly flags: "" | "NC" | "UH";
  /** What was aimed at first. */
  readonly clusterName: string;
  readonly aimed: Cluster | null;
  readonly lane: LaneOutcome | null;
  readonly laneHeader: readonly [string, string] | null;
}

/** From a destination to the cluster that serves: placeholder, then fallback (MESH-105, 106, LANE-204). */
export function select(route: CompiledRoute, destination: RouteDestination, request: RoutingRequest): Selection {
  const { target, fallback } = destination;
  const group = laneGroupOf(route, target, request);
  const resolved = resolveFor(route, { target, group, facts: request.facts });
  const subset = target.label === "" ? target.subset : resolved.lane;
  const aimed = aim(target, { subset, resolved, group, request });
  const reason = usability(aimed, fallback, request);
  const laneHeader = laneHeaderFor(group, { target, resolved, facts: request.facts });
  const fallbackOn = group?.fallbackOn ?? NO_FAILURES;
  const first = { aimed, laneHeader, fallbackOn, clusterName: nameOf(target, subset, request) };

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

function usability(cluster: Cluster | null, fallback: Fallback | null, request: RoutingRequest): Unusable | null {
  if (cluster === null) return "unknown";
  if (cluster.instanceCount === 0) return "noinstances";
  if (cluster.endpoints.length === 0) return "noavailabled";
  if (fallback === null || !cluster.endpoints.every((endpoint) => request.facts.isEjected(endpoint, cluster)))
    return null;
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
function alternative(fallback: Fallback, except: Cluster | null, request: RoutingRequest): Cluster | null {
  for (const target of fallback.targets) {
    const cluster = clusterOf(target, target.subset, request);
    if (cluster !== null && cluster !== except && cluster.endpoints.length > 0) return cluster;
  }
  return null;
}

/** The cluster that a destination means for this request; null when there is none of that name. */
function aim(
  target: DestinationTarget,
  context: { subset: string; resolved: ResolvedLane; group: LaneGroup | null; request: RoutingRequest },
): Cluster | null {
  const { subset, group, request } = context;
  if (target.label === "" || subset !== "") return clusterOf(target, subset, request);
  // No lane value: a strict group's call goes to the whole service, any other to the fallback (LANE-210).
  return group !== null && !group.isPermissive ? clusterOf(target, "", request) : null;
}

/** Null when there is no such service, port or subset. */
export function clusterOf(target: DestinationTarget, subset: string, { scope, facts }: RoutingRequest): Cluster | null {
  const clusters = scope.clusters.of(target.host);
  if (clusters === null) return null;
  const port = clusters.ports.get(target.port ?? clusters.onlyPort ?? facts.port);
  if (port === undefined) return null;
  if (target.pods !== undefined) return port.selected(target.pods);
  return subset === "" ? port.whole : (port.subsets.get(subset) ?? null);
}

function nameOf(target: DestinationTarget, subset: string, { scope, facts }: RoutingRequest): string {
  const onlyPort = scope.clusters.of(target.host)?.onlyPort ?? null;
  return clusterName(target.port ?? onlyPort ?? facts.port, subset, target.host);
}

/** Lane rules concern routes that a group made, and routes with a placeholder. */
function laneGroupOf(
  route: CompiledRoute,
  target: DestinationTarget,
  { table, scope }: RoutingRequest,
): LaneGroup | null {
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
