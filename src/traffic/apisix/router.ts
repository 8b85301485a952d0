import { deepEqual } from "../../base/json.ts";
import type { ResourceType } from "../../kube/resource.ts";
import { isControlledBy, type Release, type ServiceParties } from "../parties.ts";
import { type Decision, type HeaderRoute, joined, NOTHING, type Router, refused, type Wish } from "../router.ts";
import { type ApisixRoute, type ApisixRule, headerRule, splitRules, withWeights } from "./rules.ts";

export const apisixRoutes: ResourceType = {
  group: "apisix.apache.org",
  version: "v2",
  kind: "ApisixRoute",
  plural: "apisixroutes",
  namespaced: true,
};

export interface ApisixSettings {
  readonly name: string;
  readonly object: ApisixRoute | null;
  /** Names of rules; the one named like the route where none is given. */
  readonly rules: readonly string[];
  /** Routes for headers, by their names: those that exist, and null for those that do not. */
  readonly headerRoutes: ReadonlyMap<string, ApisixRoute | null>;
  readonly parties: ServiceParties;
  readonly release: Release;
  readonly total: number;
}

/** Weights in an ApisixRoute, and one more ApisixRoute for each header route (ARC-405). */
export function apisixRouter(settings: ApisixSettings): Router {
  const { object, headerRoutes, release, parties, total } = settings;
  const own = [...headerRoutes.values()].filter((route) => route !== null && isControlledBy(route, release));
  const rules = object ? splitRules(object, settings.rules, parties) : [];
  const shares = typeof rules === "string" ? [] : rules.map((rule) => shareOf(rule, parties, total));
  return {
    name: "apisix",
    usesServices: true,
    carriers: [object, ...own].map((route) => ({ type: apisixRoutes, object: route })),
    share: Math.max(0, ...shares),
    standing: new Set(own.flatMap((route) => route?.metadata.name ?? [])),
    decide: (wish) => decide(settings, wish),
  };
}

function shareOf({ backends = [] }: ApisixRule, { canary, stable }: ServiceParties, total: number): number {
  const weightOf = (service: string) => backends.find(({ serviceName }) => serviceName === service)?.weight ?? 0;
  const whole = weightOf(canary) + weightOf(stable);
  return whole > 0 ? Math.ceil((weightOf(canary) * total) / whole) : 0;
}

function decide(settings: ApisixSettings, wish: Wish): Decision {
  const { name, object, parties } = settings;
  if (!object) return refused(`apisixroutes.apisix.apache.org "${name}" not found`);
  const rules = splitRules(object, settings.rules, parties);
  if (typeof rules === "string") return refused(rules);
  return joined([decideHeaders(object, rules, settings, wish), decideWeights(object, settings, wish)]);
}

function decideWeights(object: ApisixRoute, { rules, parties }: ApisixSettings, { weight, total }: Wish): Decision {
  const weights = new Map([
    [parties.canary, weight],
    [parties.stable, total - weight],
  ]);
  const http = (object.spec?.http ?? []).map((rule) =>
    rules.includes(rule.name ?? "") ? withWeights(rule, weights) : rule,
  );
  if (deepEqual(http, object.spec?.http)) return NOTHING;
  const edited = { ...object, spec: { ...object.spec, http } };
  return { writes: [{ op: "update", type: apisixRoutes, object: edited }], events: [], problem: null };
}

function decideHeaders(
  object: ApisixRoute,
  rules: readonly ApisixRule[],
  { headerRoutes, parties, release }: ApisixSettings,
  { managed }: Wish,
): Decision {
  const wanted = new Map(
    managed.filter((route): route is HeaderRoute => route.kind === "header").map((route) => [route.name, route]),
  );
  const names = new Set([...wanted.keys(), ...headerRoutes.keys()]);
  return joined(
    [...names].map((name): Decision => {
      const present = headerRoutes.get(name) ?? null;
      const route = wanted.get(name);
      const isOwn = present !== null && isControlledBy(present, release);
      if (!route) {
        if (!isOwn) return NOTHING;
        return { ...NOTHING, writes: [{ op: "delete", type: apisixRoutes, object: present }] };
      }
      const spec = { ...object.spec, http: rules.map((rule) => headerRule(rule, route, parties)) };
      if (!present) {
        const metadata = { name, namespace: release.namespace, ownerReferences: [release.reference] };
        const created = { apiVersion: object.apiVersion, kind: object.kind, metadata, spec };
        return { ...NOTHING, writes: [{ op: "create", type: apisixRoutes, object: created }] };
      }
      if (!isOwn) return refused(`duplicate ApisixRoute [${name}] already exists`);
      if (deepEqual(present.spec, spec)) return NOTHING;
      return { ...NOTHING, writes: [{ op: "update", type: apisixRoutes, object: { ...present, spec } }] };
    }),
  );
}
