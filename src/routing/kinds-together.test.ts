import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { aService, gatewayRoute, standardGateway, to, World } from "./fixture.ts";
import { aGateway, aListener, aRoute, to as backend, istioClass, path } from "./gateway-api/fixture.ts";
import { anIngress, type IngressFixture } from "./ingress/fixture.ts";

/** A VirtualService, an HTTPRoute and an Ingress that claim the same requests of one gateway. */

const services = ["vs", "route", "ingress", "main"].map((name) => aService(name, [80], [{ name, labels: {} }]));

function virtualService(hosts: readonly string[], prefix?: string): KubeObject {
  const rule = { route: [to("vs")] };
  return gatewayRoute([prefix === undefined ? rule : { ...rule, match: [{ uri: { prefix } }] }], { hosts });
}

function httpRoute(hostnames: readonly string[], prefix = "/"): KubeObject {
  return aRoute([{ matches: [path(prefix)], backendRefs: [backend("route")] }], { hostnames });
}

function ingress(host: string, prefix = "/"): KubeObject {
  const fixture: IngressFixture = host === "" ? {} : { host };
  return anIngress("i", { ...fixture, paths: { [prefix]: "ingress" } });
}

/** Who answers `host/path`. */
type Answers = Readonly<Record<string, string>>;

const rows: readonly (readonly [name: string, objects: readonly KubeObject[], answers: Answers])[] = [
  [
    "MESH-045 of rules for one host a VirtualService's are tried first, then an HTTPRoute's, then an Ingress's",
    [virtualService(["a.test"], "/x/y"), httpRoute(["a.test"], "/x"), ingress("a.test")],
    { "a.test/x/y": "vs", "a.test/x": "route", "a.test/": "ingress" },
  ],
  [
    "MESH-045 no kind's catch-all hides the rules of another",
    [virtualService(["a.test"]), httpRoute(["a.test"], "/r"), ingress("a.test", "/i")],
    { "a.test/r": "route", "a.test/i": "ingress", "a.test/": "vs" },
  ],
  [
    "MESH-045 of two catch-alls the first kind's counts",
    [httpRoute(["a.test"]), ingress("a.test")],
    { "a.test/": "route" },
  ],
  [
    "MESH-302 MESH-014 a VirtualService for every host leaves hosts that others name to them",
    [virtualService(["*"]), httpRoute(["r.test"]), ingress("i.test", "/i")],
    { "r.test/": "route", "i.test/i": "ingress", "i.test/": "404 NR", "else.test/": "vs" },
  ],
  [
    "MESH-014 so do an HTTPRoute and an Ingress without host",
    [virtualService(["v.test"], "/v"), httpRoute([], "/r"), ingress("", "/i")],
    { "v.test/v": "vs", "v.test/i": "404 NR", "else.test/r": "route", "else.test/i": "ingress" },
  ],
  [
    "MESH-014 the narrower wildcard counts, of whatever kind",
    [virtualService(["*.b.test"]), httpRoute(["*.test"]), ingress("a.b.test")],
    { "a.b.test/": "ingress", "x.b.test/": "vs", "b.test/": "route" },
  ],
  [
    "MESH-012 MESH-013 neither case nor port of Host count, a dot at the end does",
    [ingress("I.Test")],
    { "i.TEST/": "ingress", "i.test:8080/": "ingress", "i.test./": "404 NR" },
  ],
];

for (const [name, objects, answers] of rows) {
  test(name, () => {
    const open = aGateway([aListener({ allowedRoutes: { namespaces: { from: "All" } } })]);
    const world = new World([standardGateway(), istioClass, open, ...objects], services);
    const found = Object.keys(answers).map((url) => {
      const slash = url.indexOf("/");
      return [url, world.answer({ host: url.slice(0, slash), path: url.slice(slash) })];
    });
    assert.deepEqual(Object.fromEntries(found), answers);
  });
}

test("MESH-304 a host of ingress-nginx says what its default backend says, others say nothing", () => {
  const bodyOf = (className: string) => {
    const world = new World([anIngress("i", { host: "a.test", paths: { "/i": "ingress" }, className })], services);
    const decision = world.ask({ host: "a.test", path: "/else" });
    assert.ok(decision.kind === "local" && decision.status === 404 && decision.flags === "NR");
    return decision.body;
  };
  assert.deepEqual([bodyOf("nginx"), bodyOf("mse")], ["default backend - 404", ""]);
});
