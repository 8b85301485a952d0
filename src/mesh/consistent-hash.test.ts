import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Bed, rawRequest, request, until } from "./test-bed.ts";

describe("consistentHash, through real sockets", () => {
  let bed: Bed;
  let port: number;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  async function serve(name: string, version = "stable") {
    const { port: own } = await bed.serve((_req, res) => res.end(name));
    return { name, port: own, version };
  }

  async function serveThree() {
    return [await serve("s1"), await serve("s2"), await serve("c1", "canary")];
  }

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

  async function open(consistentHash: Record<string, unknown>, others: Record<string, unknown> = {}) {
    bed.service("web", await serveThree());
    rule({ loadBalancer: { consistentHash }, ...others });
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
    port = await bed.openGateway();
  }

  /** Who serves each of these requests. */
  async function served(requests: readonly { path?: string; headers?: http.OutgoingHttpHeaders }[]) {
    const bodies: string[] = [];
    for (const { path = "/", headers = {} } of requests) bodies.push((await request(port, path, { headers })).body);
    return bodies;
  }

  const times = <Item>(count: number, make: (index: number) => Item) =>
    Array.from({ length: count }, (_, i) => make(i));
  const ALL = new Set(["s1", "s2", "c1"]);

  for (const algorithm of [{}, { ringHash: { minimumRingSize: 64 } }, { maglev: { tableSize: 251 } }]) {
    test(`MC-161 MC-162 MC-163 by a header, ${JSON.stringify(algorithm)}`, async () => {
      await open({ httpHeaderName: "u", ...algorithm });
      assert.equal(new Set(await served(times(50, () => ({ headers: { u: "1" } })))).size, 1);
      const each = times(200, (index) => ({ headers: { u: String(index) } }));
      const first = await served(each);
      assert.deepEqual(new Set(first), ALL);
      assert.deepEqual(await served(each), first);
      assert.ok(new Set(await served(times(60, () => ({})))).size > 1, "without the header any pod serves");
    });
  }

  test("MESH-183 when a pod goes only its keys move; when it is back they are back", async () => {
    await open({ httpHeaderName: "u" });
    const each = times(100, (index) => ({ headers: { u: String(index) } }));
    const before = await served(each);
    const pods = bed.objects.filter(({ metadata }) => metadata.name === "s2" || metadata.name === "slice-s2");
    bed.removePod("s2");
    const without = await served(each);
    for (const [index, pod] of without.entries()) {
      if (before[index] === "s2") assert.notEqual(pod, "s2");
      else assert.equal(pod, before[index]);
    }
    bed.add(...pods);
    assert.deepEqual(await served(each), before);
  });

  test("MESH-183 a pod that refuses leaves its keys to another, always the same", async () => {
    const pods = await serveThree();
    const dead = await bed.serve(() => {});
    dead.close();
    bed.service("web", [...pods, { name: "dead", port: dead.port }]);
    rule({ loadBalancer: { consistentHash: { httpHeaderName: "u" } } });
    bed.gateway([{ route: [{ destination: { host: "web" } }], retries: { attempts: 2, retryOn: "connect-failure" } }]);
    port = await bed.openGateway();
    const each = times(40, (index) => ({ headers: { u: String(index) } }));
    const first = await served(each);
    assert.deepEqual(new Set(first), ALL);
    assert.deepEqual(await served(each), first);
    assert.ok(bed.plane.accessLog.find({}).some(({ attempts }) => attempts === 2));
  });

  test("MC-164 by a cookie: one is made for whoever brings none, and leads back to its pod", async () => {
    await open({ httpCookie: { name: "k", ttl: "0s", path: "/" } });
    const jars = new Map<string, string>();
    for (let index = 0; index < 30; index++) {
      const answer = await request(port, "/");
      const [line = "", ...others] = answer.headers["set-cookie"] ?? [];
      assert.match(line, /^k="[0-9a-f]{16}"; Path=\/; HttpOnly$/);
      assert.equal(others.length, 0);
      jars.set(answer.body, line.split(";")[0]!);
    }
    assert.ok(jars.size > 1, "one client after another, different pods");
    for (const [pod, cookie] of jars) {
      for (let index = 0; index < 5; index++) {
        const answer = await request(port, "/", { headers: { cookie: `a=1; ${cookie}` } });
        assert.deepEqual([answer.body, answer.headers["set-cookie"]], [pod, undefined]);
      }
    }
  });

  test("MESH-182 a client that keeps no cookies stays where it is while it keeps its connection", async () => {
    await open({ httpCookie: { name: "k", ttl: "60s" } });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const pods = new Set<string>();
    for (let index = 0; index < 10; index++) {
      const answer = await request(port, "/", { agent });
      pods.add(answer.body);
      assert.match(answer.headers["set-cookie"]?.[0] ?? "", /; Max-Age=60; HttpOnly$/);
    }
    agent.destroy();
    assert.equal(pods.size, 1);
  });

  test("MESH-182 without a time to live no cookie is made, and any pod serves", async () => {
    await open({ httpCookie: { name: "k" } });
    const answers = await Promise.all(times(40, () => request(port, "/")));
    assert.ok(new Set(answers.map(({ body }) => body)).size > 1);
    assert.ok(answers.every(({ headers }) => headers["set-cookie"] === undefined));
  });

  test("MESH-182 by the client's address: one client, one pod", async () => {
    await open({ useSourceIp: true });
    assert.equal(new Set(await served(times(20, () => ({})))).size, 1);
  });

  test("MESH-182 by a query parameter", async () => {
    await open({ httpQueryParameterName: "u" });
    assert.equal(new Set(await served(times(20, (index) => ({ path: `/?n=${index}&u=1` })))).size, 1);
    assert.deepEqual(new Set(await served(times(60, (index) => ({ path: `/?u=${index}` })))), ALL);
  });

  test("MC-165 the hash counts inside the subset: weights stay weights", async () => {
    bed.service("web", await serveThree());
    rule({ loadBalancer: { consistentHash: { httpHeaderName: "u" } } });
    const to = (subset: string) => ({ destination: { host: "web", subset }, weight: 50 });
    bed.gateway([{ route: [to("stable"), to("canary")] }]);
    port = await bed.openGateway();
    const pods = new Set(await served(times(100, () => ({ headers: { u: "1" } }))));
    assert.equal(pods.size, 2, "one pod of each subset");
    assert.ok(pods.has("c1"));
  });

  test("MESH-182 the key is the header as the route leaves it; copies have theirs too", async () => {
    const mirrored: string[] = [];
    const pods = [];
    for (const name of ["m1", "m2", "m3"]) {
      const { port: own } = await bed.serve((_req, res) => {
        mirrored.push(name);
        res.end();
      });
      pods.push({ name, port: own });
    }
    bed.service("web", await serveThree());
    bed.service("copy", pods);
    for (const host of ["web", "copy"]) {
      bed.add({
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: host, namespace: "default" },
        spec: { host, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: "u" } } } },
      });
    }
    const route = [{ destination: { host: "web" }, headers: { request: { set: { u: "same" } } } }];
    bed.gateway([{ route, mirror: { host: "copy" } }]);
    port = await bed.openGateway();
    const pod = await served(times(20, (index) => ({ headers: { u: String(index) } })));
    assert.equal(new Set(pod).size, 1);
    await until(() => mirrored.length === 20, "the copies arrive");
    assert.equal(new Set(mirrored).size, 1);
  });

  test("MESH-182 a WebSocket goes where its key says", async () => {
    const pods = [];
    for (const name of ["w1", "w2", "w3"]) {
      const { port: own } = await bed.serveRaw((socket) =>
        socket.once("data", () => {
          socket.end(
            `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-pod: ${name}\r\n\r\n`,
          );
        }),
      );
      pods.push({ name, port: own });
    }
    bed.service("web", pods);
    rule({ loadBalancer: { consistentHash: { httpHeaderName: "u" } } });
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
    port = await bed.openGateway();
    const head = (u: string) =>
      `GET / HTTP/1.1\r\nhost: h.test\r\nu: ${u}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`;
    const podOf = async (u: string) => /x-pod: (w\d)/.exec(await rawRequest(port, head(u)))?.[1];
    const first = await podOf("1");
    for (let index = 0; index < 5; index++) assert.equal(await podOf("1"), first);
    assert.equal(new Set(await Promise.all(times(30, (index) => podOf(String(index))))).size, 3);
  });
});
