import assert from "node:assert/strict";
import type http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Bed, request } from "./test-bed.ts";

/** What a route does besides choosing, through real sockets. */
describe("actions of routes", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  const to = (host: string, weight?: number) => ({ destination: { host }, ...(weight ? { weight } : {}) });

  async function serve(name: string, handler: http.RequestListener): Promise<{ close(): void }> {
    const program = await bed.serve(handler);
    bed.service(name, [{ name: `${name}-1`, port: program.port }]);
    return program;
  }

  test("MC-093 half to a destination that refuses: its half fails after all tries, and never crosses over", async () => {
    let served = 0;
    await serve("web", (_req, res) => {
      served += 1;
      res.end("web");
    });
    const dead = await serve("dead", () => {});
    dead.close();
    bed.gateway([{ route: [to("web", 50), to("dead", 50)], retries: { attempts: 3, retryOn: "connect-failure" } }]);
    const port = await bed.openGateway();
    const answers = await Promise.all(Array.from({ length: 400 }, () => request(port, "/")));
    const failed = answers.filter(({ status }) => status === 503).length;
    assert.ok(failed > 150 && failed < 250, `${failed} of 400`);
    assert.equal(served, 400 - failed);
    const entries = bed.plane.accessLog.find({ limit: 1000 }).filter(({ code }) => code === 503);
    assert.equal(entries.length, failed);
    assert.deepEqual(new Set(entries.map(({ flags, attempts }) => `${flags} ${attempts}`)), new Set(["UF,URX 4"]));
  });

  test("MC-105 headers of the response: server is the rule's, another is gone", async () => {
    await serve("web", (_req, res) => res.writeHead(200, { "x-app": "1", "x-other": "2", server: "app" }).end());
    bed.gateway([{ route: [to("web")], headers: { response: { set: { server: "me" }, remove: ["x-app"] } } }]);
    const { headers } = await request(await bed.openGateway(), "/");
    assert.deepEqual([headers["server"], headers["x-app"], headers["x-other"]], ["me", undefined, "2"]);
  });

  test("MC-107 a header that a rule sets leads to no other rule", async () => {
    const seen: (string | string[] | undefined)[] = [];
    await serve("web", (req, res) => {
      seen.push(req.headers["x-lane"]);
      res.end("web");
    });
    await serve("api", (_req, res) => res.end("api"));
    bed.gateway([
      { match: [{ headers: { "x-lane": { exact: "a" } } }], route: [to("api")] },
      { route: [to("web")], headers: { request: { set: { "x-lane": "a" } } } },
    ]);
    assert.equal((await request(await bed.openGateway(), "/")).body, "web");
    assert.deepEqual(seen, ["a"]);
  });

  test("MC-134 the route's timeout ends what per-try timeouts and retries began", async () => {
    let tries = 0;
    await serve("slow", () => {
      tries += 1;
    });
    const retries = { attempts: 5, perTryTimeout: "80ms", retryOn: "5xx" };
    bed.gateway([{ route: [to("slow")], timeout: "0.2s", retries }]);
    const startedAt = performance.now();
    const answer = await request(await bed.openGateway(), "/");
    const elapsedMs = performance.now() - startedAt;
    assert.deepEqual([answer.status, answer.body], [504, "upstream request timeout"]);
    const [entry] = bed.plane.accessLog.find({});
    assert.deepEqual([entry!.flags, entry!.details], ["UT", "response_timeout"]);
    assert.ok(tries > 1 && tries < 6, `${tries} tries`);
    assert.ok(elapsedMs >= 199, `${elapsedMs} ms`);
  });
});
