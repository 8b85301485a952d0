import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cancel } from "../base/clock.ts";
import type {
  Cluster,
  Endpoint,
  ForwardDecision,
  HeaderOperations,
  LaneContext,
  LaneOutcome,
  LocalDecision,
  RouteReference,
} from "../routing/types.ts";
import { BodyRelay } from "./body.ts";
import type { AttemptEvents, Connection, Failure } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { applyOperations, findHeader, type HeaderList, setHeader } from "./headers.ts";
import { lanesOf, peerOf, record } from "./record.ts";
import { type Hop, hostOf, portOf, type Refusal, type RequestFacts, readRequest } from "./request.ts";
import { prepareHead } from "./request-head.ts";
import {
  internalError,
  joinFlags,
  type LocalReply,
  noHealthyUpstream,
  overflow,
  perTryTimeout,
  routeTimeout,
  unknownHost,
  upstreamFailure,
} from "./respond.ts";
import type { ResponseHead } from "./response-parser.ts";
import { backoffMs, type Outcome, wantsRetry } from "./retry.ts";
import type { OpenTrace } from "./trace.ts";
import type { EndpointPool } from "./upstream.ts";

/**
 * One request on its way through the proxy (MESH-001):
 *
 *   read ─> decide ─> (delay) ─> attempt ─> response head ─> body ─> finish
 *             │                    │  ^ \______ retry, fallback ____/
 *             └─> local reply      └──┘
 *
 * A class with fields instead of closures, and no promise: this is the hot path (MESH-488).
 */

const PASSTHROUGH = "PassthroughCluster";
/** How long a name outside the mesh may take to resolve and connect: the client waits for a clear answer. */
const PASSTHROUGH_CONNECT_TIMEOUT_MS = 3_000;

/** Up to here copying a body costs less than a second buffer to write. Measured: `bench/proxy.ts`. */
const JOINED_BYTES_MAX = 16_384;

/** A kept connection can be lost once, then pods of a fast rollout; more than that is no race. Our bound. */
const CLOSING_RACES_MAX = 3;

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

const NO_TRACES: readonly OpenTrace[] = [];

export class Exchange implements AttemptEvents {
  readonly #plane: DataPlane;
  readonly #hop: Hop;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #startedAt: number;
  /** Null until the request was read. */
  #facts: RequestFacts | null = null;
  #decision: ForwardDecision | null = null;
  #isFinished = false;

  // The attempt under way.
  #cluster: Cluster | null = null;
  #endpoint: Endpoint | null = null;
  #pool: EndpointPool | null = null;
  #connection: Connection | null = null;
  #traces: readonly OpenTrace[] = NO_TRACES;
  #attemptStartedAt = 0;

  // What former attempts left.
  #attempts = 0;
  #retries = 0;
  #tried: Endpoint[] = [];
  #hasFallenBack = false;
  #closingRaces = 0;
  #isExhausted = false;
  #isDelayed = false;

  #body: BodyRelay | null = null;
  #head = "";
  #lane: LaneOutcome | null = null;
  #route: RouteReference | null = null;
  #clusterName = "";
  #cancelTimeout: Cancel | null = null;
  #cancelPerTry: Cancel | null = null;
  #cancelWait: Cancel | null = null;

  // What was answered.
  #status = 0;
  #serviceTimeMs: number | null = null;
  #bytesSent = 0;
  #isWaitingForClient = false;

  constructor(plane: DataPlane, hop: Hop, message: { req: IncomingMessage; res: ServerResponse }) {
    this.#plane = plane;
    this.#hop = hop;
    this.#req = message.req;
    this.#res = message.res;
    this.#startedAt = plane.clock.now();
  }

  /** True while a response is on its way: nothing else may be written to the client. */
  get isAnswering(): boolean {
    return !this.#isFinished && this.#res.headersSent;
  }

  start(): void {
    const { method = "GET", url = "/", httpVersion, rawHeaders, socket } = this.#req;
    const incoming = { method, url, httpVersion, rawHeaders, peer: peerOf(socket) };
    const facts = readRequest(incoming, this.#hop, this.#plane.random);
    if (facts.kind === "refusal") {
      this.#refuse(facts);
      return;
    }
    this.#facts = facts;
    this.#res.on("close", () => this.#onClientClose());
    const decision = this.#decide(facts);
    if (decision === null) {
      this.#reply(internalError);
      return;
    }
    this.#lane = decision.lane;
    this.#route = decision.route;
    this.#cluster = decision.cluster;
    this.#clusterName = decision.kind === "local" ? decision.clusterName : decision.cluster.name;
    if (decision.kind === "forward") this.#decision = decision;
    const delayMs = decision.delayMs ?? null;
    if (delayMs === null) {
      this.#act(decision);
      return;
    }
    this.#isDelayed = true;
    this.#cancelWait = this.#plane.clock.schedule(delayMs, () => this.#act(decision));
  }

  #decide(facts: RequestFacts): ForwardDecision | LocalDecision | null {
    try {
      return this.#plane.decide(facts);
    } catch (error) {
      const { method, path, authority } = facts;
      this.#plane.logger.error({ error, method, path, authority }, "deciding about a request failed");
      return null;
    }
  }

  #act(decision: ForwardDecision | LocalDecision): void {
    if (this.#isFinished) return;
    if (decision.kind === "local") {
      this.#replyAsDecided(decision);
      return;
    }
    this.#prepare(decision);
    this.#attempt();
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is the same for every attempt: the head, and the body's way. */
  #prepare(decision: ForwardDecision): void {
    const facts = this.#facts as RequestFacts;
    const head = prepareHead(facts, decision);
    this.#head = facts.isChunked ? `${head}transfer-encoding: chunked\r\n` : head;
    this.#body = new BodyRelay(this.#req, {
      isPresent: facts.hasBody,
      isChunked: facts.isChunked,
      onWhole: () => this.#startTimeout(),
    });
    if (!facts.hasBody) this.#startTimeout();
  }

  /** MESH-130: the clock starts when the whole request has been received. */
  #startTimeout(): void {
    const timeoutMs = this.#decision?.timeoutMs ?? null;
    if (timeoutMs === null || this.#isFinished || this.#cancelTimeout !== null) return;
    this.#cancelTimeout = this.#plane.clock.schedule(timeoutMs, () => this.#onTimeout());
  }

  #attempt(isFresh = false): void {
    if (this.#isFinished) return;
    const endpoint = this.#pickEndpoint();
    if (endpoint !== null && this.#isOwnAddress(endpoint)) {
      this.#reply(unknownHost((this.#facts as RequestFacts).authority, "it is the proxy's own address"));
      return;
    }
    if (endpoint === null) {
      // The last pod of the lane left between the decision and now.
      if (this.#fallBack(this.#body?.isReplayable ?? true)) return;
      this.#reply(noHealthyUpstream);
      return;
    }
    this.#attempts += 1;
    this.#endpoint = endpoint;
    const pool = this.#plane.upstreams.pool(endpoint);
    const isPassthrough = this.#isPassthrough();
    const connection = pool.take(isFresh, isPassthrough ? PASSTHROUGH_CONNECT_TIMEOUT_MS : undefined);
    if (connection === null) {
      this.#reply(overflow(this.#attempts > 1));
      return;
    }
    pool.active += 1;
    this.#pool = pool;
    this.#connection = connection;
    this.#attemptStartedAt = this.#plane.clock.now();
    this.#openTraces(endpoint);
    const facts = this.#facts as RequestFacts;
    const head = `${this.#head}x-envoy-attempt-count: ${this.#attempts}\r\n\r\n`;
    connection.begin(this, head, { isHead: facts.method === "HEAD", hasBody: facts.hasBody });
    this.#body?.sendTo(connection);
    const perTryMs = this.#decision?.retry.perTryTimeoutMs ?? null;
    if (perTryMs !== null) this.#cancelPerTry = this.#plane.clock.schedule(perTryMs, () => this.#onPerTryTimeout());
  }

  #pickEndpoint(): Endpoint | null {
    const cluster = this.#cluster as Cluster;
    if (this.#isPassthrough()) return this.#originalDestination();
    // Time has passed since the decision, and an endpoint removed meanwhile gets no new request (MESH-210).
    const mayBeStale = this.#attempts > 0 || this.#isDelayed;
    return this.#plane.balancer.pick(mayBeStale ? this.#plane.refresh(cluster) : cluster, this.#tried);
  }

  /** Passed through to this very listener a request would come back for ever. */
  #isOwnAddress({ address, port }: Endpoint): boolean {
    return this.#isPassthrough() && port === this.#req.socket.localPort && /^(127\.|localhost$|::1$)/.test(address);
  }

  #isPassthrough(): boolean {
    return this.#cluster?.name === PASSTHROUGH;
  }

  /** MESH-019: the address that the client wrote, or the target of its tunnel. */
  #originalDestination(): Endpoint {
    const { authority } = this.#facts as RequestFacts;
    const original = this.#hop.tunnel ?? authority;
    return { address: hostOf(original), port: portOf(original), ready: true, pod: null };
  }

  /** The pod's side of the hop, before the first byte is sent (LANE-260). */
  #openTraces({ pod }: Endpoint): void {
    const facts = this.#facts as RequestFacts;
    const lanes = this.#lanes();
    if (pod !== null && lanes.length > 0) {
      this.#traces = this.#plane.traces.open(pod, lanes, (name) => facts.header(name));
    }
  }

  #lanes(): readonly LaneContext[] {
    return lanesOf(this.#plane, this.#cluster);
  }

  /** Gives the attempt's connection, endpoint and trace entries back. */
  #detach(): void {
    this.#cancelPerTry?.();
    this.#cancelPerTry = null;
    this.#connection = null;
    this.#body?.detach();
    if (this.#pool !== null) this.#pool.active -= 1;
    this.#pool = null;
    if (this.#traces.length > 0) this.#plane.traces.close(this.#traces);
    this.#traces = NO_TRACES;
  }

  // ── What the upstream says ───────────────────────────────────────────────────────────────────────────────────────

  onInformation(status: number): void {
    // MESH-269: the 100 is relayed; other 1xx carry nothing that an HTTP/1.1 client must see.
    if (status === 100 && !this.#res.headersSent && this.#facts?.header("expect") !== null) this.#res.writeContinue();
  }

  onHead(head: ResponseHead): void {
    this.#cancelPerTry?.();
    this.#cancelPerTry = null;
    if (this.#mayRetry({ kind: "status", status: head.status })) {
      this.#connection?.abort();
      this.#retry();
      return;
    }
    this.#body?.forget();
    this.#serviceTimeMs = this.#plane.clock.now() - this.#attemptStartedAt;
    const { headers } = head;
    setHeader(headers, "x-envoy-upstream-service-time", String(this.#serviceTimeMs));
    if (this.#facts?.method !== "HEAD" && head.status !== 204 && head.status !== 304) {
      if (findHeader(headers, "content-length") === null) headers.push("transfer-encoding", "chunked");
    }
    this.#writeHead(head.status, { message: head.message, headers, levels: this.#decision?.responseHeaders ?? [] });
  }

  onData(chunk: Buffer): void {
    // Node joins a first piece that is text with the head: one write to the socket instead of two (MESH-484).
    const isSmallStart = this.#bytesSent === 0 && chunk.length <= JOINED_BYTES_MAX;
    this.#bytesSent += chunk.length;
    const mayGoOn = isSmallStart ? this.#res.write(chunk.toString("latin1"), "latin1") : this.#res.write(chunk);
    if (mayGoOn || this.#isWaitingForClient) return;
    const connection = this.#connection;
    if (connection === null) return;
    connection.pause();
    this.#isWaitingForClient = true;
    this.#res.once("drain", () => {
      this.#isWaitingForClient = false;
      // The connection may serve somebody else by now; then it is not ours to touch.
      if (this.#connection === connection) connection.resume();
    });
  }

  onDrain(): void {
    this.#body?.resume();
  }

  onEnd(): void {
    this.#detach();
    this.#res.end();
    this.#finish({ code: this.#status, flag: "-", details: "via_upstream" });
  }

  onFailure(failure: Failure): void {
    const isBodyUntouched = this.#body?.isUntouched ?? true;
    const isReplayable = this.#body?.isReplayable ?? true;
    this.#detach();
    if (this.#isFinished) return;
    if (this.#res.headersSent) {
      this.#breakOff(failure);
      return;
    }
    if (this.#isClosingRace(failure, isBodyUntouched)) {
      this.#closingRaces += 1;
      this.#attempt(true);
      return;
    }
    const isUnconnected = failure.kind === "connect" || failure.kind === "connect-timeout";
    if (isUnconnected && this.#isPassthrough()) {
      this.#endpoint = null;
      this.#reply(unknownHost((this.#facts as RequestFacts).authority, failure.reason));
      return;
    }
    if (this.#endpoint !== null) this.#tried.push(this.#endpoint);
    if (this.#mayRetry(failure)) {
      this.#retry();
      return;
    }
    if (isUnconnected) {
      if (this.#fallBack(isReplayable)) return;
      this.#endpoint = null; // Not reached: telemetry must not name it (MESH 18.2).
    }
    this.#reply(upstreamFailure(failure, this.#retries > 0));
  }

  /**
   * The peer closed the connection just as we used it, and answered nothing. Again on a fresh connection, for:
   * - a kept connection: requests that may run twice, or of which no body byte was sent (MESH-212);
   * - a pod that is leaving, whose program closes what it has not read yet: requests that may run twice (MESH-211);
   * - a lane's pod that died under the request: requests that may run twice. If it stays dead, the next attempt is
   *   refused, and the lane's fallback serves (LANE-205 F4).
   */
  #isClosingRace({ kind, isReused, isUnanswered }: Failure, isBodyUntouched: boolean): boolean {
    if (kind !== "closed" || !isUnanswered || this.#closingRaces >= CLOSING_RACES_MAX) return false;
    const isIdempotent = IDEMPOTENT.has(this.#facts?.method ?? "") && (this.#body?.isReplayable ?? true);
    if (isReused) return isIdempotent || isBodyUntouched;
    return isIdempotent && this.#endpoint !== null && (this.#plane.isRemoved(this.#endpoint) || this.#hasFallback);
  }

  get #hasFallback(): boolean {
    return !this.#hasFallenBack && (this.#decision?.connectFallback ?? null) !== null;
  }

  /** LANE-205 F4: nothing of the request was processed, so the lane's fallback may have it, once. */
  #fallBack(isReplayable: boolean): boolean {
    const fallback = this.#decision?.connectFallback ?? null;
    if (fallback === null || this.#hasFallenBack || !isReplayable) return false;
    this.#hasFallenBack = true;
    this.#cluster = fallback;
    this.#clusterName = fallback.name;
    this.#tried = [];
    this.#retries = 0;
    this.#isExhausted = false;
    if (this.#lane !== null) this.#lane = { ...this.#lane, served: fallback.subset, reason: "fallback:connect" };
    this.#attempt();
    return true;
  }

  #mayRetry(outcome: Outcome): boolean {
    const policy = this.#decision?.retry;
    if (policy === undefined || !wantsRetry(policy, outcome)) return false;
    if (!(this.#body?.isReplayable ?? true)) return false;
    if (this.#retries >= policy.attempts) {
      this.#isExhausted = true;
      return false;
    }
    return true;
  }

  #retry(): void {
    const policy = (this.#decision as ForwardDecision).retry;
    if (this.#connection !== null) {
      if (this.#endpoint !== null) this.#tried.push(this.#endpoint);
      this.#detach();
    }
    this.#retries += 1;
    const waitMs = backoffMs(policy, this.#retries, this.#plane.random);
    this.#cancelWait = this.#plane.clock.schedule(waitMs, () => this.#attempt());
  }

  #onPerTryTimeout(): void {
    this.#connection?.abort();
    if (this.#mayRetry({ kind: "per-try-timeout" })) {
      this.#retry();
      return;
    }
    this.#detach();
    this.#reply(perTryTimeout);
  }

  #onTimeout(): void {
    if (this.#isFinished) return;
    this.#connection?.abort();
    this.#detach();
    if (!this.#res.headersSent) {
      this.#reply(routeTimeout);
      return;
    }
    this.#res.destroy();
    this.#finish({ code: this.#status, flag: "UT", details: routeTimeout.details });
  }

  /** MESH-229: the head is out, so all that can be said is that the rest will not come. */
  #breakOff({ kind }: Failure): void {
    const flag = kind === "protocol" ? "UPE" : "UC";
    const reason = kind === "protocol" ? "protocol_error" : "connection_termination";
    this.#res.destroy();
    this.#finish({ code: this.#status, flag, details: `upstream_reset_after_response_started{${reason}}` });
  }

  /** MESH-232. */
  #onClientClose(): void {
    if (this.#isFinished) return;
    this.#connection?.abort();
    this.#detach();
    const code = this.#res.headersSent ? this.#status : 0;
    this.#finish({ code, flag: "DC", details: "downstream_remote_disconnect" });
  }

  // ── Answering ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Before routing: nothing is known of the request but that it is wrong, so the connection closes. */
  #refuse({ status, details }: Refusal): void {
    this.#res.shouldKeepAlive = false;
    this.#answer({ status, body: "", headers: [], levels: [] });
    this.#finish({ code: status, flag: status === 431 || status === 400 ? "DPE" : "-", details });
  }

  #replyAsDecided({ status, body, headers, flags, details }: LocalDecision): void {
    this.#answer({
      status,
      body,
      headers: headers.flatMap(([name, value]) => [name.toLowerCase(), value]),
      levels: [],
    });
    this.#finish({ code: status, flag: flags, details });
  }

  #reply({ status, body, flag, details, headers = [] }: LocalReply): void {
    // Response operations of the chosen route apply to its local replies too (MESH-114).
    const levels = this.#decision?.responseHeaders ?? [];
    this.#answer({ status, body, headers: headers.flat(), levels });
    this.#finish({ code: status, flag, details });
  }

  #answer(reply: { status: number; body: string; headers: HeaderList; levels: readonly HeaderOperations[] }): void {
    const { status, body, headers, levels } = reply;
    if (body !== "" && findHeader(headers, "content-type") === null) headers.push("content-type", "text/plain");
    if (status !== 204 && status !== 304) setHeader(headers, "content-length", String(Buffer.byteLength(body)));
    this.#writeHead(status, { message: "", headers, levels });
    this.#bytesSent = this.#req.method === "HEAD" ? 0 : Buffer.byteLength(body);
    this.#res.end(this.#req.method === "HEAD" ? "" : body);
  }

  #writeHead(
    status: number,
    { message, headers, levels }: { message: string; headers: HeaderList; levels: readonly HeaderOperations[] },
  ): void {
    this.#status = status;
    const res = this.#res;
    setHeader(headers, "server", "istio-envoy"); // MESH-287
    applyOperations(headers, levels);
    if (findHeader(headers, "date") === null) headers.push("date", httpDate(this.#plane.clock.now()));
    this.#markLane(headers);
    res.sendDate = false;
    // Node would write `Connection` and `Keep-Alive` in its own spelling; keeping alive is HTTP/1.1's default.
    if (res.shouldKeepAlive) res.removeHeader("connection");
    else headers.push("connection", "close");
    try {
      if (message === "") res.writeHead(status, headers);
      else res.writeHead(status, message, headers);
    } catch (error) {
      // A header operation produced what HTTP cannot carry. The answer goes without headers rather than not at all.
      this.#plane.logger.warn({ error, path: this.#facts?.path }, "a response header cannot be sent");
      res.writeHead(status);
    }
  }

  /** LANE-212. */
  #markLane(headers: HeaderList): void {
    if (this.#lane === null) return;
    for (const context of this.#lanes()) {
      if (context.group === this.#lane.group && context.debugHeaders === true) {
        setHeader(headers, "x-fairway-lane-served", `${this.#lane.served}; reason=${this.#lane.reason}`);
      }
    }
  }

  // ── Recording ────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish({ code, flag, details }: { code: number; flag: string; details: string }): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#cancelTimeout?.();
    this.#cancelPerTry?.();
    this.#cancelWait?.();
    this.#body?.discard();
    const isPlain = !this.#isExhausted && !this.#isDelayed;
    const flags = isPlain ? flag : joinFlags(flag, this.#isExhausted ? "URX" : "-", this.#isDelayed ? "DI" : "-");
    this.#record(code, flags, details);
  }

  #record(code: number, flags: string, details: string): void {
    record(this.#plane, {
      hop: this.#hop,
      facts: this.#facts,
      cluster: this.#cluster,
      clusterName: this.#clusterName,
      route: this.#route,
      lane: this.#lane,
      endpoint: this.#endpoint,
      attempts: this.#attempts,
      code,
      flags,
      details,
      startedAt: this.#startedAt,
      serviceTimeMs: this.#serviceTimeMs,
      headBytes: this.#head.length,
      bytesReceived: this.#body?.bytes ?? 0,
      bytesSent: this.#bytesSent,
      socket: this.#req.socket,
    });
  }
}

let dateSecond = -1;
let dateText = "";

/** RFC 9110 `date`, rendered once a second (MESH-293). */
function httpDate(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
