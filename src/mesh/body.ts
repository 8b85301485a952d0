import type { IncomingMessage } from "node:http";
import type { Connection } from "./connection.ts";

/**
 * The request body on its way up: streamed with backpressure, and kept for another attempt as long as it is small
 * (MESH-144). A body that outgrows the bound is still delivered, but then only once.
 */

/** MESH-144: Envoy's per-connection buffer. */
const REPLAY_BYTES_MAX = 1_048_576;

export class BodyRelay {
  readonly #req: IncomingMessage;
  readonly #isChunked: boolean;
  readonly #isPresent: boolean;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Bytes that left `#kept`, or were never kept: another attempt would miss them. */
  #hasLost = false;
  #isForgetting = false;
  #hasSent = false;
  #isWhole = false;
  #connection: Connection | null = null;
  /** Bytes received from the client. */
  bytes = 0;

  constructor(
    req: IncomingMessage,
    options: { readonly isPresent: boolean; readonly isChunked: boolean; readonly onWhole: () => void },
  ) {
    this.#req = req;
    this.#isPresent = options.isPresent;
    this.#isChunked = options.isChunked;
    if (!options.isPresent) return;
    req.on("data", (chunk: Buffer) => this.#onData(chunk));
    req.on("end", () => {
      this.#isWhole = true;
      this.#connection?.endBody(this.#isChunked);
      options.onWhole();
    });
  }

  /** True while the whole of what came so far can be sent again. */
  get isReplayable(): boolean {
    return !this.#hasLost;
  }

  /** True when no body byte was ever sent upstream. */
  get isUntouched(): boolean {
    return !this.#hasSent;
  }

  /** Sends what is kept, then whatever comes. */
  sendTo(connection: Connection): void {
    if (!this.#isPresent) return;
    this.#connection = connection;
    for (const chunk of this.#kept) this.#send(connection, chunk);
    if (this.#keptBytes > REPLAY_BYTES_MAX) this.#drop();
    if (this.#isWhole) connection.endBody(this.#isChunked);
    else this.#req.resume();
  }

  detach(): void {
    this.#connection = null;
  }

  /** No attempt follows: nothing needs to be kept. */
  forget(): void {
    this.#isForgetting = true;
    this.#drop();
  }

  /** The answer is complete: what the client still sends goes nowhere (MESH-273). */
  discard(): void {
    this.detach();
    this.forget();
    this.resume();
  }

  resume(): void {
    if (this.#isPresent) this.#req.resume();
  }

  #onData(chunk: Buffer): void {
    this.bytes += chunk.length;
    const isKeeping = !this.#isForgetting && !this.#hasLost;
    if (isKeeping) {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
    }
    if (this.#connection === null) {
      // Between two attempts: what is kept is sent later; beyond the bound the client has to wait.
      if (isKeeping && this.#keptBytes > REPLAY_BYTES_MAX) this.#req.pause();
      return;
    }
    this.#send(this.#connection, chunk);
    if (this.#keptBytes > REPLAY_BYTES_MAX) this.#drop();
  }

  #send(connection: Connection, chunk: Buffer): void {
    this.#hasSent = true;
    if (!connection.write(chunk, this.#isChunked)) this.#req.pause();
  }

  #drop(): void {
    if (this.#kept.length > 0) this.#hasLost = true;
    this.#kept = [];
    this.#keptBytes = 0;
  }
}
