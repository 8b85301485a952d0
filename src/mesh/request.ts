import type { Random } from "../base/random.ts";
import type { Cluster, Endpoint, Facts, Source, TraceLane } from "../routing/types.ts";
import { dropNominated, findHeader, type HeaderList, isHopByHop, setHeader } from "./headers.ts";

/**
 * From the bytes that Node's strict HTTP/1 parser accepted to the facts that routing looks at. What that parser lets
 * pass but Envoy refuses is refused here (MESH 13.1); request-id, forwarding and x-envoy headers are put in order
 * (MESH 13.2) before routing sees them.
 */
export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** Address of the client. */
  readonly peer: string;
}

/** Who accepted the request. */
export interface Hop {
  readonly source: Source;
  /** Gateway: the server port. Pod: null, the port is in the target or in Host. */
  readonly serverPort: number | null;
  /** Target of the CONNECT that this connection came through; null without one. */
  readonly tunnel: string | null;
  readonly memory: Memory;
}

/** What the data plane remembers and routing may ask. */
export interface Memory {
  traceLane(group: string, traceValue: string): TraceLane | null;
  isEjected(endpoint: Endpoint, cluster: Cluster): boolean;
}

/** A request that no route may see. The connection is closed after the answer. */
export interface Refusal {
  readonly kind: "refusal";
  readonly status: number;
  readonly details: string;
}

/** One request, as routing sees it, and what the proxy needs besides to send it on. */
export class RequestFacts implements Facts {
  readonly kind = "facts";
  readonly source: Source;
  readonly port: number;
  readonly scheme = "http";
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly draw: number;
  /** End-to-end headers without `host`, in the order received. Header operations change it after routing. */
  readonly headers: HeaderList;
  readonly requestId: string;
  /** True when a body follows, of known length or chunked. */
  readonly hasBody: boolean;
  readonly isChunked: boolean;
  /** The path as received, for the access log (MESH-123). */
  readonly originalPath: string;
  readonly #memory: Memory;

  constructor(
    fields: Pick<
      RequestFacts,
      | "source"
      | "port"
      | "method"
      | "path"
      | "authority"
      | "draw"
      | "headers"
      | "requestId"
      | "hasBody"
      | "isChunked"
      | "originalPath"
    >,
    memory: Memory,
  ) {
    this.source = fields.source;
    this.port = fields.port;
    this.method = fields.method;
    this.path = fields.path;
    this.authority = fields.authority;
    this.draw = fields.draw;
    this.headers = fields.headers;
    this.requestId = fields.requestId;
    this.hasBody = fields.hasBody;
    this.isChunked = fields.isChunked;
    this.originalPath = fields.originalPath;
    this.#memory = memory;
  }

  header(name: string): string | null {
    return findHeader(this.headers, name);
  }

  traceLane(group: string, traceValue: string): TraceLane | null {
    return this.#memory.traceLane(group, traceValue);
  }

  isEjected(endpoint: Endpoint, cluster: Cluster): boolean {
    return this.#memory.isEjected(endpoint, cluster);
  }
}

/** Envoy's bound on header lines (MESH-264). The bound on bytes is the server's `maxHeaderSize`. */
const HEADER_LINES_MAX = 100;

export function readRequest(incoming: Incoming, hop: Hop, random: Random): RequestFacts | Refusal {
  // MESH-261: HTTP/1.0 has no Host and no framing that we could pass on safely.
  if (incoming.httpVersion === "1.0") return refuse(426, "low_version");
  const { rawHeaders } = incoming;
  if (rawHeaders.length > 2 * HEADER_LINES_MAX) return refuse(431, "http1.too_many_headers");

  const headers: HeaderList = [];
  let host: string | null = null;
  let hostLines = 0;
  let connection: string | null = null;
  let isChunked = false;
  let contentLength: string | null = null;
  let takesTrailers = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    if (name === "host") {
      host = value;
      hostLines += 1;
    } else if (!isHopByHop(name)) {
      if (name === "content-length") contentLength = value;
      headers.push(name, value);
    } else if (name === "connection") {
      connection = connection === null ? value : `${connection},${value}`;
    } else if (name === "transfer-encoding") {
      // MESH-263: any coding besides "chunked" could be read differently by the next hop.
      if (value.toLowerCase() !== "chunked") return refuse(501, "http1.invalid_transfer_encoding");
      isChunked = true;
    } else if (name === "te" && value.toLowerCase().includes("trailers")) {
      takesTrailers = true;
    }
  }
  if (hostLines > 1) return refuse(400, "http1.multiple_host_headers");
  if (isChunked && contentLength !== null) return refuse(400, "http1.content_length_and_chunked_not_allowed");
  if (connection !== null) dropNominated(headers, connection);
  if (takesTrailers) headers.push("te", "trailers");

  const target = readTarget(incoming.url, host ?? hop.tunnel);
  if (target === null) return refuse(400, "http1.invalid_url");
  if (target.authority === "") return refuse(400, "missing_host_header");
  const path = normalisePath(target.path);
  if (path === null) return refuse(400, "path_normalization_failed");

  const isGateway = hop.serverPort !== null;
  const requestId = isGateway ? sanitiseAtEdge(headers, incoming.peer, random) : completeInMesh(headers, random);
  return new RequestFacts(
    {
      source: hop.source,
      port: hop.serverPort ?? portOf(hop.tunnel ?? target.authority),
      method: incoming.method,
      path,
      authority: target.authority,
      draw: random.next(),
      headers,
      requestId,
      hasBody: isChunked || (contentLength !== null && contentLength !== "0"),
      isChunked,
      originalPath: target.path,
    },
    hop.memory,
  );
}

function refuse(status: number, details: string): Refusal {
  return { kind: "refusal", status, details };
}

interface Target {
  readonly authority: string;
  readonly path: string;
}

/** Origin form with Host, or absolute form, whose authority replaces Host (MESH-262). */
function readTarget(url: string, host: string | null): Target | null {
  // MESH-265: a fragment never belongs in a request target.
  if (url.includes("#")) return null;
  if (url.startsWith("/")) return { authority: host ?? "", path: url };
  if (url === "*") return { authority: host ?? "", path: "/*" };
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(url);
  if (absolute === null) return null;
  const rest = absolute[2] as string;
  // User information in the authority is nobody's host name.
  const authority = (absolute[1] as string).replace(/^.*@/, "");
  return { authority, path: rest.startsWith("/") ? rest : `/${rest}` };
}

/** The port in `host:port`, 80 without one (MESH-012). */
export function portOf(authority: string): number {
  const port = /:(\d{1,5})$/.exec(authority);
  return port === null ? 80 : Number(port[1]);
}

/** The host in `host:port`, brackets of an IPv6 address removed. */
export function hostOf(authority: string): string {
  const host = authority.replace(/:\d{1,5}$/, "");
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** Only these can make a path that is not already in normal form. */
const MAY_NEED_NORMALISING = /[\\%]|\/\./;

/**
 * Istio's BASE normalisation (MESH-265): dot segments resolved, `\` is `/`, `%XX` of unreserved characters decoded;
 * `//` and `%2F` stay. Null when an escape is broken in a way that hides the path.
 */
export function normalisePath(target: string): string | null {
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  if (!MAY_NEED_NORMALISING.test(path)) return target;
  if (/%00/.test(path)) return null;
  const decoded = path.replaceAll("\\", "/").replace(/%([0-9a-fA-F]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded;
  });
  const query = queryAt < 0 ? "" : target.slice(queryAt);
  return removeDotSegments(decoded) + query;
}

/** RFC 3986, section 5.2.4; `..` never climbs above the root. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "..") kept.pop();
    if (segment === "." || segment === "..") {
      if (isLast) kept.push("");
    } else {
      kept.push(segment);
    }
  }
  return `/${kept.join("/")}`;
}

/**
 * A gateway trusts no client (MESH-280…288): the request id is new, forwarding headers tell what we saw, and
 * `x-envoy-*` control headers are ours alone. Returns the request id.
 */
function sanitiseAtEdge(headers: HeaderList, peer: string, random: Random): string {
  let forwardedFor: string | null = null;
  let kept = 0;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (name === "x-forwarded-for") {
      forwardedFor = forwardedFor === null ? value : `${forwardedFor},${value}`;
      continue;
    }
    if (name === "x-request-id" || name === "x-forwarded-proto" || name.startsWith("x-envoy-")) continue;
    headers[kept++] = name;
    headers[kept++] = value;
  }
  headers.length = kept;
  const requestId = newRequestId(random);
  headers.push("x-forwarded-for", forwardedFor === null || forwardedFor === "" ? peer : `${forwardedFor},${peer}`);
  headers.push("x-forwarded-proto", "http", "x-envoy-external-address", peer, "x-request-id", requestId);
  return requestId;
}

/** Inside the mesh what is there stays; only what is missing is added (MESH-280…282). Returns the request id. */
function completeInMesh(headers: HeaderList, random: Random): string {
  if (findHeader(headers, "x-forwarded-proto") === null) headers.push("x-forwarded-proto", "http");
  const given = findHeader(headers, "x-request-id");
  if (given !== null && given !== "") return given;
  const requestId = newRequestId(random);
  setHeader(headers, "x-request-id", requestId);
  return requestId;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A version 4 UUID like `randomUuid`, from four draws: every request at the edge needs one. */
function newRequestId(random: Random): string {
  const first = (random.next() * 2 ** 32) >>> 0;
  const second = (((random.next() * 2 ** 32) >>> 0) & 0xffff0fff) | 0x4000;
  const third = (((random.next() * 2 ** 32) >>> 0) & 0x3fffffff) | 0x80000000;
  const fourth = (random.next() * 2 ** 32) >>> 0;
  return `${hex16(first >>> 16)}${hex16(first)}-${hex16(second >>> 16)}-${hex16(second)}-${hex16(third >>> 16)}-${hex16(third)}${hex16(fourth >>> 16)}${hex16(fourth)}`;
}

function hex16(bits: number): string {
  return `${HEX[(bits >>> 8) & 0xff]}${HEX[bits & 0xff]}`;
}
