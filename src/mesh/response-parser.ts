import { type HeaderList, isHopByHop } from "./headers.ts";

/**
 * Reads HTTP/1.1 responses off a connection. Strict: what two readers could frame differently is a protocol error
 * (MESH-263, answered as 502 UPE), since the next response on the connection would then belong to nobody.
 *
 *   HEAD ──┬─> LENGTH ─────────────────────────┐
 *          ├─> SIZE <─> CHUNK ... ─> TRAILERS ─┼─> DONE (next response: HEAD again)
 *          ├─> UNTIL_CLOSE ── close ───────────┘
 *          └─> TUNNEL (101)
 */
export interface ResponseHead {
  readonly status: number;
  readonly message: string;
  /** Lower-case names, hop-by-hop headers dropped. */
  readonly headers: HeaderList;
  readonly isKeepAlive: boolean;
  /** From `Keep-Alive: timeout=`; null when not given (MESH-260). */
  readonly keepAliveSeconds: number | null;
  /** Value of `upgrade`, for 101. */
  readonly upgrade: string | null;
}

export interface ResponseEvents {
  /** A 1xx response other than 101. */
  onInformation(status: number): void;
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  onComplete(): void;
}

const HEAD = 0;
const LENGTH = 1;
const SIZE = 2;
const CHUNK = 3;
const CHUNK_END = 4;
const TRAILERS = 5;
const UNTIL_CLOSE = 6;
const DONE = 7;
const TUNNEL = 8;

/** MESH-264: newer Envoys take 80 KiB and 100 lines of response headers. */
const HEAD_BYTES_MAX = 81_920;
const HEADER_LINES_MAX = 100;
/** A chunk size line: 16 hexadecimal digits and some extension. Our bound. */
const SIZE_LINE_BYTES_MAX = 1024;

const EMPTY = Buffer.alloc(0);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass.
const FORBIDDEN_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export class ResponseParser {
  readonly #events: ResponseEvents;
  #state = HEAD;
  #rest: Buffer = EMPTY;
  #remaining = 0;
  #isHeadRequest = false;
  #isUpgrade = false;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  /** Call before a request is sent. */
  expect(isHeadRequest: boolean, isUpgrade: boolean): void {
    this.#isUpgrade = isUpgrade;
    this.#state = HEAD;
    this.#isHeadRequest = isHeadRequest;
  }

  get isTunnel(): boolean {
    return this.#state === TUNNEL;
  }

  /** Takes what was read. Returns why it is not HTTP, or null. */
  execute(input: Buffer): string | null {
    let data = input;
    if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, input]);
      this.#rest = EMPTY;
    }
    let at = 0;
    while (at < data.length) {
      const next = this.#step(data, at);
      if (typeof next === "string") return next;
      if (next < 0) {
        this.#rest = data.subarray(at);
        return null;
      }
      at = next;
    }
    return null;
  }

  /** The connection was closed by the peer. True when that ends the response in order. */
  finish(): boolean {
    if (this.#state !== UNTIL_CLOSE) return false;
    this.#state = DONE;
    this.#events.onComplete();
    return true;
  }

  /** Consumes from `at`; returns where to go on, -1 for "more bytes needed", or a problem. */
  #step(data: Buffer, at: number): number | string {
    switch (this.#state) {
      case HEAD:
        return this.#head(data, at);
      case LENGTH:
      case CHUNK:
        return this.#counted(data, at);
      case SIZE:
        return this.#size(data, at);
      case CHUNK_END:
        if (data.length - at < 2) return -1;
        if (data[at] !== 13 || data[at + 1] !== 10) return "chunk is not followed by CRLF";
        this.#state = SIZE;
        return at + 2;
      case TRAILERS:
        return this.#trailers(data, at);
      case UNTIL_CLOSE:
      case TUNNEL:
        this.#events.onData(data.subarray(at));
        return data.length;
      default:
        return "bytes after the end of the response";
    }
  }

  #head(data: Buffer, at: number): number | string {
    const end = data.indexOf("\r\n\r\n", at, "latin1");
    if (end < 0) {
      if (data.length - at > HEAD_BYTES_MAX) return "response head is too large";
      const start = data.toString("latin1", at, Math.min(data.length, at + 7));
      return "HTTP/1.".startsWith(start) ? -1 : "no HTTP/1 status line";
    }
    if (end - at > HEAD_BYTES_MAX) return "response head is too large";
    const problem = this.#readHead(data.toString("latin1", at, end));
    return problem ?? end + 4;
  }

  #readHead(text: string): string | null {
    const lineEnd = text.indexOf("\r\n");
    const statusLine = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/.exec(statusLine);
    if (match === null || FORBIDDEN_IN_VALUE.test(statusLine)) return "malformed status line";
    const status = Number(match[2]);

    const headers: HeaderList = [];
    let connection = "";
    let keepAliveSeconds: number | null = null;
    let isChunked = false;
    let contentLength: string | null = null;
    let upgrade: string | null = null;
    let lines = 0;
    for (let start = lineEnd; start >= 0; ) {
      const next = text.indexOf("\r\n", start + 2);
      const line = next < 0 ? text.slice(start + 2) : text.slice(start + 2, next);
      start = next;
      if (++lines > HEADER_LINES_MAX) return "too many response headers";
      const colon = line.indexOf(":");
      const rawName = line.slice(0, colon);
      // A line that starts with a blank (obs-fold) or has one before the colon is no token either.
      if (colon <= 0 || !TOKEN.test(rawName)) return "malformed header line";
      const value = line.slice(colon + 1).trim();
      if (FORBIDDEN_IN_VALUE.test(value)) return "control character in a header";
      const name = rawName.toLowerCase();
      if (name === "content-length") {
        if (!/^\d{1,15}$/.test(value)) return "malformed content-length";
        if (contentLength !== null && contentLength !== value) return "differing content-length";
        if (contentLength === null) headers.push(name, value);
        contentLength = value;
      } else if (!isHopByHop(name)) {
        headers.push(name, value);
      } else if (name === "transfer-encoding") {
        if (isChunked || value.toLowerCase() !== "chunked") return "transfer-encoding other than chunked";
        isChunked = true;
      } else if (name === "connection") {
        connection = connection === "" ? value.toLowerCase() : `${connection},${value.toLowerCase()}`;
      } else if (name === "keep-alive") {
        const timeout = /timeout\s*=\s*(\d{1,6})/i.exec(value);
        if (timeout !== null) keepAliveSeconds = Number(timeout[1]);
      } else if (name === "upgrade") {
        upgrade = value;
      }
    }
    if (isChunked && contentLength !== null) return "content-length and chunked together";

    if (status < 200 && status !== 101) {
      this.#events.onInformation(status);
      return null; // The final response follows: still HEAD.
    }
    if (status === 101 && !this.#isUpgrade) return "an upgrade that nobody asked for";
    const isKeepAlive = match[1] === "1" ? !connection.includes("close") : connection.includes("keep-alive");
    const hasBody = !this.#isHeadRequest && status !== 204 && status !== 304;
    const endsByClose = hasBody && status !== 101 && !isChunked && contentLength === null;
    if (status === 101) this.#state = TUNNEL;
    else if (endsByClose) this.#state = UNTIL_CLOSE;
    else if (isChunked && hasBody) this.#state = SIZE;
    else if (hasBody && contentLength !== "0") this.#state = LENGTH;
    else this.#state = DONE;
    this.#remaining = contentLength === null ? 0 : Number(contentLength);

    this.#events.onHead({
      status,
      message: match[3] ?? "",
      headers,
      isKeepAlive: isKeepAlive && !endsByClose && status !== 101,
      keepAliveSeconds,
      upgrade,
    });
    if (this.#state === DONE) this.#events.onComplete();
    return null;
  }

  #counted(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#remaining);
    this.#remaining -= end - at;
    const isDone = this.#remaining === 0;
    const wasLength = this.#state === LENGTH;
    if (isDone) this.#state = wasLength ? DONE : CHUNK_END;
    this.#events.onData(at === 0 && end === data.length ? data : data.subarray(at, end));
    if (isDone && wasLength) this.#events.onComplete();
    return end;
  }

  #size(data: Buffer, at: number): number | string {
    const end = data.indexOf("\r\n", at, "latin1");
    if (end < 0) return data.length - at > SIZE_LINE_BYTES_MAX ? "chunk size line is too long" : -1;
    const digits = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(data.toString("latin1", at, end));
    if (digits === null) return "malformed chunk size";
    this.#remaining = Number.parseInt(digits[1] as string, 16);
    this.#state = this.#remaining === 0 ? TRAILERS : CHUNK;
    return end + 2;
  }

  /** HTTP/1 trailers are dropped (MESH-270). */
  #trailers(data: Buffer, at: number): number | string {
    const end = data.indexOf("\r\n", at, "latin1");
    if (end < 0) return data.length - at > HEAD_BYTES_MAX ? "trailers are too large" : -1;
    if (end === at) {
      this.#state = DONE;
      this.#events.onComplete();
    }
    return end + 2;
  }
}
