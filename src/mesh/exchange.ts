import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cancel } from "../base/clock.ts";
import type {
  Cluster,
  Endpoint,
  ForwardDecision,
  LaneOutcome,
  LaneReason,
  LocalDecision,
  RouteReference,
} from "../routing/types.ts";
import { Answer } from "./answer.ts";
import { Attempt, type Target } from "./attempt.ts";
import { BodyRelay } from "./body.ts";
import type { Breaker, Waiter } from "./breaker.ts";
import type { AttemptEvents, Failure } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { requestKey } from "./hash-key.ts";
import { findHeader, setHeader } from "./headers.ts";
import { mirror } from "./mirror.ts";
import { lanesOf, peerOf, record } from "./record.ts";
import { Recovery } from "./recovery.ts";
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
import { backoffMs, type Outcome } from "./retry.ts";

/**
 * One request on its way through the proxy (MESH-001):
 *
 *   read ─> decide ─> (delay) ─> attempt ─> response head ─> body ─> finish
 *             │                    │  ^ \______ retry, fallback ____/   (Recovery decides)
 *             └─> local reply      └──┘
 *
 * A class with fields instead of closures, and no promise: this is the hot path (MESH-488).
 */

const PASSTHROUGH = "PassthroughCluster";
/** How long a name outside the mesh may take to resolve and connect: the client waits for a clear answer. */
const PASSTHROUGH_CONNECT_TIMEOUT_MS = 3_000;

/** What is known once the request was read and decided to be sent on. */
interface Forwarding {
  readonly facts: RequestFacts;
  readonly decision: ForwardDecision;
  readonly recovery: Recovery;
  readonly body: BodyRelay;
  /** What is the same for every attempt. */
  readonly head: string;
}

export class Exchange implements AttemptEvents {
  readonly #plane: DataPlane;
  readonly #hop: Hop;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #answer: Answer;
  readonly #startedAt: number;
  /** Null until the request was read. */
  #facts: RequestFacts | null = null;
  /** Null until the first attempt, and for local replies for ever. */
  #forwarding: Forwarding | null = null;
  #cluster: Cluster | null = null;
  #clusterName = "";
  #route: RouteReference | null = null;
  #lane: LaneOutcome | null = null;
  #isDelayed = false;
  #isFinished = false;

  /** The attempt under way. */
  #attempt: Attempt | null = null;
  /** The endpoint that telemetry names: the last one tried, if it was reached. */
  #endpoint: Endpoint | null = null;
  #serviceTimeMs: number | null = null;
  #cancelTimeout: Cancel | null = null;
  #cancelWait: Cancel | null = null;
  /** Set while the request waits for a connection of its cluster. */
  #cancelTurn: Cancel | null = null;
  /** Set while a retry counts in its cluster. */
  #endRetry: (() => void) | null = null;
  /** A cookie of the proxy's own making, for the client (MESH-182). */
  #setCookie: string | null = null;

  constructor(plane: DataPlane, hop: Hop, message: { req: IncomingMessage; res: ServerResponse }) {
    this.#plane = plane;
    this.#hop = hop;
    this.#req = message.req;
    this.#res = message.res;
    this.#answer = new Answer(message, plane);
    this.#startedAt = plane.clock.now();
  }

  /** True while a response is on its way: nothing else may be written to the client. */
  get isAnswering(): boolean {
    return !this.#isFinished && this.#answer.isStarted;
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
    const delayMs = decision.delayMs ?? null;
    if (delayMs === null) {
      this.#act(facts, decision);
      return;
    }
    this.#isDelayed = true;
    this.#cancelWait = this.#plane.clock.schedule(delayMs, () => this.#act(facts, decision));
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

  #act(facts: RequestFacts, decision: ForwardDecision | LocalDecision): void {
    if (this.#isFinished) return;
    if (decision.kind === "local") {
      this.#replyAsDecided(decision);
      return;
    }
    const forwarding = this.#prepare(facts, decision);
    this.#forwarding = forwarding;
    if (decision.mirrors.length > 0) {
      const { path, timeoutMs, mirrors: clusters } = decision;
      mirror(this.#plane, { hop: this.#hop, facts, req: this.#req, head: forwarding.head, path, timeoutMs, clusters });
    }
    this.#try(forwarding);
  }

  #prepare(facts: RequestFacts, decision: ForwardDecision): Forwarding {
    const head = prepareHead(this.#plane, facts, decision);
    const { hasBody, isChunked } = facts;
    const body = new BodyRelay(this.#req, {
      isPresent: hasBody,
      isChunked,
      onWhole: () => this.#startTimeout(decision),
    });
    if (!hasBody) this.#startTimeout(decision);
    const recovery = new Recovery(decision, facts.method);
    return { facts, decision, recovery, body, head: isChunked ? `${head}transfer-encoding: chunked\r\n` : head };
  }

  /** MESH-130: the clock starts when the whole request has been received. */
  #startTimeout({ timeoutMs }: ForwardDecision): void {
    if (timeoutMs === null || this.#isFinished || this.#cancelTimeout !== null) return;
    this.#cancelTimeout = this.#plane.clock.schedule(timeoutMs, () => this.#onTimeout());
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #try(forwarding: Forwarding, isFresh = false): void {
    if (this.#isFinished) return;
    const { facts, recovery } = forwarding;
    const cluster = this.#cluster as Cluster;
    const isPassthrough = cluster.name === PASSTHROUGH;
    const endpoint = isPassthrough ? this.#originalDestination(facts) : this.#pickEndpoint(cluster, forwarding);
    if (endpoint === null) {
      // The last pod of the lane left between the decision and now.
      if (!this.#fallBack(forwarding)) this.#reply(noHealthyUpstream);
      return;
    }
    if (isPassthrough && this.#isOwnAddress(endpoint)) {
      this.#reply(unknownHost(facts.authority, "it is the proxy's own address"));
      return;
    }
    recovery.attempts += 1;
    this.#endpoint = endpoint;
    const breaker = this.#plane.breakers.of(this.#hop.source, cluster);
    if (breaker !== null) {
      this.#tryWithin(breaker, { endpoint, cluster, facts }, { forwarding, isFresh });
      return;
    }
    const connectTimeoutMs = isPassthrough ? PASSTHROUGH_CONNECT_TIMEOUT_MS : undefined;
    const attempt = Attempt.open(this.#plane, { endpoint, cluster, facts }, { isFresh, connectTimeoutMs });
    if (attempt === null) this.#overflow(recovery);
    else this.#send(forwarding, attempt);
  }

  /** MESH-191: at once, in its turn, or not at all. */
  #tryWithin(
    breaker: Breaker,
    target: Target,
    { forwarding, isFresh }: { forwarding: Forwarding; isFresh: boolean },
  ): void {
    const waiter: Waiter = {
      endpoint: target.endpoint,
      onConnection: (connection) => {
        this.#cancelTurn = null;
        this.#send(forwarding, Attempt.within(breaker, this.#plane, target, connection));
      },
      onGone: () => {
        this.#cancelTurn = null;
        forwarding.recovery.attempts -= 1;
        this.#cluster = this.#plane.refresh(target.cluster);
        this.#try(forwarding);
      },
    };
    this.#cancelTurn = () => breaker.cancel(waiter);
    if (breaker.take(waiter, isFresh)) return;
    this.#cancelTurn = null;
    this.#overflow(forwarding.recovery);
  }

  /** MESH-227. Nothing was sent: telemetry must not name the endpoint. */
  #overflow({ attempts }: Recovery): void {
    this.#endpoint = null;
    this.#reply(overflow(attempts > 1));
  }

  #send(forwarding: Forwarding, attempt: Attempt): void {
    const { facts, decision, recovery, body, head } = forwarding;
    this.#attempt = attempt;
    attempt.send(this, `${head}x-envoy-attempt-count: ${recovery.attempts}\r\n\r\n`, facts);
    body.sendTo(attempt.connection);
    const { perTryTimeoutMs } = decision.retry;
    if (perTryTimeoutMs !== null) attempt.limit(perTryTimeoutMs, () => this.#onPerTryTimeout(forwarding));
  }

  #pickEndpoint(cluster: Cluster, { facts, decision, recovery }: Forwarding): Endpoint | null {
    const { attempts, tried } = recovery;
    // Time has passed since the decision, and an endpoint removed meanwhile gets no new request (MESH-210).
    const mayBeStale = attempts > 0 || this.#isDelayed;
    const current = mayBeStale ? this.#plane.refresh(cluster) : cluster;
    if (cluster.hash === null) return this.#plane.balancer.pick(current, tried);
    const { key, setCookie } = requestKey(cluster.hash, { facts, path: decision.path, socket: this.#req.socket });
    this.#setCookie = setCookie;
    return this.#plane.balancer.pick(current, tried, key);
  }

  /** MESH-019: the address that the client wrote, or the target of its tunnel. */
  #originalDestination({ authority }: RequestFacts): Endpoint {
    const original = this.#hop.tunnel ?? authority;
    return { address: hostOf(original), port: portOf(original), ready: true, pod: null };
  }

  /** Passed through to this very listener a request would come back for ever. */
  #isOwnAddress({ address, port }: Endpoint): boolean {
    return port === this.#req.socket.localPort && /^(127\.|localhost$|::1$)/.test(address);
  }

  /** The attempt gives back what it held; the connection is aborted unless it is done for itself. */
  #detach(isAborted: boolean): void {
    this.#cancelTurn?.();
    this.#cancelTurn = null;
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    this.#forwarding?.body.detach();
    if (isAborted) attempt.abort();
    else attempt.close();
  }

  /** For outlier detection: how the endpoint did. Null: it gave no answer. */
  #judge(status: number | null): void {
    const endpoint = this.#endpoint;
    if (endpoint !== null && this.#cluster !== null) this.#plane.outliers.record(endpoint, this.#cluster, status);
  }

  // ── What the upstream says ───────────────────────────────────────────────────────────────────────────────────────

  onInformation(status: number): void {
    // MESH-269: the 100 is relayed; other 1xx carry nothing that an HTTP/1.1 client must see.
    if (status === 100 && !this.#answer.isStarted && this.#facts?.header("expect") !== null) this.#answer.continue();
  }

  onHead({ status, message, headers }: ResponseHead): void {
    const forwarding = this.#forwarding as Forwarding;
    const attempt = this.#attempt as Attempt;
    const { recovery, body, facts, decision } = forwarding;
    attempt.unlimit();
    this.#judge(status);
    if (this.#takeRetry(forwarding, { kind: "status", status })) {
      this.#avoidEndpoint(recovery);
      this.#detach(true);
      this.#waitAndRetry(forwarding);
      return;
    }
    if (status >= 500 && this.#fallBackLate(forwarding, status)) return;
    body.forget();
    this.#serviceTimeMs = this.#plane.clock.now() - attempt.startedAt;
    setHeader(headers, "x-envoy-upstream-service-time", String(this.#serviceTimeMs));
    if (facts.method !== "HEAD" && status !== 204 && status !== 304) {
      if (findHeader(headers, "content-length") === null) headers.push("transfer-encoding", "chunked");
    }
    if (this.#setCookie !== null) headers.push("set-cookie", this.#setCookie);
    const levels = decision.responseHeaders;
    this.#answer.start({ status, headers, levels, laneServed: this.#laneServed() }, message);
  }

  onData(chunk: Buffer): void {
    const attempt = this.#attempt;
    const mayGoOn = this.#answer.write(chunk, () => {
      // The connection may serve somebody else by now; then it is not ours to touch.
      if (attempt !== null && this.#attempt === attempt) attempt.connection.resume();
    });
    if (!mayGoOn) attempt?.connection.pause();
  }

  onDrain(): void {
    this.#forwarding?.body.resume();
  }

  onEnd(): void {
    this.#detach(false);
    this.#answer.end();
    this.#finish({ code: this.#answer.status, flag: "-", details: "via_upstream" });
  }

  onFailure(failure: Failure): void {
    const forwarding = this.#forwarding as Forwarding;
    const { recovery, body, facts } = forwarding;
    this.#detach(false);
    if (this.#isFinished) return;
    if (this.#answer.isStarted) {
      this.#judge(null);
      this.#breakOff(failure);
      return;
    }
    const isLeaving = this.#endpoint !== null && this.#plane.isRemoved(this.#endpoint);
    if (recovery.takeClosingRace(failure, body, isLeaving)) {
      this.#try(forwarding, true);
      return;
    }
    this.#judge(null);
    const isUnconnected = failure.kind === "connect" || failure.kind === "connect-timeout";
    if (isUnconnected && this.#cluster?.name === PASSTHROUGH) {
      this.#endpoint = null;
      this.#reply(unknownHost(facts.authority, failure.reason));
      return;
    }
    this.#avoidEndpoint(recovery);
    if (this.#takeRetry(forwarding, failure)) {
      this.#waitAndRetry(forwarding);
      return;
    }
    const reply = upstreamFailure(failure, recovery.retries > 0);
    if (isUnconnected ? this.#fallBack(forwarding) : this.#fallBackLate(forwarding, reply.status)) return;
    if (isUnconnected) this.#endpoint = null; // Not reached: telemetry must not name it (MESH 18.2).
    this.#reply(reply);
  }

  // ── Another attempt ──────────────────────────────────────────────────────────────────────────────────────────────

  #avoidEndpoint(recovery: Recovery): void {
    if (this.#endpoint !== null) recovery.tried.push(this.#endpoint);
  }

  /** Within the cluster's bound on retries at a time (MESH-190). */
  #takeRetry({ recovery, body }: Forwarding, outcome: Outcome): boolean {
    this.#endRetry?.();
    this.#endRetry = null;
    const breaker = this.#cluster && this.#plane.breakers.of(this.#hop.source, this.#cluster);
    if (!breaker) return recovery.takeRetry(outcome, body);
    if (!recovery.takeRetry(outcome, body, breaker.hasRetryLeft)) return false;
    this.#endRetry = breaker.beginRetry();
    return true;
  }

  #waitAndRetry(forwarding: Forwarding): void {
    const { decision, recovery } = forwarding;
    const waitMs = backoffMs(decision.retry, recovery.retries, this.#plane.random);
    this.#cancelWait = this.#plane.clock.schedule(waitMs, () => this.#try(forwarding));
  }

  /** The lane cannot serve, and nothing of the request was processed (LANE-205 F4). */
  #fallBack(forwarding: Forwarding): boolean {
    const cluster = forwarding.recovery.takeFallback(forwarding.body);
    if (cluster !== null) this.#fallBackTo(cluster, "fallback:connect", forwarding);
    return cluster !== null;
  }

  /** The lane answered, or failed to, and the group counts that as "cannot serve" (LANE-205 F5). */
  #fallBackLate(forwarding: Forwarding, outcome: number | "timeout"): boolean {
    const late = forwarding.recovery.takeLateFallback(outcome, forwarding.body);
    if (late === null) return false;
    this.#detach(true);
    this.#fallBackTo(late.cluster, `fallback:${late.failure}`, forwarding);
    return true;
  }

  #fallBackTo(cluster: Cluster, reason: LaneReason, forwarding: Forwarding): void {
    this.#setCookie = null;
    this.#cluster = cluster;
    this.#clusterName = cluster.name;
    if (this.#lane !== null) this.#lane = { ...this.#lane, served: cluster.subset, reason };
    this.#try(forwarding);
  }

  #onPerTryTimeout(forwarding: Forwarding): void {
    const { recovery } = forwarding;
    this.#judge(null);
    this.#avoidEndpoint(recovery);
    this.#detach(true);
    if (this.#takeRetry(forwarding, { kind: "per-try-timeout" })) this.#waitAndRetry(forwarding);
    else if (!this.#fallBackLate(forwarding, "timeout")) this.#reply(perTryTimeout);
  }

  #onTimeout(): void {
    if (this.#isFinished) return;
    this.#cancelTimeout = null;
    if (this.#attempt !== null && !this.#answer.isStarted) this.#judge(null);
    this.#cancelWait?.();
    this.#detach(true);
    if (this.#answer.isStarted) {
      this.#answer.cut();
      this.#finish({ code: this.#answer.status, flag: "UT", details: routeTimeout.details });
      return;
    }
    const forwarding = this.#forwarding as Forwarding;
    if (!this.#fallBackLate(forwarding, "timeout")) this.#reply(routeTimeout);
    else this.#startTimeout(forwarding.decision);
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #breakOff({ kind }: Failure): void {
    const flag = kind === "protocol" ? "UPE" : "UC";
    const reason = kind === "protocol" ? "protocol_error" : "connection_termination";
    const details = `upstream_reset_after_response_started{${reason}}`;
    this.#answer.cut();
    this.#finish({ code: this.#answer.status, flag, details });
  }

  /** MESH-232. */
  #onClientClose(): void {
    if (this.#isFinished) return;
    this.#detach(true);
    this.#finish({ code: this.#answer.status, flag: "DC", details: "downstream_remote_disconnect" });
  }

  /** Before routing: nothing is known of the request but that it is wrong, so the connection closes. */
  #refuse({ status, details }: Refusal): void {
    this.#answer.closeAfterwards();
    this.#answer.whole({ status, headers: [], levels: [], laneServed: null }, "");
    this.#finish({ code: status, flag: status === 431 || status === 400 ? "DPE" : "-", details });
  }

  #replyAsDecided({ status, body, headers, flags, details }: LocalDecision): void {
    const lines = headers.flatMap(([name, value]) => [name.toLowerCase(), value]);
    this.#answer.whole({ status, headers: lines, levels: [], laneServed: this.#laneServed() }, body);
    this.#finish({ code: status, flag: flags, details });
  }

  #reply({ status, body, flag, details, headers = [] }: LocalReply): void {
    // Response operations of the chosen route apply to its local replies too (MESH-114).
    const levels = this.#forwarding?.decision.responseHeaders ?? [];
    this.#answer.whole({ status, headers: headers.flat(), levels, laneServed: this.#laneServed() }, body);
    this.#finish({ code: status, flag, details });
  }

  /** LANE-212. */
  #laneServed(): string | null {
    const lane = this.#lane;
    if (lane === null) return null;
    const isWanted = lanesOf(this.#plane, this.#cluster).some(
      ({ group, debugHeaders }) => group === lane.group && debugHeaders === true,
    );
    return isWanted ? `${lane.served}; reason=${lane.reason}` : null;
  }

  #finish({ code, flag, details }: { code: number; flag: string; details: string }): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#cancelTimeout?.();
    this.#cancelWait?.();
    this.#endRetry?.();
    const forwarding = this.#forwarding;
    forwarding?.body.discard();
    const { isExhausted = false, isOverflown = false } = forwarding?.recovery ?? {};
    const isPlain = !isExhausted && !isOverflown && !this.#isDelayed;
    record(this.#plane, {
      hop: this.#hop,
      facts: this.#facts,
      cluster: this.#cluster,
      clusterName: this.#clusterName,
      route: this.#route,
      lane: this.#lane,
      endpoint: this.#endpoint,
      attempts: forwarding?.recovery.attempts ?? 0,
      code,
      flags: isPlain
        ? flag
        : joinFlags(flag, isExhausted ? "URX" : "-", isOverflown ? "UO" : "-", this.#isDelayed ? "DI" : "-"),
      details,
      startedAt: this.#startedAt,
      serviceTimeMs: this.#serviceTimeMs,
      headBytes: forwarding?.head.length ?? 0,
      bytesReceived: forwarding?.body.bytes ?? 0,
      bytesSent: this.#answer.bytesSent,
      socket: this.#req.socket,
    });
  }
}
