import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { type RequestFixture, World } from "../fixture.ts";
import type { Decision, ForwardDecision, LocalDecision } from "../types.ts";
import { aGateway, aListener, aRoute, istioClass, path, services, to } from "./fixture.ts";

/** What rules do to a request besides choosing a backend (MESH-364…367). */

function ask(rules: readonly unknown[], request: RequestFixture = {}, gateway: KubeObject = aGateway()): Decision {
  return new World([istioClass, gateway, aRoute(rules)], services()).ask(request);
}

function forwarded(rule: Record<string, unknown>, request: RequestFixture = {}): ForwardDecision {
  const decision = ask([{ backendRefs: [to("a")], ...rule }], request);
  assert.equal(decision.kind, "forward");
  return decision as ForwardDecision;
}

interface PathCase {
  readonly name: string;
  readonly prefix: string;
  readonly modifier: Record<string, string>;
  readonly paths: Readonly<Record<string, string>>;
}

const prefixTo = (replacePrefixMatch: string) => ({ type: "ReplacePrefixMatch", replacePrefixMatch });
const pathCases: readonly PathCase[] = [
  {
    name: "MESH-365 a prefix for another",
    prefix: "/foo",
    modifier: prefixTo("/xyz"),
    paths: { "/foo/bar": "/xyz/bar", "/foo": "/xyz", "/foo/": "/xyz/", "/foo/bar?q=/foo": "/xyz/bar?q=/foo" },
  },
  {
    name: "MESH-365 a slash at the end of the replacement stands for nothing",
    prefix: "/foo",
    modifier: prefixTo("/xyz/"),
    paths: { "/foo/bar": "/xyz/bar", "/foo/": "/xyz/" },
  },
  {
    name: "MESH-365 nor does one at the end of the prefix",
    prefix: "/foo/",
    modifier: prefixTo("/xyz"),
    paths: { "/foo/bar": "/xyz/bar", "/foo": "/xyz" },
  },
  {
    name: "MC-297 MESH-365 the prefix goes",
    prefix: "/foo",
    modifier: prefixTo("/"),
    paths: { "/foo": "/", "/foo/bar": "/bar", "/foo/": "/", "/foo?q=1": "/?q=1" },
  },
  {
    name: "MESH-365 an empty replacement is the same",
    prefix: "/foo",
    modifier: prefixTo(""),
    paths: { "/foo": "/", "/foo/bar": "/bar", "/foo/": "/" },
  },
  {
    name: "MESH-365 a prefix before every path",
    prefix: "/",
    modifier: prefixTo("/v2"),
    paths: { "/": "/v2/", "/a/b": "/v2/a/b" },
  },
  {
    name: "MESH-364 the whole path",
    prefix: "/foo",
    modifier: { type: "ReplaceFullPath", replaceFullPath: "/one" },
    paths: { "/foo": "/one", "/foo/bar?q=1": "/one?q=1" },
  },
];
for (const { name, prefix, modifier, paths } of pathCases) {
  test(name, () => {
    for (const [from, expected] of Object.entries(paths)) {
      const matches = [path(prefix)];
      const rewrite = { matches, filters: [{ type: "URLRewrite", urlRewrite: { path: modifier } }] };
      assert.equal(forwarded(rewrite, { path: from }).path, expected, from);
      const redirect = { matches, filters: [{ type: "RequestRedirect", requestRedirect: { path: modifier } }] };
      assert.equal(locationOf(ask([redirect], { path: from })), `http://h.test${expected}`, from);
    }
  });
}

function locationOf(decision: Decision): string {
  return (decision as LocalDecision).headers.find(([name]) => name === "location")![1];
}

interface RedirectCase {
  readonly name: string;
  readonly redirect: Record<string, unknown>;
  readonly port?: number;
  readonly request?: RequestFixture;
  readonly expected: string;
}

const redirectCases: readonly RedirectCase[] = [
  { name: "MC-298 the scheme", redirect: { scheme: "https" }, expected: "302 https://h.test/p" },
  { name: "the scheme's own port", redirect: { scheme: "http" }, port: 8080, expected: "302 http://h.test/p" },
  { name: "an explicit port", redirect: { port: 8443 }, expected: "302 http://h.test:8443/p" },
  { name: "scheme and another port", redirect: { scheme: "https", port: 8443 }, expected: "302 https://h.test:8443/p" },
  { name: "scheme and its own port", redirect: { scheme: "https", port: 443 }, expected: "302 https://h.test/p" },
  { name: "port 80 of https", redirect: { scheme: "https", port: 80 }, expected: "302 https://h.test:80/p" },
  { name: "the listener's port", redirect: { hostname: "o.test" }, port: 8080, expected: "302 http://o.test:8080/p" },
  { name: "port 80 is not said", redirect: { hostname: "o.test" }, expected: "302 http://o.test/p" },
  { name: "another status", redirect: { hostname: "o.test", statusCode: 301 }, expected: "301 http://o.test/p" },
  {
    name: "a port of the request does not stay",
    redirect: { scheme: "https" },
    request: { host: "h.test:18080", path: "/p?q=1" },
    expected: "302 https://h.test/p?q=1",
  },
];
for (const { name, redirect, port = 80, request = { path: "/p" }, expected } of redirectCases) {
  test(`MESH-366 ${name}`, () => {
    const rules = [{ filters: [{ type: "RequestRedirect", requestRedirect: redirect }] }];
    const decision = ask(rules, { ...request, port }, aGateway([aListener({ port })])) as LocalDecision;
    assert.equal(`${decision.status} ${locationOf(decision)}`, expected);
  });
}

test("MESH-364 headers of request and response, the rule's first", () => {
  const modifier = (name: string) => ({
    set: [{ name: "X-Set", value: name }],
    add: [{ name: "X-Add", value: "50%" }],
  });
  const decision = forwarded({
    filters: [
      { type: "RequestHeaderModifier", requestHeaderModifier: { ...modifier("rule"), remove: ["X-Gone"] } },
      { type: "ResponseHeaderModifier", responseHeaderModifier: modifier("rule") },
    ],
    backendRefs: [
      to("a", { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: modifier("backend") }] }),
      to("b", { weight: 0 }),
    ],
  });
  const operations = (value: string, remove: string[] = []) => ({
    remove,
    set: [["x-set", value]],
    add: [["x-add", "50%"]],
  });
  assert.deepEqual(decision.requestHeaders, [operations("rule", ["x-gone"]), operations("backend")]);
  assert.deepEqual(decision.responseHeaders, [operations("rule")]);
});

test("MESH-364 hostname and path are rewritten, for one backend alone too", () => {
  const rewrite = (hostname: string, replaceFullPath: string) => [
    { type: "URLRewrite", urlRewrite: { hostname, path: { type: "ReplaceFullPath", replaceFullPath } } },
  ];
  const rule = {
    filters: rewrite("rule.test", "/rule"),
    backendRefs: [to("a"), to("b", { filters: rewrite("own.test", "/own") })],
  };
  const shown = (draw: number) => {
    const { authority, path: rewritten } = forwarded(rule, { draw });
    return `${authority}${rewritten}`;
  };
  assert.deepEqual([shown(0.1), shown(0.9)], ["rule.test/rule", "own.test/own"]);
  assert.equal(forwarded({}).authority, "h.test");
});

test("MESH-364 a filter that a backend cannot have fails its share alone", () => {
  const mirror = { type: "RequestMirror", requestMirror: { backendRef: to("b") } };
  const rules = [{ backendRefs: [to("a"), to("b", { filters: [mirror] })] }];
  assert.equal(ask(rules, { draw: 0.1 }).kind, "forward");
  assert.equal((ask(rules, { draw: 0.9 }) as LocalDecision).status, 500);
});

const mirrorCases: readonly (readonly [name: string, mirror: Record<string, unknown>, share: number])[] = [
  ["every request", {}, 1],
  ["a percentage", { percent: 20 }, 0.2],
  ["none", { percent: 0 }, 0],
  ["a fraction", { fraction: { numerator: 1, denominator: 4 } }, 0.25],
  ["a fraction of a hundred", { fraction: { numerator: 5 } }, 0.05],
];
for (const [name, mirror, share] of mirrorCases) {
  test(`MESH-364 a mirror gets ${name}`, () => {
    const filters = [{ type: "RequestMirror", requestMirror: { backendRef: to("b"), ...mirror } }];
    const world = new World([istioClass, aGateway(), aRoute([{ filters, backendRefs: [to("a")] }])], services());
    const hits = Array.from({ length: 1000 }, (_, index) => world.ask({ draw: index / 1000 }) as ForwardDecision);
    assert.equal(hits.filter(({ mirrors }) => mirrors.length > 0).length, share * 1000);
  });
}

test("MESH-364 several mirrors each get a copy, one without a service none", () => {
  const mirrors = ["b", "nobody", "c"].map((name) => ({
    type: "RequestMirror",
    requestMirror: { backendRef: to(name) },
  }));
  assert.deepEqual(
    forwarded({ filters: mirrors }).mirrors.map(({ serviceName }) => serviceName),
    ["b", "c"],
  );
});

const policy = {
  allowOrigins: ["https://a.test", "https://*.b.test"],
  allowMethods: ["GET", "PUT"],
  allowHeaders: ["X-One"],
  exposeHeaders: ["X-Two"],
  maxAge: 600,
  allowCredentials: true,
};

function crossOrigin(cors: Record<string, unknown>, origin: string, method: string | null): Record<string, string> {
  const headers = { origin, ...(method ? { "access-control-request-method": method } : {}) };
  const decision = ask([{ filters: [{ type: "CORS", cors }], backendRefs: [to("a")] }], {
    headers: { ...headers, "access-control-request-headers": "x-asked" },
    method: method ? "OPTIONS" : "GET",
  });
  const pairs = decision.kind === "local" ? decision.headers : decision.responseHeaders.flatMap(({ set }) => set);
  const status = decision.kind === "local" ? { status: String(decision.status) } : {};
  return { ...status, ...Object.fromEntries(pairs) };
}

test("MESH-364 CORS: a preflight of an allowed origin is answered", () => {
  const allowed = {
    status: "200",
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "X-One",
    "access-control-max-age": "600",
  };
  for (const origin of ["https://a.test", "https://x.b.test", "https://x.y.b.test"]) {
    assert.deepEqual(crossOrigin(policy, origin, "PUT"), { ...allowed, "access-control-allow-origin": origin });
  }
});

test("MESH-364 CORS: other origins get no headers, neither to a preflight nor to the call", () => {
  for (const origin of ["https://b.test", "http://a.test", "https://a.test.evil"]) {
    assert.deepEqual(crossOrigin(policy, origin, "PUT"), { status: "200" }, origin);
    assert.deepEqual(crossOrigin(policy, origin, null), {}, origin);
  }
});

test("MESH-364 CORS: the call itself, and stars that stand for what was asked", () => {
  assert.deepEqual(crossOrigin(policy, "https://a.test", null), {
    "access-control-allow-origin": "https://a.test",
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Two",
  });
  const open = { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"] };
  assert.deepEqual(crossOrigin(open, "https://any.test", "DELETE"), {
    status: "200",
    "access-control-allow-origin": "https://any.test",
    "access-control-allow-methods": "DELETE",
    "access-control-allow-headers": "x-asked",
    "access-control-max-age": "5",
  });
});

test("MESH-367 timeouts of request and attempt; zero is none", () => {
  const { timeoutMs, retry } = forwarded({ timeouts: { request: "1s500ms", backendRequest: "200ms" } });
  assert.deepEqual([timeoutMs, retry.perTryTimeoutMs], [1500, 200]);
  assert.equal(forwarded({ timeouts: { request: "0s" } }).timeoutMs, null);
  assert.equal(forwarded({}).timeoutMs, null);
});

test("MESH-367 retries: the codes, and what breaks the connection or takes too long", () => {
  const { retry } = forwarded({ retry: { codes: [500, 503], attempts: 4, backoff: "100ms" } });
  assert.equal(retry.attempts, 4);
  assert.equal(retry.backoffBaseMs, 100);
  assert.deepEqual(retry.retriableStatusCodes, [500, 503]);
  for (const token of ["connect-failure", "reset", "per-try-timeout"]) assert.ok(retry.retryOn.includes(token), token);
  assert.equal(retry.retryOn.includes("5xx"), false);
  assert.equal(forwarded({ retry: {} }).retry.attempts, 2);
});
