import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { aService, type RequestFixture, World } from "../fixture.ts";
import type { Decision } from "../types.ts";
import { anIngress, type IngressFixture, ingressWorld, MSE, NGINX, withKeys } from "./fixture.ts";

/** What other annotations than those of canaries do (MESH-308, MESH-346…348). */

const HOST = "h.test";
const tls = (hosts: readonly string[]): IngressFixture => ({
  host: HOST,
  spec: { tls: [{ hosts, secretName: "cert" }] },
});

interface Case {
  readonly name: string;
  readonly prefix?: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly ingress?: IngressFixture;
  readonly asks: readonly (readonly [RequestFixture, string])[];
}

const cases: readonly Case[] = [
  {
    name: "MESH-308 rewrite-target replaces the whole path, with the groups of the rule's path",
    keys: { "rewrite-target": "/v2/$2" },
    ingress: { paths: { "/api(/|$)(.*)": "main" }, pathType: "ImplementationSpecific" },
    asks: [
      [{ path: "/api/a/b?c=1" }, "m1 /v2/a/b?c=1"],
      [{ path: "/api" }, "m1 /v2/"],
      [{ path: "/apis" }, "404"],
    ],
  },
  {
    name: "MESH-308 rewrite-target without groups is the path",
    keys: { "rewrite-target": "/" },
    ingress: { paths: { "/app": "main" } },
    asks: [[{ path: "/app/deep/down" }, "m1 /"]],
  },
  {
    name: "MESH-308 upstream-vhost is the Host sent on",
    keys: { "upstream-vhost": "inner.test" },
    asks: [[{}, "m1 / host=inner.test"]],
  },
  {
    name: "MESH-307 TLS for the host sends plain requests to https",
    keys: {},
    ingress: tls([HOST]),
    asks: [
      [{ path: "/a?b=1", host: `${HOST}:18080` }, "308 https://h.test/a?b=1"],
      [{ scheme: "https" }, "m1 /"],
    ],
  },
  {
    name: "MESH-307 ssl-redirect false does not",
    keys: { "ssl-redirect": "false" },
    ingress: tls([HOST]),
    asks: [[{}, "m1 /"]],
  },
  { name: "MESH-307 TLS for another host does not", keys: {}, ingress: tls(["a.test"]), asks: [[{}, "m1 /"]] },
  {
    name: "MESH-308 force-ssl-redirect needs no TLS",
    keys: { "force-ssl-redirect": "true" },
    asks: [[{}, "308 https://h.test/"]],
  },
  {
    name: "MESH-308 permanent-redirect",
    keys: { "permanent-redirect": "https://new.test/x" },
    asks: [[{ path: "/a?b=1" }, "301 https://new.test/x"]],
  },
  {
    name: "MESH-308 the code of a redirect can be chosen",
    keys: { "permanent-redirect": "https://new.test", "permanent-redirect-code": "308" },
    asks: [[{}, "308 https://new.test"]],
  },
  {
    name: "MESH-308 temporal-redirect comes before permanent-redirect",
    keys: { "temporal-redirect": "https://now.test", "permanent-redirect": "https://new.test" },
    asks: [[{}, "302 https://now.test"]],
  },
  {
    name: "MESH-308 app-root concerns / only",
    keys: { "app-root": "/home" },
    asks: [
      [{ host: "h.test:8080" }, "302 http://h.test:8080/home"],
      [{ path: "/x" }, "m1 /x"],
    ],
  },
  {
    name: "MESH-308 enable-cors answers preflights",
    keys: { "enable-cors": "true", "cors-allow-origin": "https://*.a.test, https://b.test" },
    asks: [
      [preflight("https://x.a.test"), "204 https://x.a.test"],
      [preflight("https://b.test"), "204 https://b.test"],
      [preflight("https://c.test"), "204 "],
      [{ headers: { origin: "https://b.test" } }, "m1 / cors=https://b.test"],
    ],
  },
  {
    name: "MESH-348 timeout, on MSE",
    prefix: MSE,
    keys: { timeout: "5" },
    asks: [[{}, "m1 / timeout=5000"]],
  },
  {
    name: "MESH-348 rewrite-target on MSE replaces the part that matched",
    prefix: MSE,
    keys: { "rewrite-target": "/v2" },
    ingress: { paths: { "/api": "main" } },
    asks: [
      [{ path: "/api/a?b=/api" }, "m1 /v2/a?b=/api"],
      [{ path: "/api" }, "m1 /v2"],
    ],
  },
  {
    name: "MESH-348 rewrite-target / on MSE takes the part that matched away",
    prefix: MSE,
    keys: { "rewrite-target": "/" },
    ingress: { paths: { "/api": "main" } },
    asks: [
      [{ path: "/api/a" }, "m1 /a"],
      [{ path: "/api" }, "m1 /"],
    ],
  },
  {
    name: "MESH-348 use-regex on MSE lets a rewrite name groups",
    prefix: MSE,
    keys: { "rewrite-target": "/$1", "use-regex": "true" },
    ingress: { paths: { "/api/(.*)": "main" }, pathType: "ImplementationSpecific" },
    asks: [[{ path: "/api/a/b" }, "m1 /a/b"]],
  },
  {
    name: "MESH-348 mirror-target-service",
    prefix: MSE,
    keys: { "mirror-target-service": "default/api:80" },
    asks: [[{}, "m1 / mirror=api"]],
  },
  {
    name: "MESH-340 TLS alone redirects nobody on MSE",
    prefix: MSE,
    keys: {},
    ingress: tls([HOST]),
    asks: [[{}, "m1 /"]],
  },
];

function preflight(origin: string): RequestFixture {
  return { method: "OPTIONS", headers: { origin, "access-control-request-method": "PUT" } };
}

for (const { name, prefix = NGINX, keys, ingress, asks } of cases) {
  test(name, () => {
    const className = prefix === MSE ? "mse" : "nginx";
    const world = ingressWorld([withKeys("i", prefix, keys, { className, ...ingress })]);
    for (const [request, expected] of asks) assert.equal(describe(world.ask({ host: HOST, ...request })), expected);
  });
}

/** `m1 /path`, with what is unusual about it; `status location` of an answer that is given here. */
function describe(decision: Decision): string {
  if (decision.kind === "local") {
    const named = (name: string) => decision.headers.find(([key]) => key === name)?.[1];
    if (decision.status === 204) return `204 ${named("access-control-allow-origin") ?? ""}`;
    const location = named("location");
    return location === undefined ? String(decision.status) : `${decision.status} ${location}`;
  }
  const { cluster, path, authority, timeoutMs, mirrors, responseHeaders } = decision;
  const origin = responseHeaders.flatMap(({ set }) => set).find(([key]) => key === "access-control-allow-origin");
  return [
    `${cluster.endpoints[0]?.pod?.name} ${path}`,
    ...(authority.startsWith(HOST) ? [] : [`host=${authority}`]),
    ...(timeoutMs === null ? [] : [`timeout=${timeoutMs}`]),
    ...mirrors.map(({ serviceName }) => `mirror=${serviceName}`),
    ...(origin === undefined ? [] : [`cors=${origin[1]}`]),
  ].join(" ");
}

/** One service `web` with pods of every kind: `x`, `base`, `gray`, `v2`. */
const subsetCases: readonly { name: string; keys: Readonly<Record<string, string>>; pods: string }[] = [
  { name: "MC-281 MESH-346 a subset is the pods with its label", keys: { "service-subset": "gray" }, pods: "gray" },
  { name: "MC-282 an empty subset is the base", keys: { "service-subset": "" }, pods: "base v2 x" },
  { name: "MESH-346 so is base", keys: { "service-subset": "base" }, pods: "base v2 x" },
  {
    name: "MC-283 a subset that nobody belongs to is everybody",
    keys: { "service-subset": "nope" },
    pods: "base gray late v2 x",
  },
  {
    name: "MESH-346 a subset whose pods are not ready is everybody that is",
    keys: { "service-subset": "late" },
    pods: "base gray late v2 x",
  },
  {
    name: "MESH-346 subset-labels say the label",
    keys: { "service-subset": "v2", "subset-labels": "version v2" },
    pods: "v2",
  },
];

for (const { name, keys, pods } of subsetCases) {
  test(name, () => {
    const web = aService(
      "web",
      [80],
      [
        { name: "x", labels: {} },
        { name: "base", labels: { "opensergo.io/canary": "" } },
        { name: "gray", labels: { "opensergo.io/canary-gray": "gray" } },
        { name: "late", labels: { "opensergo.io/canary-late": "late" }, ready: false },
        { name: "v2", labels: { version: "v2" } },
      ],
    );
    const world = new World([withKeys("i", MSE, keys, { className: "mse", paths: { "/": "web" } })], [web]);
    assert.equal(world.answer({}), pods.replace("late ", ""));
  });
}

interface HeaderCase {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly headers: Readonly<Record<string, string>>;
  readonly set: readonly (readonly [string, string])[];
}

const headerMain = (keys: Readonly<Record<string, string>>) => withKeys("main", MSE, keys, { className: "mse" });
const tag = { "request-header-control-update": "x-mse-tag gray" };

const headerCases: readonly HeaderCase[] = [
  {
    name: "MC-284 MESH-347 an update overwrites",
    objects: [headerMain(tag)],
    headers: { "x-mse-tag": "other" },
    set: [["x-mse-tag", "gray"]],
  },
  {
    name: "MC-285 an update of two lines",
    objects: [headerMain({ "request-header-control-update": "x-mse-tag gray\nX-Other a b\n" })],
    headers: {},
    set: [
      ["x-mse-tag", "gray"],
      ["x-other", "a b"],
    ],
  },
  {
    name: "MESH-347 a canary's edits are its own",
    objects: [
      headerMain({ "request-header-control-update": "x-from base" }),
      withKeys(
        "canary",
        MSE,
        { canary: "true", "canary-by-header": "x", ...tag },
        { className: "mse", paths: { "/": "canary" } },
      ),
    ],
    headers: { x: "always" },
    set: [["x-mse-tag", "gray"]],
  },
  {
    name: "MESH-327 nginx knows no such edits",
    objects: [withKeys("main", NGINX, tag)],
    headers: {},
    set: [],
  },
];

for (const { name, objects, headers, set } of headerCases) {
  test(name, () => {
    const decision = ingressWorld(objects).ask({ headers });
    assert.ok(decision.kind === "forward");
    assert.deepEqual(
      decision.requestHeaders.flatMap((operations) => operations.set),
      set,
    );
  });
}

test("MESH-347 header edits of answers, added and removed", () => {
  const keys = {
    "response-header-control-add": "x-a 1",
    "response-header-control-remove": "Server, x-b",
  };
  const decision = ingressWorld([headerMain(keys)]).ask({});
  assert.deepEqual(decision.kind === "forward" && decision.responseHeaders, [
    { remove: ["server", "x-b"], set: [], add: [["x-a", "1"]] },
  ]);
});

test("MESH-327 the main Ingress's settings hold for its canary, not the canary's", () => {
  const world = ingressWorld([
    withKeys("main", NGINX, { "upstream-vhost": "main.test" }),
    withKeys(
      "canary",
      NGINX,
      { canary: "true", "canary-weight": "100", "upstream-vhost": "canary.test" },
      { paths: { "/": "canary" } },
    ),
  ]);
  assert.equal(describe(world.ask({ host: HOST })), "k1 / host=main.test");
});

test("MESH-308 an Ingress without annotations changes nothing", () => {
  assert.equal(describe(ingressWorld([anIngress("i")]).ask({ host: HOST, path: "/a?b" })), "m1 /a?b");
});
