import assert from "node:assert/strict";
import { test } from "node:test";
import { gatewayRoute, standardGateway, to, World, webRule } from "./fixture.ts";
import type { Decision } from "./types.ts";

const policy = {
  allowOrigins: [{ exact: "http://o" }, { regex: "http://[a-z]+\\.test" }],
  allowMethods: ["GET", "PUT"],
  allowHeaders: ["x-a", "x-b"],
  exposeHeaders: ["x-c"],
  maxAge: "24h",
  allowCredentials: true,
};

function ask(
  corsPolicy: Record<string, unknown>,
  { method = "GET", ...headers }: Record<string, string>,
  rule: Record<string, unknown> = { route: [to("web", "stable")] },
): Decision {
  const world = new World([standardGateway(), webRule(), gatewayRoute([{ corsPolicy, ...rule }])]);
  return world.ask({ method, headers });
}

const preflight = (origin: string) => ({ method: "OPTIONS", origin, "access-control-request-method": "PUT" });

function responseHeaders(decision: Decision): Record<string, string> {
  if (decision.kind === "local") return Object.fromEntries(decision.headers);
  return Object.fromEntries(decision.responseHeaders.flatMap(({ set }) => set));
}

test("MC-144 MESH-160 a preflight of an allowed origin is answered here", () => {
  const decision = ask(policy, preflight("http://o"));
  assert.equal(decision.kind === "local" && decision.status, 200);
  assert.deepEqual(responseHeaders(decision), {
    "access-control-allow-origin": "http://o",
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET,PUT",
    "access-control-allow-headers": "x-a,x-b",
    "access-control-max-age": "86400",
  });
});

test("MESH-160 allowHeaders * echoes what the preflight asks for", () => {
  const asked = { ...preflight("http://o"), "access-control-request-headers": "x-any" };
  const decision = ask({ ...policy, allowHeaders: ["*"] }, asked);
  assert.equal(responseHeaders(decision)["access-control-allow-headers"], "x-any");
});

test("MC-145 MESH-161 a preflight of another origin is forwarded, or answered without headers", () => {
  assert.equal(ask(policy, preflight("http://x")).kind, "forward");
  const ignored = ask({ ...policy, unmatchedPreflights: "IGNORE" }, preflight("http://x"));
  assert.equal(ignored.kind === "local" && ignored.status, 200);
  assert.deepEqual(responseHeaders(ignored), {});
});

test("MC-146 MESH-162 a request is forwarded whatever its origin; only an allowed one is marked", () => {
  const marked = {
    "access-control-allow-origin": "http://any.test",
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "x-c",
  };
  assert.deepEqual(responseHeaders(ask(policy, { origin: "http://any.test" })), marked);
  for (const headers of [{ origin: "http://x" }, { origin: "http://any.test.evil" }, {}]) {
    const decision = ask(policy, headers);
    assert.equal(decision.kind, "forward");
    assert.deepEqual(responseHeaders(decision), {});
  }
});

test("MESH-161 * allows every origin, and so do the deprecated exact texts", () => {
  for (const spec of [{ allowOrigins: [{ exact: "*" }] }, { allowOrigin: ["http://q"] }]) {
    assert.equal(responseHeaders(ask(spec, { origin: "http://q" }))["access-control-allow-origin"], "http://q");
  }
});

test("MC-147 a fault comes before the preflight's answer; MESH-162 local replies are marked too", () => {
  const fault = { abort: { httpStatus: 418, percentage: { value: 100 } } };
  const aborted = ask(policy, preflight("http://o"), { route: [to("web")], fault });
  assert.equal(aborted.kind === "local" && aborted.status, 418);
  const direct = ask(policy, { origin: "http://o" }, { directResponse: { status: 204 } });
  assert.equal(responseHeaders(direct)["access-control-allow-origin"], "http://o");
});
