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
  gatewaySource,
  meshRoute,
  type RequestFixture,
  standardGateway,
  standardServices,
  to,
  World,
  webRule,
} from "./fixture.ts";

/** Host and gateway cases of MESH section 23: through the gateway, Host `h.test` unless told otherwise. */

const all = "c1 s1 s2";

interface Case {
  readonly name: string;
  readonly objects: () => readonly KubeObject[];
  readonly services?: ReturnType<typeof aService>[];
  readonly asks: readonly (readonly [RequestFixture, string])[];
}

const route = (host: string, spec: Record<string, unknown> = {}, metadata = {}) =>
  gatewayRoute([{ route: [to(host)] }], spec, metadata);
const gw = standardGateway;

const cases: readonly Case[] = [
  { name: "MC-001 without VirtualService the gateway answers 404", objects: () => [gw()], asks: [[{}, "404 NR"]] },
  {
    name: "MC-002 a short destination belongs to the namespace of the VirtualService",
    objects: () => [gw(), route("web")],
    asks: [[{}, all]],
  },
  {
    name: "MC-003 a short destination of another namespace is another service",
    objects: () => [gw(), route("web", {}, { namespace: "other" })],
    asks: [[{}, "503 NC"]],
  },
  {
    name: "MC-004 a dotted destination is literal",
    objects: () => [gw(), route("web.default")],
    asks: [[{}, "503 NC"]],
  },
  {
    name: "MC-005 a full name works from every namespace",
    objects: () => [gw(), route("web.default.svc.cluster.local", {}, { namespace: "other" })],
    asks: [[{}, all]],
  },
  {
    name: "MC-006 port and case of the host do not count",
    objects: () => [gw(), route("web", { hosts: ["a.test"] })],
    asks: [
      [{ host: "a.test:80" }, all],
      [{ host: "A.TEST" }, all],
    ],
  },
  {
    name: "MC-007 another host is not served",
    objects: () => [gw(), route("web", { hosts: ["a.test"] })],
    asks: [[{ host: "b.test" }, "404 NR"]],
  },
  {
    name: "MC-008 a more specific host does not fall through to the wildcard",
    objects: () => [
      gw(),
      route("web", { hosts: ["*.test"] }),
      gatewayRoute([{ match: [{ uri: { prefix: "/x" } }], route: [to("api")] }], { hosts: ["a.test"] }),
    ],
    asks: [
      [{ host: "a.test", path: "/y" }, "404 NR"],
      [{ host: "a.test", path: "/x" }, "p1"],
    ],
  },
  {
    name: "MC-009 a suffix wildcard covers several labels",
    objects: () => [gw(), route("web", { hosts: ["*.test"] }), route("api", { hosts: ["a.test"] })],
    asks: [[{ host: "b.a.test" }, all]],
  },
  {
    name: "MC-010 a wildcard needs at least one character",
    objects: () => [gw(), route("web", { hosts: ["*.test"] })],
    asks: [[{ host: "test" }, "404 NR"]],
  },
  {
    name: "MC-011 the longest suffix wins",
    objects: () => [gw(), route("web", { hosts: ["*.test"] }), route("api", { hosts: ["*.a.test"] })],
    asks: [
      [{ host: "x.a.test" }, "p1"],
      [{ host: "x.b.test" }, all],
    ],
  },
  {
    name: "MC-012 a gateway name without namespace means the VirtualService's own",
    objects: () => [gw(), route("web", { gateways: ["gw"] })],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MC-013 a short gateway name works beside the gateway",
    objects: () => [gw(), route("web.default.svc.cluster.local", { gateways: ["gw"] }, { namespace: "istio-system" })],
    asks: [[{}, all]],
  },
  {
    name: "MC-014 a gateway may admit one namespace only",
    objects: () => [gw({ servers: [server({ hosts: ["ok/*"] })] }), route("web")],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MC-015 the dot is the gateway's own namespace",
    objects: () => [
      gw({ servers: [server({ hosts: ["./*"] })] }),
      route("web.default.svc.cluster.local", {}, { namespace: "istio-system" }),
    ],
    asks: [[{}, all]],
  },
  {
    name: "MC-016 the narrower of gateway host and route host counts",
    objects: () => [gw({ servers: [server({ hosts: ["*.test"] })] }), route("web")],
    asks: [
      [{ host: "a.test" }, all],
      [{ host: "a.com" }, "404 NR"],
    ],
  },
  {
    name: "MC-017 hosts without anything in common do not bind",
    objects: () => [gw({ servers: [server({ hosts: ["a.test"] })] }), route("web", { hosts: ["b.test"] })],
    asks: [[{ host: "b.test" }, "404 NR"]],
  },
  {
    name: "MC-018 a gateway object for another proxy does nothing here",
    objects: () => [gw({ selector: { istio: "other" } }), route("web")],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MC-019 a private VirtualService of another namespace is not seen",
    objects: () => [gw(), route("web", { exportTo: ["."] })],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MC-021 a VirtualService without gateways is for the mesh alone",
    objects: () => [gw(), meshRoute(["web"], [{ route: [to("web")] }])],
    asks: [[{ host: "web" }, "404 NR"]],
  },
  {
    name: "MC-025 MC-026 a catch-all of an older VirtualService sinks below the rules of a younger one",
    objects: () => [
      gw(),
      webRule(),
      gatewayRoute([{ route: [to("web", "stable")] }]),
      gatewayRoute([{ match: [{ headers: { x: { exact: "1" } } }], route: [to("web", "canary")] }]),
    ],
    asks: [
      [{ headers: { x: "1" } }, "c1"],
      [{}, "s1 s2"],
    ],
  },
  {
    name: "MC-027 age decides, not specificity",
    objects: () => [
      gw(),
      webRule(),
      gatewayRoute([{ match: [{ uri: { prefix: "/a" } }], route: [to("web", "stable")] }]),
      gatewayRoute([{ match: [{ uri: { exact: "/a/b" } }], route: [to("web", "canary")] }]),
    ],
    asks: [[{ path: "/a/b" }, "s1 s2"]],
  },
  {
    name: "MC-028 of the same age the name decides",
    objects: () => {
      const creationTimestamp = "2030-01-01T00:00:00Z";
      const rule = (name: string, subset: string) =>
        gatewayRoute(
          [{ match: [{ uri: { prefix: "/a" } }], route: [to("web", subset)] }],
          {},
          { name, creationTimestamp },
        );
      return [gw(), webRule(), rule("b-vs", "stable"), rule("a-vs", "canary")];
    },
    asks: [[{ path: "/a" }, "c1"]],
  },
  {
    name: "MC-029 rules behind a catch-all of the same VirtualService are dead",
    objects: () => [
      gw(),
      webRule(),
      gatewayRoute([
        { route: [to("web", "stable")] },
        { match: [{ headers: { x: { exact: "1" } } }], route: [to("web", "canary")] },
      ]),
    ],
    asks: [[{ headers: { x: "1" } }, "s1 s2"]],
  },
  {
    name: "MC-030 a prefix / with a header is no catch-all",
    objects: () => [
      gw(),
      webRule(),
      gatewayRoute([
        { match: [{ uri: { prefix: "/" }, headers: { x: { exact: "1" } } }], route: [to("web", "canary")] },
        { route: [to("web", "stable")] },
      ]),
    ],
    asks: [
      [{ headers: { x: "1" } }, "c1"],
      [{}, "s1 s2"],
    ],
  },
  {
    name: "MESH-013 a trailing dot is another host at a gateway",
    objects: () => [gw(), route("web", { hosts: ["a.test"] })],
    asks: [[{ host: "a.test." }, "404 NR"]],
  },
  {
    name: "MC-182 a multi-port service without port takes the listener's",
    services: [...standardServices(), aService("eight", [8080, 9090], [{ name: "e1", labels: {} }])],
    objects: () => [gw(), route("multi"), route("eight", { hosts: ["eight.test"] })],
    asks: [
      [{}, "m1"],
      [{ host: "eight.test" }, "503 NC"],
    ],
  },
  {
    name: "MC-180 MC-181 no pods is 503 UH, no service 503 NC",
    objects: () => [gw(), route("empty", { hosts: ["e.test"] }), route("nowhere", { hosts: ["n.test"] })],
    asks: [
      [{ host: "e.test" }, "503 UH"],
      [{ host: "n.test" }, "503 NC"],
    ],
  },
];

function server(rest: Record<string, unknown>): Record<string, unknown> {
  return { port: { number: 80, name: "http", protocol: "HTTP" }, ...rest };
}

for (const { name, objects, services, asks } of cases) {
  test(name, () => {
    const world = new World(objects(), services);
    assert.deepEqual(world.table.problems, []);
    for (const [request, expected] of asks) assert.equal(world.answer(request), expected, JSON.stringify(request));
  });
}

test("MC-020 httpsRedirect sends every plain request to https", () => {
  const world = new World([gw({ servers: [server({ hosts: ["*"], tls: { httpsRedirect: true } })] })]);
  const decision = world.ask({ path: "/p?q=1", host: "h.test:80" });
  assert.ok(decision.kind === "local");
  assert.equal(decision.status, 301);
  assert.deepEqual(decision.headers, [["location", "https://h.test/p?q=1"]]);
});

test("MESH-030 MESH-031 a gateway proxy listens on the ports of all Gateways that select it", () => {
  const second = anObject(
    "Gateway",
    "second",
    { servers: [server({ port: { number: 8080, name: "http-2", protocol: "HTTP" }, hosts: ["*"] })] },
    { namespace: "other" },
  );
  const foreign = gw({
    selector: { istio: "east" },
    servers: [server({ port: { number: 90, name: "x", protocol: "HTTP" }, hosts: ["*"] })],
  });
  const { table } = new World([gw(), second, { ...foreign, metadata: { ...foreign.metadata, name: "east" } }]);
  assert.deepEqual(table.gatewayPorts(gatewaySource), [80, 8080]);
});

test("MESH-220 a 404 has no body and says why", () => {
  const decision = new World([gw()]).ask({});
  assert.ok(decision.kind === "local");
  assert.deepEqual([decision.body, decision.details], ["", "route_not_found"]);
});

test("MESH-093 MESH-256 an invalid object keeps its last valid form and is reported; others go on", () => {
  const good = route("web");
  const bad = {
    ...good,
    spec: {
      ...(good["spec"] as object),
      http: [{ route: [to("web", "a", { weight: 0 }), to("web", "b", { weight: 0 })] }],
    },
  };
  const services = standardServices();
  const first = compile(configOf(services, [gw(), good]));
  const second = compile(configOf(services, [gw(), bad]), first);
  assert.equal(answerOf(decide(second, factsOf({}))), all);
  assert.match(second.problems[0]!.message, /total destination weight = 0/);
  assert.equal(answerOf(decide(compile(configOf(services, [gw(), bad])), factsOf({}))), "404 NR");
});
