import type { ConnectionPoolSpec } from "../api/istio.ts";
import { parseDurationMs } from "../base/duration.ts";

/** `connectionPool` (MESH-190, MESH-191): what one proxy may have under way to one cluster. Infinity: as much as it likes. */
export interface PoolPolicy {
  readonly maxConnections: number;
  /** Requests that wait for a connection. */
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly maxRequestsPerConnection: number;
  /** Null: the proxy's own. */
  readonly connectTimeoutMs: number | null;
  /** How long a free connection is kept at most, where the endpoint allows as much (MESH-260). */
  readonly maxIdleMs: number;
}

/** Null: nothing differs from the defaults. */
export function compilePool(spec: ConnectionPoolSpec | undefined): PoolPolicy | null {
  const { tcp, http } = spec ?? {};
  const policy: PoolPolicy = {
    maxConnections: limit(tcp?.maxConnections),
    maxPendingRequests: limit(http?.http1MaxPendingRequests),
    maxRequests: limit(http?.http2MaxRequests),
    maxRetries: limit(http?.maxRetries),
    maxRequestsPerConnection: limit(http?.maxRequestsPerConnection),
    connectTimeoutMs: duration(tcp?.connectTimeout),
    maxIdleMs: duration(http?.idleTimeout) ?? Number.POSITIVE_INFINITY,
  };
  const isDefault = Object.values(policy).every((value) => value === null || value === Number.POSITIVE_INFINITY);
  return isDefault ? null : policy;
}

/** As Istio does: 0 counts as absent. */
function limit(value: unknown): number {
  const number = Number(value ?? 0);
  return number > 0 ? number : Number.POSITIVE_INFINITY;
}

function duration(text: unknown): number | null {
  return (typeof text === "string" ? parseDurationMs(text) : null) || null;
}

/** Settings of sockets and of HTTP/2, which the proxy does not speak; and the values that ask for nothing. */
const WITHOUT_EFFECT: Readonly<Record<"tcp" | "http", Readonly<Record<string, readonly unknown[]>>>> = {
  tcp: { tcpKeepalive: [], maxConnectionDuration: [], idleTimeout: [] },
  http: {
    h2UpgradePolicy: ["DEFAULT", "DO_NOT_UPGRADE"],
    useClientProtocol: [false],
    maxConcurrentStreams: [0],
  },
};

export function poolProblems(spec: ConnectionPoolSpec): string[] {
  return (["tcp", "http"] as const).flatMap((part) =>
    Object.entries(WITHOUT_EFFECT[part])
      .filter(([field, idle]) => spec[part]?.[field] !== undefined && !idle.includes(spec[part]?.[field]))
      .map(([field]) => `connectionPool.${part}.${field} has no effect`),
  );
}
