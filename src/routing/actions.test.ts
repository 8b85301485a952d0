import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../base/random.ts";
import { gatewayRoute, type RequestFixture, standardGateway, to, World, webRule } from "./fixture.ts";
import type { ForwardDecision, LocalDecision } from "./types.ts";
import { choose, compileWeights } from "./weights.ts";

/** Weights, header operations, rewrite, redirect, direct response, timeout, retry and fault of MESH section 23. */

function worldOf(...http: unknown[]): World {
  return new World([standardGateway(), webRule(), gatewayRoute(http)]);
}

function forward(rule: unknown, request: RequestFixture = {}): ForwardDecision {
  const decision = worldOf(rule).ask(request);
  assert.ok(decision.kind === "forward", JSON.stringify(decision));
  return decision;
}

function local(rule: unknown, request: RequestFixture = {}): LocalDecision {
  const decision = worldOf(rule).ask(request);
  assert.ok(decision.kind === "local");
  return decision;
}

/** Shares of each answer over `count` seeded draws. */
function shares(route: unknown[], count: number): Record<string, number> {
  const world = worldOf({ route });
  const random = seededRandom(7);
  const counts: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const answer = world.answer({ draw: random.next() });
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([answer, hits]) => [answer, (100 * hits) / count]));
}

const weightCases: readonly (readonly [
  name: string,
  route: unknown[],
  expected: Record<string, number>,
  slack: number,
])[] = [
  [
    "MC-085 a destination without weight among several gets nothing",
    [to("web", "stable", { weight: 100 }), to("web", "canary")],
    { "s1 s2": 100 },
    0,
  ],
  [
    "MC-086 a single destination gets everything, whatever its weight",
    [to("web", "canary", { weight: 0 })],
    { c1: 100 },
    0,
  ],
  [
    "MC-087 90 to 10",
    [to("web", "stable", { weight: 90 }), to("web", "canary", { weight: 10 })],
    { "s1 s2": 90, c1: 10 },
    1.7,
  ],
  [
    "MC-088 50 to 50",
    [to("web", "stable", { weight: 50 }), to("web", "canary", { weight: 50 })],
    { "s1 s2": 50, c1: 50 },
    2.9,
  ],
  [
    "MC-089 weights are relative",
    [to("web", "stable", { weight: 1 }), to("web", "canary", { weight: 3 })],
    { "s1 s2": 25, c1: 75 },
    2.8,
  ],
  [
    "MC-091 the share of an empty service is not given to others",
    [to("web", "stable", { weight: 90 }), to("empty", undefined, { weight: 10 })],
    { "s1 s2": 90, "503 UH": 10 },
    1.7,
  ],
  [
    "MC-092 nor is that of an unknown subset",
    [to("web", "stable", { weight: 50 }), to("web", "nope", { weight: 50 })],
    { "s1 s2": 50, "503 NC": 50 },
    2.9,
  ],
  [
    "MC-096 three ways",
    [to("web", "stable", { weight: 60 }), to("web", "canary", { weight: 20 }), to("api", undefined, { weight: 20 })],
    { "s1 s2": 60, c1: 20, p1: 20 },
    3,
  ],
];

for (const [name, route, expected, slack] of weightCases) {
  test(name, () => {
    const found = shares(route, 5000);
    assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
    for (const [answer, share] of Object.entries(expected)) {
      assert.ok(Math.abs(found[answer]! - share) <= slack, `${answer}: ${found[answer]} %, not ${share} %`);
    }
  });
}

test("MESH-092 MESH-094 property: the choice follows the cumulative weights, and weight 0 is never chosen", () => {
  const weights = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 6 });
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(weights, draw, (list, point) => {
      fc.pre(list.some((weight) => weight > 0));
      const chosen = choose(compileWeights(list.map((weight, item) => ({ item, weight }))), point)!;
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const before = list.slice(0, chosen).reduce((sum, weight) => sum + weight, 0);
      assert.ok(list[chosen]! > 0);
      assert.ok(point * total >= before && point * total < before + list[chosen]!);
    }),
    { numRuns: 300 },
  );
});

const headers = (set: Record<string, string>) => ({ headers: { request: { set } } });

test("MC-100 a destination sets a header", () => {
  const { requestHeaders } = forward({ route: [to("api", undefined, headers({ "X-Asm-Prefer-Tag": "base" }))] });
  assert.deepEqual(requestHeaders, [{ remove: [], set: [["x-asm-prefer-tag", "base"]], add: [] }]);
});

test("MC-101 MESH-111 with one destination its own edit is applied last", () => {
  const { requestHeaders } = forward({ ...headers({ x: "r" }), route: [to("api", undefined, headers({ x: "d" }))] });
  assert.deepEqual(
    requestHeaders.map(({ set }) => set[0]![1]),
    ["r", "d"],
  );
});

test("MC-102 MESH-111 with several destinations the rule's edit is applied last", () => {
  const route = [to("api", undefined, { weight: 1, ...headers({ x: "d" }) }), to("web", undefined, { weight: 1 })];
  const { requestHeaders } = forward({ ...headers({ x: "r" }), route });
  assert.deepEqual(
    requestHeaders.map(({ set }) => set[0]![1]),
    ["d", "r"],
  );
});

test("MC-103 MC-104 MESH-110 add, remove and set come as they are", () => {
  const request = { add: { x: "b" }, remove: ["Y"], set: { z: "50%%" } };
  assert.deepEqual(forward({ headers: { request }, route: [to("api")] }).requestHeaders, [
    { remove: ["y"], set: [["z", "50%"]], add: [["x", "b"]] },
  ]);
});

test("MC-106 MC-114 a Host header and rewrite.authority change the authority alone", () => {
  assert.equal(forward({ ...headers({ Host: "up.test" }), route: [to("api")] }).authority, "up.test");
  const both = { rewrite: { authority: "in.test" }, route: [to("api", undefined, headers({ host: "up.test" }))] };
  assert.equal(forward(both).authority, "in.test");
  assert.deepEqual(forward(both).requestHeaders, []);
});

const rewrites: readonly (readonly [name: string, match: unknown, rewrite: unknown, from: string, to: string])[] = [
  [
    "MC-108 the matched prefix is replaced as text",
    { uri: { prefix: "/foo" } },
    { uri: "/" },
    "/foo/bar?q=1",
    "//bar?q=1",
  ],
  ["MC-109 a prefix with slash", { uri: { prefix: "/foo/" } }, { uri: "/" }, "/foo/bar", "/bar"],
  ["MC-110 an exact match is replaced whole", { uri: { exact: "/foo" } }, { uri: "/x" }, "/foo?q=1", "/x?q=1"],
  ["MC-111 a regex match is replaced whole", { uri: { regex: "/foo/.*" } }, { uri: "/x" }, "/foo/bar", "/x"],
  ["MC-112 no match counts as prefix /", undefined, { uri: "/v2" }, "/x", "/v2x"],
  [
    "MC-113 a regex rewrite with groups",
    undefined,
    { uriRegexRewrite: { match: "^/a/([^/]+)/(.*)$", rewrite: "/b/\\1-\\2" } },
    "/a/k/z?q=1",
    "/b/k-z?q=1",
  ],
];

for (const [name, match, rewrite, path, expected] of rewrites) {
  test(name, () => {
    const rule = { ...(match ? { match: [match] } : {}), rewrite, route: [to("api")] };
    assert.equal(forward(rule, { path }).path, expected);
  });
}

const redirects: readonly (readonly [
  name: string,
  rule: Record<string, unknown>,
  request: RequestFixture,
  status: number,
  location: string,
])[] = [
  [
    "MC-115 uri replaces the path, the query stays",
    { redirect: { uri: "/new" } },
    { path: "/old?a=1" },
    301,
    "http://h.test/new?a=1",
  ],
  [
    "MC-116 a uri with query replaces both",
    { redirect: { uri: "/new?x=2" } },
    { path: "/old?a=1" },
    301,
    "http://h.test/new?x=2",
  ],
  [
    "MC-117 a change of scheme drops the old default port",
    { redirect: { scheme: "https", redirectCode: 308 } },
    { host: "h.test:80", path: "/p" },
    308,
    "https://h.test/p",
  ],
  [
    "MC-118 prefixRewrite",
    { match: [{ uri: { prefix: "/old" } }], redirect: { prefixRewrite: "/new" } },
    { path: "/old/x" },
    301,
    "http://h.test/new/x",
  ],
  [
    "MC-119 authority, port and scheme",
    { redirect: { authority: "o.test", port: 8443, scheme: "https" } },
    {},
    301,
    "https://o.test:8443/",
  ],
  [
    "MESH-126 another port of the request stays",
    { redirect: { uri: "/n" } },
    { host: "h.test:8080" },
    301,
    "http://h.test:8080/n",
  ],
];

for (const [name, rule, request, status, location] of redirects) {
  test(name, () => {
    const decision = local(rule, request);
    assert.deepEqual([decision.status, decision.body, decision.flags], [status, "", "-"]);
    assert.deepEqual(decision.headers, [["location", location]]);
  });
}

test("MESH-125 a code that cannot be sent drops the route", () => {
  assert.equal(worldOf({ redirect: { uri: "/n", redirectCode: 305 } }).answer({}), "404 NR");
});

test("MC-120 MESH-114 a direct response is text, and response edits apply", () => {
  const rule = {
    directResponse: { status: 503, body: { string: "maint" } },
    headers: { response: { set: { "X-A": "1" } } },
  };
  const decision = local(rule);
  assert.deepEqual(
    [decision.status, decision.body, decision.flags, decision.details],
    [503, "maint", "-", "direct_response"],
  );
  assert.deepEqual(decision.headers, [
    ["content-type", "text/plain"],
    ["x-a", "1"],
  ]);
});

test("MESH-130 there is no timeout unless one is set; 0s is none", () => {
  assert.equal(forward({ route: [to("api")] }).timeoutMs, null);
  assert.equal(forward({ timeout: "1.5s", route: [to("api")] }).timeoutMs, 1500);
  assert.equal(forward({ timeout: "0s", route: [to("api")] }).timeoutMs, null);
});

test("MESH-140…143 the retry policy", () => {
  assert.deepEqual(forward({ route: [to("api")] }).retry, {
    attempts: 2,
    perTryTimeoutMs: null,
    retryOn: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
    retriableStatusCodes: [],
    backoffBaseMs: 25,
  });
  assert.equal(forward({ retries: { attempts: 0 }, route: [to("api")] }).retry.attempts, 0);
  assert.deepEqual(
    forward({ retries: { attempts: 3, perTryTimeout: "400ms", retryOn: "503,5xx" }, route: [to("api")] }).retry,
    {
      attempts: 3,
      perTryTimeoutMs: 400,
      retryOn: ["5xx", "retriable-status-codes"],
      retriableStatusCodes: [503],
      backoffBaseMs: 25,
    },
  );
});

test("MC-137 MC-138 an abort needs a percentage", () => {
  const decision = local({ fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [to("api")] });
  assert.deepEqual([decision.status, decision.flags, decision.body], [418, "FI", "fault filter abort"]);
  assert.equal(worldOf({ fault: { abort: { httpStatus: 418 } }, route: [to("api")] }).answer({}), "p1");
});

test("MC-139 a delay comes with the forward, and with an abort its flag", () => {
  const delay = { fixedDelay: "1s", percentage: { value: 100 } };
  assert.equal(forward({ fault: { delay }, route: [to("api")] }).delayMs, 1000);
  const both = local({ fault: { delay, abort: { httpStatus: 500, percentage: { value: 100 } } }, route: [to("api")] });
  assert.deepEqual([both.flags, both.delayMs], ["DI,FI", 1000]);
});

test("MC-140 MESH-150 faults and weights are independent of each other though one draw decides both", () => {
  const world = worldOf({
    fault: {
      delay: { fixedDelay: "1s", percentage: { value: 50 } },
      abort: { httpStatus: 500, percentage: { value: 50 } },
    },
    route: [to("web", "stable", { weight: 50 }), to("web", "canary", { weight: 50 })],
  });
  const random = seededRandom(3);
  const counts = new Map<string, number>();
  for (let index = 0; index < 8000; index++) {
    const decision = world.ask({ draw: random.next() });
    const outcome = decision.kind === "local" ? "abort" : decision.cluster.subset;
    const key = `${decision.delayMs ? "delayed" : "prompt"} ${outcome}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // Half is delayed; of each half a half is aborted and the rest divided evenly.
  for (const half of ["delayed", "prompt"]) {
    for (const [outcome, share] of [
      ["abort", 0.25],
      ["stable", 0.125],
      ["canary", 0.125],
    ] as const) {
      const found = counts.get(`${half} ${outcome}`)! / 8000;
      assert.ok(Math.abs(found - share) < 0.02, `${half} ${outcome}: ${found}`);
    }
  }
});
