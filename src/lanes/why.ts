import { hostOfAuthority } from "../routing/hosts.ts";
import { type NearRule, nearestRules } from "../routing/nearest.ts";
import type { Decision, Facts, LaneContext, RouteReference, RoutingConfig, Table } from "../routing/types.ts";

/** The reasons behind a hop's decision, in words (LANE-901 `why`). */
export interface Situation {
  readonly config: RoutingConfig;
  readonly table: Table;
  readonly facts: Facts;
  readonly decision: Decision;
  /** The destination as the hop names it. */
  readonly to: string;
  /** Lane groups that the destination belongs to. */
  readonly contexts: readonly LaneContext[];
}

/** Enough to see which lane, path or header was meant. */
const NEAREST_MAX = 3;

/** For a request that no rule matches: the rules that nearly do; null for every other. */
export function nearestOf({ decision, table, facts }: Situation): readonly NearRule[] | null {
  return decision.kind === "local" && decision.flags === "NR" ? nearestRules(table, facts, NEAREST_MAX) : null;
}

export function whyOf(situation: Situation): readonly string[] {
  const { decision, facts, config } = situation;
  if (decision.kind === "local" && decision.flags === "NR") return whyNoRoute(situation);
  if (decision.kind === "local" && decision.flags === "NC" && isWithoutService(decision.clusterName, config)) {
    return [noService(decision.clusterName.split("|")[3] ?? "", config)];
  }
  if (decision.kind === "forward" && decision.cluster.name === "PassthroughCluster") {
    return [`${noService(hostOfAuthority(facts.authority), config)}; the call goes where its name leads`];
  }
  return whyLane(situation);
}

function whyNoRoute(situation: Situation): readonly string[] {
  const { method, path, authority } = situation.facts;
  const nearest = nearestOf(situation);
  if (nearest === null) return [`no VirtualService, HTTPRoute or Ingress answers for host ${authority}`];
  return [
    `no rule of host ${authority} matches ${method} ${path} with these headers`,
    ...nearest.map(({ route, failed }) => `${ruleName(route)}: ${failed} does not hold`),
  ];
}

function ruleName({ virtualService, object, httpIndex }: RouteReference): string {
  if (object) return `${object.kind} ${object.namespace}/${object.name} ${object.path}`;
  return `VirtualService ${virtualService?.namespace}/${virtualService?.name} http[${httpIndex}]`;
}

function isWithoutService(clusterName: string, { services }: RoutingConfig): boolean {
  const [name, namespace] = (clusterName.split("|")[3] ?? "").split(".");
  return !services.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}

/** The commonest mistake is the namespace: the seed's own `mockc.demo`. */
function noService(host: string, { services }: RoutingConfig): string {
  const [name = ""] = host.split(".");
  const namesakes = services.filter(({ metadata }) => metadata.name === name);
  const text = `host ${host} has no Service`;
  if (namesakes.length === 0) return text;
  const namespaces = namesakes.map(({ metadata }) => metadata.namespace ?? "").sort();
  return `${text}; Service ${name} exists in namespace ${namespaces.join(", ")}`;
}

function whyLane({ decision: { lane }, to, contexts, facts }: Situation): readonly string[] {
  switch (lane?.reason) {
    case "fallback:unknown-lane":
      return [`lane ${lane.requested} is not in group ${lane.group}`];
    case "fallback:noinstances":
      return [`${to} has no pod of lane ${lane.requested}`];
    case "fallback:noavailabled":
      return [`no pod of lane ${lane.requested} of ${to} is ready`];
    case "no-lane":
      return contexts.length > 0 && facts.source.kind === "pod" ? ["the call carries no lane"] : [];
    default:
      return [];
  }
}
