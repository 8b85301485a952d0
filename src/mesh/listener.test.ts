import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ProxyAgent, fetch as undiciFetch } from "undici";
import { Bed, rawRequest, request, until } from "./test-bed.ts";

const OK_OR_CLOSE = "Connection: close\r\n\r\n";

describe("what a listener accepts", () => {
  let bed: Bed;
  let web: { connections(): number };
  beforeEach(async () => {
    bed = new Bed();
    const program = await bed.serve(
      (req, res) => {
        res.setHeader("x-seen-host", req.headers.host ?? "");
        res.end(`${req.method} ${req.url} id=${req.headers["x-request-id"]}`);
      },
      { maxHeaderSize: 100_000 },
    );
    web = program;
    bed.service("web", [{ name: "s1", port: program.port }], { port: 8000 });
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
  });
  afterEach(() => bed.close());

  const refused = [
    { name: "MC-210 without Host", text: `GET / HTTP/1.1\r\n${OK_OR_CLOSE}`, status: 400 },
    {
      name: "MESH-262 with two Host lines",
      text: `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${OK_OR_CLOSE}`,
      status: 400,
    },
    {
      name: "MC-211 Content-Length and Transfer-Encoding",
      text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      status: 400,
    },
    {
      name: "MC-212 Transfer-Encoding: gzip, chunked",
      text: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      status: 501,
    },
    {
      name: "MC-213 two different Content-Length",
      text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      status: 400,
    },
    {
      name: "MESH-263 signed Content-Length",
      text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
      status: 400,
    },
    { name: "MESH-263 a folded header line", text: "GET / HTTP/1.1\r\nHost: a\r\nx: 1\r\n 2\r\n\r\n", status: 400 },
    { name: "MESH-263 a blank before the colon", text: "GET / HTTP/1.1\r\nHost: a\r\nx : 1\r\n\r\n", status: 400 },
    { name: "MESH-263 a NUL in a value", text: "GET / HTTP/1.1\r\nHost: a\r\nx: 1\0\r\n\r\n", status: 400 },
    {
      name: "MC-214 61 KiB of headers",
      text: `GET / HTTP/1.1\r\nHost: a\r\nx: ${"y".repeat(61 * 1024)}\r\n\r\n`,
      status: 431,
    },
    {
      name: "MC-214 101 header lines",
      text: `GET / HTTP/1.1\r\nHost: a\r\n${"x: 1\r\n".repeat(100)}\r\n`,
      status: 431,
    },
    { name: "MC-215 HTTP/1.0", text: "GET / HTTP/1.0\r\nHost: a\r\n\r\n", status: 426 },
    { name: "MC-216 a fragment in the target", text: "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", status: 400 },
    { name: "MESH-268 CONNECT at a gateway", text: "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", status: 404 },
    { name: "a request line that is none", text: "HELLO\r\n\r\n", status: 400 },
  ];
  for (const { name, text, status } of refused) {
    test(`${name}: ${status}, and the connection closes`, async () => {
      const answer = await rawRequest(await bed.openGateway(), text);
      assert.equal(answer.split(" ")[1], String(status));
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1, "one answer");
      assert.equal(web.connections(), 0, "the upstream is untouched");
    });
  }

  test("MC-214 60 KiB of headers in 100 lines pass", async () => {
    const lines = `x: ${"y".repeat(600)}\r\n`.repeat(98);
    const answer = await rawRequest(await bed.openGateway(), `GET / HTTP/1.1\r\nHost: a\r\n${lines}${OK_OR_CLOSE}`);
    assert.equal(answer.split(" ")[1], "200");
  });

  test("MESH-263 a malformed chunk size: the client gets 400, the upstream no whole request", async () => {
    const text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    const answer = await rawRequest(await bed.openGateway(), text);
    assert.equal(answer.split(" ")[1], "400");
  });

  test("K8S-279 a pod's absolute-form request (Node's http, curl)", async () => {
    const port = await bed.openPod();
    const answer = await request(port, "http://web:8000/a?b", { host: "web:8000" });
    assert.match(answer.body, /^GET \/a\?b /);
    assert.equal(answer.headers["x-seen-host"], "web:8000");
  });

  test("MESH-262 the authority of an absolute target replaces Host", async () => {
    const answer = await request(await bed.openPod(), "http://web.default:8000/", { host: "evil.test" });
    assert.equal(answer.headers["x-seen-host"], "web.default:8000");
  });

  test("K8S-279 a pod's origin-form request with Host", async () => {
    const answer = await request(await bed.openPod(), "/a", { host: "web:8000" });
    assert.match(answer.body, /^GET \/a /);
  });

  test("K8S-279 CONNECT with plain HTTP inside (Node's fetch), several requests in one tunnel", async () => {
    const port = await bed.openPod();
    const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${port}`, proxyTunnel: true });
    for (const path of ["/1", "/2"]) {
      const answer = await undiciFetch(`http://web:8000${path}`, { dispatcher });
      assert.match(await answer.text(), new RegExp(`^GET ${path} `));
    }
    await dispatcher.close();
    assert.deepEqual(
      bed.plane.accessLog.find({}).map(({ cluster }) => cluster),
      Array(2).fill("outbound|8000||web.default.svc.cluster.local"),
    );
  });

  test("MC-229 inside the mesh the request id is kept", async () => {
    const answer = await request(await bed.openPod(), "/", { host: "web:8000", headers: { "x-request-id": "abc" } });
    assert.match(answer.body, /id=abc$/);
  });

  test("MESH-019 an unknown host goes to the address as written", async () => {
    const outside = await bed.serve((req, res) => res.end(`outside ${req.headers.host}`));
    const authority = `127.0.0.1:${outside.port}`;
    const answer = await request(await bed.openPod(), `http://${authority}/`, { host: authority });
    assert.deepEqual([answer.status, answer.body], [200, `outside ${authority}`]);
    assert.equal(bed.plane.accessLog.find({ limit: 1 })[0]?.cluster, "PassthroughCluster");
  });

  test("MC-202 an unknown host that nobody knows: a clear 503 that names it", async () => {
    const answer = await request(await bed.openPod(), "http://mockc.demo.invalid:8000/mock", {
      host: "mockc.demo.invalid:8000",
    });
    assert.equal(answer.status, 503);
    assert.match(answer.body, /unknown host "mockc\.demo\.invalid:8000": no service in the mesh has this name/);
  });

  test("a request for the proxy's own address does not go round for ever", async () => {
    const port = await bed.openPod();
    const authority = `127.0.0.1:${port}`;
    const answer = await request(port, `http://${authority}/`, { host: authority });
    assert.deepEqual([answer.status, bed.plane.accessLog.find({}).length], [503, 1]);
    assert.match(answer.body, /the proxy's own address/);
  });

  test("CONNECT with TLS inside passes through unseen", async () => {
    const CLIENT_HELLO = Buffer.from([0x16, 3, 1, 0, 1, 1]);
    const outside = await bed.serveRaw((socket) => socket.once("data", (chunk) => socket.end(chunk)));
    const socket = net.connect(await bed.openPod(), "127.0.0.1");
    const received: Buffer[] = [];
    socket.write(`CONNECT 127.0.0.1:${outside.port} HTTP/1.1\r\nHost: x:1\r\n\r\n`);
    socket.once("data", () => {
      socket.on("data", (chunk: Buffer) => received.push(chunk));
      socket.write(CLIENT_HELLO);
    });
    await new Promise((resolve) => socket.on("close", resolve));
    assert.deepEqual(Buffer.concat(received), CLIENT_HELLO);
  });

  test("MC-219 WebSocket: 101, then bytes both ways, without the route's timeout", async () => {
    const echo = await bed.serveRaw((socket) => {
      let head = "";
      socket.on("data", (chunk) => {
        if (head.includes("\r\n\r\n")) return void socket.write(chunk);
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-kept: 1\r\n\r\n",
        );
        socket.write(head.slice(end + 4));
      });
    });
    bed.service("ws", [{ name: "w1", port: echo.port }]);
    const port = await bed.openPod();
    const text = "GET /chat HTTP/1.1\r\nHost: ws\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping";
    const answer = await rawRequest(port, text, "\r\n\r\nping");
    assert.match(answer, /^HTTP\/1\.1 101 .*\r\nx-kept: 1\r\n\r\nping$/s);
  });

  test("MC-220 another upgrade: 403; an offer of h2c is ignored", async () => {
    const port = await bed.openGateway();
    const ask = (protocol: string) =>
      rawRequest(port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n\r\n`);
    assert.equal((await ask("foo")).split(" ")[1], "403");
    assert.equal((await ask("h2c")).split(" ")[1], "200");
  });

  test("MESH-260 a connection that the upstream keeps for a second only is not used again", async () => {
    const app = await bed.serve((_req, res) => res.end("ok"), { keepAliveTimeout: 1_000 });
    bed.service("app", [{ name: "a1", port: app.port }]);
    const port = await bed.openPod();
    for (let round = 0; round < 3; round++) assert.equal((await request(port, "/", { host: "app" })).status, 200);
    assert.equal(app.connections(), 3);
  });

  test("MC-184, MESH-211 pods are replaced under load: no request fails", async () => {
    const open = async (name: string) => {
      const program = await bed.serve((_req, res) => setImmediate(() => res.end(name)));
      bed.pod("rolling", { name, port: program.port });
      bed.compile();
      return { name, ...program };
    };
    bed.service("rolling", []);
    let current = [await open("r0"), await open("r1")];
    const port = await bed.openPod();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    let isRolling = true;
    const statuses: number[] = [];
    const client = async () => {
      while (isRolling) statuses.push((await request(port, "/", { host: "rolling", agent })).status);
    };
    const clients = Array.from({ length: 20 }, client);
    for (let round = 0; round < 20; round++) {
      const next = await open(`r${round + 2}`);
      const [leaving, ...staying] = current;
      // The table first, then what SIGTERM does to a program: no new connections, requests under way finish.
      bed.removePod(leaving!.name);
      leaving!.end();
      current = [...staying, next];
      const enough = statuses.length + 20;
      await until(() => statuses.length >= enough, "requests flow on");
    }
    isRolling = false;
    await Promise.all(clients);
    agent.destroy();
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  test("clients that leave in the middle, and upstreams that die there, harm nobody else", async () => {
    const dying = await bed.serve((req) => req.once("data", () => req.socket.destroy()));
    bed.service("dying", [{ name: "d1", port: dying.port }]);
    const port = await bed.openPod();
    const head = (host: string) => `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\nabc`;
    const leavers = Array.from({ length: 20 }, (_, index) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(head(index % 2 === 0 ? "web:8000" : "dying"));
      return new Promise((resolve) => socket.once("close", resolve).setTimeout(20, () => socket.resetAndDestroy()));
    });
    await Promise.all(leavers);
    assert.equal((await request(port, "/", { host: "web:8000" })).status, 200);
    assert.equal((await request(port, "/", { host: "dying", method: "POST", body: "x" })).status, 503);
  });

  test("MESH-210 a removed endpoint: the request under way finishes, the next one finds nobody, idle connections close", async () => {
    let finish = () => {};
    let openSockets = 0;
    const slow = await bed.serve((req, res) => {
      if (req.url === "/slow") finish = () => res.end("done");
      else res.end("quick");
    });
    const server = await bed.serveRaw((socket) => {
      openSockets++;
      socket.on("close", () => openSockets--);
      const upstream = net.connect(slow.port, "127.0.0.1");
      socket.pipe(upstream).pipe(socket);
    });
    bed.service("app", [{ name: "a1", port: server.port }]);
    const port = await bed.openPod();
    const call = (path: string) => request(port, path, { host: "app" });
    const pending = call("/slow");
    while (openSockets === 0) await new Promise((resolve) => setImmediate(resolve));
    await call("/quick"); // Leaves an idle connection behind.
    assert.equal(openSockets, 2);
    bed.removePod("a1");
    const next = await call("/next");
    assert.deepEqual([next.status, next.body], [503, "no healthy upstream"]);
    while (openSockets > 1) await new Promise((resolve) => setImmediate(resolve));
    finish();
    assert.equal((await pending).body, "done");
    while (openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
