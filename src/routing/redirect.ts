import type { HttpRedirectSpec } from "../api/istio.ts";
import type { CompiledMatch } from "./match.ts";
import type { Facts } from "./types.ts";

/** The only codes that Envoy can send; others pass validation but the route is dropped (MESH-125). */
export const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** The `location` of a redirect (MESH-126): what the rule does not name comes from the request. */
export function redirectLocation(spec: HttpRedirectSpec, match: CompiledMatch, facts: Facts): string {
  const scheme = spec.scheme || facts.scheme;
  return `${scheme}://${redirectAuthority(spec, scheme, facts)}${redirectPath(spec, match, facts.path)}`;
}

function redirectAuthority(spec: HttpRedirectSpec, scheme: string, facts: Facts): string {
  const { host, port } = splitPort(spec.authority || facts.authority);
  const wanted = wantedPort(spec, scheme, facts) ?? port;
  // The default port of the request's scheme says nothing any more once the scheme changes.
  const isDefault = wanted === DEFAULT_PORTS[scheme] || (!spec.port && wanted === DEFAULT_PORTS[facts.scheme]);
  return wanted === null || isDefault ? host : `${host}:${wanted}`;
}

function wantedPort(spec: HttpRedirectSpec, scheme: string, facts: Facts): number | null {
  if (spec.port) return spec.port;
  if (spec.derivePort === "FROM_PROTOCOL_DEFAULT") return DEFAULT_PORTS[scheme] ?? null;
  return spec.derivePort === "FROM_REQUEST_PORT" ? facts.port : null;
}

function splitPort(authority: string): { host: string; port: number | null } {
  const colon = authority.lastIndexOf(":");
  if (colon <= authority.lastIndexOf("]")) return { host: authority, port: null };
  return { host: authority.slice(0, colon), port: Number(authority.slice(colon + 1)) };
}

function redirectPath(spec: HttpRedirectSpec, match: CompiledMatch, pathWithQuery: string): string {
  if (spec.prefixRewrite) return spec.prefixRewrite + pathWithQuery.slice(match.prefix.length);
  if (!spec.uri) return pathWithQuery;
  const question = pathWithQuery.indexOf("?");
  return spec.uri.includes("?") || question < 0 ? spec.uri : spec.uri + pathWithQuery.slice(question);
}
