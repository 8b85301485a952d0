import type { Socket } from "node:net";
import type { Cluster, Endpoint, LaneContext, LaneOutcome, RouteReference } from "../routing/types.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Hop, RequestFacts } from "./request.ts";
import { endpointKey } from "./upstream.ts";

/** What is known of a request when it is over. */
export interface Finished {
  readonly hop: Hop;
  /** Null: refused before it was read. */
  readonly facts: RequestFacts | null;
  readonly cluster: Cluster | null;
  readonly clusterName: string;
  readonly route: RouteReference | null;
  readonly lane: LaneOutcome | null;
  /** The endpoint that was reached; null when none was (MESH-399). */
  readonly endpoint: Endpoint | null;
  readonly attempts: number;
  readonly code: number;
  readonly flags: string;
  readonly details: string;
  readonly startedAt: number;
  readonly serviceTimeMs: number | null;
  /** Bytes of the request's head as sent upstream. */
  readonly headBytes: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly socket: Socket;
}

/** The end of a request: metrics of both reporters, the lane's counter, a line of the access log (MESH-380, MESH-410). */
export function record(plane: DataPlane, finished: Finished): void {
  const { hop, facts, cluster, clusterName, endpoint, lane, code, flags, startedAt, bytesReceived, bytesSent } =
    finished;
  const durationMs = plane.clock.now() - startedAt;
  plane.telemetry.count({
    source: hop.source,
    cluster,
    clusterName,
    destination: endpoint?.pod ?? null,
    code,
    flags,
    durationMs,
    requestBytes: finished.headBytes + bytesReceived,
    responseBytes: bytesSent,
  });
  if (lane !== null) plane.telemetry.countLane(lane, cluster?.host ?? "unknown");
  if (facts === null) return;
  plane.accessLog.add({
    startedAt,
    proxy: `${hop.source.namespace}/${hop.source.name}`,
    method: facts.method,
    path: facts.originalPath,
    authority: facts.authority,
    code,
    flags,
    details: finished.details,
    bytesReceived,
    bytesSent,
    durationMs,
    upstreamServiceTimeMs: finished.serviceTimeMs,
    forwardedFor: facts.header("x-forwarded-for"),
    userAgent: facts.header("user-agent"),
    requestId: facts.requestId,
    trace: traceValue(facts, lanesOf(plane, cluster)),
    route: finished.route,
    cluster: clusterName === "" ? null : clusterName,
    upstreamHost: endpoint === null ? null : endpointKey(endpoint),
    upstreamPod: endpoint?.pod ? `${endpoint.pod.namespace}/${endpoint.pod.name}` : null,
    attempts: finished.attempts,
    downstreamLocal: `${finished.socket.localAddress ?? "-"}:${finished.socket.localPort ?? 0}`,
    downstreamRemote: `${peerOf(finished.socket)}:${finished.socket.remotePort ?? 0}`,
    lane,
  });
}

const NO_LANES: readonly LaneContext[] = [];

/** The lane groups of the service that a cluster belongs to. */
export function lanesOf(plane: DataPlane, cluster: Cluster | null): readonly LaneContext[] {
  if (cluster === null || cluster.serviceName === "") return NO_LANES;
  return plane.table.lanesOf(cluster.serviceNamespace, cluster.serviceName);
}

/** The client's address; an IPv4 address that came through an IPv6 socket in its own form. */
export function peerOf(socket: Socket): string {
  const address = socket.remoteAddress ?? "127.0.0.1";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

function traceValue(facts: RequestFacts, lanes: readonly LaneContext[]): string | null {
  for (const { traceHeader } of lanes) {
    const value = traceHeader === "" ? null : facts.header(traceHeader);
    if (value !== null) return value;
  }
  return null;
}
