import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Http2Stream } from "node:http2";
import type { Clock } from "../../../base/clock.ts";
import type { Instant } from "../../../base/time.ts";

/** A reader that is further behind than this is cut off (K8S-131); it comes back from its last revision. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
/**
 * K8S-131 too, but only for a reader that has taken nothing for a while: one deletecollection makes thousands of
 * events before even the quickest can read the first.
 */
const PENDING_PIECES_MAX = 1000;
const SLOW_AFTER_MS = 1000;

/**
 * A long answer in small pieces (watch, log). `write` never waits: one write is in flight, what comes meanwhile is
 * gathered and goes out as the next one. The bound counts only what was written with `isBounded`, since the first
 * burst of a watch is as large as the store, whoever reads it.
 */
export class AnswerStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #onGone: () => void;
  #pending: Buffer[] = [];
  #boundedBytes = 0;
  #boundedPieces = 0;
  #isWriting = false;
  /** When the write in flight began. */
  #writingSince: Instant = 0;
  #isEnding = false;
  #isGone = false;
  #drained: (() => void)[] = [];

  /** `onGone` is called once, when the client went away or was cut off. */
  constructor(response: ServerResponse, clock: Clock, onGone: () => void) {
    this.#response = response;
    this.#clock = clock;
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
      this.#boundedPieces++;
      if (this.#isTooFarBehind()) this.#cutOff();
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

  #isTooFarBehind(): boolean {
    if (this.#boundedBytes > PENDING_BYTES_MAX) return true;
    if (this.#boundedPieces <= PENDING_PIECES_MAX) return false;
    return this.#isWriting && this.#clock.now() - this.#writingSince > SLOW_AFTER_MS;
  }

  #flush(): void {
    const chunk = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#boundedBytes = 0;
    this.#boundedPieces = 0;
    this.#isWriting = true;
    this.#writingSince = this.#clock.now();
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
