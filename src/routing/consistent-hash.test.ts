import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConsistentHashSpec } from "../api/istio.ts";
import { compileHash, hashKey, hashProblems, newCookie } from "./consistent-hash.ts";

const keys: readonly [
  what: string,
  spec: ConsistentHashSpec,
  request: { headers?: Record<string, string>; path?: string },
  expected: string | null,
][] = [
  ["a header, whatever its case", { httpHeaderName: "X-User" }, { headers: { "x-user": "1" } }, "1"],
  ["a header that is absent", { httpHeaderName: "x-user" }, {}, null],
  ["a header that is empty", { httpHeaderName: "x-user" }, { headers: { "x-user": "" } }, ""],
  ["the first query parameter of the name", { httpQueryParameterName: "u" }, { path: "/p?a=1&u=2&u=3" }, "2"],
  ["a query parameter, decoded", { httpQueryParameterName: "u" }, { path: "/?u=a%20b" }, "a b"],
  ["a query parameter that is absent", { httpQueryParameterName: "u" }, { path: "/u=1" }, null],
  ["a cookie among others", { httpCookie: { name: "k" } }, { headers: { cookie: "a=1; k=v=2; b=3" } }, "v=2"],
  ["a cookie in quotes", { httpCookie: { name: "k" } }, { headers: { cookie: 'k="v"' } }, "v"],
  ["a cookie whose name another ends with", { httpCookie: { name: "k" } }, { headers: { cookie: "kk=1" } }, null],
  ["the client's address", { useSourceIp: true }, {}, "10.0.0.9"],
];

for (const [what, spec, { headers = {}, path = "/" }, expected] of keys) {
  test(`MESH-182 the key is ${what}`, () => {
    const request = { header: (name: string) => headers[name] ?? null, path, peer: "10.0.0.9" };
    assert.equal(hashKey(compileHash(spec)!, request), expected);
  });
}

const cookies: readonly [cookie: NonNullable<ConsistentHashSpec["httpCookie"]>, expected: string | null][] = [
  [{ name: "k", ttl: "0s" }, "; HttpOnly"],
  [{ name: "k", ttl: "90s", path: "/a" }, "; Max-Age=90; Path=/a; HttpOnly"],
  [
    { name: "k", ttl: "0s", attributes: [{ name: "SameSite", value: "Lax" }, { name: "Secure" }] },
    "; HttpOnly; SameSite=Lax; Secure",
  ],
  [{ name: "k" }, null],
  [{ name: "k", ttl: "soon" }, null],
  [{ name: "k\r\nx", ttl: "0s" }, null],
  [{ name: "k", ttl: "0s", path: "/\r\nset-cookie: x; Secure" }, "; Path=/set-cookie:xSecure; HttpOnly"],
];

for (const [cookie, expected] of cookies) {
  test(`MESH-182 the cookie that ${JSON.stringify(cookie)} makes`, () => {
    const policy = compileHash({ httpCookie: cookie })!;
    const made = newCookie(policy, "10.0.0.9:40000 10.0.0.1:80");
    assert.equal(made?.line ?? null, expected === null ? null : `k="${made!.value}"${expected}`);
    if (made === null) return;
    assert.match(made.value, /^[0-9a-f]{16}$/);
    assert.deepEqual(newCookie(policy, "10.0.0.9:40000 10.0.0.1:80"), made);
    assert.notEqual(newCookie(policy, "10.0.0.9:40001 10.0.0.1:80")!.value, made.value);
  });
}

const sizes: readonly [spec: ConsistentHashSpec, kind: string, size: number][] = [
  [{}, "ring", 1_024],
  [{ ringHash: {} }, "ring", 1_024],
  [{ ringHash: { minimumRingSize: 0 } }, "ring", 1_024],
  [{ minimumRingSize: 4_096 }, "ring", 4_096],
  [{ ringHash: { minimumRingSize: "2048" } }, "ring", 2_048],
  [{ ringHash: { minimumRingSize: 8_000_000 } }, "ring", 65_537],
  [{ maglev: {} }, "maglev", 65_537],
  [{ maglev: { tableSize: 251 } }, "maglev", 251],
];

for (const [spec, kind, size] of sizes) {
  test(`MESH-182 the table of ${JSON.stringify(spec)}`, () => {
    const whole = { ...spec, useSourceIp: true };
    assert.deepEqual(compileHash(whole)?.shape, { kind, size });
    const isReported = hashProblems(whole).length > 0;
    assert.equal(isReported, JSON.stringify(spec).includes("8000000"));
  });
}

test("MESH-182 absent, or nothing to hash by: by load", () => {
  assert.equal(compileHash(undefined), null);
  assert.equal(compileHash({ useSourceIp: false, ringHash: {} }), null);
});

test("malformed settings are no more than without effect", () => {
  const malformed = [
    { httpCookie: null },
    { httpCookie: { name: "k", ttl: "0s", attributes: [null, 1] } },
    { maglev: 3 },
  ];
  for (const spec of malformed) assert.doesNotThrow(() => compileHash(spec as unknown as ConsistentHashSpec));
});
