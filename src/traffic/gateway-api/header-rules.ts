import type { HttpRouteMatch, HttpRouteRule, NamedMatch } from "../../api/gateway-api.ts";
import type { ServiceParties } from "../parties.ts";
import type { HeaderRoute } from "../router.ts";
import { carriesSplit } from "./backends.ts";

/** Rules that send requests with a header to the canary, one for each rule that carries the split (ARC-406). */

/** `name`, `name-1`, `name-2`, …: rules of one route must have different names. */
export function isManagedName(rule: string | undefined, names: ReadonlySet<string>): boolean {
  if (rule === undefined) return false;
  return names.has(rule) || names.has(rule.replace(/-\d+$/, ""));
}

export function headerRules(
  routes: readonly HeaderRoute[],
  rules: readonly HttpRouteRule[],
  { parties, isGrpc }: { readonly parties: ServiceParties; readonly isGrpc: boolean },
): HttpRouteRule[] {
  const sources = rules.filter(({ backendRefs }) => carriesSplit(backendRefs, parties));
  return routes.flatMap(({ name, match }) =>
    sources.map((source, index) => ({
      // Timeouts, filters and what else the source says hold for its requests with the header as well.
      ...source,
      name: index === 0 ? name : `${name}-${index}`,
      matches: matchesOf(source, uniqueByName(match.map(headerMatch)), isGrpc),
      backendRefs: [canaryOnly(source, parties)],
    })),
  );
}

/** Members that the server would default are spelt out, so that what is stored equals what is wanted. */
function canaryOnly({ backendRefs = [] }: HttpRouteRule, { canary }: ServiceParties) {
  const { port, namespace } = backendRefs.find(({ name }) => name === canary) ?? {};
  return {
    group: "",
    kind: "Service",
    name: canary,
    ...(namespace === undefined ? {} : { namespace }),
    ...(port === undefined ? {} : { port }),
    weight: 1,
  };
}

function matchesOf({ matches = [] }: HttpRouteRule, headers: readonly NamedMatch[], isGrpc: boolean): HttpRouteMatch[] {
  const everything: HttpRouteMatch = isGrpc ? {} : { path: { type: "PathPrefix", value: "/" } };
  const sources = matches.length === 0 ? [everything] : matches;
  const names = new Set(headers.map(({ name }) => name?.toLowerCase()));
  return sources.map((match) => {
    // A header may stand in a match once only: the one that leads to the canary counts.
    const others = (match.headers ?? []).filter(({ name }) => !names.has(name?.toLowerCase()));
    return { ...match, headers: [...others, ...headers] };
  });
}

function headerMatch({ headerName, headerValue }: HeaderRoute["match"][number]): NamedMatch {
  const { exact, prefix, regex } = headerValue;
  if (exact) return { type: "Exact", name: headerName, value: exact };
  return { type: "RegularExpression", name: headerName, value: prefix ? `${prefix}.*` : (regex ?? "") };
}

function uniqueByName(headers: readonly NamedMatch[]): readonly NamedMatch[] {
  return [...new Map(headers.map((header) => [header.name?.toLowerCase(), header])).values()];
}
