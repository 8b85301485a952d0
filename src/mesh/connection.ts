import net from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";
import { type ResponseHead, ResponseParser } from "./response-parser.ts";

/**
 * One HTTP/1.1 connection to an endpoint: one request at a time, never pipelined (MESH-274). It knows what a retry must
 * know and Node's own client hides: whether the connection was used before, and whether the peer has answered anything.
 */

/** Why an attempt got no whole response. */
export type FailureKind =
  /** No connection: refused, unreachable, or the name does not resolve. No request byte was sent. */
  | "connect"
  | "connect-timeout"
  /** Closed or reset by the peer. */
  | "closed"
  /** The peer did not speak HTTP (MESH-228). */
  | "protocol";

export interface Failure {
  readonly kind: FailureKind;
  /** As Node names it: `ECONNREFUSED`, `ENOTFOUND`, …; or what was wrong with the response. */
  readonly reason: string;
  /** The connection had served a request before this one. */
  readonly isReused: boolean;
  /** Nothing of the response came. */
  readonly isUnanswered: boolean;
}

/** Who waits for the response. */
export interface AttemptEvents {
  onInformation(status: number): void;
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  /** The whole response is there. The connection is no longer ours. */
  onEnd(): void;
  onFailure(failure: Failure): void;
  /** Request bytes may be written again. */
  onDrain(): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  readonly address: string;
  readonly port: number;
  /** Free for the next request. */
  onIdle(connection: Connection): void;
  /** Once: it is closed, or closing. */
  onClosed(connection: Connection): void;
}

/** MESH-190: `tcp.connectTimeout`. */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * How long an unused connection is kept when the endpoint does not say: Node's servers close after 5 s, and a
 * connection that closes while a request is on its way costs a retry (MESH-260).
 */
const IDLE_MS_DEFAULT = 4_000;
/** MESH-260: upstream pool idle 1 h at most. */
const IDLE_MS_MAX = 3_600_000;

export class Connection {
  readonly #owner: ConnectionOwner;
  readonly #socket: net.Socket;
  readonly #parser: ResponseParser;
  #attempt: AttemptEvents | null = null;
  #cancelConnectTimeout: Cancel | null;
  #isConnected = false;
  #isClosed = false;
  #hasLeft = false;
  #requestsBefore = -1;
  #hasResponseBytes = false;
  #isComplete = false;
  #isKeepAlive = true;
  #isRequestSent = true;
  #error = "";
  /** How long it may stay unused; 0: not at all. */
  idleMs = IDLE_MS_DEFAULT;
  /** Set by the pool while idle. */
  idleUntil = 0;

  constructor(owner: ConnectionOwner, clock: Clock, connectTimeoutMs = CONNECT_TIMEOUT_MS) {
    this.#owner = owner;
    this.#parser = new ResponseParser({
      onInformation: (status) => this.#attempt?.onInformation(status),
      onHead: (head) => this.#onHead(head),
      onData: (chunk) => this.#attempt?.onData(chunk),
      onComplete: () => {
        this.#isComplete = true;
      },
    });
    this.#socket = net.connect({ host: owner.address, port: owner.port, noDelay: true });
    this.#cancelConnectTimeout = clock.schedule(connectTimeoutMs, () => this.#fail("connect-timeout", "timeout"));
    this.#socket.on("connect", () => {
      this.#isConnected = true;
      this.#stopConnectTimeout();
    });
    this.#socket.on("data", (chunk: Buffer) => this.#onBytes(chunk));
    this.#socket.on("end", () => this.#onPeerEnd());
    this.#socket.on("drain", () => this.#attempt?.onDrain());
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    this.#socket.on("close", () => this.#onClose());
  }

  get isUsable(): boolean {
    return !this.#isClosed && !this.#socket.destroyed && this.#socket.writable;
  }

  /** Requests begun so far. */
  get requestCount(): number {
    return this.#requestsBefore + 1;
  }

  /** Sends the head of a request. `head` holds only latin-1 characters. */
  begin(attempt: AttemptEvents, head: string, { isHead, hasBody }: { isHead: boolean; hasBody: boolean }): void {
    this.#attempt = attempt;
    this.#requestsBefore += 1;
    this.#hasResponseBytes = false;
    this.#isComplete = false;
    this.#isKeepAlive = true;
    this.#isRequestSent = !hasBody;
    this.#parser.expect(isHead, false);
    this.#socket.write(head, "latin1");
  }

  /** Sends a piece of the body. False: wait for `onDrain`. */
  write(chunk: Buffer, isChunked: boolean): boolean {
    if (!isChunked) return this.#socket.write(chunk);
    if (chunk.length === 0) return true; // An empty chunk would end the body.
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    this.#socket.write(chunk);
    const mayGoOn = this.#socket.write("\r\n", "latin1");
    this.#socket.uncork();
    return mayGoOn;
  }

  endBody(isChunked: boolean): void {
    if (isChunked) this.#socket.write("0\r\n\r\n", "latin1");
    this.#isRequestSent = true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Gives the attempt up: no further event reaches it. */
  abort(): void {
    this.#attempt = null;
    this.destroy();
  }

  destroy(): void {
    this.#stopConnectTimeout();
    this.#socket.destroy();
    this.#leave();
  }

  /** The socket says that it is closed a turn later; its room is free now. */
  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#owner.onClosed(this);
  }

  #onHead(head: ResponseHead): void {
    this.#isKeepAlive = head.isKeepAlive;
    if (head.keepAliveSeconds !== null) {
      this.idleMs = Math.min(IDLE_MS_MAX, Math.max(0, (head.keepAliveSeconds - 1) * 1000));
    }
    this.#attempt?.onHead(head);
  }

  #onBytes(chunk: Buffer): void {
    // An idle connection that speaks has lost its framing (or says 408): nobody may use it again.
    if (this.#attempt === null) {
      this.destroy();
      return;
    }
    this.#hasResponseBytes = true;
    const problem = this.#parser.execute(chunk);
    if (this.#isComplete) this.#complete(problem === null);
    else if (problem !== null) this.#fail("protocol", problem);
  }

  /** A response that came before the whole request was sent leaves the connection in the middle of it (MESH-273). */
  #complete(isInOrder: boolean): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    const isReusable = isInOrder && this.#isKeepAlive && this.#isRequestSent && this.idleMs > 0 && this.isUsable;
    attempt.onEnd();
    if (!isReusable) {
      this.destroy();
      return;
    }
    this.#socket.resume();
    this.#owner.onIdle(this);
  }

  #onPeerEnd(): void {
    if (this.#attempt === null) {
      this.destroy();
      return;
    }
    if (this.#parser.finish()) this.#complete(false);
    else if (!this.#parser.isTunnel) this.#fail("closed", this.#error === "" ? "end of stream" : this.#error);
  }

  #onClose(): void {
    this.#isClosed = true;
    this.#stopConnectTimeout();
    this.#leave();
    this.#fail(this.#isConnected ? "closed" : "connect", this.#error === "" ? "closed" : this.#error);
  }

  #fail(kind: FailureKind, reason: string): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    this.destroy();
    attempt?.onFailure({ kind, reason, isReused: this.#requestsBefore > 0, isUnanswered: !this.#hasResponseBytes });
  }

  #stopConnectTimeout(): void {
    this.#cancelConnectTimeout?.();
    this.#cancelConnectTimeout = null;
  }
}
