import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type Answer, Bed, rawRequest, request, until } from "./test-bed.ts";

const echo: http.RequestListener = (req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    res.end(JSON.stringify({ url: req.url, method: req.method, raw: req.rawHeaders, body }));
  });
};

function received(answer: Answer): { url: string; body: string; header(name: string): string | undefined } {
  const { url, raw, body } = JSON.parse(answer.body) as { url: string; raw: string[]; body: string };
  return {
    url,
    body,
    header(name) {
      const at = raw.findIndex((item, index) => index % 2 === 0 && item === name);
      return at < 0 ? undefined : raw[at + 1];
    },
  };
}

/** A port that refuses connections: one that was just closed. */
async function refusingPort(bed: Bed): Promise<number> {
  const program = await bed.serve(() => {});
  program.close();
  return program.port;
}

const subsets = (host: string, names: readonly string[]) => ({
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "DestinationRule",
  metadata: { name: host, namespace: "default" },
  spec: { host, subsets: names.map((name) => ({ name, labels: { version: name } })) },
});

const to = (host: string, subset?: string) => ({ destination: subset === undefined ? { host } : { host, subset } });

/** Waits until a figure has stopped growing. */
async function settled(figure: () => number): Promise<void> {
  for (let before = -1; figure() === 0 || figure() !== before; ) {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function lastEntry(bed: Bed) {
  return bed.plane.accessLog.find({ limit: 1 })[0]!;
}

describe("the way of a request", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  test("MC-002, MC-217, MC-227, MC-228, MC-230, MC-231, MESH-280, MESH-281, MESH-282, MESH-287, MESH-291, MESH-292 the gateway forwards with its own request id and forwarding headers", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const headers = { "x-forwarded-for": "9.9.9.9", "x-request-id": "abc", "x-envoy-max-retries": "9", "X-Mixed": "1" };
    const answer = await request(await bed.openGateway(), "/a/../b//c%2Fd?q=../1", { headers });
    const seen = received(answer);
    assert.equal(seen.url, "/b//c%2Fd?q=../1");
    assert.equal(seen.header("host"), "h.test");
    assert.equal(seen.header("x-forwarded-for"), "9.9.9.9,127.0.0.1");
    assert.equal(seen.header("x-forwarded-proto"), "http");
    assert.match(
      seen.header("x-request-id") ?? "",
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.equal(seen.header("x-envoy-max-retries"), undefined);
    assert.equal(seen.header("x-envoy-attempt-count"), "1");
    assert.equal(seen.header("x-mixed"), "1", "names are lower-cased (MESH-267)");
    // MC-231
    assert.equal(answer.headers["server"], "istio-envoy");
    assert.match(answer.headers["x-envoy-upstream-service-time"] as string, /^\d+$/);
  });

  test("MC-218 hop-by-hop headers end here, both ways", async () => {
    const web = await bed.serve((req, res) => {
      res.writeHead(200, { "keep-alive": "timeout=5", "proxy-authenticate": "x", "x-kept": "1" });
      res.end(JSON.stringify({ raw: req.rawHeaders }));
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const text = await rawRequest(
      await bed.openGateway(),
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-foo, close\r\nx-foo: 1\r\nTE: trailers, gzip\r\nKeep-Alive: 3\r\nProxy-Connection: x\r\n\r\n",
    );
    const [head = "", body = ""] = text.split("\r\n\r\n");
    assert.doesNotMatch(head, /keep-alive|proxy-authenticate/i);
    assert.match(head, /\r\nx-kept: 1/);
    assert.match(head, /\r\nconnection: close/);
    for (const name of ["x-foo", "keep-alive", "proxy-connection", "connection"])
      assert.doesNotMatch(body, new RegExp(`"${name}"`));
    assert.match(body, /"te","trailers"/);
  });

  test("MC-001 no route: 404 NR with an empty body, and metrics that name no destination (MC-313)", async () => {
    bed.gateway([]);
    bed.remove("VirtualService", "gw-routes");
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.body], [404, ""]);
    assert.equal(lastEntry(bed).flags, "NR");
    assert.match(
      bed.plane.metrics(),
      /istio_requests_total\{reporter="source".*destination_service="unknown".*response_code="404".*response_flags="NR".*\} 1\n/,
    );
  });

  test("MC-181, MESH-221 a missing service: 503 NC with an empty body", async () => {
    bed.gateway([{ route: [to("nowhere")] }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.body, lastEntry(bed).flags], [503, "", "NC"]);
  });

  test("MC-180, MC-152, MC-312, MESH-222 no ready endpoint: 503 UH, counted by the source only", async () => {
    bed.service("web", [{ name: "s1", port: 1, ready: false }]);
    bed.gateway([{ route: [to("web")] }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.body], [503, "no healthy upstream"]);
    assert.equal(answer.headers["content-type"], "text/plain");
    const metrics = bed.plane.metrics();
    assert.match(
      metrics,
      /reporter="source".*destination_workload="unknown".*destination_service="web.default.svc.cluster.local".*response_code="503".*response_flags="UH"/,
    );
    assert.doesNotMatch(metrics, /reporter="destination"/);
  });

  test("MC-150, MC-151, MESH-177 a subset without DestinationRule is 503 NC until the rule is there", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "c1", port: web.port, version: "canary" }]);
    bed.gateway([{ route: [to("web", "canary")] }]);
    const gateway = await bed.openGateway();
    assert.equal((await request(gateway, "/")).status, 503);
    assert.equal(lastEntry(bed).flags, "NC");
    bed.add(subsets("web", ["canary"]));
    assert.equal((await request(gateway, "/")).status, 200);
  });

  test("MC-127, MC-314, MESH-223, MESH-241 a refused connection is retried twice, then 503 UF,URX, counted once", async () => {
    bed.service("dead", [{ name: "d1", port: await refusingPort(bed) }]);
    bed.gateway([{ route: [to("dead")] }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.equal(answer.status, 503);
    assert.equal(
      answer.body,
      "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: Connection refused",
    );
    assert.deepEqual([lastEntry(bed).flags, lastEntry(bed).attempts], ["UF,URX", 3]);
    assert.match(
      bed.plane.metrics(),
      /istio_requests_total\{reporter="source".*destination_workload="unknown".*response_flags="UF,URX".*\} 1\n/,
    );
    assert.doesNotMatch(bed.plane.metrics(), /reporter="destination"/);
  });

  test("MC-128 attempts 0: one connect, 503 UF", async () => {
    bed.service("dead", [{ name: "d1", port: await refusingPort(bed) }]);
    bed.gateway([{ route: [to("dead")], retries: { attempts: 0 } }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.match(answer.body, /headers\. reset reason: remote connection failure/);
    assert.deepEqual([answer.status, lastEntry(bed).flags, lastEntry(bed).attempts], [503, "UF", 1]);
  });

  const appErrors = [
    { name: "MC-129 an application's 503 is not retried by default", retries: undefined, requests: 1, flags: "-" },
    { name: "MC-130 retryOn 5xx: three requests", retries: { attempts: 2, retryOn: "5xx" }, requests: 3, flags: "URX" },
    {
      name: "MC-131 retryOn 503: a status as token",
      retries: { attempts: 1, retryOn: "503" },
      requests: 2,
      flags: "URX",
    },
  ];
  for (const { name, retries, requests, flags } of appErrors) {
    test(name, async () => {
      let count = 0;
      const err = await bed.serve((_req, res) => {
        count++;
        res.writeHead(503).end("app");
      });
      bed.service("err", [{ name: "e1", port: err.port }]);
      bed.gateway([{ route: [to("err")], ...(retries === undefined ? {} : { retries }) }]);
      const answer = await request(await bed.openGateway(), "/");
      assert.deepEqual([answer.status, answer.body, count, lastEntry(bed).flags], [503, "app", requests, flags]);
    });
  }

  test("MC-135 a POST is retried with the same body and a higher attempt count", async () => {
    const bodies: string[] = [];
    const web = await bed.serve((req, res) => {
      let body = "";
      req.on("data", (chunk) => {
        body += chunk;
      });
      req.on("end", () => {
        bodies.push(body);
        res.writeHead(bodies.length === 1 ? 500 : 200).end(req.headers["x-envoy-attempt-count"]);
      });
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")], retries: { attempts: 1, retryOn: "5xx" } }]);
    const body = "b".repeat(1024);
    const answer = await request(await bed.openGateway(), "/", { method: "POST", body });
    assert.deepEqual([answer.status, answer.body, bodies], [200, "2", [body, body]]);
  });

  test("MC-136 one of two pods refuses: always 200", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [
      { name: "s1", port: web.port },
      { name: "s2", port: await refusingPort(bed) },
    ]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    const answers = await Promise.all(Array.from({ length: 200 }, () => request(gateway, "/")));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  });

  test("MC-126 the route timeout: 504 UT; the upstream request is given up", async () => {
    let isGivenUp = false;
    const slow = await bed.serve((_req, res) => {
      res.on("close", () => {
        isGivenUp = true;
      });
    });
    bed.service("slow", [{ name: "s1", port: slow.port }]);
    bed.gateway([{ route: [to("slow")], timeout: "0.05s" }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.body, lastEntry(bed).flags], [504, "upstream request timeout", "UT"]);
    await until(() => isGivenUp, "the upstream sees the end");
  });

  test("MC-133 perTryTimeout with retryOn 5xx: three requests, 504 UT,URX", async () => {
    let count = 0;
    const slow = await bed.serve(() => {
      count++;
    });
    bed.service("slow", [{ name: "s1", port: slow.port }]);
    bed.gateway([{ route: [to("slow")], retries: { attempts: 2, perTryTimeout: "30ms", retryOn: "5xx" } }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, count, lastEntry(bed).flags], [504, 3, "UT,URX"]);
  });

  test("MC-132 perTryTimeout with the default retryOn: one request, 504 UT", async () => {
    const slow = await bed.serve(() => {});
    bed.service("slow", [{ name: "s1", port: slow.port }]);
    bed.gateway([{ route: [to("slow")], retries: { attempts: 2, perTryTimeout: "30ms" } }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, lastEntry(bed).flags, lastEntry(bed).attempts], [504, "UT", 1]);
  });

  test("MC-137 fault.abort answers without the upstream", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")], fault: { abort: { httpStatus: 418, percentage: { value: 100 } } } }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.body, lastEntry(bed).flags], [418, "fault filter abort", "FI"]);
    assert.equal(web.connections(), 0);
  });

  test("MC-139 fault.delay is not counted by the timeout; flag DI", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "s1", port: web.port }]);
    const fault = { delay: { fixedDelay: "0.1s", percentage: { value: 100 } } };
    bed.gateway([{ route: [to("web")], timeout: "0.05s", fault }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, lastEntry(bed).flags], [200, "DI"]);
    assert.ok(lastEntry(bed).durationMs >= 99);
  });

  test("MC-159 ROUND_ROBIN: an equal share in turn", async () => {
    const counts = [0, 0, 0];
    const programs = await Promise.all(
      counts.map((_, index) => bed.serve((_req, res) => res.end(String(counts[index]!++)))),
    );
    bed.service(
      "web",
      programs.map(({ port }, index) => ({ name: `s${index}`, port })),
    );
    const rule = subsets("web", []);
    bed.add({ ...rule, spec: { ...rule.spec, trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } } });
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    for (let round = 0; round < 30; round++) await request(gateway, "/");
    assert.deepEqual(counts, [10, 10, 10]);
  });

  test("MC-160 the default balancing spares a slow pod", async () => {
    const counts = { fast: 0, slow: 0 };
    const held: http.ServerResponse[] = [];
    const fast = await bed.serve((_req, res) => {
      counts.fast++;
      res.end();
    });
    const slow = await bed.serve((_req, res) => {
      counts.slow++;
      held.push(res);
    });
    bed.service("web", [
      { name: "fast", port: fast.port },
      { name: "slow", port: slow.port },
    ]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    const pending: Promise<Answer>[] = [];
    for (let round = 0; round < 200; round++) {
      const before = counts.fast + counts.slow;
      pending.push(request(gateway, "/"));
      await until(() => counts.fast + counts.slow > before, "the request arrives");
    }
    for (const res of held) res.end();
    await Promise.all(pending);
    // Two draws with replacement: a quarter of the requests at worst, where an even share would be half.
    assert.ok(counts.slow < 80, `slow ${counts.slow}, fast ${counts.fast}`);
  });

  test("MC-185 closed before headers: 503 UC", async () => {
    const web = await bed.serveRaw((socket) => socket.once("data", () => socket.end()));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.match(answer.body, /reset reason: connection termination$/);
    assert.deepEqual([answer.status, lastEntry(bed).flags], [503, "UC"]);
  });

  const garbage = [
    "SSH-2.0-x\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nx : 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
  ];
  for (const text of garbage) {
    test(`MC-186 an upstream that does not speak HTTP: 502 UPE (${JSON.stringify(text.slice(0, 60))})`, async () => {
      const web = await bed.serveRaw((socket) => socket.once("data", () => socket.write(text)));
      bed.service("web", [{ name: "s1", port: web.port }]);
      bed.gateway([{ route: [to("web")] }]);
      const answer = await request(await bed.openGateway(), "/");
      assert.deepEqual([answer.status, lastEntry(bed).flags], [502, "UPE"]);
    });
  }

  test("MC-187 closed in the middle of the body: the client sees a cut, the log 200 UC", async () => {
    const web = await bed.serveRaw((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")),
    );
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const answer = await request(await bed.openGateway(), "/");
    assert.deepEqual([answer.status, answer.isTruncated], [200, true]);
    assert.deepEqual([lastEntry(bed).code, lastEntry(bed).flags], [200, "UC"]);
  });

  test("MC-189, MC-315 the client leaves: the upstream request is cancelled, code 0 flag DC", async () => {
    let isCancelled = false;
    let hasArrived = false;
    const slow = await bed.serve((_req, res) => {
      hasArrived = true;
      res.on("close", () => {
        isCancelled = true;
      });
    });
    bed.service("slow", [{ name: "s1", port: slow.port }]);
    bed.gateway([{ route: [to("slow")] }]);
    const sent = http.get({ host: "127.0.0.1", port: await bed.openGateway(), agent: false });
    sent.on("error", () => {});
    await until(() => hasArrived, "the request arrives");
    sent.destroy();
    await until(() => isCancelled, "the upstream sees the end");
    assert.deepEqual([lastEntry(bed).code, lastEntry(bed).flags], [0, "DC"]);
    assert.match(bed.plane.metrics(), /response_code="0".*response_flags="DC"/);
  });

  test("MC-222 HEAD keeps content-length and has no body", async () => {
    const web = await bed.serve((_req, res) => res.writeHead(200, { "content-length": "5" }).end("hello"));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const answer = await request(await bed.openGateway(), "/", { method: "HEAD" });
    assert.deepEqual([answer.headers["content-length"], answer.body], ["5", ""]);
  });

  test("MC-221 Expect: 100-continue is the upstream's to answer", async () => {
    let hasContinued = 0;
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    const body = await new Promise<string>((resolve, reject) => {
      const sent = http.request({
        host: "127.0.0.1",
        port: gateway,
        method: "POST",
        agent: false,
        headers: { expect: "100-continue", "content-length": "4" },
      });
      sent.on("continue", () => {
        hasContinued++;
        sent.end("body");
      });
      sent.on("response", (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.flushHeaders();
    });
    assert.equal(hasContinued, 1);
    assert.equal((JSON.parse(body) as { body: string }).body, "body");
  });

  test("MC-223 chunks pass as they come, MESH-270 with the framing of each hop", async () => {
    let response: http.ServerResponse | null = null;
    const web = await bed.serve((_req, res) => {
      response = res;
      res.write("one");
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    const chunks: string[] = [];
    const sent = http.get({ host: "127.0.0.1", port: gateway, agent: false });
    sent.on("response", (incoming) => incoming.on("data", (chunk) => chunks.push(String(chunk))));
    await until(() => chunks.length === 1, "the first chunk arrives while the response is open");
    response!.end("two");
    await until(() => chunks.length === 2, "the last chunk arrives");
    assert.deepEqual(chunks, ["one", "two"]);
  });

  test("MESH-144 a chunked upload beyond the replay buffer arrives whole", async () => {
    let bytes = 0;
    const web = await bed.serve((req, res) => {
      req.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      req.on("end", () => res.end(req.headers["transfer-encoding"]));
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    const body = Buffer.alloc(3_000_000, "x");
    const headers = { "transfer-encoding": "chunked" };
    const answer = await request(gateway, "/", { method: "POST", body, headers });
    assert.deepEqual([answer.status, answer.body, bytes], [200, "chunked", body.length]);
  });

  /** What sockets and streams of both hops hold without anybody reading; far below the 64 MiB that are sent. */
  const HELD_BYTES_MAX = 24 * 1024 * 1024;

  test("MC-224 a client that does not read holds the upstream back", async () => {
    let written = 0;
    const web = await bed.serve((_req, res) => {
      const chunk = Buffer.alloc(65_536);
      const write = () => {
        while (written < 64 * 1024 * 1024) {
          written += chunk.length;
          if (!res.write(chunk)) return void res.once("drain", write);
        }
        res.end();
      };
      write();
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const sent = http.get({ host: "127.0.0.1", port: await bed.openGateway(), agent: false });
    const response = await new Promise<http.IncomingMessage>((resolve) => sent.on("response", resolve));
    response.pause();
    await settled(() => written);
    assert.ok(written < HELD_BYTES_MAX, `${written} bytes went into nowhere`);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    assert.equal(received, 64 * 1024 * 1024);
  });

  test("MC-224 an upstream that does not read holds the client back", async () => {
    let upload: http.IncomingMessage | null = null;
    const web = await bed.serve((req, res) => {
      upload = req;
      req.on("end", () => res.end("done"));
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const total = 64 * 1024 * 1024;
    const headers = { "content-length": String(total) };
    const sent = http.request({
      host: "127.0.0.1",
      port: await bed.openGateway(),
      method: "POST",
      agent: false,
      headers,
    });
    const answered = new Promise<http.IncomingMessage>((resolve) => sent.on("response", resolve));
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    const write = () => {
      while (written < total) {
        written += chunk.length;
        if (!sent.write(chunk)) return void sent.once("drain", write);
      }
      sent.end();
    };
    write();
    await settled(() => written);
    assert.ok(written < HELD_BYTES_MAX, `${written} bytes went into nowhere`);
    upload!.resume();
    (await answered).resume();
    assert.equal(written, total);
  });

  test("MC-234 an answer before the end of the body is delivered", async () => {
    const web = await bed.serve((_req, res) => res.writeHead(413).end("too much"));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const answer = await request(await bed.openGateway(), "/", { method: "POST", body: Buffer.alloc(20_000_000) });
    assert.deepEqual([answer.status, answer.body], [413, "too much"]);
  });

  test("MC-232 pipelined requests are answered in order", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const text = await rawRequest(
      await bed.openGateway(),
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assert.deepEqual(
      [...text.matchAll(/"url":"(\/\d)"/g)].map((match) => match[1]),
      ["/1", "/2"],
    );
  });

  test("MESH-212 a kept connection that the upstream closes costs no request", async () => {
    let served = 0;
    // Answers one request on each connection as if it would keep it, then closes when the next one comes.
    const web = await bed.serveRaw((socket) => {
      let requests = 0;
      socket.on("data", () => {
        if (++requests > 1) return socket.destroy();
        served++;
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      });
    });
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    for (let round = 0; round < 5; round++) assert.equal((await request(gateway, "/")).status, 200);
    assert.equal(served, 5);
    assert.equal(lastEntry(bed).flags, "-");
  });

  test("MC-310, MC-311, MC-316, MESH-380, MESH-381, MESH-388 both reporters count, with the labels in Istio's order", async () => {
    const web = await bed.serve(echo);
    bed.service("web", [{ name: "c1", port: web.port, version: "canary" }]);
    bed.gateway([{ route: [to("web")] }]);
    const gateway = await bed.openGateway();
    for (let round = 0; round < 10; round++) await request(gateway, "/");
    const metrics = bed.plane.metrics();
    const labels =
      'source_workload="istio-ingressgateway",source_canonical_service="istio-ingressgateway",source_canonical_revision="latest",source_workload_namespace="istio-system",source_principal="unknown",source_app="istio-ingressgateway",source_version="unknown",source_cluster="Kubernetes",destination_workload="c1",destination_workload_namespace="default",destination_principal="unknown",destination_app="web",destination_version="canary",destination_service="web.default.svc.cluster.local",destination_canonical_service="web",destination_canonical_revision="canary",destination_service_name="web",destination_service_namespace="default",destination_cluster="Kubernetes",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-"';
    assert.ok(
      metrics.includes(`istio_requests_total{reporter="source",${labels},connection_security_policy="unknown"} 10\n`),
    );
    assert.ok(
      metrics.includes(`istio_requests_total{reporter="destination",${labels},connection_security_policy="none"} 10\n`),
    );
    assert.match(metrics, /istio_request_duration_milliseconds_bucket\{reporter="source",.*le="\+Inf"\} 10\n/);
    assert.match(metrics, /istio_request_duration_milliseconds_count\{reporter="destination",.*\} 10\n/);
  });

  test("MC-324 the access log's text form", async () => {
    bed.service("web", []);
    bed.gateway([{ route: [to("web")] }]);
    await request(await bed.openGateway(), "/p?q", { headers: { "user-agent": "t" } });
    const { formatEntry } = await import("./access-log.ts");
    assert.match(
      formatEntry(lastEntry(bed)),
      /^\[\d{4}-.*Z\] "GET \/p\?q HTTP\/1\.1" 503 UH no_healthy_upstream - "-" 0 19 \d+ - "127\.0\.0\.1" "t" "[0-9a-f-]{36}" "h\.test" "-" outbound\|80\|\|web\.default\.svc\.cluster\.local - 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ - -$/,
    );
  });
});
