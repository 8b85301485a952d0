import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { compile } from "./compile.ts";
import { decide } from "./decide.ts";
import {
  anObject,
  answerOf,
  aService,
  configOf,
  factsOf,
  gatewayRoute,
  meshRoute,
  podSource,
  type RequestFixture,
  rootNamespace,
  standardGateway,
  standardServices,
  to,
  World,
  webRule,
} from "./fixture.ts";

/** Mesh hops of MESH section 23: from a pod of `default` unless told otherwise. */

const all = "c1 s1 s2";
const from = (namespace: string, rest: RequestFixture = {}): RequestFixture => ({
  source: podSource(namespace),
  host: "web",
  ...rest,
});

interface Case {
  readonly name: string;
  readonly objects: () => readonly KubeObject[];
  readonly asks: readonly (readonly [RequestFixture, string])[];
}

const cases: readonly Case[] = [
  { name: "MC-035 without VirtualService any pod answers", objects: () => [], asks: [[from("default"), all]] },
  {
    name: "MC-036 a service answers to its aliases from every namespace",
    objects: () => [],
    asks: [
      [from("demo", { host: "web.default:80" }), all],
      [from("demo", { host: "web.default.svc" }), all],
      [from("demo", { host: "web.default.svc.cluster.local." }), all],
      [from("demo", { host: "WEB.default" }), all],
    ],
  },
  {
    name: "MC-037 MC-202 the bare name and a wrong namespace are unknown hosts, passed on as written",
    objects: () => [],
    asks: [
      [from("demo"), "web"],
      [from("default", { host: "mockc.demo:8000", port: 8000 }), "mockc.demo"],
    ],
  },
  {
    name: "MC-031 of two VirtualServices for one host the older owns it",
    objects: () => [
      webRule(),
      meshRoute(["web"], [{ route: [to("web", "stable")] }]),
      meshRoute(["web"], [{ route: [to("web", "canary")] }]),
    ],
    asks: [[from("default"), "s1 s2"]],
  },
  {
    name: "MC-032 when the older one is gone the younger takes over",
    objects: () => [webRule(), meshRoute(["web"], [{ route: [to("web", "canary")] }])],
    asks: [[from("default"), "c1"]],
  },
  {
    name: "MC-033 an exact host beats an older wildcard",
    objects: () => [
      webRule(),
      meshRoute(["*.default.svc.cluster.local"], [{ route: [to("api")] }]),
      meshRoute(["web"], [{ route: [to("web", "stable")] }]),
    ],
    asks: [
      [from("default"), "s1 s2"],
      [from("default", { host: "empty" }), "p1"],
    ],
  },
  {
    name: "MC-034 rules that all fail leave 404, not the plain service",
    objects: () => [
      webRule(),
      meshRoute(["web"], [{ match: [{ headers: { x: { exact: "1" } } }], route: [to("web", "canary")] }]),
    ],
    asks: [
      [from("default"), "404 NR"],
      [from("default", { headers: { x: "1" } }), "c1"],
    ],
  },
  {
    name: "MC-039 match.gateways replaces the list of the VirtualService",
    objects: () => [
      standardGateway(),
      webRule(),
      meshRoute(
        ["web"],
        [{ match: [{ gateways: ["mesh"] }], route: [to("web", "canary")] }, { route: [to("web", "stable")] }],
        {},
        { gateways: ["mesh", "istio-system/gw"] },
      ),
    ],
    asks: [
      [from("default"), "c1"],
      [{ host: "web.default.svc.cluster.local" }, "s1 s2"],
    ],
  },
  {
    name: "MC-040 sourceLabels look at the caller's labels",
    objects: () => [
      webRule(),
      meshRoute(
        ["web"],
        [{ match: [{ sourceLabels: { app: "x" } }], route: [to("web", "canary")] }, { route: [to("web", "stable")] }],
      ),
    ],
    asks: [
      [{ source: podSource("default", { app: "x" }), host: "web" }, "c1"],
      [{ source: podSource("default", { app: "y" }), host: "web" }, "s1 s2"],
    ],
  },
  {
    name: "MC-041 sourceNamespace looks at the caller's namespace",
    objects: () => [
      webRule(),
      meshRoute(
        ["web"],
        [{ match: [{ sourceNamespace: "demo" }], route: [to("web", "canary")] }, { route: [to("web", "stable")] }],
      ),
    ],
    asks: [
      [from("demo", { host: "web.default" }), "c1"],
      [from("default"), "s1 s2"],
    ],
  },
  {
    name: "MC-042 match.port looks at the service port",
    objects: () => [meshRoute(["multi"], [{ match: [{ port: 81 }], route: [to("api")] }, { route: [to("web")] }])],
    asks: [
      [from("default", { host: "multi:81", port: 81 }), "p1"],
      [from("default", { host: "multi:80" }), all],
    ],
  },
  {
    name: "MESH-050 a host that no service has works on port 80 alone",
    objects: () => [meshRoute(["old.test"], [{ route: [to("web")] }])],
    asks: [
      [from("default", { host: "old.test" }), all],
      [from("default", { host: "old.test:81", port: 81 }), "old.test"],
    ],
  },
  {
    name: "MESH-017 a private VirtualService does not concern other namespaces",
    objects: () => [webRule(), meshRoute(["web"], [{ route: [to("web", "canary")] }], {}, { exportTo: ["."] })],
    asks: [
      [from("default"), "c1"],
      [from("demo", { host: "web.default" }), all],
    ],
  },
  {
    name: "MC-150 a subset without rule is unknown",
    objects: () => [meshRoute(["web"], [{ route: [to("web", "canary")] }])],
    asks: [[from("default"), "503 NC"]],
  },
  {
    name: "MC-153 a rule of the root namespace is for everyone",
    objects: () => [webRule({ namespace: rootNamespace }), meshRoute(["web"], [{ route: [to("web", "canary")] }])],
    asks: [[from("default"), "c1"]],
  },
  {
    name: "MC-154 a nearer rule hides all subsets of a farther one",
    objects: () => [
      webRule({ namespace: rootNamespace }),
      webRule({}, { subsets: [{ name: "stable", labels: { version: "stable" } }] }),
      meshRoute(["web"], [{ route: [to("web", "canary")] }]),
    ],
    asks: [[from("default"), "503 NC"]],
  },
  {
    name: "MESH-170 the client's namespace comes before the service's",
    objects: () => [
      webRule(),
      webRule({ namespace: "demo" }, { subsets: [{ name: "canary", labels: { version: "stable" } }] }),
      meshRoute(["web"], [{ route: [to("web", "canary")] }]),
    ],
    asks: [
      [from("default"), "c1"],
      [from("demo", { host: "web.default" }), "s1 s2"],
    ],
  },
  {
    name: "MC-155 MC-156 rules of one host and namespace are merged, the older wins",
    objects: () => [
      webRule({ name: "first" }, { subsets: [{ name: "a", labels: { version: "stable" } }] }),
      webRule(
        { name: "second" },
        {
          subsets: [
            { name: "a", labels: { version: "canary" } },
            { name: "b", labels: { version: "canary" } },
          ],
        },
      ),
      meshRoute(["web"], [{ match: [{ uri: { exact: "/a" } }], route: [to("web", "a")] }, { route: [to("web", "b")] }]),
    ],
    asks: [
      [from("default", { path: "/a" }), "s1 s2"],
      [from("default", { path: "/b" }), "c1"],
    ],
  },
  {
    name: "MC-157 MC-158 MESH-174 no labels select all pods, several labels must all be there",
    objects: () => [
      webRule(
        {},
        {
          subsets: [
            { name: "any", labels: {} },
            { name: "both", labels: { app: "web", version: "canary" } },
            { name: "none", labels: { app: "other", version: "canary" } },
          ],
        },
      ),
      meshRoute(
        ["web"],
        [
          { match: [{ uri: { exact: "/any" } }], route: [to("web", "any")] },
          { match: [{ uri: { exact: "/both" } }], route: [to("web", "both")] },
          { route: [to("web", "none")] },
        ],
      ),
    ],
    asks: [
      [from("default", { path: "/any" }), all],
      [from("default", { path: "/both" }), "c1"],
      [from("default"), "503 UH"],
    ],
  },
];

for (const { name, objects, asks } of cases) {
  test(name, () => {
    const world = new World(objects());
    assert.deepEqual(world.table.problems, []);
    for (const [request, expected] of asks) assert.equal(world.answer(request), expected, JSON.stringify(request));
  });
}

test("MC-152 a subset of pods that are not ready is 503 UH with the known body", () => {
  const pods = [
    { name: "s1", labels: { version: "stable" } },
    { name: "c1", labels: { version: "canary" }, ready: false },
  ];
  const world = new World([webRule(), meshRoute(["web"], [{ route: [to("web", "canary")] }])], standardServices(pods));
  const decision = world.ask(from("default"));
  assert.ok(decision.kind === "local");
  assert.deepEqual(
    [decision.status, decision.flags, decision.body, decision.details, decision.clusterName],
    [503, "UH", "no healthy upstream", "no_healthy_upstream", "outbound|80|canary|web.default.svc.cluster.local"],
  );
});

test("MC-038 REGISTRY_ONLY refuses unknown hosts with 502", () => {
  const table = compile({ ...configOf(standardServices(), []), outboundTrafficPolicy: "REGISTRY_ONLY" });
  const decision = decide(table, factsOf(from("default", { host: "nowhere.test" })));
  assert.ok(decision.kind === "local");
  assert.deepEqual(
    [decision.status, decision.body, decision.clusterName, decision.route?.name],
    [502, "", "BlackHoleCluster", "block_all"],
  );
});

test("MESH-011 the ClusterIP is a name of the service", () => {
  const web = aService("web", [80], [{ name: "w", labels: {} }]);
  const service = { ...web.service, spec: { ...(web.service["spec"] as object), clusterIP: "127.65.0.9" } };
  const world = new World([], [{ ...web, service }]);
  assert.equal(world.answer(from("demo", { host: "127.65.0.9" })), "w");
});

test("MESH-018 the implicit route is called default and retries refused connections twice", () => {
  const decision = new World([]).ask(from("default"));
  assert.ok(decision.kind === "forward");
  assert.equal(decision.cluster.name, "outbound|80||web.default.svc.cluster.local");
  assert.deepEqual([decision.route.name, decision.route.virtualService, decision.timeoutMs], ["default", null, null]);
  assert.equal(decision.retry.attempts, 2);
});

const policies: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["MESH-180 nothing said is LEAST_REQUEST", {}, "LEAST_REQUEST"],
  ["MESH-180 LEAST_CONN is an old name of it", { trafficPolicy: simple("LEAST_CONN") }, "LEAST_REQUEST"],
  ["MC-159 the rule's algorithm counts", { trafficPolicy: simple("ROUND_ROBIN") }, "ROUND_ROBIN"],
  [
    "MC-175 the subset's algorithm comes first",
    {
      trafficPolicy: simple("RANDOM"),
      subsets: [{ name: "canary", labels: {}, trafficPolicy: simple("ROUND_ROBIN") }],
    },
    "ROUND_ROBIN",
  ],
  [
    "MC-176 settings of the port replace the whole policy",
    {
      trafficPolicy: {
        ...simple("RANDOM"),
        portLevelSettings: [{ port: { number: 80 }, connectionPool: { tcp: {} } }],
      },
    },
    "LEAST_REQUEST",
  ],
];

function simple(algorithm: string): Record<string, unknown> {
  return { loadBalancer: { simple: algorithm } };
}

for (const [name, spec, expected] of policies) {
  test(name, () => {
    const rule = webRule({}, { subsets: [{ name: "canary", labels: {} }], ...spec });
    const { table } = new World([rule]);
    assert.equal(table.clusters.get("outbound|80|canary|web.default.svc.cluster.local")?.loadBalancing, expected);
  });
}

test("an unsupported feature is named in problems and other objects go on", () => {
  const world = new World([
    standardGateway(),
    gatewayRoute(
      [{ delegate: { name: "x" } }, { route: [to("web")], mirror: { host: "api", subset: "$asm-label" } }],
      {},
      { name: "vs" },
    ),
    anObject("DestinationRule", "pool", {
      host: "web",
      trafficPolicy: { tls: { mode: "SIMPLE" }, connectionPool: { http: { maxRetries: 1, useClientProtocol: true } } },
      subsets: [
        {
          name: "a",
          trafficPolicy: {
            loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: "100000" } } },
            portLevelSettings: [{ port: { number: 80 }, loadBalancer: { consistentHash: { useSourceIp: false } } }],
          },
        },
      ],
    }),
  ]);
  assert.deepEqual(world.table.problems, [
    { object: "VirtualService default/vs", message: "http[0]: delegate is not supported" },
    { object: "VirtualService default/vs", message: "http[1]: a traffic label in a mirror is not supported" },
    ...[
      "tls has no effect",
      "connectionPool.http.useClientProtocol has no effect",
      "loadBalancer.consistentHash.ringHash.minimumRingSize 100000 counts as 65537",
      "loadBalancer.consistentHash names nothing to hash by and has no effect",
    ].map((message) => ({ object: "DestinationRule default/pool", message: `trafficPolicy.${message}` })),
  ]);
  assert.equal(world.answer({}), all);
});

test("MESH-171 MESH-175 of one namespace's rules the most specific host counts; without subset all pods and the rule's own policy do", () => {
  const wildcard = anObject("DestinationRule", "wide", {
    host: "*.default.svc.cluster.local",
    trafficPolicy: { loadBalancer: { simple: "RANDOM" } },
  });
  const subsets = [
    { name: "canary", labels: { version: "canary" }, trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } },
  ];
  const exact = anObject("DestinationRule", "exact", { host: "web", subsets });
  const routes = gatewayRoute([
    { match: [{ uri: { prefix: "/c" } }], route: [to("web", "canary")] },
    { route: [to("web")] },
  ]);
  const world = new World([standardGateway(), wildcard, exact, routes]);
  const cluster = (path: string) => {
    const decision = world.ask({ path });
    return decision.kind === "forward" ? [answerOf(decision), decision.cluster.loadBalancing] : [];
  };
  assert.deepEqual(cluster("/c"), ["c1", "ROUND_ROBIN"]);
  assert.deepEqual(cluster("/"), [all, "LEAST_REQUEST"]);
});

for (const version of ["v1alpha3", "v1beta1", "v1"]) {
  test(`MESH-255 ${version} is the same schema`, () => {
    const objects = [standardGateway(), webRule(), gatewayRoute([{ route: [to("web", "canary")] }])];
    const apiVersion = `networking.istio.io/${version}`;
    assert.equal(new World(objects.map((object) => ({ ...object, apiVersion }))).answer({}), "c1");
  });
}
