import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { normalisePath, type RequestFacts, readRequest } from "./request.ts";
import { gatewaySource } from "./test-bed.ts";

const paths: readonly (readonly [path: string, normalised: string | null])[] = [
  ["/", "/"],
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/../../x", "/x"],
  ["/a/..", "/"],
  ["/a/.", "/a/"],
  ["/a//b", "/a//b"],
  ["/a%2Fb", "/a%2Fb"],
  ["/%61%7e", "/a~"],
  ["/%2e%2e/x", "/x"],
  ["/a\\b", "/a/b"],
  ["/.well-known/x", "/.well-known/x"],
  ["/a?b=/../c", "/a?b=/../c"],
  ["/a/..?q", "/?q"],
  ["/%00", null],
];
for (const [path, normalised] of paths) {
  test(`MESH-265 ${path} is ${normalised}`, () => assert.equal(normalisePath(path), normalised));
}

const hop = {
  source: { ...gatewaySource, kind: "pod" as const },
  serverPort: null,
  tunnel: null,
  memory: { traceLane: () => null, isEjected: () => false },
};

function read(url: string, rawHeaders: readonly string[], tunnel: string | null = null): RequestFacts {
  const incoming = { method: "GET", url, httpVersion: "1.1", rawHeaders, peer: "127.0.0.1" };
  const facts = readRequest(incoming, { ...hop, tunnel }, seededRandom(1));
  assert.equal(facts.kind, "facts");
  return facts as RequestFacts;
}

test("MESH-012 a pod's port comes from the tunnel, the target, Host, or is 80", () => {
  assert.equal(read("/", ["Host", "a:8000"]).port, 8000);
  assert.equal(read("http://b:81/", ["Host", "a:8000"]).port, 81);
  assert.equal(read("/", ["Host", "a"], "a:9000").port, 9000);
  assert.equal(read("/", ["Host", "a"]).port, 80);
});

test("MESH-074 repeated header lines are joined, names in lower case", () => {
  const facts = read("/", ["Host", "a", "X-A", "1", "x-a", "2"]);
  assert.equal(facts.header("x-a"), "1,2");
  assert.equal(facts.header("x-b"), null);
});

test("absolute targets without a path, with a query only, and with user information", () => {
  assert.deepEqual([read("http://b", ["Host", "a"]).path, read("http://b?q", ["Host", "a"]).path], ["/", "/?q"]);
  assert.equal(read("http://user:pw@b:1/", ["Host", "a"]).authority, "b:1");
});
