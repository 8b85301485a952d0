import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { gatewaySource, podSource, type RequestFixture } from "../fixture.ts";
import {
  ALB,
  aCanary,
  anIngress,
  anIngressClass,
  type IngressFixture,
  ingressWorld,
  MSE,
  NGINX,
  toService,
  withKeys,
} from "./fixture.ts";

/** Hosts, paths, classes and backends of Ingresses (MESH section 14). */

type Asks = Readonly<Record<string, string>>;

interface Case {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  /** `host/path` → pods or `status flag`. */
  readonly asks: Asks;
}

const exact = (paths: Record<string, string>, rest: IngressFixture = {}) => ({ paths, pathType: "Exact", ...rest });
const free = (className: string, paths: Record<string, string>) => ({
  paths,
  pathType: "ImplementationSpecific",
  className,
});
const m1 = "m1";
const a1 = "a1";
const none = "404 NR";

const cases: readonly Case[] = [
  {
    name: "MC-240 MESH-300 a prefix takes whole path elements",
    objects: [anIngress("i", { paths: { "/foo": "main" } })],
    asks: { "h.test/foo": m1, "h.test/foo/": m1, "h.test/foo/b": m1, "h.test/foobar": none, "h.test/Foo": none },
  },
  {
    name: "MESH-300 a slash at the end of a prefix says nothing",
    objects: [anIngress("i", { paths: { "/foo/": "main" } })],
    asks: { "h.test/foo": m1, "h.test/foo/b": m1, "h.test/foobar": none },
  },
  {
    name: "MC-241 an exact path is that path only",
    objects: [anIngress("i", exact({ "/foo": "main" }))],
    asks: { "h.test/foo": m1, "h.test/foo?a=1": m1, "h.test/foo/": none },
  },
  {
    name: "MC-242 the longer path comes first, whatever the order",
    objects: [anIngress("i", { paths: { "/a": "main", "/a/b": "api" } })],
    asks: { "h.test/a/b/c": a1, "h.test/a/bc": m1 },
  },
  {
    name: "MC-243 of equal length the exact path comes first",
    objects: [anIngress("old", { paths: { "/a": "main" } }), anIngress("young", exact({ "/a": "api" }))],
    asks: { "h.test/a": a1, "h.test/a/x": m1 },
  },
  {
    name: "MC-244 a wildcard host covers names below it",
    objects: [anIngress("i", { host: "*.x.test" })],
    asks: { "a.x.test/": m1, "a.b.x.test/": m1, "x.test/": none, "A.X.TEST:8080/": m1 },
  },
  {
    name: "MC-245 a host that is named does not fall back to the rule for all hosts",
    objects: [anIngress("all"), anIngress("own", { host: "a.test", paths: { "/p": "api" } })],
    asks: { "a.test/p": a1, "a.test/q": none, "b.test/q": m1 },
  },
  {
    name: "MC-246 MESH-304 the default backend takes what no rule takes",
    objects: [anIngress("i", { host: "a.test", paths: { "/p": "main" }, spec: { defaultBackend: toService("api") } })],
    asks: { "a.test/p": m1, "a.test/q": a1, "b.test/": a1 },
  },
  {
    name: "MESH-304 an Ingress can be a default backend and nothing else",
    objects: [
      anIngress("i", { spec: { rules: [], defaultBackend: toService("api") } }),
      anIngress("own", { host: "a.test", paths: { "/p": "main" } }),
    ],
    asks: { "b.test/": a1, "a.test/p": m1, "a.test/q": none },
  },
  {
    name: "MC-247 the class of another controller is ignored",
    objects: [anIngressClass("other", "example.com/other"), anIngress("i", { className: "other" })],
    asks: { "h.test/": none },
  },
  {
    name: "MESH-303 a class without IngressClass is known by its name",
    objects: ["nginx", "istio", "mse", "higress", "alb", "traefik"].map((className) =>
      anIngress(className, { className, host: `${className}.test` }),
    ),
    asks: {
      "nginx.test/": m1,
      "istio.test/": m1,
      "mse.test/": m1,
      "higress.test/": m1,
      "alb.test/": m1,
      "traefik.test/": none,
    },
  },
  {
    name: "MESH-303 an IngressClass says which controller a name means",
    objects: [
      anIngressClass("public", "k8s.io/ingress-nginx"),
      anIngressClass("nginx", "example.com/other"),
      anIngress("i", { className: "public", host: "a.test" }),
      anIngress("j", { className: "nginx", host: "b.test" }),
    ],
    asks: { "a.test/": m1, "b.test/": none },
  },
  {
    name: "MESH-303 the older annotation wins over the field",
    objects: [
      anIngress("i", { className: "other", host: "a.test", annotations: { "kubernetes.io/ingress.class": "nginx" } }),
      anIngress("j", { className: "nginx", host: "b.test", annotations: { "kubernetes.io/ingress.class": "other" } }),
    ],
    asks: { "a.test/": m1, "b.test/": none },
  },
  {
    name: "MC-248 without a class the default IngressClass counts",
    objects: [anIngressClass("public", "k8s.io/ingress-nginx", true), anIngress("i", { className: "" })],
    asks: { "h.test/": m1 },
  },
  {
    name: "MC-248 without a class and without a default nobody serves it",
    objects: [anIngressClass("public", "k8s.io/ingress-nginx"), anIngress("i", { className: "" })],
    asks: { "h.test/": none },
  },
  {
    name: "MC-249 a backend port by name",
    objects: [anIngress("i", { paths: { "/": "main:http", "/two": "two-ports:http-81", "/no": "main:nope" } })],
    asks: { "h.test/": m1, "h.test/two": "t1", "h.test/no": "503 NC" },
  },
  {
    name: "MC-250 MESH-305 a backend that cannot serve",
    objects: [anIngress("i", { paths: { "/": "empty", "/unknown": "nobody", "/port": "main:81" } })],
    asks: { "h.test/": "503 UH", "h.test/unknown": "503 NC", "h.test/port": "503 NC" },
  },
  {
    name: "MESH-305 a backend that is no service",
    objects: [
      anIngress("i", {
        spec: {
          rules: [{ http: { paths: [{ path: "/", pathType: "Prefix", backend: { resource: { name: "b" } } }] } }],
        },
      }),
    ],
    asks: { "h.test/": "503 -" },
  },
  {
    name: "MESH-306 of two Ingresses with one path the older wins",
    objects: [anIngress("z-old"), anIngress("a-young", { paths: { "/": "api", "/b": "api" } })],
    asks: { "h.test/": m1, "h.test/b": a1 },
  },
  {
    name: "MESH-301 ImplementationSpecific on nginx is any beginning of the path",
    objects: [anIngress("i", free("nginx", { "/foo": "main" }))],
    asks: { "h.test/foobar": m1, "h.test/fo": none },
  },
  {
    name: "MESH-301 ImplementationSpecific on MSE is a prefix of elements",
    objects: [anIngress("i", free("mse", { "/foo": "main" }))],
    asks: { "h.test/foo/a": m1, "h.test/foobar": none },
  },
  {
    name: "MESH-301 ImplementationSpecific on Istio is exact unless it ends in a wildcard",
    objects: [anIngress("i", free("istio", { "/foo": "main", "/bar/*": "main", "/baz.*": "main" }))],
    asks: {
      "h.test/foo": m1,
      "h.test/foo/a": none,
      "h.test/bar/a": m1,
      "h.test/bar": none,
      "h.test/bazar": m1,
    },
  },
  {
    name: "MESH-301 use-regex makes every path of the host an expression",
    objects: [
      anIngress("i", { ...free("nginx", { "/v[0-9]+/x": "main" }), annotations: { [`${NGINX}use-regex`]: "true" } }),
      anIngress("j", { paths: { "/api": "api" } }),
      anIngress("k", { host: "a.test", paths: { "/v.": "api" } }),
    ],
    asks: { "h.test/v12/xyz": m1, "h.test/V1/X": m1, "h.test/v/x": none, "h.test/apis": a1, "a.test/v1": none },
  },
];

for (const { name, objects, asks } of cases) {
  test(name, () => {
    const world = ingressWorld(objects);
    for (const [url, expected] of Object.entries(asks)) {
      assert.equal(world.answer(requestTo(url)), expected, url);
    }
  });
}

function requestTo(url: string): RequestFixture {
  const slash = url.indexOf("/");
  return { host: url.slice(0, slash), path: url.slice(slash) };
}

test("MESH-303 the gateway opens port 80 as soon as it serves an Ingress, and other gateways do not", () => {
  const other = { ...gatewaySource, labels: { istio: "egressgateway" } };
  assert.deepEqual(ingressWorld([]).table.gatewayPorts(gatewaySource), []);
  assert.deepEqual(ingressWorld([anIngress("i", { className: "other" })]).table.gatewayPorts(gatewaySource), []);
  const { table } = ingressWorld([anIngress("i")]);
  assert.deepEqual(table.gatewayPorts(gatewaySource), [80]);
  assert.deepEqual(table.gatewayPorts(other), []);
});

test("MESH-300 an Ingress is nothing to calls between pods", () => {
  const world = ingressWorld([anIngress("i", { host: "main", paths: { "/": "api" } })]);
  assert.equal(world.answer({ source: podSource(), host: "main" }), "m1");
});

const problemCases: readonly { name: string; objects: readonly KubeObject[]; problems: readonly string[] }[] = [
  {
    name: "MESH-303 an Ingress of an unknown class is told",
    objects: [anIngress("i", { className: "traefik" })],
    problems: [
      "Ingress default/i: is not served: its class traefik has no IngressClass and is none of nginx, istio, mse, higress, alb",
    ],
  },
  {
    name: "MESH-306 a path that another Ingress has already is told",
    objects: [anIngress("old"), anIngress("young", { paths: { "/": "api" } })],
    problems: ["Ingress default/young: any host, Prefix / is already served by default/old"],
  },
  {
    name: "MC-267 a canary without a main Ingress is told",
    objects: [anIngress("i", { host: "a.test" }), aCanary("c", { "canary-weight": "5" }, { host: "b.test" })],
    problems: ["Ingress default/c: is a canary without a main Ingress of class nginx for host b.test, Prefix /"],
  },
  {
    name: "MC-266 a second canary is told",
    objects: [anIngress("i"), aCanary("c", {}), aCanary("d", {})],
    problems: ["Ingress default/d: is a second canary of its rule and has no effect: default/c is the first"],
  },
  {
    name: "MESH-328 canary annotations without canary are told",
    objects: [anIngress("i", { annotations: { [`${NGINX}canary-weight`]: "5" } })],
    problems: ["Ingress default/i: canary annotations are configured but not enabled"],
  },
  {
    name: "MESH-308 annotations that do nothing here are told, those nobody knows are not",
    objects: [
      anIngress("i", {
        annotations: { [`${NGINX}limit-rps`]: "5", [`${NGINX}backend-protocol`]: "HTTP", [`${NGINX}team`]: "a" },
      }),
    ],
    problems: ["Ingress default/i: annotation limit-rps has no effect"],
  },
  {
    name: "MESH-350 so are those of ALB",
    objects: [withKeys("i", ALB, { "rewrite-target": "/", order: "5" }, { className: "alb" })],
    problems: ["Ingress default/i: annotation rewrite-target has no effect"],
  },
  {
    name: "MESH-308 values that would end a header or a request line are told and have no effect",
    objects: [
      withKeys("i", NGINX, { "upstream-vhost": "a.test\r\nx: y", "rewrite-target": "/a b", "app-root": "/\u010a" }),
    ],
    problems: [
      "Ingress default/i: annotation upstream-vhost has characters that cannot be sent",
      "Ingress default/i: annotation rewrite-target has characters that cannot be sent",
      "Ingress default/i: annotation app-root has characters that cannot be sent",
    ],
  },
  {
    name: "MESH-308 a protection that is not supported is told, one that lets everybody in is none",
    objects: [
      withKeys("i", NGINX, { "auth-url": "https://auth.test", "whitelist-source-range": "10.0.0.0/8, 0.0.0.0/0" }),
      withKeys("m", MSE, { "auth-type": "basic" }, { className: "mse", host: "m.test" }),
    ],
    problems: [
      "Ingress default/i: annotation auth-url is not supported: without this protection its requests are answered 503",
      "Ingress default/m: annotation auth-type is not supported: without this protection its requests are answered 503",
    ],
  },
  {
    name: "MESH-347 header edits that are none are told",
    objects: [withKeys("i", MSE, { "request-header-control-add": "x: 1\ny 2" }, { className: "mse" })],
    problems: ['Ingress default/i: annotation request-header-control-add: "x: 1" is not "name value"'],
  },
  {
    name: "MESH-326 a weight that is no number is told",
    objects: [anIngress("i"), aCanary("c", { "canary-weight": "5%" })],
    problems: ['Ingress default/c: annotation canary-weight is not a whole number: "5%"'],
  },
  {
    name: "MESH-301 a path that is no expression is told",
    objects: [anIngress("i", { paths: { "/(a": "main" }, annotations: { [`${NGINX}use-regex`]: "true" } })],
    problems: ['Ingress default/i: path "/(a" is no regular expression: missing closing )'],
  },
];

test("MESH-308 what cannot be protected is not served, neither by the main service nor by its canary", () => {
  const main = withKeys("i", NGINX, { "auth-url": "https://auth.test" }, { paths: { "/closed": "main" } });
  const open = anIngress("o");
  const canary = aCanary("c", { "canary-by-header": "x-canary" }, { paths: { "/closed": "canary" } });
  const world = ingressWorld([main, open, canary]);
  for (const headers of [{}, { "x-canary": "always" }]) {
    assert.equal(world.answer({ path: "/closed", headers }), "503 -");
  }
  assert.equal(world.answer({ path: "/" }), "m1");
});

test("MESH-347 MESH-308 lines of blanks and paths of slashes take no time to compile", () => {
  const blanks = `x-a${" ".repeat(20_000)}`;
  const slashes = `${"/".repeat(100_000)}a`;
  const keys = { "request-header-control-add": `${blanks}1\nx-b${blanks}\u0007`, "rewrite-path": slashes };
  const { table } = ingressWorld([withKeys("i", MSE, keys, { className: "mse", paths: { [slashes]: "main" } })]);
  assert.equal(table.problems.length, 1, "the line that ends in a control character");
});

for (const { name, objects, problems } of problemCases) {
  test(name, () => {
    const found = ingressWorld(objects).table.problems.map(({ object, message }) => `${object}: ${message}`);
    assert.deepEqual(found, problems);
  });
}
