import type { CorsPolicySpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";
import { compileText } from "./match.ts";
import type { Facts, HeaderOperations } from "./types.ts";

/** Cross-origin requests of browsers (MESH-160…162). */
export interface CompiledCors {
  /** Null entries allow every origin. */
  readonly origins: readonly (((origin: string) => boolean) | null)[];
  /** "" for headers that the policy leaves out. */
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  /** What a preflight of another origin gets: false passes it on, true answers it without headers. */
  readonly ignoresUnmatched: boolean;
  /** A preflight is told the method that it asked for, where `*` would stand for nothing. */
  readonly echoesMethod?: boolean;
  /** Of the answer to a preflight; absent: 200, as Envoy gives. */
  readonly preflightStatus?: number;
}

export function compileCors(spec: CorsPolicySpec | undefined): CompiledCors | null {
  if (!spec) return null;
  const origins = [...(spec.allowOrigins ?? []), ...(spec.allowOrigin ?? []).map((exact) => ({ exact }))];
  const maxAgeMs = spec.maxAge ? parseDurationMs(spec.maxAge) : null;
  return {
    origins: origins.map((match) => (match.exact === "*" ? null : compileText(match))),
    allowMethods: (spec.allowMethods ?? []).join(","),
    allowHeaders: (spec.allowHeaders ?? []).join(","),
    exposeHeaders: (spec.exposeHeaders ?? []).join(","),
    maxAge: maxAgeMs === null ? "" : String(Math.floor(maxAgeMs / 1000)),
    allowCredentials: spec.allowCredentials === true,
    ignoresUnmatched: spec.unmatchedPreflights === "IGNORE",
  };
}

export interface CrossOrigin {
  /** The preflight is answered here and never forwarded. */
  readonly isAnswered: boolean;
  /** For the answer, whoever gives it; null: nothing to add. */
  readonly response: HeaderOperations | null;
}

const NOTHING: CrossOrigin = { isAnswered: false, response: null };

export function crossOrigin(cors: CompiledCors, facts: Facts): CrossOrigin {
  const origin = facts.header("origin");
  if (origin === null || origin === "") return NOTHING;
  const isPreflight = facts.method === "OPTIONS" && facts.header("access-control-request-method") !== null;
  if (!cors.origins.some((test) => test === null || test(origin))) {
    return isPreflight && cors.ignoresUnmatched ? { isAnswered: true, response: null } : NOTHING;
  }
  const credentials = cors.allowCredentials ? "true" : "";
  const echoedMethod = facts.header("access-control-request-method") ?? "";
  const echoedHeaders = facts.header("access-control-request-headers") ?? "";
  const fields = isPreflight
    ? [
        ["access-control-allow-methods", cors.echoesMethod ? echoedMethod : cors.allowMethods],
        ["access-control-allow-headers", cors.allowHeaders === "*" ? echoedHeaders : cors.allowHeaders],
        ["access-control-max-age", cors.maxAge],
      ]
    : [["access-control-expose-headers", cors.exposeHeaders]];
  const set = [["access-control-allow-origin", origin], ["access-control-allow-credentials", credentials], ...fields];
  const present = set.filter((field): field is [string, string] => field[1] !== "");
  return { isAnswered: isPreflight, response: { remove: [], set: present, add: [] } };
}
