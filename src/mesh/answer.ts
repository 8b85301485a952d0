import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { HeaderOperations } from "../routing/types.ts";
import { applyOperations, findHeader, type HeaderList, setHeader } from "./headers.ts";

/** The answer on its way to the client: the head in Envoy's form (MESH 13.2), the body with backpressure. */

/** Up to here copying a body costs less than a second buffer to write. Measured: `bench/proxy.ts`. */
const JOINED_BYTES_MAX = 16_384;

export interface AnswerHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly levels: readonly HeaderOperations[];
  /** `x-fairway-lane-served` (LANE-212); null: none. */
  readonly laneServed: string | null;
}

export class Answer {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #context: { readonly clock: Clock; readonly logger: Logger };
  #isWaitingForClient = false;
  status = 0;
  bytesSent = 0;

  constructor(
    { req, res }: { req: IncomingMessage; res: ServerResponse },
    context: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#req = req;
    this.#res = res;
    this.#context = context;
  }

  get isStarted(): boolean {
    return this.#res.headersSent;
  }

  start({ status, headers, levels, laneServed }: AnswerHead, message = ""): void {
    this.status = status;
    const res = this.#res;
    setHeader(headers, "server", "istio-envoy"); // MESH-287
    applyOperations(headers, levels);
    if (findHeader(headers, "date") === null) headers.push("date", httpDate(this.#context.clock.now()));
    if (laneServed !== null) setHeader(headers, "x-fairway-lane-served", laneServed);
    res.sendDate = false;
    // Node would write `Connection` and `Keep-Alive` in its own spelling; keeping alive is HTTP/1.1's default.
    if (res.shouldKeepAlive) res.removeHeader("connection");
    else headers.push("connection", "close");
    try {
      if (message === "") res.writeHead(status, headers);
      else res.writeHead(status, message, headers);
    } catch (error) {
      // A header operation produced what HTTP cannot carry. The answer goes without headers rather than not at all.
      this.#context.logger.warn({ error, url: this.#req.url }, "a response header cannot be sent");
      res.writeHead(status);
    }
  }

  /** Head and body at once, of our own making. */
  whole(head: AnswerHead, body: string): void {
    const { headers, status } = head;
    const size = Buffer.byteLength(body);
    if (body !== "" && findHeader(headers, "content-type") === null) headers.push("content-type", "text/plain");
    if (status !== 204 && status !== 304) setHeader(headers, "content-length", String(size));
    this.start(head);
    const isHead = this.#req.method === "HEAD";
    this.bytesSent = isHead ? 0 : size;
    this.#res.end(isHead ? "" : body);
  }

  /** False: wait. `onDrain` is called once when the client has taken what was written. */
  write(chunk: Buffer, onDrain: () => void): boolean {
    // Node joins a first piece that is text with the head: one write to the socket instead of two (MESH-484).
    const isSmallStart = this.bytesSent === 0 && chunk.length <= JOINED_BYTES_MAX;
    this.bytesSent += chunk.length;
    const mayGoOn = isSmallStart ? this.#res.write(chunk.toString("latin1"), "latin1") : this.#res.write(chunk);
    if (mayGoOn || this.#isWaitingForClient) return true;
    this.#isWaitingForClient = true;
    this.#res.once("drain", () => {
      this.#isWaitingForClient = false;
      onDrain();
    });
    return false;
  }

  end(): void {
    this.#res.end();
  }

  /** MESH-229: the head is out, so all that can be said is that the rest will not come. */
  cut(): void {
    this.#res.destroy();
  }

  /** Nothing that follows on this connection can be trusted. */
  closeAfterwards(): void {
    this.#res.shouldKeepAlive = false;
  }

  continue(): void {
    this.#res.writeContinue();
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
