import type { HttpMatchRequest, StringMatch } from "../api/istio.ts";
import { compileRegex, type Regex } from "./regex.ts";
import type { Facts, Source } from "./types.ts";

/** One entry of a rule's `match` list, ready to be asked (MESH-070…083). All conditions must hold. */
export interface CompiledMatch {
  readonly name: string;
  /** How the path was matched: rewrites depend on it (MESH-120). */
  readonly pathKind: "prefix" | "exact" | "regex" | "any";
  /** The matched prefix; "" unless `pathKind` is prefix. */
  readonly prefix: string;
  /** Matches everything that reaches the virtual host: it sinks to the end, and ends a VirtualService (MESH-046). */
  readonly isCatchAll: boolean;
  readonly conditions: readonly Condition[];
  /** Each condition in the object's words, of the same index: for explain. */
  readonly conditionTexts: readonly string[];
  /** Conditions decided once per proxy and port, not per request (MESH-053). Null: not asked. */
  readonly gateways: readonly string[] | null;
  readonly port: number | null;
  readonly sourceLabels: Readonly<Record<string, string>> | null;
  readonly sourceNamespace: string | null;
}

/** `path` is the path without query, cut once per request. */
export type Condition = (facts: Facts, path: string) => boolean;
type TextTest = (text: string) => boolean;

/** These header keys name pseudo-headers that have fields of their own; Istio ignores them here (MESH-077). */
const IGNORED_HEADER_KEYS = new Set(["uri", "scheme", "method", "authority"]);

/** The match of a rule without a match list (MESH-047). */
export const matchEverything: CompiledMatch = compileMatch({});

export function compileMatch(spec: HttpMatchRequest, resolveGateway = (name: string) => name): CompiledMatch {
  const { uri, ignoreUriCase = false } = spec;
  const conditions: Condition[] = [];
  const conditionTexts: string[] = [];
  const add = (field: string, wanted: StringMatch, condition: Condition) => {
    conditions.push(condition);
    conditionTexts.push(describe(field, wanted));
  };
  const path = compilePath(uri, ignoreUriCase);
  if (path.test !== null) {
    const { test } = path;
    add("uri", uri ?? {}, (_facts, text) => test(text));
  }
  if (spec.method)
    add(
      "method",
      spec.method,
      factCondition(spec.method, ({ method }) => method),
    );
  if (spec.scheme)
    add(
      "scheme",
      spec.scheme,
      factCondition(spec.scheme, ({ scheme }) => scheme),
    );
  if (spec.authority)
    add(
      "authority",
      spec.authority,
      factCondition(spec.authority, ({ authority }) => authority),
    );
  for (const [name, match] of Object.entries(spec.headers ?? {})) {
    if (IGNORED_HEADER_KEYS.has(name)) continue;
    add(`headers[${name}]`, match ?? {}, headerCondition(name, match ?? {}));
  }
  for (const [name, match] of Object.entries(spec.withoutHeaders ?? {})) {
    if (IGNORED_HEADER_KEYS.has(name)) continue;
    add(`withoutHeaders[${name}]`, match ?? {}, withoutHeaderCondition(name, match ?? {}));
  }
  for (const [name, match] of Object.entries(spec.queryParams ?? {})) {
    add(`queryParams[${name}]`, match, queryCondition(name, match));
  }
  const otherConditionCount = conditions.length - (path.test === null ? 0 : 1);
  const isAnyPath =
    path.kind === "any" ||
    (path.kind === "prefix" && (path.prefix === "/" || path.prefix === "")) ||
    uri?.regex === ".*";
  return {
    name: spec.name ?? "",
    pathKind: path.kind,
    prefix: path.prefix,
    isCatchAll: isAnyPath && otherConditionCount === 0,
    conditions,
    conditionTexts,
    gateways: spec.gateways && spec.gateways.length > 0 ? spec.gateways.map(resolveGateway) : null,
    port: spec.port ? spec.port : null,
    sourceLabels: spec.sourceLabels && Object.keys(spec.sourceLabels).length > 0 ? spec.sourceLabels : null,
    sourceNamespace: spec.sourceNamespace ? spec.sourceNamespace : null,
  };
}

/** `headers[x-lane] exact "canary"`. */
export function describe(field: string, match: StringMatch): string {
  const [kind] = Object.entries(match);
  return kind === undefined ? `${field} present` : `${field} ${kind[0]} ${JSON.stringify(kind[1])}`;
}

export function matches(match: CompiledMatch, facts: Facts, path: string): boolean {
  const { conditions } = match;
  for (let index = 0; index < conditions.length; index++) if (!conditions[index]!(facts, path)) return false;
  return true;
}

/**
 * The part of a match that depends on the proxy and the listener alone. `match.gateways` replaces the
 * VirtualService's own list and switches the source conditions off (MESH-053).
 */
export function appliesTo(match: CompiledMatch, gateway: string, port: number, source: Source): boolean {
  if (match.port !== null && match.port !== port) return false;
  if (match.gateways !== null) return match.gateways.includes(gateway);
  if (match.sourceNamespace !== null && match.sourceNamespace !== source.namespace) return false;
  return match.sourceLabels === null || hasLabels(source.labels, match.sourceLabels);
}

export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string | null>>,
): boolean {
  for (const key in wanted) if (labels[key] !== (wanted[key] ?? "")) return false;
  return true;
}

function compilePath(
  uri: StringMatch | undefined,
  ignoreCase: boolean,
): { kind: CompiledMatch["pathKind"]; prefix: string; test: TextTest | null } {
  if (uri?.exact !== undefined) {
    const { exact } = uri;
    if (!ignoreCase) return { kind: "exact", prefix: "", test: (path) => path === exact };
    const lower = exact.toLowerCase();
    return { kind: "exact", prefix: "", test: (path) => path.toLowerCase() === lower };
  }
  if (uri?.prefix !== undefined) {
    const { prefix } = uri;
    if (prefix === "" || prefix === "/") return { kind: "prefix", prefix, test: null };
    if (!ignoreCase) return { kind: "prefix", prefix, test: (path) => path.startsWith(prefix) };
    const lower = prefix.toLowerCase();
    return { kind: "prefix", prefix, test: (path) => path.slice(0, lower.length).toLowerCase() === lower };
  }
  if (uri?.regex !== undefined) {
    const regex = regexOf(uri.regex);
    return { kind: "regex", prefix: "", test: uri.regex === ".*" ? null : (path) => regex.matches(path) };
  }
  return { kind: "any", prefix: "", test: null };
}

/** Null: presence is enough (MESH-075). */
export function compileText(match: StringMatch): TextTest | null {
  const { exact, prefix, regex } = match;
  if (exact !== undefined) return (text) => text === exact;
  if (prefix !== undefined) return (text) => text.startsWith(prefix);
  if (regex === undefined || regex === "*") return null;
  const compiled = regexOf(regex);
  return (text) => compiled.matches(text);
}

function factCondition(match: StringMatch, read: (facts: Facts) => string): Condition {
  const test = compileText(match);
  return test === null ? () => true : (facts) => test(read(facts));
}

export function headerCondition(name: string, match: StringMatch): Condition {
  const key = name.toLowerCase();
  const test = compileText(match);
  if (test === null) return (facts) => facts.header(key) !== null;
  return (facts) => {
    const value = facts.header(key);
    return value !== null && test(value);
  };
}

/** An absent header counts as empty, so that "not equal x" holds without it (MESH-076). */
function withoutHeaderCondition(name: string, match: StringMatch): Condition {
  const key = name.toLowerCase();
  const test = compileText(match);
  if (test === null) return (facts) => facts.header(key) === null;
  return (facts) => !test(facts.header(key) ?? "");
}

/** The first occurrence counts, without decoding; `?k` is the empty value (MESH-078). */
export function queryCondition(name: string, match: StringMatch): Condition {
  const test = compileText(match);
  return (facts) => {
    const value = queryValue(facts.path, name);
    return value !== null && (test === null || test(value));
  };
}

/** The first value of a name in the query, undecoded (MESH-078); "" for a name without one. Null: absent. */
export function queryValue(pathWithQuery: string, name: string): string | null {
  const question = pathWithQuery.indexOf("?");
  if (question < 0) return null;
  for (const pair of pathWithQuery.slice(question + 1).split("&")) {
    const equals = pair.indexOf("=");
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? "" : pair.slice(equals + 1);
  }
  return null;
}

/** Validation has refused what cannot be compiled (MESH-446). */
function regexOf(pattern: string): Regex {
  const compiled = compileRegex(pattern);
  if ("error" in compiled) throw new RangeError(`regex ${JSON.stringify(pattern)}: ${compiled.error}`);
  return compiled;
}
