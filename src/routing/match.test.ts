import assert from "node:assert/strict";
import { test } from "node:test";
import { gatewayRoute, type RequestFixture, standardGateway, to, World } from "./fixture.ts";

/** The match cases of MESH section 23: one rule that leads to `api`; `yes` when the request reaches it. */

interface Case {
  readonly name: string;
  readonly match: unknown;
  readonly yes?: readonly RequestFixture[];
  readonly no?: readonly RequestFixture[];
}

const path = (text: string): RequestFixture => ({ path: text });
const x = (value: string): RequestFixture => ({ headers: { x: value } });

const cases: readonly Case[] = [
  {
    name: "MC-050 MC-051 uri exact ignores the query, not the slash or case",
    match: { uri: { exact: "/mock" } },
    yes: [path("/mock?a=1")],
    no: [path("/mock/"), path("/Mock")],
  },
  {
    name: "MC-052 uri prefix is a plain prefix",
    match: { uri: { prefix: "/foo" } },
    yes: [path("/foobar")],
    no: [path("/fo")],
  },
  { name: "MC-053 a prefix with slash needs it", match: { uri: { prefix: "/foo/" } }, no: [path("/foo")] },
  {
    name: "MC-054 ignoreUriCase on a prefix",
    match: { uri: { prefix: "/foo" }, ignoreUriCase: true },
    yes: [path("/FOO/x")],
  },
  {
    name: "MESH-073 ignoreUriCase on an exact path",
    match: { uri: { exact: "/Foo" }, ignoreUriCase: true },
    yes: [path("/fOO")],
  },
  {
    name: "MC-055 uri regex is a full match without query",
    match: { uri: { regex: "/v[0-9]+" } },
    yes: [path("/v12?x=1")],
    no: [path("/v12/x")],
  },
  {
    name: "MC-056 ignoreUriCase does not touch a regex",
    match: { uri: { regex: "/abc" }, ignoreUriCase: true },
    no: [path("/ABC")],
  },
  {
    name: "MC-057 MC-058 header names ignore case, values do not",
    match: { headers: { "x-asm-prefer-tag": { exact: "canary" } } },
    yes: [{ headers: { "X-ASM-Prefer-Tag": "canary" } }],
    no: [{ headers: { "x-asm-prefer-tag": "Canary" } }, {}],
  },
  {
    name: "MC-059 the conditions of one entry must all hold",
    match: { uri: { exact: "/a" }, headers: { x: { exact: "1" } } },
    yes: [{ path: "/a", headers: { x: "1" } }],
    no: [path("/a"), x("1")],
  },
  {
    name: "MC-060 entries are alternatives",
    match: [{ uri: { exact: "/a" } }, { headers: { x: { exact: "1" } } }],
    yes: [path("/a"), x("1")],
    no: [path("/b")],
  },
  { name: "MC-061 repeated lines are joined by a comma", match: { headers: { x: { exact: "a,b" } } }, yes: [x("a,b")] },
  { name: "MC-062 one of repeated lines is not the value", match: { headers: { x: { exact: "a" } } }, no: [x("a,b")] },
  { name: "MC-063 an empty match asks for presence", match: { headers: { x: {} } }, yes: [x(""), x("1")], no: [{}] },
  {
    name: "MC-064 header regex is a full match",
    match: { headers: { x: { regex: "v[12]" } } },
    yes: [x("v1")],
    no: [x("av1"), {}],
  },
  { name: "MC-065 regex * asks for presence", match: { headers: { x: { regex: "*" } } }, yes: [x("any")], no: [{}] },
  {
    name: "MC-066 header prefix",
    match: { headers: { "user-agent": { prefix: "Mozilla" } } },
    yes: [{ headers: { "user-agent": "Mozilla/5.0" } }],
  },
  {
    name: "MC-067 withoutHeaders: absent counts as unequal",
    match: { withoutHeaders: { x: { exact: "1" } } },
    yes: [{}, x("2")],
    no: [x("1")],
  },
  {
    name: "MC-068 withoutHeaders: empty match asks for absence",
    match: { withoutHeaders: { x: {} } },
    yes: [{}],
    no: [x(""), x("1")],
  },
  { name: "MC-069 method", match: { method: { exact: "POST" } }, yes: [{ method: "POST" }], no: [{}] },
  {
    name: "MC-070 authority keeps the port",
    match: { authority: { exact: "h.test" } },
    yes: [{}],
    no: [{ host: "h.test:80" }],
  },
  {
    name: "MC-071 authority prefix, with case",
    match: { authority: { prefix: "h.test" } },
    yes: [{ host: "h.test:80" }],
    no: [{ host: "H.test" }],
  },
  {
    name: "MC-072 the first of repeated query keys counts, with case",
    match: { queryParams: { v: { exact: "1" } } },
    yes: [path("/?v=1")],
    no: [path("/?v=2&v=1"), path("/?V=1")],
  },
  {
    name: "MC-073 an empty query match asks for presence",
    match: { queryParams: { v: {} } },
    yes: [path("/?v"), path("/?v=")],
    no: [path("/")],
  },
  {
    name: "MC-074 query values are not decoded",
    match: { queryParams: { v: { exact: "a b" } } },
    no: [path("/?v=a%20b")],
  },
  {
    name: "MC-075 query regex is a full match",
    match: { queryParams: { v: { regex: "[0-9]+" } } },
    yes: [path("/?v=12")],
    no: [path("/?v=12a")],
  },
  {
    name: "MC-076 User-Agent exact",
    match: { headers: { "User-Agent": { exact: "iphone" } } },
    yes: [{ headers: { "user-agent": "iphone" } }],
    no: [{ headers: { "user-agent": "iphone 15" } }],
  },
  {
    name: "MC-077 encoded and double slashes stay as they are",
    match: { uri: { exact: "/a/b" } },
    no: [path("/a//b"), path("/a%2Fb")],
  },
  {
    name: "MC-079 the header keys of pseudo-headers are ignored",
    match: { headers: { uri: { exact: "/x" } } },
    yes: [path("/y")],
  },
  { name: "MESH-071 an empty prefix matches everything", match: { uri: { prefix: "" } }, yes: [path("/any")] },
  { name: "MESH-077 scheme", match: { scheme: { exact: "https" } }, yes: [{ scheme: "https" }], no: [{}] },
];

for (const { name, match, yes = [], no = [] } of cases) {
  test(name, () => {
    const rule = { match: Array.isArray(match) ? match : [match], route: [to("api")] };
    const world = new World([standardGateway(), gatewayRoute([rule])]);
    assert.deepEqual(world.table.problems, []);
    for (const request of yes) assert.equal(world.answer(request), "p1", JSON.stringify(request));
    for (const request of no) assert.equal(world.answer(request), "404 NR", JSON.stringify(request));
  });
}

test("MESH-080 the route's name is rule.match", () => {
  const rule = {
    name: "r",
    match: [{ name: "m", uri: { exact: "/a" } }, { uri: { exact: "/b" } }],
    route: [to("api")],
  };
  const world = new World([standardGateway(), gatewayRoute([rule], {}, { name: "vs" })]);
  assert.deepEqual(world.ask({ path: "/a" }).route, {
    virtualService: { namespace: "default", name: "vs" },
    httpIndex: 0,
    matchIndex: 0,
    name: "r.m",
  });
  assert.equal(world.ask({ path: "/b" }).route?.name, "r");
});
