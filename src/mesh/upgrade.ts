import { type IncomingMessage, STATUS_CODES } from "node:http";
import net, { type Socket } from "node:net";
import type { ForwardDecision } from "../routing/types.ts";
import { CONNECT_TIMEOUT_MS } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { applyOperations, findHeader } from "./headers.ts";
import { type Hop, type RequestFacts, readRequest } from "./request.ts";
import { joinFlags, type LocalReply, noHealthyUpstream, upstreamFailure } from "./respond.ts";

/**
 * WebSocket (MESH-268): routed like any request, then bytes both ways for as long as both ends like, without timeout.
 * The upstream's answer, a 101 or a refusal, passes as it is.
 */
export function isUpgrade(req: IncomingMessage): boolean {
  const upgrade = (req.headers.upgrade ?? "").toLowerCase();
  // An offer of h2c is ignored: the request is served as HTTP/1.1.
  return upgrade !== "" && upgrade !== "h2c";
}

export function upgrade(plane: DataPlane, hop: Hop, { req, socket, head }: Upgrade): void {
  socket.on("error", () => socket.destroy());
  const { method = "GET", url = "/", httpVersion, rawHeaders } = req;
  const startedAt = plane.clock.now();
  const facts = readRequest(
    { method, url, httpVersion, rawHeaders, peer: socket.remoteAddress ?? "" },
    hop,
    plane.random,
  );
  if (facts.kind === "refusal") {
    refuse(socket, facts.status, "");
    return;
  }
  if (req.headers.upgrade?.toLowerCase() !== "websocket") {
    refuse(socket, 403, "");
    return;
  }
  const decision = plane.decide(facts);
  if (decision.kind === "local") {
    record(plane, { hop, facts, decision, reply: { ...decision, flag: decision.flags }, startedAt });
    refuse(socket, decision.status, decision.body);
    return;
  }
  const endpoint = plane.balancer.pick(decision.cluster, []);
  if (endpoint === null) {
    record(plane, { hop, facts, decision, reply: noHealthyUpstream, startedAt });
    refuse(socket, noHealthyUpstream.status, noHealthyUpstream.body);
    return;
  }

  const pool = plane.upstreams.pool(endpoint);
  pool.active += 1;
  const lanes = plane.table.lanesOf(decision.cluster.serviceNamespace, decision.cluster.serviceName);
  const traces = endpoint.pod === null ? [] : plane.traces.open(endpoint.pod, lanes, (name) => facts.header(name));
  const upstream = net.connect({ host: endpoint.address, port: endpoint.port, noDelay: true });
  const cancel = plane.clock.schedule(CONNECT_TIMEOUT_MS, () => upstream.destroy());
  let isConnected = false;
  let status = 0;
  upstream.on("connect", () => {
    isConnected = true;
    cancel();
    upstream.write(renderHead(facts, decision), "latin1");
    if (head.length > 0) upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  });
  upstream.once("data", (first: Buffer) => {
    status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first.toString("latin1", 0, 16))?.[1] ?? 0);
  });
  let reason = "closed";
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  upstream.on("close", () => {
    cancel();
    pool.active -= 1;
    plane.traces.close(traces);
    const failure = upstreamFailure(
      { kind: isConnected ? "closed" : "connect", reason, isReused: false, isUnanswered: true },
      false,
    );
    const isAnswered = status !== 0;
    const served: LocalReply = { status, body: "", flag: "-", details: "via_upstream" };
    const pod = isConnected ? endpoint.pod : null;
    record(plane, { hop, facts, decision, reply: isAnswered ? served : failure, startedAt, pod });
    if (isAnswered) socket.destroy();
    else refuse(socket, failure.status, failure.body);
  });
  socket.on("close", () => upstream.destroy());
}

export interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that came right after the head. */
  readonly head: Buffer;
}

function renderHead(facts: RequestFacts, { path, authority, requestHeaders, laneHeader }: ForwardDecision): string {
  const { headers, method } = facts;
  applyOperations(headers, requestHeaders);
  if (laneHeader !== null && findHeader(headers, laneHeader[0].toLowerCase()) === null) {
    headers.push(laneHeader[0].toLowerCase(), laneHeader[1]);
  }
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n`;
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return `${head}\r\n`;
}

function refuse(socket: Socket, status: number, body: string): void {
  if (socket.destroyed) return;
  const type = body === "" ? "" : "content-type: text/plain\r\n";
  const length = Buffer.byteLength(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${type}content-length: ${length}\r\nserver: istio-envoy\r\nconnection: close\r\n\r\n${body}`,
  );
}

function record(
  plane: DataPlane,
  request: {
    readonly hop: Hop;
    readonly facts: RequestFacts;
    readonly decision: ReturnType<DataPlane["decide"]>;
    readonly reply: LocalReply;
    readonly startedAt: number;
    readonly pod?: Parameters<DataPlane["telemetry"]["count"]>[0]["destination"];
  },
): void {
  const { hop, facts, decision, reply, startedAt, pod = null } = request;
  const durationMs = plane.clock.now() - startedAt;
  const clusterName = decision.kind === "local" ? decision.clusterName : decision.cluster.name;
  const flags = joinFlags(reply.flag);
  const { source } = hop;
  const bytes = { requestBytes: 0, responseBytes: reply.body.length };
  const outcome = { code: reply.status, flags, durationMs };
  plane.telemetry.count({ source, cluster: decision.cluster, clusterName, destination: pod, ...outcome, ...bytes });
  if (decision.lane !== null) plane.telemetry.countLane(decision.lane, decision.cluster?.host ?? "unknown");
  plane.accessLog.add({
    ...outcome,
    startedAt,
    proxy: `${source.namespace}/${source.name}`,
    method: facts.method,
    path: facts.originalPath,
    authority: facts.authority,
    details: reply.details,
    bytesReceived: 0,
    bytesSent: reply.body.length,
    upstreamServiceTimeMs: null,
    forwardedFor: facts.header("x-forwarded-for"),
    userAgent: facts.header("user-agent"),
    requestId: facts.requestId,
    trace: null,
    route: decision.route,
    cluster: clusterName === "" ? null : clusterName,
    upstreamHost: null,
    upstreamPod: pod === null ? null : `${pod.namespace}/${pod.name}`,
    attempts: 1,
    downstreamLocal: "-",
    downstreamRemote: "-",
    lane: decision.lane,
  });
}
