import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, type Outcome, wantsRetry } from "./retry.ts";

const policy = (retryOn: string[], retriableStatusCodes: number[] = [], attempts = 2) => ({
  attempts,
  perTryTimeoutMs: null,
  retryOn,
  retriableStatusCodes,
  backoffBaseMs: 25,
});
const DEFAULT = ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];
const status = (code: number): Outcome => ({ kind: "status", status: code });

const cases: readonly { name: string; retryOn: string[]; codes?: number[]; outcome: Outcome; wants: boolean }[] = [
  { name: "MESH-140 default: a refused connection", retryOn: DEFAULT, outcome: { kind: "connect" }, wants: true },
  { name: "MESH-140 default: a connect timeout", retryOn: DEFAULT, outcome: { kind: "connect-timeout" }, wants: true },
  { name: "MESH-140 default: an application's 503", retryOn: DEFAULT, outcome: status(503), wants: false },
  { name: "MESH-140 default: closed without an answer", retryOn: DEFAULT, outcome: { kind: "closed" }, wants: false },
  { name: "MESH-142 5xx: 500", retryOn: ["5xx"], outcome: status(500), wants: true },
  { name: "MESH-142 5xx: 499", retryOn: ["5xx"], outcome: status(499), wants: false },
  { name: "MESH-142 5xx: closed", retryOn: ["5xx"], outcome: { kind: "closed" }, wants: true },
  { name: "MESH-142 5xx: per-try timeout", retryOn: ["5xx"], outcome: { kind: "per-try-timeout" }, wants: true },
  { name: "MESH-142 gateway-error: 502", retryOn: ["gateway-error"], outcome: status(502), wants: true },
  { name: "MESH-142 gateway-error: 500", retryOn: ["gateway-error"], outcome: status(500), wants: false },
  { name: "MESH-142 reset: closed", retryOn: ["reset"], outcome: { kind: "closed" }, wants: true },
  { name: "MESH-142 reset: 503", retryOn: ["reset"], outcome: status(503), wants: false },
  { name: "MESH-142 retriable-4xx: 409", retryOn: ["retriable-4xx"], outcome: status(409), wants: true },
  { name: "MESH-142 retriable-4xx: 404", retryOn: ["retriable-4xx"], outcome: status(404), wants: false },
  { name: "MESH-142 a listed status", retryOn: [], codes: [418], outcome: status(418), wants: true },
];
for (const { name, retryOn, codes, outcome, wants } of cases) {
  test(`${name} ${wants ? "is retried" : "is not"}`, () =>
    assert.equal(wantsRetry(policy(retryOn, codes), outcome), wants));
}

test("MESH-141 attempts 0 disables", () => assert.equal(wantsRetry(policy(["5xx"], [503], 0), status(503)), false));

test("MESH-143 back-off grows as (2^N - 1) times the base, up to ten times the base", () => {
  const highest = { next: () => 1 };
  assert.deepEqual(
    [1, 2, 3, 4, 9].map((retry) => backoffMs(policy([]), retry, highest)),
    [25, 75, 175, 250, 250],
  );
});
