import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Bed, request, until } from "./test-bed.ts";

/** What routes and DestinationRules ask for besides a destination, through real sockets. */
describe("mirrors, outlier detection, changes under load", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  const to = (host: string, subset?: string) => ({ destination: { host, ...(subset ? { subset } : {}) } });
  const rule = (trafficPolicy: Record<string, unknown>) =>
    bed.add({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "web", namespace: "default" },
      spec: {
        host: "web",
        trafficPolicy,
        subsets: ["stable", "canary"].map((name) => ({ name, labels: { version: name } })),
      },
    });
  const ejecting = { outlierDetection: { consecutive5xxErrors: 3, maxEjectionPercent: 100 } };

  /** A program that answers with its name and remembers what it was asked. */
  async function serve(name: string, status = 200) {
    const seen: { url: string; method: string; host: string; body: string; headers: http.IncomingHttpHeaders }[] = [];
    const program = await bed.serve((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => {
        const { url = "", method = "", headers } = req;
        seen.push({ url, method, host: headers.host ?? "", body: Buffer.concat(chunks).toString(), headers });
        res.writeHead(status).end(name);
      });
    });
    return { ...program, seen };
  }

  test("MC-141 MC-326 MESH-156 both get the request as it is sent on; the client sees one answer; its receiver counts the copy", async () => {
    const [web, api] = [await serve("web"), await serve("api", 500)];
    bed.service("web", [{ name: "web-1", port: web.port }]);
    bed.service("api", [{ name: "api-1", port: api.port }]);
    bed.gateway([{ route: [to("web")], mirror: { host: "api" }, rewrite: { uri: "/new/" } }]);
    const port = await bed.openGateway();
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const answer = await request(port, "/old", { method: "POST", body: "payload", headers });
      assert.deepEqual([answer.status, answer.body], [200, "web"]);
    }
    assert.equal((await request(port, "/plain")).body, "web");
    await until(() => api.seen.length === 3, "the copies arrive");
    assert.deepEqual(
      api.seen.map(({ url, method, host, body }) => [method, url, host, body]),
      [
        ["POST", "/new/old", "h.test", "payload"],
        ["POST", "/new/old", "h.test", "payload"],
        ["GET", "/new/plain", "h.test", ""],
      ],
    );
    assert.equal(api.seen[0]?.headers["x-request-id"], web.seen[0]?.headers["x-request-id"]);
    const copies = () => bed.plane.metrics().match(/^istio_requests_total\{.*destination_workload="api-1".*$/gm) ?? [];
    await until(() => copies().some((line) => line.endsWith(" 3")), "the copies are counted");
    assert.equal(copies().length, 1);
    assert.match(copies()[0]!, /reporter="destination".*response_code="500"/);
    assert.match(bed.plane.metrics(), /^istio_requests_total\{reporter="source".*destination_workload="web-1".*\} 3$/m);
  });

  test("MC-142 a mirror that is dead, silent or empty harms nobody", async () => {
    const web = await serve("web");
    const dead = await serve("dead");
    dead.close();
    const silent = await bed.serveRaw((socket) => socket.resume());
    bed.service("web", [{ name: "web-1", port: web.port }]);
    bed.service("dead", [{ name: "dead-1", port: dead.port }]);
    bed.service("silent", [{ name: "silent-1", port: silent.port }]);
    bed.service("empty", []);
    bed.gateway([{ route: [to("web")], mirrors: ["dead", "silent", "empty"].map((host) => to(host)) }]);
    const port = await bed.openGateway();
    for (let index = 0; index < 5; index++) {
      const answer = await request(port, "/", { method: "POST", body: "x" });
      assert.deepEqual([answer.status, answer.body], [200, "web"]);
    }
    assert.equal(bed.plane.accessLog.find({}).length, 5);
  });

  test("MC-166 a pod that fails three times in a row gets nothing for a while", async () => {
    const [good, bad] = [await serve("good"), await serve("bad", 500)];
    bed.service("web", [
      { name: "good", port: good.port },
      { name: "bad", port: bad.port },
    ]);
    rule({ ...ejecting, loadBalancer: { simple: "ROUND_ROBIN" } });
    bed.gateway([{ route: [to("web")] }]);
    const port = await bed.openGateway();
    for (let index = 0; index < 20; index++) await request(port, "/");
    assert.deepEqual([bad.seen.length, good.seen.length], [3, 17]);
  });

  test("MC-169 all pods ejected: 503 UH", async () => {
    const bad = await serve("bad", 500);
    bed.service("web", [{ name: "bad", port: bad.port }]);
    rule(ejecting);
    bed.gateway([{ route: [to("web")] }]);
    const port = await bed.openGateway();
    const answers = [];
    for (let index = 0; index < 4; index++) answers.push(await request(port, "/"));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [500, 500, 500, 503],
    );
    assert.equal(answers[3]?.body, "no healthy upstream");
    assert.equal(bed.plane.accessLog.find({}).at(-1)?.flags, "UH");
  });

  test("MC-172 a pod that refuses connections is ejected", async () => {
    const [good, dead] = [await serve("good"), await serve("dead")];
    dead.close();
    bed.service("web", [
      { name: "good", port: good.port },
      { name: "dead", port: dead.port },
    ]);
    rule(ejecting);
    bed.gateway([{ route: [to("web")], retries: { attempts: 0 } }]);
    const port = await bed.openGateway();
    const statuses: number[] = [];
    for (let index = 0; index < 40; index++) statuses.push((await request(port, "/")).status);
    assert.equal(statuses.filter((status) => status === 503).length, 3);
  });

  test("MC-094 weight 0 to 100 under load: no request fails, all go to canary once the write is in force", async () => {
    const [stable, canary] = [await serve("stable"), await serve("canary")];
    bed.service("web", [
      { name: "s1", port: stable.port, version: "stable" },
      { name: "c1", port: canary.port, version: "canary" },
    ]);
    rule({ loadBalancer: { simple: "RANDOM" } });
    const weights = (weight: number) => [
      {
        route: [
          { ...to("web", "stable"), weight: 100 - weight },
          { ...to("web", "canary"), weight },
        ],
      },
    ];
    bed.gateway(weights(0));
    const port = await bed.openGateway();
    const agent = new http.Agent({ keepAlive: true });
    const served: string[] = [];
    let isStopped = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!isStopped) {
        const { status, body } = await request(port, "/", { agent });
        served.push(status === 200 ? body : String(status));
      }
    });
    await until(() => served.length >= 50, "requests are under way");
    assert.deepEqual(new Set(served), new Set(["stable"]));
    bed.remove("Gateway", "gw");
    bed.remove("VirtualService", "gw-routes");
    bed.gateway(weights(100));
    const stableBefore = stable.seen.length;
    const sentBefore = served.length;
    await until(() => served.length >= sentBefore + 100, "more requests are under way");
    isStopped = true;
    await Promise.all(load);
    agent.destroy();
    assert.deepEqual(new Set(served), new Set(["stable", "canary"]));
    // Requests that were decided before the swap, one a client at most.
    assert.ok(stable.seen.length - stableBefore <= 8, `${stable.seen.length - stableBefore} went to stable afterwards`);
  });

  test("MC-183 the last pod leaves during a slow response: that finishes, the next is 503 UH", async () => {
    const waiting: http.ServerResponse[] = [];
    const slow = await bed.serve((_req, res) => void waiting.push(res));
    bed.service("web", [{ name: "s1", port: slow.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const port = await bed.openGateway();
    const first = request(port, "/");
    await until(() => waiting.length === 1, "the request is under way");
    bed.removePod("s1");
    const second = await request(port, "/");
    assert.deepEqual([second.status, second.body], [503, "no healthy upstream"]);
    waiting[0]!.end("late");
    assert.deepEqual([(await first).status, (await first).body], [200, "late"]);
  });

  test("MC-319 MC-320 MESH-380 the share of successes, as an analysis would compute it", async () => {
    let count = 0;
    const web = await bed.serve((_req, res) => res.writeHead(++count % 5 === 0 ? 500 : 200).end());
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const port = await bed.openGateway();
    const share = () => {
      const lines = bed.plane.metrics().split("\n");
      const own = lines.filter((line) => /^istio_requests_total\{reporter="destination".*service="web\./.test(line));
      const sum = (which: readonly string[]) =>
        which.reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
      return sum(own.filter((line) => !/response_code="5/.test(line))) / sum(own);
    };
    assert.ok(Number.isNaN(share()), "before traffic there is no series (MESH-389)");
    for (let index = 0; index < 4; index++) await request(port, "/");
    assert.equal(share(), 1);
    for (let index = 0; index < 16; index++) await request(port, "/");
    assert.equal(share(), 0.8);
  });
});
