import type {
  HttpBackendRef,
  HttpRoute,
  HttpRouteFilter,
  HttpRouteMatch,
  HttpRouteRule,
  NamedMatch,
  RequestMirrorFilter,
} from "../../api/gateway-api.ts";
import { parseDurationMs } from "../../base/duration.ts";
import { compileRegex, REGEX_LENGTH_MAX } from "../regex.ts";
import type { GatewayApiObjects } from "./objects.ts";
import { type BackendVerdict, judgeBackend, type UnresolvedReason } from "./references.ts";

/** Whether a rule of an HTTPRoute can be served, and which of its backends (MESH-363, MESH-364). */
export interface RuleVerdict {
  readonly rule: HttpRouteRule;
  /** Requests that the rule matches are answered 500: leaving a filter out could do harm. */
  readonly problems: readonly RuleProblem[];
  readonly backends: readonly BackendUse[];
  readonly mirrors: readonly MirrorUse[];
}

export interface RuleProblem {
  readonly reason: "UnsupportedValue" | "IncompatibleFilters";
  readonly message: string;
  /** The one match that is wrong and cannot be asked; absent: the problem is not of a match. */
  readonly matchIndex?: number;
}

export interface BackendUse {
  readonly ref: HttpBackendRef;
  readonly weight: number;
  readonly verdict: BackendVerdict;
  /** Its share of the requests is answered 500. */
  readonly problems: readonly RuleProblem[];
}

export interface MirrorUse {
  readonly filter: RequestMirrorFilter;
  readonly verdict: BackendVerdict;
}

const RULE_FILTERS: ReadonlySet<string> = new Set([
  "RequestHeaderModifier",
  "ResponseHeaderModifier",
  "RequestMirror",
  "RequestRedirect",
  "URLRewrite",
  "CORS",
]);
const BACKEND_FILTERS: ReadonlySet<string> = new Set(["RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite"]);

export function judgeRules(route: HttpRoute, objects: GatewayApiObjects): readonly RuleVerdict[] {
  return (route.spec?.rules ?? [{}]).map((rule, index) => {
    const at = (path: string) => `rules[${index}]${path}`;
    return {
      rule,
      problems: [
        ...filterProblems(rule.filters, at(".filters"), { supported: RULE_FILTERS, rule }),
        ...(rule.matches ?? []).flatMap((match, matchIndex) =>
          matchProblems(match, at(`.matches[${matchIndex}]`)).map((problem) => ({ ...problem, matchIndex })),
        ),
        ...durationProblems(rule, at("")),
      ],
      backends: (rule.backendRefs ?? []).map((ref, refIndex) => ({
        ref,
        weight: ref.weight ?? 1,
        verdict: judgeBackend(ref, route, objects),
        problems: filterProblems(ref.filters, at(`.backendRefs[${refIndex}].filters`), {
          supported: BACKEND_FILTERS,
          rule,
        }),
      })),
      mirrors: (rule.filters ?? []).flatMap(({ type, requestMirror }) =>
        type === "RequestMirror" && requestMirror
          ? [{ filter: requestMirror, verdict: judgeBackend(requestMirror.backendRef ?? {}, route, objects) }]
          : [],
      ),
    };
  });
}

export interface UnresolvedReference {
  readonly reason: UnresolvedReason;
  readonly message: string;
}

/** Every reference of a rule that leads nowhere. */
export function unresolvedOf({ backends, mirrors }: RuleVerdict): readonly UnresolvedReference[] {
  return [...backends, ...mirrors].flatMap(({ verdict }) => (verdict.kind === "unresolved" ? [verdict] : []));
}

/** What stands in the way of the rule as a whole or of one of its backends. */
export function problemsOf({ problems, backends }: RuleVerdict): readonly RuleProblem[] {
  return [...problems, ...backends.flatMap((backend) => backend.problems)];
}

function unsupported(message: string): RuleProblem {
  return { reason: "UnsupportedValue", message };
}

function filterProblems(
  filters: readonly HttpRouteFilter[] = [],
  at: string,
  { supported, rule }: { supported: ReadonlySet<string>; rule: HttpRouteRule },
): readonly RuleProblem[] {
  const types = new Set(filters.map(({ type }) => type));
  const problems = filters.flatMap((filter, index) => {
    const { type = "" } = filter;
    if (!supported.has(type)) return [unsupported(`${at}[${index}]: filter ${nameOf(filter)} is not supported`)];
    const modifier = filter.urlRewrite?.path ?? filter.requestRedirect?.path;
    if (modifier?.type !== "ReplacePrefixMatch" || isPrefixRule(rule)) return [];
    return [unsupported(`${at}[${index}]: ReplacePrefixMatch needs matches of type PathPrefix only`)];
  });
  if (!types.has("RequestRedirect") || !types.has("URLRewrite")) return problems;
  const message = `${at}: RequestRedirect and URLRewrite exclude each other`;
  return [...problems, { reason: "IncompatibleFilters", message }];
}

function nameOf({ type = "", extensionRef }: HttpRouteFilter): string {
  return extensionRef ? `${type} ${extensionRef.kind}.${extensionRef.group}` : type;
}

function isPrefixRule({ matches = [] }: HttpRouteRule): boolean {
  return matches.every(({ path }) => (path?.type ?? "PathPrefix") === "PathPrefix");
}

const PATH_TYPES: ReadonlySet<string> = new Set(["Exact", "PathPrefix", "RegularExpression"]);
const VALUE_TYPES: ReadonlySet<string> = new Set(["Exact", "RegularExpression"]);

function matchProblems({ path, headers = [], queryParams = [] }: HttpRouteMatch, at: string): readonly RuleProblem[] {
  const { type = "PathPrefix", value = "/" } = path ?? {};
  const values = (list: readonly NamedMatch[], field: string) =>
    list.flatMap((match, index) =>
      valueProblems(match.type ?? "Exact", match.value ?? "", { at: `${at}.${field}[${index}]`, known: VALUE_TYPES }),
    );
  return [
    ...valueProblems(type, value, { at: `${at}.path`, known: PATH_TYPES }),
    ...values(headers, "headers"),
    ...values(queryParams, "queryParams"),
  ];
}

function valueProblems(
  type: string,
  value: string,
  { at, known }: { at: string; known: ReadonlySet<string> },
): readonly RuleProblem[] {
  if (!known.has(type)) return [unsupported(`${at}: type ${type} is not supported`)];
  if (type !== "RegularExpression") return [];
  if (value.length > REGEX_LENGTH_MAX) {
    return [unsupported(`${at}: the expression is longer than ${REGEX_LENGTH_MAX} characters`)];
  }
  const compiled = compileRegex(value);
  return "error" in compiled
    ? [unsupported(`${at}: invalid expression ${JSON.stringify(value)}: ${compiled.error}`)]
    : [];
}

function durationProblems({ timeouts, retry }: HttpRouteRule, at: string): readonly RuleProblem[] {
  const fields = {
    "timeouts.request": timeouts?.request,
    "timeouts.backendRequest": timeouts?.backendRequest,
    "retry.backoff": retry?.backoff,
  };
  return Object.entries(fields).flatMap(([field, value]) =>
    value === undefined || parseDurationMs(value) !== null
      ? []
      : [unsupported(`${at}.${field}: ${JSON.stringify(value)} is not a duration such as 500ms`)],
  );
}
