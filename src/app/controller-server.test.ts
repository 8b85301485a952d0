import assert from "node:assert/strict";
import { test } from "node:test";
import { startControllerServer } from "./controller-server.ts";

test("ARC-800 ARC-803 /metrics and /healthz are answered, everything else says what there is", async () => {
  let asked = 0;
  const server = await startControllerServer({ port: 0, metrics: () => `asked ${++asked}\n` });
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`${server.url}${path}`, { method });
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  const text = "text/plain; charset=utf-8";
  const metrics = "text/plain; version=0.0.4; charset=utf-8";
  assert.deepEqual(await ask("/healthz"), [200, text, "ok"]);
  assert.deepEqual(await ask("/metrics"), [200, metrics, "asked 1\n"]);
  assert.deepEqual(await ask("/metrics?x=1"), [200, metrics, "asked 2\n"]);
  assert.deepEqual(await ask("/metrics", "HEAD"), [200, metrics, ""]);
  assert.equal((await ask("/"))[0], 404);
  assert.equal((await ask("/metrics", "POST"))[0], 405);
  await server.stop();
});

test("ARC-800 a port that is taken is an error", async () => {
  const server = await startControllerServer({ port: 0, metrics: () => "" });
  const port = Number(new URL(server.url).port);
  await assert.rejects(startControllerServer({ port, metrics: () => "" }), { code: "EADDRINUSE" });
  await server.stop();
});
