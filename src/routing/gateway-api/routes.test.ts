import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { podSource, type RequestFixture, World } from "../fixture.ts";
import type { ForwardDecision, LocalDecision } from "../types.ts";
import { aGateway, aGrant, aListener, aRoute, istioClass, path, services, to } from "./fixture.ts";

/** Which backend answers (MESH-360…363, MESH-369): `a` stands for the only pod of service a. */

interface Case {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly asks: readonly (readonly [RequestFixture, string])[];
}

function world(objects: readonly KubeObject[]): World {
  return new World([istioClass, ...objects], services());
}

const gw = aGateway();
const rule = (name: string, ...matches: unknown[]) => ({ matches, backendRefs: [to(name)] });
const header = (name: string, value: string, type?: string) => ({ headers: [{ name, value, ...(type && { type }) }] });

const cases: readonly Case[] = [
  {
    name: "MC-290 MESH-361 exact before the longest prefix before the shorter, in any order of rules",
    objects: [gw, aRoute([rule("a", path("/")), rule("b", path("/a", "Exact")), rule("c", path("/a/b"))])],
    asks: [
      [{ path: "/a" }, "b"],
      [{ path: "/a/b/c" }, "c"],
      [{ path: "/x" }, "a"],
      [{ path: "/a/bc" }, "a"],
      [{ path: "/a?q=1" }, "b"],
    ],
  },
  {
    name: "MC-290 MESH-361 the same with the rules turned round",
    objects: [gw, aRoute([rule("c", path("/a/b")), rule("b", path("/a", "Exact")), rule("a", path("/"))])],
    asks: [
      [{ path: "/a" }, "b"],
      [{ path: "/a/b/c" }, "c"],
      [{ path: "/x" }, "a"],
    ],
  },
  {
    name: "MC-291 MESH-361 more headers first",
    objects: [gw, aRoute([rule("a", path("/p")), rule("b", { ...path("/p"), ...header("X-Lane", "gray") })])],
    asks: [
      [{ path: "/p", headers: { "x-lane": "gray" } }, "b"],
      [{ path: "/p", headers: { "x-lane": "grayer" } }, "a"],
      [{ path: "/p" }, "a"],
    ],
  },
  {
    name: "MC-292 MESH-361 a method before any number of headers",
    objects: [
      gw,
      aRoute([rule("a", { ...path("/"), ...header("x", "1") }), rule("b", { ...path("/"), method: "POST" })]),
    ],
    asks: [
      [{ method: "POST", headers: { x: "1" } }, "b"],
      [{ method: "GET", headers: { x: "1" } }, "a"],
      [{ method: "GET" }, "404 NR"],
    ],
  },
  {
    name: "MESH-361 headers before query parameters, both before age",
    objects: [
      gw,
      aRoute([rule("a", { queryParams: [{ name: "q", value: "1" }] }), rule("b", header("x", "1")), rule("c")]),
    ],
    asks: [
      [{ path: "/?q=1", headers: { x: "1" } }, "b"],
      [{ path: "/?q=1" }, "a"],
      [{ path: "/?q=12" }, "c"],
    ],
  },
  {
    name: "MESH-361 of equal routes the older, then the first by namespace and name",
    objects: [
      gw,
      aRoute([rule("a", path("/x"))], {}, { name: "z", creationTimestamp: "2030-01-01T00:00:00Z" }),
      aRoute([rule("b", path("/x"))], {}, { name: "b", creationTimestamp: "2031-01-01T00:00:00Z" }),
      aRoute([rule("c", path("/x"))], {}, { name: "y", creationTimestamp: "2030-01-01T00:00:00Z" }),
    ],
    asks: [[{ path: "/x" }, "c"]],
  },
  {
    name: "MESH-361 of equal matches in one route the first rule",
    objects: [gw, aRoute([rule("a", path("/x")), rule("b", path("/x"))])],
    asks: [[{ path: "/x" }, "a"]],
  },
  {
    name: "MESH-361 a prefix before a regular expression",
    objects: [gw, aRoute([rule("a", path("/x.*", "RegularExpression")), rule("b", path("/xy"))])],
    asks: [
      [{ path: "/xy" }, "b"],
      [{ path: "/xz" }, "a"],
      [{ path: "/y/xz" }, "404 NR"],
    ],
  },
  {
    name: "MESH-361 the more specific hostname first; the wider one has the rest",
    objects: [
      gw,
      aRoute([rule("a", path("/a"))], { hostnames: ["x.t.test"] }, { name: "exact" }),
      aRoute([rule("b", path("/b"))], { hostnames: ["*.t.test"] }, { name: "wild" }),
      aRoute([rule("c", path("/a", "Exact"), path("/"))], {}, { name: "any" }),
    ],
    asks: [
      [{ host: "x.t.test", path: "/a" }, "a"],
      [{ host: "x.t.test", path: "/b" }, "b"],
      [{ host: "x.t.test", path: "/c" }, "c"],
      [{ host: "y.t.test", path: "/b" }, "b"],
      [{ host: "y.t.test", path: "/a" }, "c"],
      [{ host: "other.test", path: "/b" }, "c"],
      [{ host: "X.T.TEST:8080", path: "/a" }, "a"],
    ],
  },
  {
    name: "MC-299 MESH-362 a prefix is whole path elements",
    objects: [gw, aRoute([rule("a", path("/foo")), rule("b", path("/bar/"))])],
    asks: [
      [{ path: "/foobar" }, "404 NR"],
      [{ path: "/foo" }, "a"],
      [{ path: "/foo/" }, "a"],
      [{ path: "/foo/bar?x" }, "a"],
      [{ path: "/bar" }, "b"],
      [{ path: "/bar/x" }, "b"],
      [{ path: "/barx" }, "404 NR"],
    ],
  },
  {
    name: "MESH-362 a rule without matches takes everything",
    objects: [gw, aRoute([{ backendRefs: [to("a")] }])],
    asks: [[{ path: "/any", method: "DELETE" }, "a"]],
  },
  {
    name: "MESH-362 matches are alternatives, fields of one hold together",
    objects: [gw, aRoute([rule("a", { ...path("/v2"), method: "GET" }, header("x", "1"))])],
    asks: [
      [{ path: "/v2" }, "a"],
      [{ path: "/v2", method: "PUT" }, "404 NR"],
      [{ path: "/v1", headers: { x: "1" }, method: "PUT" }, "a"],
    ],
  },
  {
    name: "MESH-362 of a header or parameter named twice the first entry counts",
    objects: [
      gw,
      aRoute([
        rule("a", {
          headers: [
            { name: "x", value: "1" },
            { name: "X", value: "2" },
          ],
        }),
        rule("b", {
          queryParams: [
            { name: "q", value: "1" },
            { name: "q", value: "2" },
          ],
        }),
      ]),
    ],
    asks: [
      [{ headers: { x: "1" } }, "a"],
      [{ headers: { x: "2" } }, "404 NR"],
      [{ path: "/?q=1" }, "b"],
      [{ path: "/?q=2&q=1" }, "404 NR"],
    ],
  },
  {
    name: "MESH-362 expressions match the whole value; names like pseudo-headers are plain headers",
    objects: [
      gw,
      aRoute([
        rule("a", header("version", "v[12]", "RegularExpression")),
        rule("b", header("method", "x")),
        rule("c", { queryParams: [{ name: "q", value: "\\d+", type: "RegularExpression" }] }),
      ]),
    ],
    asks: [
      [{ headers: { version: "v1" } }, "a"],
      [{ headers: { version: "v12" } }, "404 NR"],
      [{ headers: { method: "x" } }, "b"],
      [{}, "404 NR"],
      [{ path: "/?q=42" }, "c"],
      [{ path: "/?q=4x" }, "404 NR"],
    ],
  },
  {
    name: "MC-300 MESH-360 hostnames of listener and route meet; the apex is not under its wildcard",
    objects: [
      aGateway([aListener({ hostname: "*.t.test" })]),
      aRoute([rule("a")], { hostnames: ["a.b.t.test", "t.test"] }),
    ],
    asks: [
      [{ host: "a.b.t.test" }, "a"],
      [{ host: "b.t.test" }, "404 NR"],
      [{ host: "t.test" }, "404 NR"],
    ],
  },
  {
    name: "MESH-360 a route without hostnames takes the listener's; one with a wildcard the narrower",
    objects: [
      aGateway([aListener({ hostname: "x.t.test" })]),
      aRoute([rule("a", path("/a"))], {}, { name: "any" }),
      aRoute([rule("b", path("/b"))], { hostnames: ["*.t.test"] }, { name: "wild" }),
    ],
    asks: [
      [{ host: "x.t.test", path: "/a" }, "a"],
      [{ host: "x.t.test", path: "/b" }, "b"],
      [{ host: "y.t.test", path: "/b" }, "404 NR"],
    ],
  },
  {
    name: "MESH-360 listeners that differ in the hostname are apart: the more specific one alone answers",
    objects: [
      aGateway([aListener({ name: "any" }), aListener({ name: "narrow", hostname: "*.t.test" })]),
      aRoute([rule("a")], { parentRefs: [{ name: "gw", sectionName: "any" }] }, { name: "any" }),
      aRoute([rule("b", path("/b"))], { parentRefs: [{ name: "gw", sectionName: "narrow" }] }, { name: "narrow" }),
      aRoute([rule("c")], { parentRefs: [{ name: "gw", sectionName: "any" }], hostnames: ["x.t.test"] }, { name: "c" }),
    ],
    asks: [
      [{ host: "h.test" }, "a"],
      [{ host: "y.t.test", path: "/b" }, "b"],
      [{ host: "y.t.test" }, "404 NR"],
      [{ host: "x.t.test" }, "404 NR"],
    ],
  },
  {
    name: "MESH-360 port and sectionName choose the listener",
    objects: [
      aGateway([aListener(), aListener({ name: "admin", port: 8080 })]),
      aRoute([rule("a")], { parentRefs: [{ name: "gw", port: 80 }] }, { name: "public" }),
      aRoute([rule("b")], { parentRefs: [{ name: "gw", sectionName: "admin" }] }, { name: "admin" }),
      aRoute([rule("c", path("/c"))], {}, { name: "both" }),
    ],
    asks: [
      [{ port: 80 }, "a"],
      [{ port: 8080 }, "b"],
      [{ port: 80, path: "/c" }, "c"],
      [{ port: 8080, path: "/c" }, "c"],
    ],
  },
  {
    name: "MC-301 MESH-360 routes of other namespaces need the listener's leave",
    objects: [
      aGateway([aListener()], { namespace: "infra" }),
      aRoute([rule("a")], { parentRefs: [{ name: "gw", namespace: "infra" }] }),
    ],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MESH-360 allowedRoutes from All, and by the labels of the namespace",
    objects: [
      aGateway(
        [
          aListener({ allowedRoutes: { namespaces: { from: "All" } } }),
          aListener({
            name: "picked",
            port: 81,
            allowedRoutes: { namespaces: { from: "Selector", selector: { matchLabels: { team: "shop" } } } },
          }),
        ],
        { namespace: "infra" },
      ),
      aRoute([rule("a")], { parentRefs: [{ name: "gw", namespace: "infra" }] }),
      aRoute([rule("far")], { parentRefs: [{ name: "gw", namespace: "infra", port: 81 }] }, { namespace: "other" }),
      namespaceOf("other", { team: "shop" }),
      namespaceOf("default", { team: "bank" }),
    ],
    asks: [
      [{ port: 80 }, "a"],
      [{ port: 81 }, "far"],
    ],
  },
  {
    name: "MESH-360 a Gateway of another class is not ours, and one whose class is gone neither",
    objects: [
      aGateway([aListener()], { name: "gw" }, { gatewayClassName: "nginx" }),
      aRoute([rule("a")]),
      { ...istioClass, metadata: { name: "nginx" }, spec: { controllerName: "nginx.org/gateway-controller" } },
    ],
    asks: [[{}, "404 NR"]],
  },
  {
    name: "MC-294 MESH-363 weights of zero, and a rule without backends, are 500",
    objects: [
      gw,
      aRoute([
        { matches: [path("/zero")], backendRefs: [to("a", { weight: 0 }), to("b", { weight: 0 })] },
        { matches: [path("/one")], backendRefs: [to("a", { weight: 0 })] },
        { matches: [path("/none")] },
        { matches: [path("/some")], backendRefs: [to("a", { weight: 0 }), to("b", { weight: 1 })] },
      ]),
    ],
    asks: [
      [{ path: "/zero" }, "500 -"],
      [{ path: "/one" }, "500 -"],
      [{ path: "/none" }, "500 -"],
      [{ path: "/some", draw: 0 }, "b"],
      [{ path: "/some", draw: 0.999 }, "b"],
    ],
  },
  {
    name: "MC-295 MESH-363 the share of a backend that is not there is 500",
    objects: [gw, aRoute([{ backendRefs: [to("a", { weight: 50 }), to("nobody", { weight: 50 })] }])],
    asks: [
      [{ draw: 0.49 }, "a"],
      [{ draw: 0.5 }, "500 -"],
    ],
  },
  {
    name: "MESH-363 a port that the service lacks, no port, and another kind are invalid too",
    objects: [
      gw,
      aRoute([
        { matches: [path("/port")], backendRefs: [{ name: "a", port: 81 }] },
        { matches: [path("/no")], backendRefs: [{ name: "a" }] },
        { matches: [path("/kind")], backendRefs: [to("a", { group: "x.io", kind: "Bucket" })] },
      ]),
    ],
    asks: [
      [{ path: "/port" }, "500 -"],
      [{ path: "/no" }, "500 -"],
      [{ path: "/kind" }, "500 -"],
    ],
  },
  {
    name: "MC-296 MESH-369 a backend of another namespace without a grant is 500",
    objects: [gw, aRoute([{ backendRefs: [to("far", { namespace: "other" })] }])],
    asks: [[{}, "500 -"]],
  },
  {
    name: "MC-296 MESH-369 with a grant it serves",
    objects: [gw, aRoute([{ backendRefs: [to("far", { namespace: "other" })] }]), aGrant("default", "other")],
    asks: [[{}, "far"]],
  },
  {
    name: "MESH-369 a grant for another name, or from another namespace, is none",
    objects: [
      gw,
      aRoute([{ backendRefs: [to("far", { namespace: "other" })] }]),
      aGrant("default", "other", "near"),
      aGrant("elsewhere", "other"),
      aGrant("default", "default"),
    ],
    asks: [[{}, "500 -"]],
  },
  {
    name: "MC-302 MESH-363 a backend without ready pods is 503",
    objects: [gw, aRoute([rule("empty")])],
    asks: [[{}, "503 UH"]],
  },
  {
    name: "MESH-364 a rule with a filter that we do not have is 500, whatever else it says",
    objects: [
      gw,
      aRoute([
        {
          matches: [path("/x")],
          filters: [{ type: "ExtensionRef", extensionRef: { group: "x.io", kind: "Auth", name: "n" } }],
          backendRefs: [to("a")],
        },
        { matches: [path("/y")], filters: [{ type: "Magic" }], backendRefs: [to("a")] },
        {
          matches: [path("/z")],
          filters: [
            { type: "URLRewrite", urlRewrite: { hostname: "x.test" } },
            { type: "RequestRedirect", requestRedirect: { hostname: "x.test" } },
          ],
        },
        rule("b"),
      ]),
    ],
    asks: [
      [{ path: "/x" }, "500 -"],
      [{ path: "/y" }, "500 -"],
      [{ path: "/z" }, "500 -"],
      [{ path: "/" }, "b"],
    ],
  },
  {
    name: "MESH-364 a wrong expression takes its own match away and fails the rest of its rule",
    objects: [gw, aRoute([rule("a", path("/(", "RegularExpression"), path("/x")), rule("b")])],
    asks: [
      [{ path: "/x" }, "500 -"],
      [{ path: "/(" }, "b"],
    ],
  },
  {
    name: "MESH-360 Gateways that share a port share its hosts",
    objects: [
      aGateway(),
      aGateway([aListener({ name: "web" })], { name: "second", namespace: "other" }),
      aRoute([rule("a", path("/a"))]),
      aRoute([rule("far", path("/far"))], { parentRefs: [{ name: "second" }] }, { namespace: "other" }),
    ],
    asks: [
      [{ path: "/a" }, "a"],
      [{ path: "/far" }, "far"],
    ],
  },
  {
    name: "MESH-368 a Gateway that asks for another address is not served, one that asks for the proxy's is",
    objects: [
      aGateway([aListener()], { name: "far" }, { addresses: [{ value: "10.1.2.3" }] }),
      aGateway([aListener({ port: 81 })], {}, { addresses: [{ value: "127.0.0.1" }] }),
      aRoute([rule("a")], { parentRefs: [{ name: "far" }] }, { name: "far" }),
      aRoute([rule("b")], {}, { name: "near" }),
    ],
    asks: [
      [{ port: 80 }, "404 NR"],
      [{ port: 81 }, "b"],
    ],
  },
  {
    name: "MESH-360 an open listener without routes answers 404",
    objects: [gw],
    asks: [[{}, "404 NR"]],
  },
];

function namespaceOf(name: string, labels: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

for (const { name, objects, asks } of cases) {
  test(name, () => {
    const asked = world(objects);
    for (const [request, expected] of asks) {
      assert.equal(asked.answer(request), expected, JSON.stringify(request));
    }
  });
}

const meshCases: readonly Case[] = [
  {
    name: "MESH-360 a Service as parent: its callers obey the route, the gateway does not",
    objects: [gw, aRoute([rule("b", path("/b")), rule("c", header("x", "1"))], { parentRefs: [aServiceRef("a")] })],
    asks: [
      [{ ...call("a"), path: "/b" }, "b"],
      [{ ...call("a"), headers: { x: "1" } }, "c"],
      [{ ...call("a"), path: "/none" }, "404 NR"],
      [{ ...call("a.default.svc.cluster.local", "other"), path: "/b" }, "b"],
      [{ ...call("b"), path: "/x" }, "b"],
      [{ path: "/b" }, "404 NR"],
    ],
  },
  {
    name: "MESH-360 a route in the caller's namespace replaces those of the Service's own, for callers there",
    objects: [
      aRoute([rule("b")], { parentRefs: [aServiceRef("a")] }, { name: "producer" }),
      aRoute(
        [rule("far")],
        { parentRefs: [{ ...aServiceRef("a"), namespace: "default" }] },
        { name: "consumer", namespace: "other" },
      ),
    ],
    asks: [
      [call("a.default"), "b"],
      [call("a.default", "other"), "far"],
      [call("a.default", "third"), "b"],
    ],
  },
  {
    name: "MESH-360 a Service's port, and one that it does not have",
    objects: [
      aRoute([rule("b")], { parentRefs: [{ ...aServiceRef("a"), port: 80 }] }, { name: "port" }),
      aRoute([rule("b")], { parentRefs: [{ ...aServiceRef("c"), port: 81 }] }, { name: "other-port" }),
    ],
    asks: [
      [call("a"), "b"],
      [call("c"), "c"],
    ],
  },
];

function aServiceRef(name: string): Record<string, unknown> {
  return { group: "", kind: "Service", name };
}

/** By a pod of a namespace. */
function call(host: string, namespace = "default"): RequestFixture {
  return { source: podSource(namespace), host };
}

for (const { name, objects, asks } of meshCases) {
  test(name, () => {
    const asked = world(objects);
    for (const [request, expected] of asks) assert.equal(asked.answer(request), expected, JSON.stringify(request));
  });
}

test("MC-293 MESH-363 without weights every backend has the same share", () => {
  const asked = world([gw, aRoute([{ backendRefs: [to("stable"), to("canary")] }])]);
  const answers = Array.from({ length: 1000 }, (_, index) => asked.answer({ draw: index / 1000 }));
  assert.equal(answers.filter((answer) => answer === "canary").length, 500);
});

test("MESH-363 shares are weights over their sum, which need not be 100", () => {
  const asked = world([gw, aRoute([{ backendRefs: [to("stable", { weight: 3 }), to("canary", { weight: 1 })] }])]);
  assert.deepEqual(
    [0, 0.74, 0.75, 0.99].map((draw) => asked.answer({ draw })),
    ["stable", "stable", "canary", "canary"],
  );
});

test("MESH-031 every HTTP listener's port opens, those of other protocols do not", () => {
  const listeners = [
    aListener(),
    aListener({ name: "admin", port: 8081 }),
    aListener({ name: "tls", port: 443, protocol: "HTTPS" }),
  ];
  const { table } = world([aGateway(listeners)]);
  const ask = (labels: Record<string, string>) =>
    table.gatewayPorts({ kind: "gateway", namespace: "x", name: "x", labels, workload: "x" });
  assert.deepEqual(ask({ istio: "ingressgateway" }), [80, 8081]);
  assert.deepEqual(ask({ istio: "egressgateway" }), []);
});

test("MESH-368 what a route asks for in vain is among the table's problems", () => {
  const { table } = world([
    aGateway([aListener(), aListener({ name: "tls", port: 443, protocol: "HTTPS" })]),
    aRoute([{ filters: [{ type: "Magic" }], backendRefs: [to("nobody")] }]),
    aRoute([rule("a")], { parentRefs: [{ name: "gw", sectionName: "nope" }] }, { name: "lost" }),
  ]);
  assert.deepEqual(table.problems, [
    { object: "Gateway default/gw", message: "listener tls: protocol HTTPS is not served: the data plane ends no TLS" },
    { object: "HTTPRoute default/route", message: "rules[0].filters[0]: filter Magic is not supported" },
    { object: "HTTPRoute default/route", message: "backendRef default/nobody: the Service does not exist" },
    {
      object: "HTTPRoute default/lost",
      message: "not attached to Gateway default/gw: the Gateway has no listener named nope",
    },
  ]);
});

test("MESH-363 a decision names the route and rule that it follows", () => {
  const asked = world([gw, aRoute([rule("a"), { name: "second", ...rule("b", path("/b")) }])]);
  const { route } = asked.ask({ path: "/b" }) as ForwardDecision;
  assert.deepEqual(route, {
    virtualService: null,
    object: { kind: "HTTPRoute", namespace: "default", name: "route", path: "spec.rules[1].matches[0]" },
    httpIndex: 1,
    matchIndex: 0,
    name: "second",
  });
  assert.equal((asked.ask({ path: "/" }) as LocalDecision).route?.name, "default.route.0");
});
