import { type IncomingMessage, STATUS_CODES } from "node:http";
import net, { type Socket } from "node:net";
import type { Decision, Endpoint, ForwardDecision } from "../routing/types.ts";
import { CONNECT_TIMEOUT_MS } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { requestKey } from "./hash-key.ts";
import { lanesOf, peerOf, record } from "./record.ts";
import { type Hop, type RequestFacts, readRequest } from "./request.ts";
import { prepareHead } from "./request-head.ts";
import { joinFlags, type LocalReply, noHealthyUpstream, overflow, upstreamFailure } from "./respond.ts";

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
  const facts = readRequest({ method, url, httpVersion, rawHeaders, peer: peerOf(socket) }, hop, plane.random);
  if (facts.kind === "refusal") {
    refuse(socket, facts.status, "");
    return;
  }
  if (req.headers.upgrade?.toLowerCase() !== "websocket") {
    refuse(socket, 403, "");
    return;
  }
  const decision = plane.decide(facts);
  const finish = recorder(plane, { hop, facts, decision, socket });
  if (decision.kind === "local") {
    finish({ ...decision, flag: decision.flags }, null);
    refuse(socket, decision.status, decision.body);
    return;
  }
  const { cluster } = decision;
  // The answer passes as it is, so that no cookie can be added to it.
  const key = cluster.hash === null ? null : requestKey(cluster.hash, { facts, path: decision.path, socket }).key;
  const endpoint = plane.balancer.pick(cluster, [], key);
  if (endpoint === null) {
    finish(noHealthyUpstream, null);
    refuse(socket, noHealthyUpstream.status, noHealthyUpstream.body);
    return;
  }
  const breaker = plane.breakers.of(hop.source, cluster);
  const leaveBreaker = breaker?.beginTunnel(endpoint);
  if (leaveBreaker === null) {
    const reply = overflow(false);
    finish(reply, null);
    refuse(socket, reply.status, reply.body, reply.headers);
    return;
  }
  const text = `${prepareHead(plane, facts, decision)}connection: Upgrade\r\nupgrade: websocket\r\n\r\n`;
  tunnel(plane, {
    socket,
    endpoint,
    first: Buffer.concat([Buffer.from(text, "latin1"), head]),
    facts,
    decision,
    finish,
    leaveBreaker: leaveBreaker ?? null,
  });
}

type Finish = (reply: LocalReply, reached: Endpoint | null) => void;

function recorder(
  plane: DataPlane,
  { hop, facts, decision, socket }: { hop: Hop; facts: RequestFacts; decision: Decision; socket: Socket },
): Finish {
  const startedAt = plane.clock.now();
  const { cluster, route, lane } = decision;
  const clusterName = decision.kind === "local" ? decision.clusterName : decision.cluster.name;
  return ({ status, body, flag, details }, endpoint) => {
    const outcome = { code: status, flags: joinFlags(flag), details, endpoint, attempts: 1 };
    // What went through the tunnel is not HTTP and not counted.
    const sizes = { headBytes: 0, bytesReceived: 0, bytesSent: body.length, serviceTimeMs: null };
    record(plane, { hop, facts, cluster, clusterName, route, lane, ...outcome, ...sizes, startedAt, socket });
  };
}

function tunnel(
  plane: DataPlane,
  way: {
    readonly socket: Socket;
    readonly endpoint: Endpoint;
    /** The request's head, and what the client sent after it. */
    readonly first: Buffer;
    readonly facts: RequestFacts;
    readonly decision: ForwardDecision;
    readonly finish: Finish;
    /** Call it once when the tunnel is closed; null: it counts nowhere. */
    readonly leaveBreaker: (() => void) | null;
  },
): void {
  const { socket, endpoint, first, facts, decision, finish, leaveBreaker } = way;
  const pool = plane.upstreams.pool(endpoint);
  pool.active += 1;
  const lanes = lanesOf(plane, decision.cluster);
  const traces = endpoint.pod === null ? [] : plane.traces.open(endpoint.pod, lanes, (name) => facts.header(name));
  const upstream = net.connect({ host: endpoint.address, port: endpoint.port, noDelay: true });
  const connectTimeoutMs = decision.cluster.connectionPool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const cancel = plane.clock.schedule(connectTimeoutMs, () => upstream.destroy());
  let isConnected = false;
  let status = 0;
  let reason = "closed";
  upstream.on("connect", () => {
    isConnected = true;
    cancel();
    upstream.write(first);
    socket.pipe(upstream).pipe(socket);
  });
  upstream.once("data", (answer: Buffer) => {
    status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString("latin1", 0, 16))?.[1] ?? 0);
  });
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  upstream.on("close", () => {
    cancel();
    pool.active -= 1;
    leaveBreaker?.();
    plane.traces.close(traces);
    if (status !== 0) {
      finish({ status, body: "", flag: "-", details: "via_upstream" }, endpoint);
      socket.destroy();
      return;
    }
    const kind = isConnected ? "closed" : "connect";
    const failure = upstreamFailure({ kind, reason, isReused: false, isUnanswered: true }, false);
    finish(failure, isConnected ? endpoint : null);
    refuse(socket, failure.status, failure.body);
  });
  socket.on("close", () => upstream.destroy());
}

export interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that came right after the head. */
  readonly head: Buffer;
}

function refuse(socket: Socket, status: number, body: string, headers: LocalReply["headers"] = []): void {
  if (socket.destroyed) return;
  const type = body === "" ? "" : "content-type: text/plain\r\n";
  const length = Buffer.byteLength(body);
  const others = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${type}content-length: ${length}\r\nserver: istio-envoy\r\n${others}connection: close\r\n\r\n${body}`,
  );
}
