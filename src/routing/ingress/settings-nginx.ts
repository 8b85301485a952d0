import type { StringMatch } from "../../api/istio.ts";
import { compileCors } from "../cors.ts";
import { hostOfAuthority } from "../hosts.ts";
import { compileRegex, compileReplacement, compileSearch } from "../regex.ts";
import type { PathRewrite } from "../rewrite.ts";
import type { Facts } from "../types.ts";
import type { NamedCondition } from "./canary.ts";
import type { Location } from "./location.ts";
import type { Redirect, Settings } from "./settings.ts";

/** The annotations of ingress-nginx that this data plane follows (MESH-307, MESH-308). */
export function nginxSettings(location: Location): Settings {
  const { annotations } = location.ingress;
  return {
    redirects: redirectsOf(location, { isTlsEnough: true }),
    rewritePath: rewriteOf(location),
    authority: annotations.word("upstream-vhost") ?? null,
    cors: corsOf(location),
    timeoutMs: null,
    mirrors: [],
  };
}

/** Whether the annotations make every path of the host an expression. */
export function asksForRegex({ ingress: { annotations }, path }: Location): boolean {
  const target = annotations.word("rewrite-target");
  return annotations.isTrue("use-regex") || (!!target && target !== (path?.text ?? "/"));
}

const isPlain: NamedCondition = { holds: ({ scheme }) => scheme === "http", text: 'scheme exact "http"' };
const isRoot: NamedCondition = { holds: (_facts, path) => path === "/", text: 'path Exact "/"' };

const HTTPS_REDIRECT_CODE = 308; // MESH-307

/** `isTlsEnough`: an Ingress with TLS for the host redirects to it unless told otherwise. */
export function redirectsOf(location: Location, { isTlsEnough }: { isTlsEnough: boolean }): readonly Redirect[] {
  const { annotations } = location.ingress;
  const redirects: Redirect[] = [];
  const isForced = annotations.isTrue("force-ssl-redirect");
  const isRedirected = isTlsEnough ? !annotations.isFalse("ssl-redirect") : annotations.isTrue("ssl-redirect");
  if (isForced || (isRedirected && hasTls(location))) {
    redirects.push({
      name: isForced ? "force-ssl-redirect" : "ssl-redirect",
      conditions: [isPlain],
      status: HTTPS_REDIRECT_CODE,
      // The port of plain HTTP says nothing on the other side.
      location: ({ authority, path }) => `https://${hostOfAuthority(authority)}${path}`,
    });
  }
  const appRoot = annotations.word("app-root");
  if (appRoot?.startsWith("/")) {
    const to = (facts: Facts) => `${facts.scheme}://${facts.authority}${appRoot}`;
    redirects.push({ name: "app-root", conditions: [isRoot], status: 302, location: to });
  }
  for (const [name, codeDefault] of [
    ["temporal-redirect", 302],
    ["permanent-redirect", 301],
  ] as const) {
    const url = annotations.word(name);
    if (!url) continue;
    const code = annotations.count(`${name}-code`);
    const status = code !== undefined && code >= 300 && code <= 308 ? code : codeDefault;
    redirects.push({ name, conditions: [], status, location: () => url });
  }
  return redirects;
}

function hasTls({ ingress: { object }, host }: Location): boolean {
  return (object.spec?.tls ?? []).some((tls) => tls?.hosts?.some((name) => name.toLowerCase() === host));
}

function rewriteOf({ ingress: { annotations }, path }: Location): PathRewrite | null {
  const target = annotations.word("rewrite-target");
  const pattern = path?.text ?? "/";
  return !target || target === pattern ? null : regexReplacement(pattern, target);
}

/** A path that matches becomes the target as a whole; `$1` stands for a group. Null: `pattern` is no expression. */
export function regexReplacement(pattern: string, target: string): PathRewrite | null {
  const whole = `(?is)^.*?(?:${pattern}).*$`;
  if ("error" in compileSearch(whole)) return null; // Reported where the path itself is compiled.
  const replace = compileReplacement(whole, target.replaceAll("\\", "\\\\").replaceAll(/\$(\d)/g, "\\$1"));
  return (pathWithQuery) => {
    const question = pathWithQuery.indexOf("?");
    if (question < 0) return replace(pathWithQuery);
    const rewritten = replace(pathWithQuery.slice(0, question));
    const query = pathWithQuery.slice(question + 1);
    return rewritten.includes("?") ? `${rewritten}&${query}` : `${rewritten}?${query}`;
  };
}

/** ingress-nginx's defaults for what `enable-cors` leaves open. */
const CORS_DEFAULTS = {
  origin: "*",
  methods: "GET, PUT, POST, DELETE, PATCH, OPTIONS",
  headers:
    "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization",
  maxAgeSeconds: 1_728_000,
};
const PREFLIGHT_STATUS = 204;

export function corsOf({ ingress: { annotations } }: Location): Settings["cors"] {
  if (!annotations.isTrue("enable-cors")) return null;
  const origins = (annotations.line("cors-allow-origin") ?? CORS_DEFAULTS.origin).split(",").map((part) => part.trim());
  const cors = compileCors({
    allowOrigins: origins.map(originMatch).filter((match) => match !== null),
    allowMethods: [annotations.line("cors-allow-methods") ?? CORS_DEFAULTS.methods],
    allowHeaders: [annotations.line("cors-allow-headers") ?? CORS_DEFAULTS.headers],
    exposeHeaders: [annotations.line("cors-expose-headers") ?? []].flat(),
    maxAge: `${annotations.count("cors-max-age") ?? CORS_DEFAULTS.maxAgeSeconds}s`,
    allowCredentials: !annotations.isFalse("cors-allow-credentials"),
    unmatchedPreflights: "IGNORE",
  });
  return cors && { ...cors, preflightStatus: PREFLIGHT_STATUS };
}

/** `https://*.a.test` allows every name below a.test. Null: too long for an expression. */
function originMatch(origin: string): StringMatch | null {
  if (origin === "*" || !origin.includes("*")) return { exact: origin };
  const quoted = origin.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const regex = quoted.join("[A-Za-z0-9.-]+");
  return "error" in compileRegex(regex) ? null : { regex };
}
