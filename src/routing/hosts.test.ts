import assert from "node:assert/strict";
import { test } from "node:test";
import { expandHost, HostIndex, hostMatches, hostOfAuthority, intersectHosts, wildcardsAround } from "./hosts.ts";

test("MESH-010 only names without a dot belong to a namespace", () => {
  assert.equal(expandHost("web", "demo"), "web.demo.svc.cluster.local");
  for (const literal of ["*", "web.demo", "10.0.0.1", "fd00::1", "*.test"])
    assert.equal(expandHost(literal, "x"), literal);
});

test("MESH-012 MESH-013 port and case of an authority do not count", () => {
  assert.equal(hostOfAuthority("A.test:80"), "a.test");
  assert.equal(hostOfAuthority("[FD00::1]:80"), "[fd00::1]");
  assert.equal(hostOfAuthority("[fd00::1]"), "[fd00::1]");
  assert.equal(hostOfAuthority("a.test."), "a.test.");
});

test("MESH-014 a wildcard stands for at least one character", () => {
  assert.ok(hostMatches("*-bar.foo.com", "x-bar.foo.com"));
  assert.ok(!hostMatches("*-bar.foo.com", "-bar.foo.com"));
  assert.ok(hostMatches("foo.*", "foo.x"));
  assert.ok(!hostMatches("foo.*", "foo."));
  assert.ok(!hostMatches("*.foo.com", "foo.com"));
});

test("MESH-014 exact before suffix before prefix before *", () => {
  const index = new HostIndex<string>();
  for (const domain of ["*", "a.*", "*.test", "*.b.test", "a.b.test"]) index.set(domain, domain);
  const found = ["a.b.test", "x.b.test", "a.test", "a.com", "x.com"].map((host) => index.find(host));
  assert.deepEqual(found, ["a.b.test", "*.b.test", "*.test", "a.*", "*"]);
});

test("MESH-015 the intersection of two hosts is the narrower", () => {
  assert.equal(intersectHosts("*.a.com", "*.b.a.com"), "*.b.a.com");
  assert.equal(intersectHosts("x.a.com", "*"), "x.a.com");
  assert.equal(intersectHosts("*.a.com", "a.com"), null);
});

test("MESH-361 the wildcards around a host, the narrowest first", () => {
  assert.deepEqual(wildcardsAround("a.b.test"), ["*.b.test", "*.test", "*"]);
  assert.deepEqual(wildcardsAround("*.b.test"), ["*.test", "*"]);
  assert.deepEqual(wildcardsAround("test"), ["*"]);
  assert.deepEqual(wildcardsAround("*"), []);
});
