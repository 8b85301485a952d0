import type { ConsistentHashSpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";
import { fnv1a32 } from "../base/hash.ts";
import type { HashTableShape } from "./hash-table.ts";

/** `loadBalancer.consistentHash` (MESH-182): what of a request is its key, and how keys are spread over endpoints. */
export interface HashPolicy {
  readonly by: HashedPart;
  readonly shape: HashTableShape;
}

export type HashedPart =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "address" }
  | CookiePart;

interface CookiePart {
  readonly kind: "cookie";
  readonly name: string;
  /** What the proxy adds to a cookie of its own making; null: it makes none. */
  readonly attributes: string | null;
}

/** MESH-182. */
const RING_SIZE_DEFAULT = 1_024;
const MAGLEV_SIZE_DEFAULT = 65_537;
/** Our bound on places, a prime: a table is made while a request waits for it. */
export const HASH_TABLE_SIZE_MAX = MAGLEV_SIZE_DEFAULT;

/** Null: absent, or it names nothing to hash by. */
export function compileHash(spec: ConsistentHashSpec | undefined): HashPolicy | null {
  if (!spec) return null;
  const by = hashedPart(spec);
  return by === null ? null : { by, shape: shapeOf(spec) };
}

function hashedPart(spec: ConsistentHashSpec): HashedPart | null {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = spec;
  if (httpHeaderName) return { kind: "header", name: String(httpHeaderName).toLowerCase() };
  if (httpCookie?.name) return { kind: "cookie", name: httpCookie.name, attributes: attributesOf(httpCookie) };
  if (useSourceIp === true) return { kind: "address" };
  return httpQueryParameterName ? { kind: "query", name: String(httpQueryParameterName) } : null;
}

/** A time to live, also of no time at all, is what asks for a cookie to be made. */
function attributesOf({ ttl, path, attributes }: NonNullable<ConsistentHashSpec["httpCookie"]>): string | null {
  const ttlMs = typeof ttl === "string" ? parseDurationMs(ttl) : null;
  if (ttlMs === null) return null;
  const age = ttlMs > 0 ? `; Max-Age=${Math.floor(ttlMs / 1000)}` : "";
  // The schema of the CRD does not look this deep.
  const list = Array.isArray(attributes) ? attributes.filter((attribute) => attribute?.name) : [];
  const others = list.map(({ name, value }) => `; ${sendable(name)}${value ? `=${sendable(value)}` : ""}`);
  return `${age}${path ? `; Path=${sendable(path)}` : ""}; HttpOnly${others.join("")}`;
}

/** Configuration may hold anything; a `;` or the end of a line would begin something new. */
function sendable(text: unknown): string {
  return String(text ?? "").replace(/[^\x21-\x3a\x3c-\x7e]/g, "");
}

function shapeOf({ ringHash, maglev, minimumRingSize }: ConsistentHashSpec): HashTableShape {
  if (maglev) return { kind: "maglev", size: boundedSize(maglev.tableSize, MAGLEV_SIZE_DEFAULT) };
  return { kind: "ring", size: boundedSize(ringHash?.minimumRingSize ?? minimumRingSize, RING_SIZE_DEFAULT) };
}

function boundedSize(size: unknown, fallback: number): number {
  return Math.min(askedSize(size) ?? fallback, HASH_TABLE_SIZE_MAX);
}

/** 0 is Envoy's way to say nothing; 64-bit numbers may come as text. */
function askedSize(size: unknown): number | null {
  const number = Math.floor(Number(size ?? 0));
  return number > 0 ? number : null;
}

/** What of the settings is understood otherwise than it is written. */
export function hashProblems(spec: ConsistentHashSpec): string[] {
  if (hashedPart(spec) === null) return ["loadBalancer.consistentHash names nothing to hash by and has no effect"];
  const sizes = [
    ["ringHash.minimumRingSize", spec.ringHash?.minimumRingSize],
    ["minimumRingSize", spec.minimumRingSize],
    ["maglev.tableSize", spec.maglev?.tableSize],
  ] as const;
  return sizes.flatMap(([field, size]) =>
    (askedSize(size) ?? 0) > HASH_TABLE_SIZE_MAX
      ? [`loadBalancer.consistentHash.${field} ${size} counts as ${HASH_TABLE_SIZE_MAX}`]
      : [],
  );
}

/** A request as it is sent on, and who sent it. */
export interface HashedRequest {
  header(name: string): string | null;
  /** With query. */
  readonly path: string;
  readonly peer: string;
}

/** Null: the request has no key, and any endpoint will do (MC-163). */
export function hashKey({ by }: HashPolicy, request: HashedRequest): string | null {
  switch (by.kind) {
    case "header":
      return request.header(by.name);
    case "cookie":
      return cookieValue(request.header("cookie") ?? "", by.name);
    case "query":
      return queryValue(request.path, by.name);
    case "address":
      return request.peer;
  }
}

function cookieValue(header: string, name: string): string | null {
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return null;
}

function queryValue(path: string, name: string): string | null {
  const at = path.indexOf("?");
  return at < 0 ? null : new URLSearchParams(path.slice(at + 1)).get(name);
}

export interface NewCookie {
  readonly value: string;
  /** The value of `set-cookie`. */
  readonly line: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * A cookie for a request that should have brought one; null where none is made. `connection` names both ends of the
 * client's connection: a client that keeps no cookies stays with its endpoint as long as it keeps the connection.
 */
export function newCookie({ by }: HashPolicy, connection: string): NewCookie | null {
  if (by.kind !== "cookie" || by.attributes === null || !TOKEN.test(by.name)) return null;
  const half = (salt: string) => fnv1a32(`${salt}${connection}`).toString(16).padStart(8, "0");
  const value = half("") + half("|");
  return { value, line: `${by.name}="${value}"${by.attributes}` };
}
