import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Http2Stream } from "node:http2";

/**
 * A reader that is further behind than this is cut off (K8S-131); it comes back from its last revision. Bytes, not
 * events: they are what costs memory, and one deletecollection makes thousands of events before any reader can read.
 */
export const PENDING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * A long answer in small pieces (watch, log). `write` never waits: one write is in flight, what comes meanwhile is
 * gathered and goes out as the next one. The bound counts only what was written with `isBounded`, since the first
 * burst of a watch is as large as the store, whoever reads it.
 */
export class AnswerStream {
  readonly #response: ServerResponse;
  readonly #onGone: () => void;
  #pending: Buffer[] = [];
  #boundedBytes = 0;
  #isWriting = false;
  #isEnding = false;
  #isGone = false;
  #drained: (() => void)[] = [];

  /** `onGone` is called once, when the client went away or was cut off. */
  constructor(response: ServerResponse, onGone: () => void) {
    this.#response = response;
    this.#onGone = onGone;
    response.on("close", () => this.#gone());
    response.on("error", () => this.#gone());
  }

  /** Sends status and headers at once: kubectl wait hangs until it sees them (K8S-47). */
  open(headers: OutgoingHttpHeaders): void {
    this.#response.writeHead(200, headers);
    this.#response.flushHeaders();
  }

  get isOver(): boolean {
    return this.#isGone || this.#isEnding;
  }

  write(chunk: Buffer, isBounded: boolean): void {
    if (this.isOver) return;
    this.#pending.push(chunk);
    if (isBounded) {
      this.#boundedBytes += chunk.length;
      if (this.#boundedBytes > PENDING_BYTES_MAX) this.#cutOff();
    }
    if (!this.#isWriting && !this.isOver) this.#flush();
  }

  /** Resolves when everything written so far is on its way: how a log, unlike a watch, waits for its reader. */
  drained(): Promise<void> {
    if (!this.#isWriting || this.#isGone) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Ends in order, after what is pending. */
  end(): void {
    if (this.isOver) return;
    this.#isEnding = true;
    if (!this.#isWriting) this.#response.end();
  }

  #flush(): void {
    const chunk = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#boundedBytes = 0;
    this.#isWriting = true;
    this.#response.write(chunk, () => {
      this.#isWriting = false;
      if (this.#isGone) return;
      if (this.#pending.length > 0) return this.#flush();
      this.#wakeDrained();
      if (this.#isEnding) this.#response.end();
    });
  }

  #cutOff(): void {
    // On HTTP/2 only this stream, not the connection that it shares.
    const { stream } = this.#response as { stream?: Http2Stream };
    if (stream) stream.close();
    else this.#response.destroy();
    this.#gone();
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#pending = [];
    this.#wakeDrained();
    this.#onGone();
  }

  #wakeDrained(): void {
    const waiting = this.#drained;
    this.#drained = [];
    for (const wake of waiting) wake();
  }
}
