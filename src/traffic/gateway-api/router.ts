import type { HttpRoute, HttpRouteRule } from "../../api/gateway-api.ts";
import { deepEqual } from "../../base/json.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { ServiceParties } from "../parties.ts";
import { type Decision, type HeaderRoute, joined, NOTHING, type Router, refused, type Wish } from "../router.ts";
import { type BackendSplit, carriesSplit, shareOf, splitBackends } from "./backends.ts";
import { headerRules, isManagedName } from "./header-rules.ts";
import { type RouteWord, routeKinds } from "./kinds.ts";

export interface RouteOfRelease {
  readonly word: RouteWord;
  readonly name: string;
  /** Null: does not exist. The other kinds of routes differ in what their rules match, not in their backends. */
  readonly object: HttpRoute | null;
  /** Routes for headers are added to this one. */
  readonly usesHeaderRoutes: boolean;
}

export interface GatewayApiSettings {
  readonly parties: ServiceParties;
  readonly total: number;
  /** Every name that a managed route of this release may have. */
  readonly managedNames: ReadonlySet<string>;
  readonly formerly: ReadonlySet<string>;
  /** Of the release's Services. */
  readonly namespace: string;
  /** On a route while its canary has a share; null: none. */
  readonly inProgressLabel: { readonly key: string; readonly value: string } | null;
  /** Of temporary Services. */
  portOf(service: string): number;
  /** Why there are no routes to work on; null: there are. */
  readonly problem: string | null;
}

/** Weights of the backends of HTTPRoutes and their kin (ARC-406). */
export function gatewayApiRouter(routes: readonly RouteOfRelease[], settings: GatewayApiSettings): Router {
  const atRest = splitOf(settings, { weight: 0, total: settings.total, additional: [], managed: [] });
  const rules = routes.flatMap(({ object }) => object?.spec?.rules ?? []);
  const split = rules.filter((rule) => isSplitRule(rule, settings));
  return {
    name: "plugins",
    usesServices: true,
    carriers: routes.map(({ word, object }) => ({ type: routeKinds[word], object })),
    share: Math.max(0, ...split.map(({ backendRefs = [] }) => shareOf(backendRefs, atRest))),
    standing: new Set(rules.flatMap(({ name }) => (name === undefined ? [] : [name]))),
    verified: true,
    decide: (wish) =>
      settings.problem !== null ? refused(settings.problem) : joined(routes.map((one) => decide(one, settings, wish))),
  };
}

function isSplitRule({ name, backendRefs }: HttpRouteRule, { parties, managedNames }: GatewayApiSettings): boolean {
  return !isManagedName(name, managedNames) && carriesSplit(backendRefs, parties);
}

function splitOf(settings: GatewayApiSettings, { weight, total, additional }: Wish): BackendSplit {
  const { parties, formerly, namespace, portOf } = settings;
  return {
    parties,
    weight,
    total,
    additional: additional.map((one) => ({ ...one, port: portOf(one.service) })),
    formerly,
    namespace,
  };
}

function decide(
  { word, name, object, usesHeaderRoutes }: RouteOfRelease,
  settings: GatewayApiSettings,
  wish: Wish,
): Decision {
  const type: ResourceType = routeKinds[word];
  if (!object) return refused(`${type.plural}.${type.group} "${name}" not found`);
  const { managedNames, parties } = settings;
  const present = object.spec?.rules ?? [];
  const own = present.filter((rule) => !isManagedName(rule.name, managedNames));
  if (!own.some((rule) => carriesSplit(rule.backendRefs, parties))) {
    return refused(`backendRef was not found in ${word}: no rule of ${type.kind} ${name} leads to both services`);
  }
  // Only HTTP routes take temporary versions, as in the original plugin.
  const split = splitOf(settings, word === "httpRoute" ? wish : { ...wish, additional: [] });
  const rules = own.map((rule) =>
    isSplitRule(rule, settings) ? { ...rule, backendRefs: splitBackends(rule.backendRefs ?? [], split) } : rule,
  );
  const hasHeaders = usesHeaderRoutes && (word === "httpRoute" || word === "grpcRoute");
  const headers = hasHeaders ? wish.managed.filter((route): route is HeaderRoute => route.kind === "header") : [];
  const managed = headerRules(headers, rules, { parties, isGrpc: word === "grpcRoute" });
  const edited: HttpRoute = {
    ...object,
    metadata: withLabel(object.metadata, settings.inProgressLabel, wish.weight > 0),
    spec: { ...object.spec, rules: [...rules, ...managed] },
  };
  if (deepEqual(edited, object)) return NOTHING;
  return { writes: [{ op: "update", type, object: edited }], events: [], problem: null };
}

function withLabel(
  metadata: HttpRoute["metadata"],
  label: GatewayApiSettings["inProgressLabel"],
  isInProgress: boolean,
): HttpRoute["metadata"] {
  if (label === null) return metadata;
  const { [label.key]: present, ...others } = metadata.labels ?? {};
  if (isInProgress) return { ...metadata, labels: { ...metadata.labels, [label.key]: label.value } };
  return present === undefined ? metadata : { ...metadata, labels: others };
}
