import assert from "node:assert/strict";
import { test } from "node:test";
import { anObject, standardGateway, World, webRule } from "./fixture.ts";

const INFINITE = Number.POSITIVE_INFINITY;
const none = {
  maxConnections: INFINITE,
  maxPendingRequests: INFINITE,
  maxRequests: INFINITE,
  maxRetries: INFINITE,
  maxRequestsPerConnection: INFINITE,
  connectTimeoutMs: null,
  maxIdleMs: INFINITE,
};

const cases: readonly [name: string, spec: Record<string, unknown>, expected: object | null][] = [
  ["MESH-190 no block", { trafficPolicy: { loadBalancer: { simple: "RANDOM" } } }, null],
  ["MESH-190 nothing in it", { trafficPolicy: { connectionPool: { tcp: {} } } }, null],
  [
    "MESH-190 0 counts as absent",
    { trafficPolicy: { connectionPool: { tcp: { maxConnections: 0 }, http: { http1MaxPendingRequests: 0 } } } },
    null,
  ],
  [
    "MESH-190 each field",
    {
      trafficPolicy: {
        connectionPool: {
          tcp: { maxConnections: 1, connectTimeout: "1s" },
          http: {
            http1MaxPendingRequests: 2,
            http2MaxRequests: 3,
            maxRetries: 4,
            maxRequestsPerConnection: 5,
            idleTimeout: "6s",
          },
        },
      },
    },
    {
      maxConnections: 1,
      maxPendingRequests: 2,
      maxRequests: 3,
      maxRetries: 4,
      maxRequestsPerConnection: 5,
      connectTimeoutMs: 1000,
      maxIdleMs: 6000,
    },
  ],
  [
    "MC-175 the subset has another block only: the rule's pool",
    {
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } },
      subsets: [{ name: "canary", labels: {}, trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } }],
    },
    { ...none, maxConnections: 7 },
  ],
  [
    "MESH-176 the subset's pool comes first, as a whole",
    {
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 }, http: { maxRetries: 3 } } },
      subsets: [{ name: "canary", labels: {}, trafficPolicy: { connectionPool: { tcp: { maxConnections: 8 } } } }],
    },
    { ...none, maxConnections: 8 },
  ],
  [
    "MESH-176 settings of the port replace the whole policy",
    {
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 7 } },
        portLevelSettings: [{ port: { number: 80 }, connectionPool: { http: { maxRetries: 1 } } }],
      },
    },
    { ...none, maxRetries: 1 },
  ],
];

for (const [name, spec, expected] of cases) {
  test(name, () => {
    const rule = webRule({}, { subsets: [{ name: "canary", labels: {} }], ...spec });
    const { table } = new World([rule]);
    const cluster = table.clusters.get("outbound|80|canary|web.default.svc.cluster.local");
    assert.deepEqual(cluster?.connectionPool, expected);
    assert.deepEqual(table.problems, []);
  });
}

test("MESH-190 what has no effect is told, by field", () => {
  const spec = {
    host: "web",
    trafficPolicy: {
      loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "1m" } },
      connectionPool: {
        tcp: { tcpKeepalive: { time: "1h" }, maxConnectionDuration: "1h", idleTimeout: "1h" },
        http: { h2UpgradePolicy: "UPGRADE", useClientProtocol: false, maxConcurrentStreams: 5 },
      },
    },
  };
  const { table } = new World([standardGateway(), anObject("DestinationRule", "web", spec)]);
  assert.deepEqual(
    table.problems.map(({ message }) => message),
    [
      "loadBalancer.warmup",
      "connectionPool.tcp.tcpKeepalive",
      "connectionPool.tcp.maxConnectionDuration",
      "connectionPool.tcp.idleTimeout",
      "connectionPool.http.h2UpgradePolicy",
      "connectionPool.http.maxConcurrentStreams",
    ].map((field) => `trafficPolicy.${field} has no effect`),
  );
});
