import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { randomInt, seededRandom } from "../base/random.ts";
import { type Answer, Bed, gatewaySource, type Program, rawRequest, request, until } from "./test-bed.ts";

const OVERFLOW = "upstream connect error or disconnect/reset before headers. reset reason: overflow";

/** A program that answers when told to. */
interface Slow extends Program {
  readonly waiting: http.ServerResponse[];
  /** Connections that are open now. */
  open(): number;
}

describe("connectionPool, through real sockets", () => {
  let bed: Bed;
  let port: number;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  async function serveSlow(): Promise<Slow> {
    const waiting: http.ServerResponse[] = [];
    const sockets = new Set<net.Socket>();
    const program = await bed.serve((req, res) => {
      waiting.push(res);
      sockets.add(req.socket);
      req.socket.once("close", () => sockets.delete(req.socket));
    });
    return { ...program, waiting, open: () => sockets.size };
  }

  function rule(connectionPool: Record<string, unknown>, rest: Record<string, unknown> = {}) {
    bed.remove("DestinationRule", "web");
    bed.add({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "web", namespace: "default" },
      spec: {
        host: "web",
        trafficPolicy: { connectionPool, ...rest },
        subsets: ["stable", "canary"].map((name) => ({ name, labels: { version: name } })),
      },
    });
  }

  async function open(route: Record<string, unknown> = {}) {
    bed.gateway([{ route: [{ destination: { host: "web" } }], retries: { attempts: 0 }, ...route }]);
    port = await bed.openGateway();
  }

  /** Answers of requests that are sent now, as they come in. */
  function send(count: number, options: { headers?: http.OutgoingHttpHeaders } = {}, path = "/") {
    const answers: Answer[] = [];
    const all = Promise.all(
      Array.from({ length: count }, async () => {
        const answer = await request(port, path, options);
        answers.push(answer);
        return answer;
      }),
    );
    return { answers, all };
  }

  const flags = () => bed.plane.accessLog.find({}).map((entry) => entry.flags);
  const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort();

  test("MC-173 MESH-191 MESH-227 one connection, one may wait: the third is 503 UO", async () => {
    const slow = await serveSlow();
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } });
    await open();
    const { answers, all } = send(3);
    await until(() => answers.length === 1 && slow.waiting.length === 1, "one is refused, one is under way");
    const [refused] = answers;
    assert.deepEqual([refused!.status, refused!.body], [503, OVERFLOW]);
    assert.equal(refused!.headers["x-envoy-overloaded"], "true");
    assert.equal(refused!.headers["content-type"], "text/plain");
    const [entry] = bed.plane.accessLog.find({});
    assert.deepEqual(
      [entry!.flags, entry!.details, entry!.upstreamHost],
      ["UO", "upstream_reset_before_response_started{overflow}", null],
    );
    slow.waiting[0]!.end("first");
    await until(() => slow.waiting.length === 2, "the one that waited is under way");
    slow.waiting[1]!.end("second");
    assert.deepEqual(statuses(await all), [200, 200, 503]);
    assert.equal(slow.connections(), 1);
  });

  test("MESH-191 without a bound on who waits, all are served, two at a time", async () => {
    const slow = await serveSlow();
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ tcp: { maxConnections: 2 } });
    await open();
    const { answers, all } = send(20);
    for (let done = 0; done < 20; done += 2) {
      await until(() => slow.waiting.length === done + 2 && answers.length === done, "two are under way");
      for (const response of slow.waiting.slice(done)) response.end();
    }
    assert.deepEqual(statuses(await all), Array(20).fill(200));
    assert.equal(slow.connections(), 2);
  });

  test("MESH-191 http2MaxRequests bounds the requests under way of both protocols", async () => {
    const slow = await serveSlow();
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ http: { http2MaxRequests: 2 } });
    await open();
    const { answers, all } = send(5);
    await until(() => answers.length === 3 && slow.waiting.length === 2, "three are refused");
    for (const response of slow.waiting) response.end();
    assert.deepEqual(statuses(await all), [200, 200, 503, 503, 503]);
    const next = request(port, "/");
    await until(() => slow.waiting.length === 3, "there is room again");
    slow.waiting[2]!.end();
    assert.equal((await next).status, 200);
  });

  test("MESH-191 bounds are each proxy's own, and each subset's", async () => {
    const [stable, canary] = [await serveSlow(), await serveSlow()];
    bed.service("web", [
      { name: "s1", port: stable.port },
      { name: "c1", port: canary.port, version: "canary" },
    ]);
    rule({ http: { http2MaxRequests: 1 } });
    const to = (subset: string) => [{ destination: { host: "web", subset } }];
    bed.gateway([{ match: [{ uri: { prefix: "/stable" } }], route: to("stable") }, { route: to("canary") }]);
    bed.add({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "web", namespace: "default", uid: "web" },
      spec: { hosts: ["web"], http: [{ route: to("canary") }] },
    });
    port = await bed.openGateway();
    const gateway = [send(2, {}, "/stable"), send(2, {}, "/canary")];
    port = await bed.openPod("client");
    const client = send(2, { headers: { host: "web.default" } });
    await until(() => stable.waiting.length === 1 && canary.waiting.length === 2, "one of each is under way");
    for (const { answers } of [...gateway, client]) {
      await until(() => answers.length === 1, "the other one is refused");
      assert.equal(answers[0]!.status, 503);
    }
    for (const response of [...stable.waiting, ...canary.waiting]) response.end();
    for (const { all } of [...gateway, client]) assert.deepEqual(statuses(await all), [200, 503]);
  });

  test("MESH-191 whoever waits leaves when its client goes, or its time is up", async () => {
    const slow = await serveSlow();
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } });
    const route = [{ destination: { host: "web" } }];
    bed.gateway([{ match: [{ uri: { exact: "/short" } }], route, timeout: "0.05s" }, { route }]);
    port = await bed.openGateway();
    const first = send(1);
    await until(() => slow.waiting.length === 1, "the first is under way");
    const late = await request(port, "/short");
    assert.deepEqual([late.status, late.body, flags()], [504, "upstream request timeout", ["UT"]]);
    const gone = net.connect(port, "127.0.0.1");
    gone.write("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
    let isFull = false;
    while (!isFull) isFull = (await request(port, "/short")).status === 503;
    gone.destroy();
    await until(() => flags().includes("DC"), "the proxy has seen that the client went");
    const next = send(1);
    slow.waiting[0]!.end();
    await until(() => slow.waiting.length === 2, "the next one's turn has come");
    slow.waiting[1]!.end();
    assert.deepEqual([(await first.all)[0]!.status, (await next.all)[0]!.status], [200, 200]);
    assert.equal(slow.waiting.length, 2, "the pod never saw the others");
  });

  test("MESH-191 the pod that a request waits for leaves: another serves it", async () => {
    const [old, fresh] = [await serveSlow(), await serveSlow()];
    bed.service("web", [{ name: "old", port: old.port }]);
    rule({ tcp: { maxConnections: 1 } });
    await open();
    const { answers, all } = send(2);
    await until(() => old.waiting.length === 1, "one is under way, one waits");
    bed.pod("web", { name: "fresh", port: fresh.port });
    bed.removePod("old");
    await until(() => fresh.waiting.length === 1, "the new pod has it");
    fresh.waiting[0]!.end("fresh");
    await until(() => answers.length === 1, "it is answered");
    assert.equal(answers[0]!.body, "fresh");
    old.waiting[0]!.end("old");
    assert.deepEqual((await all).map(({ body }) => body).sort(), ["fresh", "old"]);
  });

  test("MESH-191 a body that comes while its request waits is there when it is sent", async () => {
    const bodies: string[] = [];
    const waiting: http.ServerResponse[] = [];
    const web = await bed.serve((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => {
        bodies.push(Buffer.concat(chunks).toString());
        waiting.push(res);
      });
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ tcp: { maxConnections: 1 } });
    await open();
    const large = "x".repeat(3_000_000);
    const all = ["a", large, "c"].map((body) => request(port, "/", { method: "POST", body }));
    for (let index = 0; index < 3; index++) {
      await until(() => waiting.length === index + 1, "the next one is there");
      waiting[index]!.end();
    }
    for (const answer of all) assert.equal((await answer).status, 200);
    assert.deepEqual(bodies.map(({ length }) => length).sort(), [1, 1, large.length]);
  });

  test("MESH-191 the bounds change while requests wait", async () => {
    const slow = await serveSlow();
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ tcp: { maxConnections: 1 } });
    await open();
    const { all } = send(3);
    await until(() => slow.waiting.length === 1, "one is under way");
    rule({ tcp: { maxConnections: 4 } });
    const last = send(1);
    await until(() => slow.waiting.length === 4, "all are");
    for (const response of slow.waiting) response.end();
    assert.deepEqual(statuses([...(await all), ...(await last.all)]), [200, 200, 200, 200]);
  });

  test("MESH-190 maxConnections below the number of pods: each may have one, and all serve", async () => {
    const seen = new Set<number>();
    const pods = [];
    for (let index = 0; index < 3; index++) {
      const web = await bed.serve((_req, res) => {
        seen.add(index);
        res.end();
      });
      pods.push({ name: `s${index}`, port: web.port });
    }
    bed.service("web", pods);
    rule({ tcp: { maxConnections: 1 } }, { loadBalancer: { simple: "ROUND_ROBIN" } });
    await open();
    assert.deepEqual(statuses(await send(20).all), Array(20).fill(200));
    assert.equal(seen.size, 3);
  });

  test("MC-174 maxRequestsPerConnection 1: each request has a connection of its own", async () => {
    const web = await bed.serve((_req, res) => res.end());
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ http: { maxRequestsPerConnection: 1 } });
    await open();
    for (let index = 0; index < 2; index++) assert.equal((await request(port, "/")).status, 200);
    assert.equal(web.connections(), 2);
    rule({ http: { maxRequestsPerConnection: 3 } });
    for (let index = 0; index < 6; index++) await request(port, "/");
    assert.equal(web.connections(), 4);
  });

  test("MESH-190 maxRetries: no more retries at a time; the answer is the pod's, with flag UO", async () => {
    let count = 0;
    const waiting: http.ServerResponse[] = [];
    // The first answer fails; its retry hangs. Then others fail.
    const web = await bed.serve((_req, res) => {
      count += 1;
      if (count === 2) waiting.push(res);
      else res.writeHead(503).end("busy");
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ http: { maxRetries: 1 } });
    await open({ retries: { attempts: 1, retryOn: "5xx" } });
    const first = send(1);
    await until(() => waiting.length === 1, "the first request's retry is under way");
    const second = await request(port, "/");
    assert.deepEqual([second.status, second.body, flags()], [503, "busy", ["UO"]]);
    waiting[0]!.end("late");
    assert.equal((await first.all)[0]!.body, "late");
    await request(port, "/");
    assert.equal(count, 5, "there is room for a retry again");
    assert.deepEqual(flags(), ["UO", "-", "URX"]);
  });

  test("MESH-212 a kept connection that the pod closed is replaced, also when there may be only one", async () => {
    const web = await bed.serveRaw((socket) => {
      let count = 0;
      socket.on("data", () => {
        count += 1;
        // The second request on a connection is never answered.
        if (count === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        else socket.destroy();
      });
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } });
    await open();
    for (let index = 0; index < 4; index++) assert.equal((await request(port, "/")).body, "ok");
    assert.equal(web.connections(), 4);
  });

  test("MESH-191 a pod that closes after each answer: whoever waits gets the next connection", async () => {
    const web = await bed.serve((_req, res) => res.writeHead(200, { connection: "close" }).end("ok"));
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ tcp: { maxConnections: 1 } });
    await open();
    assert.deepEqual(statuses(await send(5).all), Array(5).fill(200));
    assert.equal(web.connections(), 5);
  });

  test("MESH-191 WebSockets count, and do not wait", async () => {
    const web = await bed.serveRaw((socket) =>
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"),
      ),
    );
    bed.service("web", [{ name: "s1", port: web.port }]);
    rule({ tcp: { maxConnections: 1 } });
    await open();
    const head = "GET / HTTP/1.1\r\nhost: h.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    const first = net.connect(port, "127.0.0.1");
    let got = "";
    first.on("data", (chunk) => {
      got += String(chunk);
    });
    first.write(head);
    await until(() => got.includes("101"), "the first is open");
    const refused = await rawRequest(port, head);
    assert.match(refused, /^HTTP\/1\.1 503 .*x-envoy-overloaded: true\r\n.*reset reason: overflow$/s);
    first.destroy();
    await until(() => bed.plane.accessLog.find({}).length === 2, "the first is closed");
    assert.match(await rawRequest(port, head, "101"), /^HTTP\/1\.1 101 /);
  });

  test("MESH-155 copies keep within the bounds of their destination, and hold nobody back", async () => {
    const slow = await serveSlow();
    const web = await bed.serve((_req, res) => res.end("main"));
    bed.service("main", [{ name: "m1", port: web.port }]);
    bed.service("web", [{ name: "s1", port: slow.port }]);
    rule({ tcp: { maxConnections: 2 } });
    await open({ route: [{ destination: { host: "main" } }], mirror: { host: "web" } });
    assert.deepEqual(statuses(await send(6).all), Array(6).fill(200));
    await until(() => slow.waiting.length === 2, "two copies are there");
    assert.equal(slow.connections(), 2);
  });

  for (const seed of [1, 2, 3]) {
    test(`MESH-192 whatever pods and clients do, no request hangs and nothing stays counted, seed ${seed}`, async () => {
      const random = seededRandom(seed);
      let atOnce = 0;
      let most = 0;
      const web = await bed.serve((req, res) => {
        const fate = randomInt(random, 6);
        most = Math.max(most, ++atOnce);
        res.once("close", () => {
          atOnce -= 1;
        });
        if (fate === 0) req.socket.destroy();
        else if (fate === 1) setImmediate(() => req.socket.destroy());
        else if (fate === 2) res.writeHead(503).end("busy");
        else if (fate === 3) res.writeHead(200, { connection: "close" }).end("last");
        else setTimeout(() => res.end("ok"), randomInt(random, 4));
      });
      bed.service("web", [{ name: "s1", port: web.port }]);
      const bounds = { http1MaxPendingRequests: 4, http2MaxRequests: 3, maxRetries: 1, maxRequestsPerConnection: 3 };
      rule({ tcp: { maxConnections: 3 }, http: bounds });
      await open({ timeout: "10s", retries: { attempts: 2, retryOn: "5xx,reset" } });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 12 });
      const statuses = await Promise.all(
        Array.from({ length: 300 }, (_, index) => {
          if (index % 7 !== 0) return request(port, "/", { agent }).then(({ status }) => status);
          // A client that goes while its request waits or runs.
          return new Promise<number>((resolve) => {
            const socket = net.connect(port, "127.0.0.1", () => {
              socket.write("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
              setTimeout(() => socket.destroy(), randomInt(random, 6));
            });
            socket.on("error", () => {});
            socket.on("close", () => resolve(0));
          });
        }),
      );
      agent.destroy();
      assert.deepEqual([...new Set(statuses)].sort(), [0, 200, 503]);
      assert.ok(most <= 4, `${most} at once, of which one may be about to end`);
      const cluster = bed.plane.table.clusters.get("outbound|80||web.default.svc.cluster.local")!;
      const breaker = bed.plane.breakers.of(gatewaySource, cluster)!;
      bed.removePod("s1"); // Closes what is free.
      await until(() => breaker.isUnused, "all is given back");
      assert.ok(!flags().includes("UT"), "nobody waited for a turn that never came");
    });
  }
});
