import type { ConnectionPoolSpec, ConsistentHashSpec, DestinationRule, TrafficPolicySpec } from "../api/istio.ts";
import { durationProblems, isDnsLabel, isIpAddress, isWildcardDnsName } from "./validate-text.ts";

/** MESH-455. */
export function destinationRuleProblems({ spec }: DestinationRule): string[] {
  const problems: string[] = [];
  const host = spec?.host ?? "";
  if (!isWildcardDnsName(host) && !isIpAddress(host)) problems.push(`invalid host ${JSON.stringify(host)}`);
  if (spec?.trafficPolicy) problems.push(...trafficPolicyProblems(spec.trafficPolicy));
  const names = new Set<string>();
  for (const subset of spec?.subsets ?? []) {
    if (subset === null) {
      problems.push("subset may not be null");
      continue;
    }
    if (names.has(subset.name)) problems.push(`duplicate subset names: ${subset.name}`);
    names.add(subset.name);
    if (!subset.name) problems.push("subset name cannot be empty");
    else if (!isDnsLabel(subset.name)) problems.push(`subset name is invalid: ${subset.name}`);
    if (subset.trafficPolicy) problems.push(...trafficPolicyProblems(subset.trafficPolicy));
  }
  return problems;
}

const POLICY_BLOCKS = [
  "loadBalancer",
  "connectionPool",
  "outlierDetection",
  "tls",
  "portLevelSettings",
  "tunnel",
  "proxyProtocol",
  "retryBudget",
];

function trafficPolicyProblems(policy: TrafficPolicySpec): string[] {
  const problems: string[] = [];
  if (!POLICY_BLOCKS.some((block) => policy[block] !== undefined)) {
    problems.push("traffic policy must have at least one field");
  }
  const { connectionPool, loadBalancer, portLevelSettings = [] } = policy;
  if (connectionPool && Object.keys(connectionPool).length === 0) {
    problems.push("connection pool must have at least one field");
  }
  if (connectionPool) problems.push(...connectionPoolProblems(connectionPool));
  if (loadBalancer?.consistentHash) problems.push(...consistentHashProblems(loadBalancer.consistentHash));
  const minimumPercent = (loadBalancer?.["warmup"] as { minimumPercent?: number } | undefined)?.minimumPercent;
  if (minimumPercent !== undefined && minimumPercent > 100) {
    problems.push("minimumPercent value should be less than or equal to 100");
  }
  for (const settings of portLevelSettings) {
    if (!settings.port) problems.push("portLevelSettings must have a port");
    if (settings.connectionPool) problems.push(...connectionPoolProblems(settings.connectionPool));
  }
  return problems;
}

/** As Istio's validation names them. */
const POOL_LIMITS = {
  http: {
    http1MaxPendingRequests: "http1 max pending requests",
    http2MaxRequests: "http2 max requests",
    maxRequestsPerConnection: "max requests per connection",
    maxRetries: "max retries",
  },
  tcp: { maxConnections: "max connections" },
};

function connectionPoolProblems({ tcp, http }: ConnectionPoolSpec): string[] {
  const negative = (fields: Record<string, unknown> | undefined, names: Readonly<Record<string, string>>) =>
    Object.entries(names).flatMap(([field, name]) =>
      Number(fields?.[field] ?? 0) < 0 ? [`${name} must be non-negative`] : [],
    );
  return [
    ...negative(http, POOL_LIMITS.http),
    ...durationProblems(http?.idleTimeout),
    ...negative(tcp, POOL_LIMITS.tcp),
    ...durationProblems(tcp?.connectTimeout),
  ];
}

/** Envoy's table sizes end below this (MESH-182). */
const MAGLEV_TABLE_SIZE_MAX = 5_000_011;

function consistentHashProblems(hash: ConsistentHashSpec): string[] {
  const problems: string[] = [];
  const { ringHash, maglev, minimumRingSize, httpCookie } = hash;
  if (minimumRingSize !== undefined && (ringHash !== undefined || maglev !== undefined)) {
    problems.push("only one of MinimumRingSize or Maglev/Ringhash can be specified");
  }
  if (httpCookie !== undefined && !httpCookie?.name) problems.push("name required for HttpCookie");
  const tableSize = Number(maglev?.tableSize ?? 0);
  if (tableSize >= MAGLEV_TABLE_SIZE_MAX)
    problems.push(`tableSize should be less than ${MAGLEV_TABLE_SIZE_MAX} for maglev`);
  else if (tableSize !== 0 && !isPrime(tableSize)) problems.push("tableSize must be a prime number for maglev");
  return problems;
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value) || value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
