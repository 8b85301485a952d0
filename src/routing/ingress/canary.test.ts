import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { seededRandom } from "../../base/random.ts";
import type { RequestFixture } from "../fixture.ts";
import { ALB, aCanary, anIngress, ingressWorld, MSE, NGINX, withKeys } from "./fixture.ts";

/** Canary Ingresses (MESH sections 15 and 16). */

/** Header lines of a request, as `x: always; cookie: c=1`. */
type Asks = Readonly<Record<string, string>>;

interface Case {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly asks: Asks;
}

const main = "m1";
const canary = "k1";
const nginx = (keys: Record<string, string>) => [anIngress("main"), aCanary("canary", keys)];

const nginxCases: readonly Case[] = [
  {
    name: "MC-255 MESH-322 a header alone: always and never",
    objects: nginx({ "canary-by-header": "X" }),
    asks: { "x: always": canary, "x: never": main, "x: foo": main, "": main },
  },
  {
    name: "MC-256 any other value leaves it to the weight",
    objects: nginx({ "canary-by-header": "x", "canary-weight": "100" }),
    asks: { "x: never": main, "x: foo": canary, "": canary },
  },
  {
    name: "MC-257 MESH-323 with a value, only that value counts",
    objects: nginx({ "canary-by-header": "x", "canary-by-header-value": "gray", "canary-weight": "0" }),
    asks: { "x: gray": canary, "x: always": main, "x: grayer": main },
  },
  {
    name: "MC-258 with a value, never has no meaning",
    objects: nginx({ "canary-by-header": "x", "canary-by-header-value": "gray", "canary-weight": "100" }),
    asks: { "x: never": canary },
  },
  {
    name: "MC-259 MESH-324 a pattern",
    objects: nginx({ "canary-by-header": "x", "canary-by-header-pattern": "^v[0-9]$" }),
    asks: { "x: v1": canary, "x: v10": main, "": main },
  },
  {
    name: "MC-260 a pattern is looked for anywhere",
    objects: nginx({ "canary-by-header": "x", "canary-by-header-pattern": "v1" }),
    asks: { "x: xv1x": canary, "x: always": main },
  },
  {
    name: "MC-261 beside a value the pattern does not count",
    objects: nginx({
      "canary-by-header": "x",
      "canary-by-header-value": "gray",
      "canary-by-header-pattern": "v1",
    }),
    asks: { "x: v1": main, "x: gray": canary },
  },
  {
    name: "MESH-324 a pattern that is none keeps requests with the header on main",
    objects: nginx({ "canary-by-header": "x", "canary-by-header-pattern": "(v1", "canary-weight": "100" }),
    asks: { "x: v1": main, "": canary },
  },
  {
    name: "MC-262 MESH-325 a cookie: always and never",
    objects: nginx({ "canary-by-cookie": "c", "canary-weight": "100" }),
    asks: {
      "cookie: a=1; c=always": canary,
      "cookie: c=never; d=always": main,
      "cookie: c=1": canary,
      "cookie: cc=never": canary,
    },
  },
  {
    name: "MC-263 MESH-321 the header comes before the cookie",
    objects: nginx({ "canary-by-header": "x", "canary-by-cookie": "c" }),
    asks: {
      "x: never; cookie: c=always": main,
      "x: foo; cookie: c=always": canary,
      "x: always; cookie: c=never": canary,
    },
  },
  {
    name: "MC-266 MESH-320 only the first canary of a rule counts",
    objects: [
      anIngress("main"),
      aCanary("z-first", { "canary-by-header": "x" }),
      aCanary("a-second", { "canary-weight": "100" }, { paths: { "/": "second" } }),
    ],
    asks: { "x: always": canary, "": main },
  },
  {
    name: "MC-268 MESH-329 a canary without endpoints is as good as none",
    objects: [anIngress("main"), aCanary("canary", { "canary-weight": "100" }, { paths: { "/": "empty" } })],
    asks: { "": main },
  },
  {
    name: "MESH-329 a canary whose service is gone, too",
    objects: [anIngress("main"), aCanary("canary", { "canary-by-header": "x" }, { paths: { "/": "nobody" } })],
    asks: { "x: always": main },
  },
  {
    name: "MESH-320 a canary is one of the same path, path type and class",
    objects: [
      anIngress("main", { paths: { "/a": "main" } }),
      aCanary("type", { "canary-weight": "100" }, { paths: { "/a": "canary" }, pathType: "Exact" }),
      withKeys(
        "class",
        NGINX,
        { canary: "true", "canary-weight": "100" },
        { paths: { "/a": "canary" }, className: "mse" },
      ),
    ],
    asks: { "path: /a": main },
  },
  {
    name: "MESH-328 canary must be true",
    objects: [
      anIngress("main"),
      withKeys("canary", NGINX, { canary: "false", "canary-weight": "100" }, { paths: { "/": "canary" } }),
    ],
    asks: { "": main },
  },
  {
    name: "MESH-320 a canary of some paths leaves the others alone",
    objects: [
      anIngress("main", { paths: { "/": "main", "/a": "main" } }),
      aCanary("canary", { "canary-weight": "100" }, { paths: { "/a": "canary" } }),
    ],
    asks: { "path: /a/x": canary, "path: /b": main },
  },
  {
    name: "MC-267 the path of a canary alone is not served",
    objects: [anIngress("main", { paths: { "/a": "main" } }), aCanary("canary", { "canary-weight": "100" })],
    asks: { "path: /b": "404 NR" },
  },
  {
    name: "MESH-322 headers that a VirtualService cannot match by",
    objects: nginx({ "canary-by-header": "method" }),
    asks: { "method: always": canary, "": main },
  },
  {
    name: "MESH-320 the default backend has canaries, too",
    objects: [
      anIngress("main", { spec: { rules: [], defaultBackend: { service: { name: "main", port: { number: 80 } } } } }),
      aCanary(
        "canary",
        { "canary-by-header": "x" },
        { spec: { rules: [], defaultBackend: { service: { name: "canary", port: { number: 80 } } } } },
      ),
    ],
    asks: { "x: always": canary, "": main },
  },
];

const mseMain = (keys: Record<string, string> = {}) => withKeys("main", MSE, keys, { className: "mse" });
const mse = (name: string, keys: Record<string, string>, service = "canary", prefix = NGINX) =>
  withKeys(name, prefix, { canary: "true", ...keys }, { className: "mse", paths: { "/": service } });
const gray = { "canary-by-header": "x", "canary-by-header-value": "gray" };

const mseCases: readonly Case[] = [
  {
    name: "MC-275 MESH-341 the value decides",
    objects: [mseMain(), mse("canary", gray)],
    asks: { "x: gray": canary, "x: other": main, "x: always": main, "": main },
  },
  {
    name: "MESH-341 Higress takes always beside the value",
    objects: [
      anIngress("main", { className: "higress" }),
      withKeys("c", NGINX, { canary: "true", ...gray }, { className: "higress", paths: { "/": "canary" } }),
    ],
    asks: { "x: gray": canary, "x: always": canary, "x: other": main },
  },
  {
    name: "MESH-341 a header alone takes always; never is no value of its own",
    objects: [mseMain(), mse("canary", { "canary-by-header": "x" }), mse("w", { "canary-weight": "100" }, "second")],
    asks: { "x: always": canary, "x: never": "k2" },
  },
  {
    name: "MESH-341 a pattern may stand anywhere in the value",
    objects: [mseMain(), mse("canary", { "canary-by-header": "x", "canary-by-header-pattern": "v[12]" })],
    asks: { "x: a-v2-b": canary, "x: v3": main },
  },
  {
    name: "MC-276 MESH-340 beside a header the weight does not count",
    objects: [mseMain(), mse("canary", { ...gray, "canary-weight": "100" })],
    asks: { "": main, "x: gray": canary },
  },
  {
    name: "MC-278 several header canaries",
    objects: [
      mseMain(),
      mse("one", { "canary-by-header": "x", "canary-by-header-value": "v1" }),
      mse("two", { "canary-by-header": "x", "canary-by-header-value": "v2" }, "second"),
    ],
    asks: { "x: v2": "k2", "x: v1": canary, "x: v3": main },
  },
  {
    name: "MC-279 MESH-342 a cookie takes always, or the value that it is told",
    objects: [
      mseMain(),
      mse("canary", { "canary-by-cookie": "demo" }),
      mse("two", { "canary-by-cookie": "user", "canary-by-cookie-value": "bob" }, "second"),
    ],
    asks: { "cookie: demo=always": canary, "cookie: demo=1": main, "cookie: user=bob": "k2", "cookie: user=al": main },
  },
  {
    name: "MC-280 MESH-343 header and query must both hold",
    objects: [
      mseMain(),
      mse("canary", {
        "canary-by-header": "x",
        "canary-by-header-value": "t",
        "canary-by-query": "canary",
        "canary-by-query-value": "gray",
      }),
    ],
    asks: { "x: t": main, "path: /?canary=gray": main, "x: t; path: /?a=1&canary=gray": canary },
  },
  {
    name: "MESH-349 the query's keys are read under both prefixes",
    objects: [
      mseMain(),
      mse("canary", { "canary-by-query": "c" }),
      mse("two", { canary: "true", "canary-by-query": "d" }, "second", MSE),
    ],
    asks: { "path: /?c=always": canary, "path: /?d=always": "k2" },
  },
  {
    name: "MESH-345 headers come before cookies, and a canary without endpoints is as good as none",
    objects: [
      mseMain(),
      mse("old", { "canary-by-cookie": "c" }),
      mse("young", { "canary-by-header": "x" }, "second"),
      mse("gone", { "canary-by-header": "y" }, "empty"),
    ],
    asks: { "x: always; cookie: c=always": "k2", "y: always": main },
  },
  {
    name: "MC-286 MESH-350 ALB tries the lower order first",
    objects: [
      withKeys("main", ALB, { order: "10" }, { className: "alb" }),
      withKeys(
        "canary",
        ALB,
        { canary: "true", order: "1", "canary-by-header": "x", "canary-by-header-value": "gray" },
        { className: "alb", paths: { "/": "canary" } },
      ),
    ],
    asks: { "x: gray": canary, "x: a": main },
  },
  {
    name: "MESH-350 ALB's order comes before the path",
    objects: [
      withKeys("long", ALB, { order: "20" }, { className: "alb", paths: { "/a/b": "api" } }),
      withKeys("short", ALB, { order: "5" }, { className: "alb", paths: { "/a": "main" } }),
    ],
    asks: { "path: /a/b": main },
  },
];

for (const { name, objects, asks } of [...nginxCases, ...mseCases]) {
  test(name, () => {
    const world = ingressWorld(objects);
    for (const [request, expected] of Object.entries(asks)) {
      assert.equal(world.answer(requestOf(request)), expected, JSON.stringify(request));
    }
  });
}

/** `x: a; cookie: c=1; d=2`: a part without colon belongs to the line before it. `path:` is the path. */
function requestOf(text: string): RequestFixture {
  const lines = text.split(/; (?=[\w-]+:)/).filter((line) => line !== "");
  const all = Object.fromEntries(lines.map((line) => line.split(/: (.*)/).slice(0, 2)));
  const { path = "/", ...headers } = all as Record<string, string>;
  return { path, headers };
}

/** `share`: percent of each pod's requests. */
const weightCases: readonly {
  name: string;
  objects: readonly KubeObject[];
  requests: number;
  share: Readonly<Record<string, number>>;
  tolerance: number;
}[] = [
  {
    name: "MC-264 MESH-326 a weight of 20",
    objects: nginx({ "canary-weight": "20" }),
    requests: 5000,
    share: { [canary]: 20, [main]: 80 },
    tolerance: 2.3,
  },
  {
    name: "MC-265 a weight of 5 in 1000",
    objects: nginx({ "canary-weight": "5", "canary-weight-total": "1000" }),
    requests: 20_000,
    share: { [canary]: 0.5 },
    tolerance: 0.2,
  },
  {
    name: "MC-265 a total of 50 does not count",
    objects: nginx({ "canary-weight": "5", "canary-weight-total": "50" }),
    requests: 20_000,
    share: { [canary]: 5 },
    tolerance: 0.6,
  },
  {
    name: "MESH-326 a weight of 0 is nobody",
    objects: nginx({ "canary-weight": "0" }),
    requests: 500,
    share: { [main]: 100 },
    tolerance: 0,
  },
  {
    name: "MESH-326 a weight above the total is everybody",
    objects: nginx({ "canary-weight": "120" }),
    requests: 500,
    share: { [canary]: 100 },
    tolerance: 0,
  },
  {
    name: "MC-277 MESH-344 the base gets what two canaries leave",
    objects: [mseMain(), mse("one", { "canary-weight": "30" }), mse("two", { "canary-weight": "20" }, "second")],
    requests: 5000,
    share: { [canary]: 30, k2: 20, [main]: 50 },
    tolerance: 3,
  },
  {
    name: "MESH-344 the first canary's total counts",
    objects: [
      mseMain(),
      mse("one", { "canary-weight": "30", "canary-weight-total": "200" }),
      mse("two", { "canary-weight": "20", "canary-weight-total": "50" }, "second"),
    ],
    requests: 5000,
    share: { [canary]: 15, k2: 10, [main]: 75 },
    tolerance: 3,
  },
];

for (const { name, objects, requests, share, tolerance } of weightCases) {
  test(name, () => {
    const world = ingressWorld(objects);
    const random = seededRandom(20_300_101);
    const counts = new Map<string, number>();
    for (let count = 0; count < requests; count++) {
      const answer = world.answer({ draw: random.next() });
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
    for (const [pod, percent] of Object.entries(share)) {
      const found = (100 * (counts.get(pod) ?? 0)) / requests;
      assert.ok(Math.abs(found - percent) <= tolerance, `${pod}: ${found} %`);
    }
  });
}

test("MESH-326 the smallest draws are the canary's, to the last one", () => {
  const world = ingressWorld(nginx({ "canary-weight": "20" }));
  assert.equal(world.answer({ draw: 0.199_999 }), canary);
  assert.equal(world.answer({ draw: 0.2 }), main);
});

test("MESH-320 the decision names the Ingress that made it", () => {
  const world = ingressWorld(nginx({ "canary-by-header": "x", "canary-weight": "5" }));
  const path = "spec.rules[0].http.paths[0]";
  const references = ["always", "other"].map((value) => world.ask({ headers: { x: value } }).route);
  assert.deepEqual(references, [
    {
      virtualService: null,
      object: { kind: "Ingress", namespace: "default", name: "canary", path },
      httpIndex: 0,
      matchIndex: null,
      name: "default/canary:canary-by-header",
    },
    {
      virtualService: null,
      object: { kind: "Ingress", namespace: "default", name: "main", path },
      httpIndex: 0,
      matchIndex: null,
      name: "default/main:canary-weight",
    },
  ]);
});
