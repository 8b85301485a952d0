import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { Bed, request, until } from "./test-bed.ts";

/** HTTPRoutes through real sockets: shares, changes of weights under load, and what filters do to the bytes. */
describe("Gateway API", () => {
  let bed: Bed;
  let port: number;

  beforeEach(async () => {
    bed = new Bed();
    bed.add(
      object("GatewayClass", "istio", { controllerName: "istio.io/gateway-controller" }, ""),
      object("Gateway", "gw", {
        gatewayClassName: "istio",
        listeners: [{ name: "http", port: 80, protocol: "HTTP" }],
      }),
    );
    port = await bed.openGateway();
  });
  afterEach(() => bed.close());

  function object(kind: string, name: string, spec: unknown, namespace = "default"): KubeObject {
    const metadata = { name, uid: `${kind}-${name}`, ...(namespace ? { namespace } : {}) };
    return { apiVersion: "gateway.networking.k8s.io/v1", kind, metadata, spec };
  }

  /** A service of one program that answers with its name. */
  async function serve(name: string, handler?: http.RequestListener): Promise<void> {
    const program = await bed.serve(handler ?? ((_req, res) => res.end(name)));
    bed.service(name, [{ name, port: program.port }]);
  }

  function route(...rules: unknown[]): void {
    const known = bed.objects.findIndex(({ kind }) => kind === "HTTPRoute");
    if (known >= 0) bed.objects.splice(known, 1);
    bed.add(object("HTTPRoute", "route", { parentRefs: [{ name: "gw" }], rules }));
  }

  const weighted = (stable: number, canary: number) => ({
    backendRefs: [
      { name: "stable", port: 80, weight: stable },
      { name: "canary", port: 80, weight: canary },
    ],
  });

  async function bodies(count: number): Promise<readonly string[]> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const answers = await Promise.all(Array.from({ length: count }, () => request(port, "/", { agent })));
    agent.destroy();
    return answers.map(({ status, body }) => `${status} ${body}`);
  }

  function countOf(answers: readonly string[], wanted: string): number {
    return answers.filter((answer) => answer === wanted).length;
  }

  /** Four standard deviations of a share. */
  function assertShare(answers: readonly string[], wanted: string, share: number): void {
    const tolerance = 4 * Math.sqrt((share * (1 - share)) / answers.length);
    const found = countOf(answers, wanted) / answers.length;
    assert.ok(Math.abs(found - share) <= tolerance, `${wanted}: ${found}, not ${share} ± ${tolerance}`);
  }

  test("MC-293 MESH-363 shares of 1000 requests", async () => {
    await serve("stable");
    await serve("canary");
    route({ backendRefs: weighted(0, 0).backendRefs.map(({ name }) => ({ name, port: 80 })) });
    assertShare(await bodies(1000), "200 canary", 0.5);
    route(weighted(90, 10));
    assertShare(await bodies(1000), "200 canary", 0.1);
  });

  test("MC-295 MESH-363 half of the requests get 500 while one of two backends is not there", async () => {
    await serve("stable");
    route({
      backendRefs: [
        { name: "stable", port: 80, weight: 50 },
        { name: "nobody", port: 80, weight: 50 },
      ],
    });
    const answers = await bodies(1000);
    assertShare(answers, "500 ", 0.5);
    assertShare(answers, "200 stable", 0.5);
  });

  test("MC-294 MC-302 MESH-363 no weight is 500, no ready pod is 503", async () => {
    await serve("stable");
    bed.service("empty", []);
    route(weighted(0, 0));
    assert.deepEqual(await bodies(1), ["500 "]);
    route({ backendRefs: [{ name: "empty", port: 80 }] });
    assert.deepEqual(await bodies(1), ["503 no healthy upstream"]);
  });

  test("INV-03 MESH-363 weights change from 100/0 to 0/100 and back under load without a failed request", async () => {
    await serve("stable");
    await serve("canary");
    route(weighted(100, 0));
    const answers: string[] = [];
    let isOver = false;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const { status, body } = await request(port, "/", { agent });
        answers.push(`${status} ${body}`);
      }
    });
    const seen = (count: number) => until(() => answers.length >= count, `${count} answers`);
    for (const canary of [0, 5, 20, 50, 80, 100, 100, 30, 0]) {
      const { length } = answers;
      route(weighted(100 - canary, canary));
      await seen(length + 200);
    }
    const { length } = answers;
    await seen(length + 8); // Requests under way when the weights changed may still be the old ones'.
    const from = answers.length;
    await seen(from + 200);
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    assert.equal(countOf(answers, "200 stable") + countOf(answers, "200 canary"), answers.length);
    assert.equal(countOf(answers.slice(from), "200 canary"), 0);
  });

  test("MESH-364 MESH-365 headers and path on the wire", async () => {
    await serve("stable", (req, res) => {
      const { url, headers } = req;
      res.setHeader("x-old", "1").end(JSON.stringify({ url, host: headers.host, set: headers["x-set"] }));
    });
    route({
      matches: [{ path: { type: "PathPrefix", value: "/foo" } }],
      filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "X-Set", value: "100%" }] } },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { remove: ["X-Old"] } },
        {
          type: "URLRewrite",
          urlRewrite: { hostname: "in.test", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } },
        },
      ],
      backendRefs: [{ name: "stable", port: 80 }],
    });
    const { body, headers } = await request(port, "/foo/bar?q=1");
    assert.deepEqual(JSON.parse(body), { url: "/bar?q=1", host: "in.test", set: "100%" });
    assert.equal(headers["x-old"], undefined);
    assert.equal((await request(port, "/foobar")).status, 404);
  });

  test("MESH-263 MESH-364 no filter makes one request two, or its target unreadable", async () => {
    await serve("stable", (req, res) => {
      const { url, headers } = req;
      req.setEncoding("utf8").on("data", (text) => res.write(text));
      req.on("end", () => res.end(` ${JSON.stringify({ url, host: headers.host, smuggled: headers["x-b"] })}`));
    });
    const set = [
      { name: "Host", value: "in.test\r\nx-b: 1" },
      { name: "Content-Length", value: "2" },
      { name: "Transfer-Encoding", value: "chunked" },
    ];
    route({
      filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: { set, remove: ["Content-Length"] } },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { set: set.slice(1) } },
        {
          type: "URLRewrite",
          urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "v2 HTTP/1.1\r\n\ud800" } },
        },
      ],
      backendRefs: [{ name: "stable", port: 80 }],
    });
    const { body } = await request(port, "/", { method: "POST", body: "hello" });
    const [text, facts = ""] = body.split(" ");
    assert.equal(text, "hello");
    assert.deepEqual(JSON.parse(facts), { url: "/v2%20HTTP/1.1%0D%0A%EF%BF%BD", host: "h.test" });
  });

  test("MESH-366 a redirect keeps its location whatever the path holds, and a response edit its framing", async () => {
    const path = { type: "ReplaceFullPath", replaceFullPath: "/für alle\r\nx-b: 1" };
    route({
      filters: [
        { type: "RequestRedirect", requestRedirect: { hostname: "b.test", port: 80, path } },
        {
          type: "ResponseHeaderModifier",
          responseHeaderModifier: { set: [{ name: "Transfer-Encoding", value: "chunked" }] },
        },
      ],
    });
    const { status, headers } = await request(port, "/");
    assert.equal(status, 302);
    assert.equal(headers["location"], "http://b.test/für%20alle%0D%0Ax-b:%201");
    assert.equal(headers["x-b"], undefined);
    assert.equal(headers["transfer-encoding"], undefined);
  });

  test("MESH-364 a mirror sees every request, and its answer nobody", async () => {
    const mirrored: string[] = [];
    await serve("stable");
    await serve("canary", (req, res) => {
      mirrored.push(req.url ?? "");
      res.writeHead(500).end();
    });
    route({
      filters: [{ type: "RequestMirror", requestMirror: { backendRef: { name: "canary", port: 80 } } }],
      backendRefs: [{ name: "stable", port: 80 }],
    });
    const { status, body } = await request(port, "/m");
    assert.deepEqual([status, body], [200, "stable"]);
    await until(() => mirrored.length === 1, "the mirrored request");
    assert.deepEqual(mirrored, ["/m"]);
  });

  test("MESH-367 an attempt that takes too long is retried, and answered 504 when none is left", async () => {
    let asked = 0;
    await serve("stable", (_req, res) => {
      if (++asked > 1) res.end("second");
    });
    const rule = { backendRefs: [{ name: "stable", port: 80 }], timeouts: { backendRequest: "50ms" } };
    route({ ...rule, retry: { attempts: 1, backoff: "1ms" } });
    assert.equal((await request(port, "/")).body, "second");
    asked = 0;
    route(rule);
    assert.equal((await request(port, "/")).status, 504);
    assert.equal(asked, 1);
  });

  test("MESH-367 a listed code is retried, another is not", async () => {
    let asked = 0;
    await serve("stable", (req, res) => {
      asked += 1;
      res.writeHead(asked === 1 ? Number(req.url?.slice(1)) : 200).end();
    });
    route({ backendRefs: [{ name: "stable", port: 80 }], retry: { codes: [418], attempts: 1, backoff: "1ms" } });
    assert.equal((await request(port, "/418")).status, 200);
    asked = 0;
    assert.equal((await request(port, "/503")).status, 503);
  });

  test("MESH-361 an Istio VirtualService of the same host comes first, the HTTPRoute has the rest", async () => {
    await serve("stable");
    await serve("canary");
    route(weighted(100, 0));
    bed.gateway([{ match: [{ uri: { prefix: "/vs" } }], route: [{ destination: { host: "canary" } }] }]);
    assert.equal((await request(port, "/vs")).body, "canary");
    assert.equal((await request(port, "/other")).body, "stable");
  });
});
