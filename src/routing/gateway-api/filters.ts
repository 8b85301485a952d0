import type {
  CorsFilter,
  HeaderModifier,
  HttpRouteFilter,
  RequestMirrorFilter,
  RequestRedirectFilter,
} from "../../api/gateway-api.ts";
import type { CompiledCors } from "../cors.ts";
import { type CompiledHeaders, compileHeaders } from "../headers.ts";
import type { PathRewrite } from "../rewrite.ts";
import type { Facts, HeaderOperations } from "../types.ts";
import { compilePathModifier } from "./path.ts";

/** The filters of a rule or backend that change a request on its way (MESH-364). */
export interface Edits {
  readonly request: HeaderOperations | null;
  readonly response: HeaderOperations | null;
  readonly authority: string | null;
  readonly rewritePath: PathRewrite | null;
}

export function compileEdits(filters: readonly HttpRouteFilter[] = [], matchedPrefix: string): Edits {
  const request = headersOf(filters.find(({ type }) => type === "RequestHeaderModifier")?.requestHeaderModifier);
  const response = headersOf(filters.find(({ type }) => type === "ResponseHeaderModifier")?.responseHeaderModifier);
  const rewrite = filters.find(({ type }) => type === "URLRewrite")?.urlRewrite;
  return {
    request: request.operations,
    response: response.operations,
    authority: rewrite?.hostname ?? request.authority,
    rewritePath: compilePathModifier(rewrite?.path, matchedPrefix),
  };
}

function headersOf(modifier: HeaderModifier | undefined): CompiledHeaders {
  const record = (list: HeaderModifier["set"] = []) =>
    // In Istio's notation, which compileHeaders reads, a percent sign is written twice.
    Object.fromEntries(list.map(({ name = "", value = "" }) => [name, value.replaceAll("%", "%%")]));
  if (!modifier) return compileHeaders(undefined);
  return compileHeaders({
    set: record(modifier.set),
    add: record(modifier.add),
    ...(modifier.remove ? { remove: modifier.remove } : {}),
  });
}

/** In [0, 1]. Without percent and fraction every request is copied. */
export function mirrorShare({ percent, fraction }: RequestMirrorFilter): number {
  if (fraction) return Math.min(1, (fraction.numerator ?? 0) / (fraction.denominator ?? 100));
  return percent === undefined ? 1 : percent / 100;
}

export const REDIRECT_STATUS_DEFAULT = 302;
const WELL_KNOWN_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** The `location` of a redirect: what the filter does not name comes from the request. */
export function compileRedirect(
  { scheme, hostname, port, path }: RequestRedirectFilter,
  { listenerPort, matchedPrefix }: { listenerPort: number; matchedPrefix: string },
): (facts: Facts) => string {
  const changePath = compilePathModifier(path, matchedPrefix);
  return (facts) => {
    const to = scheme ?? facts.scheme;
    // MESH-366.
    const toPort = port ?? (scheme ? WELL_KNOWN_PORTS[scheme] : listenerPort);
    const suffix = toPort === undefined || toPort === WELL_KNOWN_PORTS[to] ? "" : `:${toPort}`;
    const host = hostname ?? withoutPort(facts.authority);
    return `${to}://${host}${suffix}${changePath === null ? facts.path : changePath(facts.path)}`;
  };
}

function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon > authority.lastIndexOf("]") ? authority.slice(0, colon) : authority;
}

/** How long a browser may keep the answer to a preflight when the filter says nothing. */
const MAX_AGE_DEFAULT_SECONDS = 5;

/** Null: no CORS filter. A preflight of another origin is answered without headers, so that the browser refuses it. */
export function compileCorsFilter(filter: CorsFilter | undefined): CompiledCors | null {
  if (!filter) return null;
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [], maxAge } = filter;
  return {
    origins: allowOrigins.map((origin) => (origin === "*" ? null : originTest(origin.toLowerCase()))),
    allowMethods: allowMethods.join(", "),
    echoesMethod: allowMethods.includes("*"),
    // `*` is answered with the headers that the preflight asks for.
    allowHeaders: allowHeaders.join(", "),
    exposeHeaders: exposeHeaders.join(", "),
    maxAge: String(maxAge ?? MAX_AGE_DEFAULT_SECONDS),
    allowCredentials: filter.allowCredentials === true,
    ignoresUnmatched: true,
  };
}

/** `https://*.shop.test`: the star stands for one or more labels. */
function originTest(wanted: string): (origin: string) => boolean {
  const star = wanted.indexOf("*");
  if (star < 0) return (origin) => origin.toLowerCase() === wanted;
  const before = wanted.slice(0, star);
  const after = wanted.slice(star + 1);
  return (origin) => {
    const text = origin.toLowerCase();
    return text.length > before.length + after.length && text.startsWith(before) && text.endsWith(after);
  };
}
