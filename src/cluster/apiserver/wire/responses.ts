import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { stringify } from "yaml";
import { type ApiError, failure, isApiError } from "../../../kube/errors.ts";
import { JSON_TYPE, type Representation, YAML_TYPE } from "./negotiation.ts";

/** Smaller bodies are sent as they are: on loopback packing costs more than it saves (K8S-45). */
const GZIP_BYTES_MIN = 128 * 1024;
/** The fastest level: the link is local. */
const GZIP_LEVEL = 1;

const gzipAsync = promisify(gzip);

/** One request and its answer, HTTP/1.1 or HTTP/2 alike. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface Answer {
  readonly code: number;
  readonly value: unknown;
  readonly encoding?: Representation["encoding"];
  readonly warnings?: readonly string[];
}

export function sendValue(
  exchange: Exchange,
  { code, value, encoding = "json", warnings = [] }: Answer,
): Promise<void> {
  const text = encoding === "yaml" ? stringify(value) : renderJson(exchange, value);
  const headers: OutgoingHttpHeaders = { "content-type": encoding === "yaml" ? YAML_TYPE : JSON_TYPE };
  if (warnings.length > 0) exchange.response.setHeader("warning", warnings.map(renderWarning));
  return sendBytes(exchange, code, headers, Buffer.from(text, "utf8"));
}

export function sendText(exchange: Exchange, code: number, text: string): Promise<void> {
  return sendBytes(exchange, code, { "content-type": "text/plain; charset=utf-8" }, Buffer.from(text, "utf8"));
}

export async function sendBytes(
  { request, response }: Exchange,
  code: number,
  headers: OutgoingHttpHeaders,
  bytes: Buffer,
): Promise<void> {
  let body = bytes;
  if (bytes.length > GZIP_BYTES_MIN && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) {
    body = await gzipAsync(bytes, { level: GZIP_LEVEL });
    headers["content-encoding"] = "gzip";
    headers["vary"] = headers["vary"] ? `${headers["vary"]}, Accept-Encoding` : "Accept-Encoding";
  }
  if (response.writableEnded || response.destroyed) return;
  response.writeHead(code, { ...headers, "content-length": body.length });
  if (request.method === "HEAD") response.end();
  else if (request.httpVersionMajor === 1 && body.length > SOCKET_BUFFER_BYTES) endAfterFlush(response, body);
  else response.end(body);
}

/** More than this waits in a socket of Node.js until it reports itself drained (its default high-water mark). */
const SOCKET_BUFFER_BYTES = 16 * 1024;

/**
 * The last byte leaves after all others have left. A client that has the whole body sends its next request at once; if
 * that comes before our socket is drained, Node.js (26.10, HTTP/1.1 over TLS) pauses the parser in the middle of it and
 * then resets the connection with "Parse Error: Paused".
 */
function endAfterFlush(response: ServerResponse, body: Buffer): void {
  response.write(body.subarray(0, -1), () => response.end(body.subarray(-1)));
}

/** A failure in the form of the API (K8S section 4). Faults of ours become a 500 and are handed on for the log. */
export function sendFailure(exchange: Exchange, error: unknown): Promise<void> {
  const { status } = toApiError(error);
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter !== undefined && !exchange.response.headersSent) {
    exchange.response.setHeader("retry-after", String(retryAfter));
  }
  return sendValue(exchange, { code: status.code, value: status });
}

function toApiError(error: unknown): ApiError {
  if (isApiError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return failure(500, "InternalError", `Internal error occurred: ${text}`, { causes: [{ message: text }] });
}

/** People reading with curl or a browser get lines (K8S-49). */
function renderJson({ request, query }: Exchange, value: unknown): string {
  const pretty = query.get("pretty");
  const agent = pretty === null ? (request.headers["user-agent"] ?? "") : "";
  const isForPeople = pretty === "true" || pretty === "1" || /^(curl|Wget|Mozilla)\//.test(agent);
  return isForPeople ? `${JSON.stringify(value, null, 2)}\n` : `${JSON.stringify(value)}\n`;
}

/** `299 - "text"` with quotes and backslashes escaped; header values hold no line ends (K8S-48). */
function renderWarning(text: string): string {
  const plain = text.replace(/[\r\n]+/g, " ").replace(/[^\x20-\x7e]/g, "?");
  return `299 - "${plain.replace(/(["\\])/g, "\\$1")}"`;
}
