/**
 * The API over HTTPS: one port for HTTP/1.1 and HTTP/2 (K8S-40), from the socket to the call of an `ApiHandler` and
 * back. What a request means is decided behind that interface; here are bytes, headers, credentials and streams.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import { type Random, randomUuid } from "../../../base/random.ts";
import { failure, isApiError } from "../../../kube/errors.ts";
import { SERVER_VERSION } from "../../version.ts";
import type { ApiHandler } from "../request.ts";
import { authenticate, type TokenAuthenticator, type User } from "./authentication.ts";
import { authorizePath } from "./authorization.ts";
import type { ServerCertificates } from "./certificates.ts";
import { Discovery } from "./discovery.ts";
import { answerHealth, type HealthCheck } from "./health.ts";
import type { LogSource } from "./logs.ts";
import { OpenApi } from "./openapi.ts";
import { answerResource } from "./resource-endpoint.ts";
import { type Exchange, sendFailure, sendText, sendValue } from "./responses.ts";
import { parsePath, type Route } from "./url.ts";
import type { EndStream } from "./watch-endpoint.ts";

export interface HttpServerOptions {
  readonly api: ApiHandler;
  readonly certificates: ServerCertificates;
  readonly tokens: TokenAuthenticator;
  readonly clock: Clock;
  /** For audit ids. */
  readonly random: Random;
  readonly logger: Logger;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Null: there is no node, and `kubectl logs` is told so. */
  readonly logSource?: LogSource | null;
  /** What must hold before `/readyz` says ok. */
  readonly readiness?: readonly HealthCheck[];
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** Ends all streams in order, then closes every connection. */
  stop(): Promise<void>;
}

/** Longer than clients keep an idle connection, so that it is the client who closes and no request meets a reset. */
const KEEP_ALIVE_TIMEOUT_MS = 120_000;

/** How long ended streams may take to reach their readers when the server stops. */
const STOP_GRACE_MS = 200;

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { certificates, host = "127.0.0.1" } = options;
  const streams = new Set<EndStream>();
  const handler = new RequestHandler(options, streams);
  const server = createSecureServer(
    {
      allowHTTP1: true,
      requestCert: true,
      rejectUnauthorized: false,
      cert: certificates.certificatePem,
      key: certificates.keyPem,
      ca: certificates.caPem,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    } as Parameters<typeof createSecureServer>[0],
    // The compatibility classes of HTTP/2 answer to the same calls as those of HTTP/1.1, in which we write.
    (request, response) =>
      void handler.answer(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  const connections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    url: `https://${host}:${port}`,
    async stop() {
      for (const end of [...streams]) end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.endIdle();
      const cancel = options.clock.schedule(STOP_GRACE_MS, () => connections.destroyAll());
      await closed;
      cancel();
    },
  };
}

interface Connections {
  endIdle(): void;
  destroyAll(): void;
}

/** `server.close` waits for every connection; keep-alive ones would hold it for minutes. */
function trackConnections(server: ReturnType<typeof createSecureServer>): Connections {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    // Small answers and single events must not wait for the reader's delayed acknowledgement (40 ms).
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  return {
    endIdle() {
      for (const session of sessions) session.close();
      (server as unknown as { closeIdleConnections?: () => void }).closeIdleConnections?.();
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

class RequestHandler {
  readonly #options: HttpServerOptions;
  readonly #streams: Set<EndStream>;
  readonly #discovery: Discovery;
  readonly #openApi: OpenApi;

  constructor(options: HttpServerOptions, streams: Set<EndStream>) {
    this.#options = options;
    this.#streams = streams;
    this.#discovery = new Discovery(options.api);
    this.#openApi = new OpenApi(options.api);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("audit-id", randomUuid(this.#options.random));
    response.setHeader("cache-control", "no-cache, private");
    response.on("error", () => {});
    const { url = "/" } = request;
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
    const exchange: Exchange = { request, response, path, query };
    try {
      const user = authenticate(request, this.#options.tokens);
      await this.#dispatch(exchange, user);
    } catch (error) {
      await this.#fail(exchange, error);
    }
  }

  async #dispatch(exchange: Exchange, user: User): Promise<void> {
    const route = parsePath(exchange.path);
    if (route === null) return sendText(exchange, 404, "404 page not found\n");
    if (route.kind === "resource") {
      const { api, clock, logSource = null } = this.#options;
      return answerResource(exchange, route, user, { api, clock, logSource, streams: this.#streams });
    }
    authorizePath(user, exchange.path, String(exchange.request.method).toLowerCase());
    if (exchange.request.method !== "GET" && exchange.request.method !== "HEAD") {
      throw failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
    }
    const isAnswered = await this.#answerPath(exchange, route);
    if (!isAnswered) await sendText(exchange, 404, "404 page not found\n");
  }

  async #answerPath(exchange: Exchange, route: Exclude<Route, { kind: "resource" }>): Promise<boolean> {
    if (route.kind !== "other") return this.#discovery.answer(exchange, route);
    const [root = "", ...rest] = route.path.split("/").slice(1);
    switch (root) {
      case "healthz":
      case "livez":
      case "readyz": {
        const checks = [PING, ...(root === "readyz" ? (this.#options.readiness ?? []) : [])];
        const asked = rest[0] ? checks.filter(({ name }) => name === rest[0]) : checks;
        if (asked.length === 0) return false;
        const { code, text } = answerHealth(root, asked, exchange.query.has("verbose"));
        await sendText(exchange, code, text);
        return true;
      }
      case "version":
        if (rest.length > 0 && rest[0] !== "") return false;
        await sendValue(exchange, { code: 200, value: SERVER_VERSION });
        return true;
      case "openapi":
        return this.#openApi.answer(exchange, rest.join("/"));
      case "":
        await sendValue(exchange, { code: 200, value: { paths: this.#discovery.paths() } });
        return true;
      default:
        return false;
    }
  }

  async #fail(exchange: Exchange, error: unknown): Promise<void> {
    const { request, response, path } = exchange;
    if (!isApiError(error) && !request.destroyed) {
      this.#options.logger.error({ err: error, method: request.method, path }, "request failed");
    }
    // Once a stream has begun there is no status left to send: cutting it tells the client that it is not whole.
    if (response.headersSent) return void response.destroy();
    // The rest of a refused body is not read; the connection cannot be used again.
    if (!request.complete && request.httpVersionMajor === 1) response.setHeader("connection", "close");
    await sendFailure(exchange, error);
    if (!request.complete) request.resume();
  }
}

const PING: HealthCheck = { name: "ping", isOk: () => true };
