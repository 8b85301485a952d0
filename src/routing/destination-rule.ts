import type { DestinationRule, TrafficPolicySpec } from "../api/istio.ts";
import { canonicalJson } from "../base/json.ts";
import { compareAge } from "./age.ts";
import { compilePool, type PoolPolicy } from "./connection-pool.ts";
import { compileHash, type HashPolicy } from "./consistent-hash.ts";
import { compareWildcards, expandHost, hostMatches } from "./hosts.ts";
import { compileOutlier, type OutlierPolicy } from "./outlier.ts";
import type { RoutedService } from "./services.ts";
import type { Cluster } from "./types.ts";
import { compileVisibility, type Visibility } from "./visibility.ts";

/** DestinationRules of one host and namespace, merged (MESH-172). */
export interface MergedRule {
  readonly namespace: string;
  readonly host: string;
  readonly visibility: Visibility;
  readonly trafficPolicy: TrafficPolicySpec | undefined;
  readonly subsets: ReadonlyMap<string, RuleSubset>;
  /** The objects it was made of, oldest first. */
  readonly objects: readonly DestinationRule[];
}

export interface RuleSubset {
  readonly labels: Readonly<Record<string, string | null>>;
  readonly trafficPolicy: TrafficPolicySpec | undefined;
}

export type RulesByNamespace = ReadonlyMap<string, readonly MergedRule[]>;

/** New subset names of younger rules are added; of equal names and of traffic policies the oldest counts. */
export function mergeDestinationRules(rules: readonly DestinationRule[]): RulesByNamespace {
  const merged = new Map<string, DestinationRule[]>();
  for (const rule of [...rules].sort(compareAge)) {
    const namespace = rule.metadata.namespace ?? "";
    const host = expandHost(rule.spec?.host ?? "", namespace);
    // Rules that are exported differently stay apart.
    const key = canonicalJson([namespace, host, rule.spec?.exportTo ?? []]);
    merged.set(key, [...(merged.get(key) ?? []), rule]);
  }
  const byNamespace = new Map<string, MergedRule[]>();
  for (const objects of merged.values()) {
    const rule = mergeRules(objects);
    byNamespace.set(rule.namespace, [...(byNamespace.get(rule.namespace) ?? []), rule]);
  }
  return byNamespace;
}

function mergeRules(objects: readonly DestinationRule[]): MergedRule {
  const subsets = new Map<string, RuleSubset>();
  for (const { spec } of objects) {
    for (const subset of spec?.subsets ?? []) {
      if (subset === null || subsets.has(subset.name)) continue;
      subsets.set(subset.name, { labels: subset.labels ?? {}, trafficPolicy: subset.trafficPolicy });
    }
  }
  const [oldest] = objects;
  const namespace = oldest!.metadata.namespace ?? "";
  return {
    namespace,
    host: expandHost(oldest!.spec?.host ?? "", namespace),
    visibility: compileVisibility(oldest!.spec?.exportTo, namespace),
    trafficPolicy: objects.find(({ spec }) => spec?.trafficPolicy)?.spec?.trafficPolicy,
    subsets,
    objects,
  };
}

/**
 * The one rule that a client sees for a service (MESH-170): its own namespace's, else the service's, else the root
 * namespace's. The first level that has any wins entirely; within a level the most specific host (MESH-171).
 */
export function ruleFor(
  service: RoutedService,
  clientNamespace: string,
  { rules, rootNamespace }: { rules: RulesByNamespace; rootNamespace: string },
): MergedRule | null {
  const levels = clientNamespace === rootNamespace ? [] : [clientNamespace];
  for (const namespace of [...levels, service.namespace, rootNamespace]) {
    const found = (rules.get(namespace) ?? [])
      .filter(({ host, visibility }) => hostMatches(host, service.host) && visibility.isVisibleTo(clientNamespace))
      .sort((left, right) => compareSpecificity(left, right, service.host));
    if (found[0]) return found[0];
  }
  return null;
}

function compareSpecificity(left: MergedRule, right: MergedRule, host: string): number {
  const exactness = Number(right.host === host) - Number(left.host === host);
  return exactness || compareWildcards(left.host, right.host);
}

const ALGORITHMS: Readonly<Record<string, Cluster["loadBalancing"]>> = {
  ROUND_ROBIN: "ROUND_ROBIN",
  RANDOM: "RANDOM",
};

/**
 * The balancing of a port and subset (MESH-176, MESH-180): the subset's block before the rule's; port settings replace
 * the whole policy of their level, so that a missing block there means the default, not the level's own.
 */
export function loadBalancingOf(
  rule: MergedRule | null,
  subset: RuleSubset | null,
  port: number,
): Cluster["loadBalancing"] {
  return ALGORITHMS[policyBlock("loadBalancer", { rule, subset, port })?.simple ?? ""] ?? "LEAST_REQUEST";
}

/** Hashing by the same rules; null: balanced by load. */
export function hashOf(rule: MergedRule | null, subset: RuleSubset | null, port: number): HashPolicy | null {
  return compileHash(policyBlock("loadBalancer", { rule, subset, port })?.consistentHash);
}

/** Bounds by the same rules; null: the defaults. */
export function poolOf(rule: MergedRule | null, subset: RuleSubset | null, port: number): PoolPolicy | null {
  return compilePool(policyBlock("connectionPool", { rule, subset, port }));
}

/** Outlier detection by the same rules. */
export function outlierOf(rule: MergedRule | null, subset: RuleSubset | null, port: number): OutlierPolicy | null {
  return compileOutlier(policyBlock("outlierDetection", { rule, subset, port }));
}

function policyBlock<Block extends "loadBalancer" | "connectionPool" | "outlierDetection">(
  block: Block,
  { rule, subset, port }: { rule: MergedRule | null; subset: RuleSubset | null; port: number },
): TrafficPolicySpec[Block] | undefined {
  for (const policy of [subset?.trafficPolicy, rule?.trafficPolicy]) {
    const forPort = policy?.portLevelSettings?.find((settings) => settings.port?.number === port);
    if (forPort) return forPort[block];
    if (policy?.[block]) return policy[block];
  }
  return undefined;
}
