import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import net from "node:net";
import type { Cancel } from "../base/clock.ts";
import type { Source } from "../routing/types.ts";
import type { DataPlane } from "./data-plane.ts";
import { Exchange } from "./exchange.ts";
import { type Hop, hostOf, portOf } from "./request.ts";
import { isUpgrade, upgrade } from "./upgrade.ts";

/**
 * Where requests come in: a gateway's server port, or a pod's own outbound proxy address, which tells who is calling
 * (MESH-006, K8S-279). A pod's listener takes the target in any of the forms that HTTP clients use with a proxy:
 * absolute form, origin form with Host, and CONNECT with plain HTTP inside.
 */

/** MESH-260: Envoy's downstream idle timeout. */
const KEEP_ALIVE_MS = 3_600_000;
/** MESH-264. */
const HEADER_BYTES_MAX = 61_440;
/** Our bound on clients of one listener. */
const CONNECTIONS_MAX = 10_000;
/** MESH-250: how long requests under way may take once the listener closes. */
const DRAIN_MS = 5_000;
/** How long a client may take for its request head. */
const HEADERS_TIMEOUT_MS = 60_000;

export interface ListenerOptions {
  readonly plane: DataPlane;
  readonly source: Source;
  readonly address: string;
  readonly port: number;
  /** Gateway: the server port that this listener stands for, which need not be the one it listens on. */
  readonly serverPort: number | null;
}

export class Listener {
  readonly #plane: DataPlane;
  readonly #serverPort: number | null;
  readonly #server: http.Server;
  readonly #hopOf = new WeakMap<Socket, Hop>();
  readonly #exchangeOf = new WeakMap<Socket, Exchange>();
  readonly #tunnels = new Set<Socket>();
  #source: Source;
  #hop: Hop;
  #cancelDrain: Cancel | null = null;

  /** Resolves once requests are accepted; rejects when the address cannot be had. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    await listener.#listen(options.address, options.port);
    return listener;
  }

  private constructor({ plane, source, serverPort }: ListenerOptions) {
    this.#plane = plane;
    this.#source = source;
    this.#serverPort = serverPort;
    this.#hop = this.#makeHop(null);
    this.#server = http.createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      noDelay: true,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: 0, // Bodies stream as long as they like (MESH-483).
      maxHeaderSize: HEADER_BYTES_MAX,
      shouldUpgradeCallback: isUpgrade,
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("request", (req, res) => this.#accept(req, res));
    // MESH-269: the upstream answers an expectation, not we.
    this.#server.on("checkContinue", (req, res) => this.#accept(req, res));
    this.#server.on("connect", (req, socket, head) => this.#connect(req, socket as Socket, head));
    this.#server.on("upgrade", (req, socket, head) => this.#upgrade(req, socket as Socket, head));
    this.#server.on("clientError", (error, socket) => this.#onMalformed(error, socket as Socket));
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  /** Labels of the pod changed: routing and telemetry see the new ones from the next request on. */
  set source(source: Source) {
    if (source === this.#source) return;
    this.#source = source;
    this.#hop = this.#makeHop(null);
  }

  get source(): Source {
    return this.#source;
  }

  /** Takes no new connection; requests under way may finish within `DRAIN_MS`. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    this.#cancelDrain = this.#plane.clock.schedule(DRAIN_MS, () => this.closeNow());
    return closed.then(() => this.#cancelDrain?.());
  }

  closeNow(): void {
    this.#cancelDrain?.();
    this.#server.closeAllConnections();
    for (const socket of this.#tunnels) socket.destroy();
  }

  #makeHop(tunnel: string | null): Hop {
    return {
      source: this.#source,
      serverPort: this.#serverPort,
      tunnel,
      memory: this.#plane.memoryOf(() => this.#source),
    };
  }

  #listen(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: address, port, backlog: 1024 }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) =>
          this.#plane.logger.warn({ error, address, port }, "a mesh listener failed"),
        );
        resolve();
      });
    });
  }

  #accept(req: http.IncomingMessage, res: http.ServerResponse): void {
    const { socket } = req;
    // While the listener drains every answer asks the client to leave (MESH-250).
    if (!this.#server.listening) res.shouldKeepAlive = false;
    const exchange = new Exchange(this.#plane, this.#hopOf.get(socket) ?? this.#hop, { req, res });
    this.#exchangeOf.set(socket, exchange);
    try {
      exchange.start();
    } catch (error) {
      this.#plane.logger.error({ error, url: req.url }, "a request could not be handled");
      socket.destroy();
    }
  }

  #upgrade(req: http.IncomingMessage, socket: Socket, head: Buffer): void {
    this.#tunnels.add(socket);
    socket.on("close", () => this.#tunnels.delete(socket));
    try {
      upgrade(this.#plane, this.#hopOf.get(socket) ?? this.#hop, { req, socket, head });
    } catch (error) {
      this.#plane.logger.error({ error, url: req.url }, "an upgrade could not be handled");
      socket.destroy();
    }
  }

  /**
   * Node's fetch sends CONNECT even for http URLs. What follows is plain HTTP for the mesh, or TLS, which passes
   * through unseen (MESH-019).
   */
  #connect(req: http.IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const target = req.url ?? "";
    if (this.#serverPort !== null || !/^[^\s/@]+:\d{1,5}$/.test(target)) {
      // MESH-268: a gateway tunnels nothing.
      socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nserver: istio-envoy\r\nconnection: close\r\n\r\n");
      return;
    }
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) {
      this.#enterTunnel(socket, target, head);
      return;
    }
    socket.once("data", (first: Buffer) => {
      socket.pause();
      this.#enterTunnel(socket, target, first);
    });
  }

  #enterTunnel(socket: Socket, target: string, first: Buffer): void {
    const TLS_HANDSHAKE = 0x16;
    if (first[0] === TLS_HANDSHAKE) {
      this.#passThrough(socket, target, first);
      return;
    }
    socket.unshift(first);
    this.#hopOf.set(socket, { ...this.#makeHop(target) });
    this.#server.emit("connection", socket);
    socket.resume(); // The parser's own listener does not undo the pause above.
  }

  #passThrough(socket: Socket, target: string, first: Buffer): void {
    const upstream = net.connect({ host: hostOf(target), port: portOf(target), noDelay: true });
    this.#tunnels.add(socket);
    upstream.write(first);
    upstream.on("error", () => socket.destroy());
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => {
      this.#tunnels.delete(socket);
      upstream.destroy();
    });
    socket.pipe(upstream).pipe(socket);
    socket.resume();
  }

  /** What Node's parser refused (MESH-263). The bytes that follow cannot be trusted, so the connection closes. */
  #onMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
    if (!socket.writable || this.#exchangeOf.get(socket)?.isAnswering === true) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${statusOf(error)}\r\ncontent-length: 0\r\nserver: istio-envoy\r\nconnection: close\r\n\r\n`);
    socket.destroySoon();
  }
}

function statusOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  if (code === "HPE_INVALID_TRANSFER_ENCODING" && !message.includes("Content-Length")) return "501 Not Implemented";
  return "400 Bad Request";
}
