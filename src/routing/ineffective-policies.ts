import type { DestinationRule, TrafficPolicySpec } from "../api/istio.ts";
import { poolProblems } from "./connection-pool.ts";
import { hashProblems } from "./consistent-hash.ts";

/** Settings that the table has no place for. */
const BLOCKS = ["tls", "tunnel", "proxyProtocol", "retryBudget"];
const BALANCER_FIELDS = ["warmup", "warmupDurationSecs"];

/** What a DestinationRule asks for and does not get: said, so that nobody waits for its effect. */
export function ineffectivePolicies({ spec }: DestinationRule): readonly string[] {
  const levels = [spec?.trafficPolicy, ...(spec?.subsets ?? []).map((subset) => subset?.trafficPolicy)];
  const policies = levels.flatMap((policy) => [policy, ...(policy?.portLevelSettings ?? [])]);
  const problems = policies.flatMap((policy) => (policy ? problemsOf(policy) : []));
  return [...new Set(problems)].map((problem) => `trafficPolicy.${problem}`);
}

function problemsOf(policy: TrafficPolicySpec): readonly string[] {
  const { loadBalancer, connectionPool } = policy;
  return [
    ...BLOCKS.filter((name) => policy[name] !== undefined).map((name) => `${name} has no effect`),
    ...BALANCER_FIELDS.filter((name) => loadBalancer?.[name] !== undefined).map(
      (name) => `loadBalancer.${name} has no effect`,
    ),
    ...(connectionPool ? poolProblems(connectionPool) : []),
    ...(loadBalancer?.consistentHash ? hashProblems(loadBalancer.consistentHash) : []),
  ];
}
