import type { HttpRoute, HttpRouteRule } from "../../api/gateway-api.ts";
import { parseDurationMs } from "../../base/duration.ts";
import { compileRetry, defaultRetry } from "../retry.ts";
import type { RetryPolicy, RouteReference } from "../types.ts";
import type { Action, CompiledRoute, DestinationTarget, Forward, RouteDestination } from "../virtual-service.ts";
import { compileWeights } from "../weights.ts";
import {
  compileCorsFilter,
  compileEdits,
  compileRedirect,
  type Edits,
  mirrorShare,
  REDIRECT_STATUS_DEFAULT,
} from "./filters.ts";
import { compileRouteMatch } from "./match.ts";
import type { RankedRoute } from "./precedence.ts";
import type { BackendUse, RuleVerdict } from "./rules.ts";

const DEFAULT_MATCHES = [{}];
/** What a request gets whose rule or backend is not valid (MESH-363). */
const FAILURE_STATUS = 500;

/** One entry per match of every rule, in order, for listeners on one port. */
export function compileHttpRoute(
  object: HttpRoute,
  verdicts: readonly RuleVerdict[],
  listenerPort: number,
): readonly RankedRoute[] {
  return verdicts.flatMap((verdict, ruleIndex) => {
    const specs = verdict.rule.matches?.length ? verdict.rule.matches : DEFAULT_MATCHES;
    return specs.flatMap((spec, matchIndex): RankedRoute[] => {
      // A match with a wrong expression cannot be asked; the rule's other matches still answer with its failure.
      if (verdict.problems.some((problem) => problem.matchIndex === matchIndex)) return [];
      const match = compileRouteMatch(spec);
      const reference = referenceOf(object, { verdict, ruleIndex, matchIndex });
      const parts = { verdict, prefix: match.prefix, listenerPort };
      return [
        { route: { ...compileRule(parts), reference, match, gateways: [], laneGroup: "", fault: null }, object, spec },
      ];
    });
  });
}

function referenceOf(
  { metadata: { namespace = "", name } }: HttpRoute,
  { verdict, ruleIndex, matchIndex }: { verdict: RuleVerdict; ruleIndex: number; matchIndex: number },
): RouteReference {
  const match = verdict.rule.matches?.length ? `.matches[${matchIndex}]` : "";
  return {
    virtualService: null,
    object: { kind: "HTTPRoute", namespace, name, path: `spec.rules[${ruleIndex}]${match}` },
    httpIndex: ruleIndex,
    matchIndex: verdict.rule.matches?.length ? matchIndex : null,
    // Istio's name for such a route.
    name: verdict.rule.name ?? `${namespace}.${name}.${ruleIndex}`,
  };
}

interface RuleParts {
  readonly verdict: RuleVerdict;
  readonly prefix: string;
  readonly listenerPort: number;
}

function compileRule(parts: RuleParts): Pick<CompiledRoute, "action" | "cors" | "responseHeaders"> {
  const { rule, problems } = parts.verdict;
  if (problems.length > 0) return { action: failure, cors: null, responseHeaders: [] };
  const edits = compileEdits(rule.filters, parts.prefix);
  return {
    action: compileAction(parts, edits),
    cors: compileCorsFilter(rule.filters?.find(({ type }) => type === "CORS")?.cors),
    responseHeaders: edits.response === null ? [] : [edits.response],
  };
}

const failure: Action = { kind: "direct", status: FAILURE_STATUS, body: "" };

function compileAction({ verdict, prefix, listenerPort }: RuleParts, edits: Edits): Action {
  const { rule, mirrors } = verdict;
  const redirect = rule.filters?.find(({ type }) => type === "RequestRedirect")?.requestRedirect;
  if (redirect) {
    const location = compileRedirect(redirect, { listenerPort, matchedPrefix: prefix });
    return { kind: "redirect", status: redirect.statusCode ?? REDIRECT_STATUS_DEFAULT, location };
  }
  const backends = verdict.backends.filter(({ weight }) => weight > 0);
  if (backends.length === 0) return failure;
  const choice = compileWeights(
    backends.map((backend) => ({ item: compileBackend(backend, edits, prefix), weight: backend.weight })),
  );
  const forward: Forward = {
    choice,
    mirrors: mirrors.flatMap(({ filter, verdict: backend }) =>
      backend.kind === "service" ? [{ target: targetOf(backend), share: mirrorShare(filter) }] : [],
    ),
    rewritePath: edits.rewritePath,
    timeoutMs: durationMs(rule.timeouts?.request),
    retry: compileRouteRetry(rule),
  };
  return { kind: "forward", forward };
}

function compileBackend({ ref, verdict, problems }: BackendUse, rule: Edits, prefix: string): RouteDestination {
  const isUsable = verdict.kind === "service" && problems.length === 0;
  const own = compileEdits(isUsable ? ref.filters : [], prefix);
  return {
    target: verdict.kind === "service" ? targetOf(verdict) : { host: "", port: null, subset: "", label: "" },
    fallback: null,
    requestHeaders: [rule.request, own.request].filter((operations) => operations !== null),
    responseHeaders: [rule.response, own.response].filter((operations) => operations !== null),
    authority: own.authority ?? rule.authority,
    ...(own.rewritePath ? { rewritePath: own.rewritePath } : {}),
    ...(isUsable ? {} : { failureStatus: FAILURE_STATUS }),
  };
}

function targetOf({ host, port }: { host: string; port: number }): DestinationTarget {
  return { host, port, subset: "", label: "" };
}

/** Null: no limit; so does zero say. */
function durationMs(text: string | undefined): number | null {
  return (text === undefined ? null : parseDurationMs(text)) || null;
}

/** Besides the codes, a rule with `retry` wants failures of the connection and of time retried (MESH-367). */
const RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,reset,per-try-timeout";
const RETRY_ATTEMPTS_DEFAULT = defaultRetry.attempts;

function compileRouteRetry({ retry, timeouts }: HttpRouteRule): RetryPolicy {
  const perTryTimeoutMs = durationMs(timeouts?.backendRequest);
  if (!retry) return { ...defaultRetry, perTryTimeoutMs };
  const policy = compileRetry({
    attempts: retry.attempts ?? RETRY_ATTEMPTS_DEFAULT,
    retryOn: [RETRY_ON, ...(retry.codes ?? [])].join(","),
    ...(retry.backoff ? { backoff: retry.backoff } : {}),
  });
  return { ...policy, perTryTimeoutMs };
}
