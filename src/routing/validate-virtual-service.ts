import type {
  Destination,
  FaultSpec,
  HeadersSpec,
  HttpMatchRequest,
  HttpRedirectSpec,
  HttpRewriteSpec,
  HttpRouteSpec,
  RetriesSpec,
  StringMatch,
  VirtualService,
} from "../api/istio.ts";
import { expandHost, hostMatches } from "./hosts.ts";
import { compileRegex, REGEX_LENGTH_MAX } from "./regex.ts";
import { isStatusCode, RETRY_TOKENS, splitRetryOn } from "./retry.ts";
import { durationProblems, isDnsLabel, isHeaderName, isIpAddress, isWildcardDnsName, quote } from "./validate-text.ts";

/** MESH-440…453. The order is Istio's: hosts, then the rules one by one. */
export function virtualServiceProblems({ metadata, spec }: VirtualService): string[] {
  const { hosts = [], gateways = [], http = [], tcp = [], tls = [] } = spec ?? {};
  const isDelegate = hosts.length === 0 && http.length > 0 && gateways.length === 0;
  const problems: string[] = [];
  if (hosts.length === 0 && !isDelegate) problems.push("virtual service must have at least one host");
  problems.push(...hostProblems(hosts, { gateways, namespace: metadata.namespace ?? "" }));
  if (http.length + tcp.length + tls.length === 0)
    problems.push("http, tcp or tls must be provided in virtual service");
  problems.push(...http.flatMap((rule) => ruleProblems(rule)));
  return problems;
}

function hostProblems(
  hosts: readonly string[],
  { gateways, namespace }: { gateways: readonly string[]; namespace: string },
): string[] {
  const problems: string[] = [];
  const isInMesh = gateways.length === 0 || gateways.includes("mesh");
  for (const host of hosts) {
    if (!isWildcardDnsName(host) && !isIpAddress(host)) problems.push(`invalid host ${quote(host)}`);
    if (host === "*" && isInMesh) {
      problems.push("wildcard host * is not allowed for virtual services bound to the mesh gateway");
    }
  }
  hosts.forEach((left, index) => {
    for (const right of hosts.slice(index + 1)) {
      const [first, second] = [expandHost(left, namespace), expandHost(right, namespace)];
      if (hostMatches(first, second) || hostMatches(second, first)) {
        problems.push(`duplicate hosts in virtual service: ${left} & ${right}`);
      }
    }
  });
  return problems;
}

function ruleProblems(rule: HttpRouteSpec): string[] {
  return [
    ...actionProblems(rule),
    ...(rule.match ?? []).flatMap(matchProblems),
    ...headersProblems(rule.headers),
    ...routeProblems(rule),
    ...(rule.redirect ? redirectProblems(rule.redirect, rule) : []),
    ...(rule.rewrite ? rewriteProblems(rule.rewrite) : []),
    ...(rule.fault ? faultProblems(rule.fault) : []),
    ...(rule.retries ? retriesProblems(rule.retries) : []),
    ...mirrorProblems(rule),
    ...directResponseProblems(rule),
    ...durationProblems(rule.timeout),
  ];
}

/** MESH-443, MESH-445: what may not stand together. */
const CONFLICTS: readonly (readonly [keyof HttpRouteSpec, keyof HttpRouteSpec, message: string])[] = [
  ["route", "redirect", "HTTP route cannot contain both route and redirect"],
  ["fault", "redirect", "HTTP route cannot contain both fault and redirect"],
  ["rewrite", "redirect", "HTTP route rule cannot contain both rewrite and redirect"],
  ["directResponse", "redirect", "HTTP route rule cannot contain both direct_response and redirect"],
  ["route", "directResponse", "HTTP route cannot contain both route and direct_response"],
  ["fault", "directResponse", "HTTP route cannot contain both fault and direct_response"],
  ["rewrite", "directResponse", "HTTP route rule cannot contain both rewrite and direct_response"],
  ["mirror", "mirrors", "HTTP route cannot contain both mirror and mirrors"],
];

function actionProblems(rule: HttpRouteSpec): string[] {
  if (rule.delegate) return delegateProblems(rule);
  const problems = CONFLICTS.filter(([left, right]) => isSet(rule[left]) && isSet(rule[right])).map(
    ([, , text]) => text,
  );
  if (!isSet(rule.route) && !rule.redirect && !rule.directResponse) {
    problems.push("HTTP route, redirect or direct_response is required");
  }
  return problems;
}

function delegateProblems(rule: HttpRouteSpec): string[] {
  const problems: string[] = [];
  if (isSet(rule.route)) problems.push(`root HTTP route ${rule.name ?? ""} must not specify route`);
  if (rule.redirect) problems.push(`root HTTP route ${rule.name ?? ""} must not specify redirect`);
  return problems;
}

function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}

function matchProblems(match: HttpMatchRequest): string[] {
  const problems: string[] = [];
  if (match.uri?.regex !== undefined) problems.push(...regexProblems(match.uri.regex, "uri"));
  for (const field of ["scheme", "method", "authority"] as const) problems.push(...textProblems(match[field], field));
  for (const [name, value] of Object.entries(match.headers ?? {})) {
    if (value === null) problems.push(`header match ${name} cannot be null`);
    problems.push(...headerNameProblems(name), ...textProblems(value ?? undefined, "headers"));
  }
  for (const [name, value] of Object.entries(match.withoutHeaders ?? {})) {
    problems.push(...headerNameProblems(name), ...textProblems(value ?? undefined, "withoutHeaders"));
  }
  for (const value of Object.values(match.queryParams ?? {})) problems.push(...textProblems(value, "queryParams"));
  const { sourceNamespace = "" } = match;
  if (sourceNamespace !== "" && !isDnsLabel(sourceNamespace)) {
    problems.push(`sourceNamespace match ${sourceNamespace} is invalid`);
  }
  return problems;
}

/** MESH-446. An empty prefix is fine for the uri alone, which is not checked here. */
function textProblems(match: StringMatch | undefined, field: string): string[] {
  if (match?.prefix === "") return [`${quote(field)}: prefix string match should not be empty`];
  return match?.regex === undefined || match.regex === "*" ? [] : regexProblems(match.regex, field);
}

function regexProblems(regex: string, field: string): string[] {
  if (regex === "") return [`${quote(field)}: regex string match should not be empty`];
  if (Buffer.byteLength(regex) > REGEX_LENGTH_MAX) {
    return [`${quote(field)}: regex is too large, max length allowed is ${REGEX_LENGTH_MAX}`];
  }
  const compiled = compileRegex(regex);
  if (!("error" in compiled)) return [];
  const hint = "Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)";
  return [`${quote(field)}: ${compiled.error}; ${hint}`];
}

function headerNameProblems(name: string): string[] {
  if (name === "") return ["header name cannot be empty"];
  if (name.startsWith(":")) return [`invalid header ${quote(name)}: header cannot have ":" prefix`];
  if (name.toLowerCase() === "host") return [`invalid header ${quote(name)}: cannot set Host header`];
  return isHeaderName(name) ? [] : [`header name ${name} is not a valid header name`];
}

/** MESH-448: requests may set the authority, once; nobody may remove it or set it on a response. */
function headersProblems(headers: HeadersSpec | undefined): string[] {
  const problems: string[] = [];
  let authority: string | null = null;
  for (const [name, value] of [...entries(headers?.request?.set), ...entries(headers?.request?.add)]) {
    if (name.toLowerCase() !== "host" && name !== ":authority") {
      problems.push(...headerNameProblems(name));
    } else if (authority !== null) {
      const [first, second] = [quote(authority), quote(value)];
      problems.push(`authority header cannot be set multiple times: have ${first}, attempting to set ${second}`);
    } else {
      authority = value;
    }
  }
  const response = headers?.response;
  const others = [...(headers?.request?.remove ?? []), ...(response?.remove ?? [])];
  for (const [name] of [...entries(response?.set), ...entries(response?.add)]) others.push(name);
  return [...problems, ...others.flatMap(headerNameProblems)];
}

function entries(values: Record<string, string> | undefined): [string, string][] {
  return Object.entries(values ?? {});
}

/** The largest sum of weights that Envoy takes (MESH-096). */
const WEIGHT_SUM_MAX = 2 ** 32 - 1;

function routeProblems({ route = [] }: HttpRouteSpec): string[] {
  const problems: string[] = [];
  let total = 0;
  for (const { destination, weight = 0, headers, fallback } of route) {
    problems.push(...(destination ? destinationProblems(destination) : ["destination is required"]));
    if (weight < 0) problems.push(`weight ${weight} < 0`);
    problems.push(...headersProblems(headers));
    const targets = [fallback?.target, ...(fallback?.targets ?? []).map((target) => target.destination)];
    for (const target of targets) if (target) problems.push(...destinationProblems(target));
    total += weight;
  }
  if (route.length > 1 && total === 0) problems.push("total destination weight = 0");
  if (total > WEIGHT_SUM_MAX) problems.push(`total destination weight = ${total} > ${WEIGHT_SUM_MAX}`);
  return problems;
}

/** MESH-447. A name that starts with `$` is a traffic label of Alibaba's mesh (LANE-285). */
function destinationProblems({ host = "", subset, port }: Destination): string[] {
  const problems: string[] = [];
  if (host === "*" || host.startsWith("*") || (!isWildcardDnsName(host) && !isIpAddress(host))) {
    problems.push(`invalid destination host ${host}`);
  }
  if (subset !== undefined && subset !== "" && !isDnsLabel(subset.startsWith("$") ? subset.slice(1) : subset)) {
    problems.push(`subset name is invalid: ${subset}`);
  }
  const number = port?.number;
  if (number !== undefined && (number < 0 || number > 65_535)) {
    problems.push(`port number ${number} must be in the range 1..65535`);
  }
  return problems;
}

/** MESH-450. */
function redirectProblems(redirect: HttpRedirectSpec, { match = [] }: HttpRouteSpec): string[] {
  const { uri, prefixRewrite, authority, scheme, port, derivePort, redirectCode } = redirect;
  const problems: string[] = [];
  if (!uri && !prefixRewrite && !authority && !scheme && !port && !derivePort) {
    problems.push("redirect must specify URI, authority, scheme, or port");
  }
  if (uri && prefixRewrite) problems.push("redirect may only specify one of uri or prefix_rewrite");
  if (prefixRewrite && (match.length === 0 || match.some((entry) => entry.uri?.prefix === undefined))) {
    problems.push("redirect prefix_rewrite requires all URI matches to use prefix match type");
  }
  if (redirectCode && (redirectCode < 300 || redirectCode > 399)) {
    problems.push(`${redirectCode} is not a valid redirect code, must be 3xx`);
  }
  if (scheme && scheme !== "http" && scheme !== "https") {
    problems.push('invalid redirect scheme, must be "http" or "https"');
  }
  return problems;
}

function rewriteProblems({ uri, authority, uriRegexRewrite }: HttpRewriteSpec): string[] {
  const problems: string[] = [];
  if (uri && uriRegexRewrite) problems.push("rewrite may only contain one of URI or UriRegexRewrite");
  if (!uri && !uriRegexRewrite && !authority) {
    problems.push(
      "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of URI or UriRegexRewrite may be specified",
    );
  }
  if (uriRegexRewrite) {
    if (!uriRegexRewrite.match || !uriRegexRewrite.rewrite) {
      problems.push("UriRegexRewrite requires both Rewrite and Match fields to be specified");
    } else {
      problems.push(...regexProblems(uriRegexRewrite.match, "uriRegexRewrite"));
    }
  }
  return problems;
}

/** MESH-449. Istio lets 600 slip through, and so do we: the message is about the range it names. */
function faultProblems({ delay, abort }: FaultSpec): string[] {
  if (!delay && !abort) return ["HTTP fault injection must have an abort and/or a delay"];
  const problems: string[] = [];
  const status = abort?.httpStatus;
  if (status !== undefined && (status < 200 || status > 600)) {
    problems.push(`HTTP status ${status} is not in range 200-599`);
  }
  for (const value of [delay?.percentage?.value, abort?.percentage?.value]) {
    if (value !== undefined && value !== 0 && (value < 0.0001 || value > 100)) {
      problems.push(`percentage ${value} is neither 0.0, nor in range [0.0001, 100.0]`);
    }
  }
  return [...problems, ...durationProblems(delay?.fixedDelay)];
}

/** MESH-451. */
function retriesProblems({ attempts = 0, retryOn = "", perTryTimeout, backoff }: RetriesSpec): string[] {
  if (attempts < 0) return ["attempts cannot be negative"];
  if (attempts === 0 && (perTryTimeout || retryOn)) {
    return ["http retry policy configured when attempts are set to 0 (disabled)"];
  }
  const unknown = splitRetryOn(retryOn).filter((token) => !RETRY_TOKENS.has(token) && !isStatusCode(token));
  return [
    ...unknown.map((token) => `${quote(token)} is not a valid retryOn policy`),
    ...durationProblems(perTryTimeout),
    ...durationProblems(backoff),
  ];
}

/** MESH-452. */
function mirrorProblems({ mirrorPercentage, mirrors = [] }: HttpRouteSpec): string[] {
  const problems: string[] = [];
  const percent = mirrorPercentage?.value ?? 0;
  if (percent > 100) problems.push(`mirror_percentage must have a max value of 100 (it has ${percent.toFixed(6)})`);
  for (const mirror of mirrors) {
    if (mirror === null) problems.push("mirror cannot be null");
    else if (!mirror.destination) problems.push("destination is required for mirrors");
  }
  return problems;
}

function directResponseProblems({ directResponse }: HttpRouteSpec): string[] {
  const status = directResponse?.status;
  if (status === undefined || (status >= 200 && status <= 599)) return [];
  return [`HTTP status ${status} is not in range 200-599`];
}
