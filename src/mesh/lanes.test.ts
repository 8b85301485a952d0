import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { randomInt, seededRandom } from "../base/random.ts";
import { Bed, request, until } from "./test-bed.ts";

/**
 * The chain of seed 000, mocka -> mockb -> mockc, each pod an in-process server that calls the next one through its own
 * outbound listener and passes on `my-request-id` only.
 */
const SERVICES = ["mocka", "mockb", "mockc"] as const;
const fqdn = (service: string) => `${service}.default.svc.cluster.local`;

interface ChainPod {
  readonly name: string;
  close(): void;
}

class Chain {
  readonly bed: Bed;
  readonly #agent = new http.Agent({ keepAlive: true });
  /** What each pod passes on, and nothing else. */
  readonly #traceHeader: string;
  #pods = 0;

  constructor(bed: Bed, traceHeader = "my-request-id") {
    this.bed = bed;
    this.#traceHeader = traceHeader;
    for (const service of SERVICES) bed.service(service, [], { port: 8000 });
    bed.add(
      group(undefined, traceHeader),
      lane("base"),
      lane("canary"),
      gateway(),
      laneRoute("base"),
      laneRoute("canary"),
    );
    for (const service of SERVICES) bed.add(meshRoute(service), subsetsOf(service));
  }

  /** A pod of a service in a lane. Its answer names the whole way, as the document's sample service does. */
  async pod(service: string, version: string, ready = true): Promise<ChainPod> {
    const name = `${service}-${version}-${this.#pods++}`;
    const next = SERVICES[SERVICES.indexOf(service as "mocka") + 1];
    let proxyPort = 0;
    const program = await this.bed.serve((req, res) => {
      const self = `${service}(${version})`;
      if (next === undefined) return res.end(self);
      const id = req.headers[this.#traceHeader];
      this.#call(proxyPort, `http://${next}:8000/mock`, id === undefined ? {} : { [this.#traceHeader]: String(id) })
        .then((rest) => res.end(`${self} -> ${rest}`))
        .catch((error) => res.writeHead(500).end(String(error)));
    });
    this.bed.pod(service, { name, port: program.port, version, ready });
    this.bed.compile();
    proxyPort = await this.bed.openPod(name);
    return { name, close: program.close };
  }

  #call(port: number, url: string, headers: Record<string, string>): Promise<string> {
    return request(port, url, { agent: this.#agent, host: new URL(url).host, headers }).then(({ status, body }) =>
      status === 200 ? body : `${status} ${body}`,
    );
  }

  close(): void {
    this.#agent.destroy();
    this.bed.close();
  }
}

function group(
  annotations: Record<string, string> = { "fairway.dev/debug-headers": "true" },
  traceHeader = "my-request-id",
): KubeObject {
  return {
    apiVersion: "istio.alibabacloud.com/v1",
    kind: "ASMSwimLaneGroup",
    metadata: { name: "rollout", annotations },
    spec: {
      isPermissive: true,
      permissiveModeConfiguration: {
        fallbackTarget: "base",
        routeHeader: "x-asm-prefer-tag",
        traceHeader,
      },
      services: SERVICES.map((name) => ({ namespace: "default", name })),
    },
  };
}

function lane(name: string): KubeObject {
  return {
    apiVersion: "istio.alibabacloud.com/v1",
    kind: "ASMSwimLane",
    metadata: { name, labels: { "swimlane-group": "rollout" } },
    spec: { labelSelector: { version: name } },
  };
}

function gateway(): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "gw", namespace: "istio-system" },
    spec: {
      selector: { istio: "ingressgateway" },
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
    },
  };
}

function generated(name: string, spec: Record<string, unknown>, kind = "VirtualService"): KubeObject {
  const labels = { "swimlane-group": "rollout", provider: "asm", "asm-system": "true" };
  const owner = {
    apiVersion: "istio.alibabacloud.com/v1",
    kind: "ASMSwimLaneGroup",
    name: "rollout",
    uid: "u",
    controller: true,
  };
  const metadata = { name, namespace: "istio-system", labels, ownerReferences: [owner] };
  return { apiVersion: "networking.istio.io/v1alpha3", kind, metadata, spec };
}

function laneRoute(name: string): KubeObject {
  const host = fqdn("mocka");
  const rule = {
    match: [{ headers: { "x-asm-prefer-tag": { exact: name } }, uri: { exact: "/mock" } }],
    route: [{ destination: { host, subset: name }, fallback: { target: { host, subset: "base" } } }],
  };
  return generated(`ingress-${name}`, { gateways: ["istio-system/gw"], hosts: ["*"], http: [rule] });
}

function meshRoute(service: string): KubeObject {
  const host = fqdn(service);
  const route = [{ destination: { host, subset: "$asm-label" }, fallback: { target: { host, subset: "base" } } }];
  return generated(`mesh-${service}`, { hosts: [host], http: [{ name: "default", route }] });
}

function subsetsOf(service: string, names: readonly string[] = ["base", "canary"]): KubeObject {
  const subsets = names.map((name) => ({ name, labels: { version: name } }));
  return generated(`dr-${service}`, { host: fqdn(service), subsets }, "DestinationRule");
}

describe("lanes through the proxy", () => {
  let chain: Chain;
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
    chain = new Chain(bed);
  });
  afterEach(() => chain.close());

  const baseOfAll = () => Promise.all(SERVICES.map((service) => chain.pod(service, "base")));
  const tagged = (port: number, tag: string, id: string, options: { agent?: http.Agent } = {}) =>
    request(port, "/mock", { ...options, headers: { "x-asm-prefer-tag": tag, "my-request-id": id } });

  test("MC-196, LANE-016, LANE-206, LANE-250, LANE-301 a request returns to its lane after a hop that fell back", async () => {
    await baseOfAll();
    await chain.pod("mocka", "canary");
    await chain.pod("mockc", "canary");
    const port = await bed.openGateway();
    const answer = await tagged(port, "canary", "10002");
    assert.equal(answer.body, "mocka(canary) -> mockb(base) -> mockc(canary)");
    const hops = bed.plane.accessLog.find({ trace: "10002" }).map(({ lane }) => lane);
    assert.deepEqual(
      hops.map((hop) => [hop?.requested, hop?.served, hop?.reason]),
      // The innermost hop finishes first.
      [
        ["canary", "canary", "lane"],
        ["canary", "base", "fallback:noinstances"],
        ["canary", "canary", "lane"],
      ],
    );
    assert.equal(hops[0]?.source, "trace-map:my-request-id");
  });

  test("MC-197 no tag: 404; MC-198 tag base stays in base", async () => {
    await baseOfAll();
    const port = await bed.openGateway();
    assert.equal((await request(port, "/mock")).status, 404);
    assert.equal((await tagged(port, "base", "1")).body, "mocka(base) -> mockb(base) -> mockc(base)");
  });

  test("MC-199 a canary that is not ready: base; LANE-212 the header tells", async () => {
    await baseOfAll();
    await chain.pod("mocka", "canary", false);
    const answer = await tagged(await bed.openGateway(), "canary", "3");
    assert.match(answer.body, /^mocka\(base\)/);
    assert.equal(answer.headers["x-fairway-lane-served"], "base; reason=fallback:noavailabled");
    assert.match(
      bed.plane.metrics(),
      /lane_requests_total\{group="rollout",service="mocka\.default\.svc\.cluster\.local",requested="canary",served="base",reason="fallback:noavailabled"\} 1\n/,
    );
  });

  test("MC-200 neither lane has pods: 503 no healthy upstream", async () => {
    const answer = await tagged(await bed.openGateway(), "canary", "4");
    assert.deepEqual([answer.status, answer.body], [503, "no healthy upstream"]);
  });

  test("LANE-205 F4 a canary that refuses connections: base, once, and the lane goes on", async () => {
    await baseOfAll();
    const broken = await chain.pod("mockb", "canary");
    broken.close();
    await chain.pod("mockc", "canary");
    const answer = await tagged(await bed.openGateway(), "canary", "5");
    assert.equal(answer.body, "mocka(base) -> mockb(base) -> mockc(canary)");
    const reasons = bed.plane.accessLog.find({ trace: "5" }).map(({ lane }) => lane?.reason);
    assert.deepEqual(reasons, ["lane", "fallback:connect", "fallback:noinstances"]);
  });

  test("LANE-205 F4 base refuses too: the error of the last attempt", async () => {
    const broken = [await chain.pod("mocka", "canary"), await chain.pod("mocka", "base")];
    for (const pod of broken) pod.close();
    const answer = await tagged(await bed.openGateway(), "canary", "5b");
    assert.equal(answer.status, 503);
    assert.match(answer.body, /remote connection failure/);
  });

  test("LANE-205 F4 a canary that dies under a request, on a connection of its own: base", async () => {
    await baseOfAll();
    // As with kill -9: what is open is reset, and what comes next is refused.
    const dying = await bed.serveRaw((socket) => socket.once("data", () => dying.close()));
    bed.pod("mocka", { name: "mocka-dying", port: dying.port, version: "canary" });
    bed.compile();
    const answer = await tagged(await bed.openGateway(), "canary", "5c");
    assert.equal(answer.body, "mocka(base) -> mockb(base) -> mockc(base)");
    assert.equal(dying.connections(), 1);
  });

  test("LANE-205 F4 the last canary pod leaves under a request: base", async () => {
    await baseOfAll();
    // MESH-211: out of the table first, then its program closes a connection that it has not read.
    const leaving = await bed.serveRaw((socket) =>
      socket.once("data", () => {
        bed.removePod("mocka-leaving");
        socket.destroy();
      }),
    );
    bed.pod("mocka", { name: "mocka-leaving", port: leaving.port, version: "canary" });
    bed.compile();
    const answer = await tagged(await bed.openGateway(), "canary", "5d");
    assert.equal(answer.body, "mocka(base) -> mockb(base) -> mockc(base)");
    assert.equal(leaving.connections(), 1);
  });

  /** A canary of mocka that answers what `answer` writes, under a group that opts in to these failures. */
  async function failingCanary(fallbackOn: string | null, answer: (res: http.ServerResponse) => void): Promise<number> {
    await baseOfAll();
    bed.remove("ASMSwimLaneGroup", "rollout");
    bed.add(group(fallbackOn === null ? {} : { "fairway.dev/fallback-on": fallbackOn }));
    const program = await bed.serve((_req, res) => answer(res));
    bed.pod("mocka", { name: "mocka-failing", port: program.port, version: "canary" });
    bed.compile();
    return bed.openGateway();
  }

  const failing = (status: number) => (res: http.ServerResponse) => void res.writeHead(status).end("canary failed");
  const lateRows: readonly (readonly [fallbackOn: string | null, method: string, status: number, served: number])[] = [
    [null, "GET", 500, 500],
    ["5xx", "GET", 500, 200],
    ["5xx", "PUT", 503, 200],
    ["5xx", "POST", 500, 500],
    ["5xx", "GET", 404, 404],
    ["gateway-error", "GET", 500, 500],
    ["gateway-error, timeout", "GET", 502, 200],
  ];
  for (const [fallbackOn, method, status, served] of lateRows) {
    const name = `LANE-205 F5 fallback-on ${fallbackOn ?? "absent"}: ${method} answered ${status} by canary comes to ${served}`;
    test(fallbackOn === null ? `MC-201 LANE-204 ${name}` : name, async () => {
      const port = await failingCanary(fallbackOn, failing(status));
      const headers = { "x-asm-prefer-tag": "canary", "my-request-id": "f5" };
      const answer = await request(port, "/mock", { method, headers });
      assert.equal(answer.status, served);
      const [entry] = bed.plane.accessLog.find({ trace: "f5" }).filter(({ proxy }) => proxy.startsWith("istio-system"));
      const reason = served === status ? "lane" : `fallback:${fallbackOn!.split(",")[0]}`;
      assert.deepEqual([entry?.lane?.reason, entry?.lane?.requested], [reason, "canary"]);
    });
  }

  test("LANE-205 F5 fallback-on timeout: the lane's pod gets its time, then base answers", async () => {
    const port = await failingCanary("timeout", () => {});
    const route = bed.objects.find(({ metadata }) => metadata.name === "ingress-canary")!;
    const [rule] = (route["spec"] as { http: Record<string, unknown>[] }).http;
    bed.remove("VirtualService", "ingress-canary");
    bed.add({ ...route, spec: { ...(route["spec"] as object), http: [{ ...rule, timeout: "0.1s" }] } });
    const answer = await tagged(port, "canary", "f5t");
    assert.match(answer.body, /^mocka\(base\)/);
  });

  test("LANE-260, LANE-262 the trace value is forgotten by nobody while the request is open, and only by its pod", async () => {
    await baseOfAll();
    await chain.pod("mockb", "canary");
    await tagged(await bed.openGateway(), "canary", "6");
    const sourceOf = (name: string) => ({
      kind: "pod" as const,
      namespace: "default",
      name,
      labels: {},
      workload: name,
    });
    assert.equal(bed.plane.traces.lane(sourceOf("mocka-base-0"), "rollout", "6")?.lane, "canary");
    assert.equal(bed.plane.traces.lane(sourceOf("mockb-base-1"), "rollout", "6"), null, "another pod served this hop");
  });

  test("LANE-264 one id open in two lanes is ambiguous and counted", async () => {
    await chain.pod("mockb", "base");
    await chain.pod("mockc", "base");
    await chain.pod("mockc", "canary");
    // mocka's base pod serves both lanes; its outbound call waits until both requests are open.
    const waiting: (() => void)[] = [];
    let proxyPort = 0;
    const mocka = await bed.serve((_req, res) => {
      waiting.push(() => {
        const headers = { "my-request-id": "same" };
        void request(proxyPort, "http://mockc:8000/mock", { host: "mockc:8000", headers }).then(({ body }) =>
          res.end(body),
        );
      });
    });
    bed.pod("mocka", { name: "mocka-base", port: mocka.port, version: "base" });
    bed.compile();
    proxyPort = await bed.openPod("mocka-base");
    const port = await bed.openGateway();
    const first = tagged(port, "base", "same");
    await until(() => waiting.length === 1, "the first request is open");
    const second = tagged(port, "canary", "same");
    await until(() => waiting.length === 2, "the second request is open");
    waiting[0]!();
    // The most recent inbound request decides, and the entry says that it was a guess.
    assert.equal((await first).body, "mockc(canary)");
    waiting[1]!();
    await second;
    const guesses = bed.plane.accessLog.find({ trace: "same" }).filter(({ lane }) => lane?.ambiguous);
    assert.equal(guesses.length, 1);
    assert.match(bed.plane.metrics(), /lane_context_conflicts_total 1\n/);
    bed.plane.traces.forget({ kind: "pod", namespace: "default", name: "mocka-base", labels: {}, workload: "" });
    assert.match(bed.plane.metrics(), /lane_context_conflicts_total 1\n/, "a counter never goes back");
  });

  test("200 concurrent requests with distinct ids and random lanes while pods come and go: no cross-talk, no 5xx", async () => {
    await baseOfAll();
    await Promise.all(SERVICES.map((service) => chain.pod(service, "canary")));
    const port = await bed.openGateway();
    const random = seededRandom(3);
    const agent = new http.Agent({ keepAlive: true });
    // MESH-211: a pod leaves the table first; its program ends later, when its requests are done.
    const comeAndGo = (async () => {
      for (let round = 0; round < 10; round++) {
        const service = SERVICES[round % 3]!;
        const pod = await chain.pod(service, round % 2 === 0 ? "base" : "canary");
        await new Promise((resolve) => setImmediate(resolve));
        bed.removePod(pod.name);
      }
    })();
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const tag = randomInt(random, 2) === 0 ? "base" : "canary";
        const answer = await tagged(port, tag, `id-${index}`, { agent });
        return { tag, status: answer.status, body: answer.body };
      }),
    );
    await comeAndGo;
    agent.destroy();
    for (const { tag, status, body } of answers) {
      assert.deepEqual([status, body], [200, `mocka(${tag}) -> mockb(${tag}) -> mockc(${tag})`]);
    }
  });
});

/** Whether the mesh begins traces itself makes no difference to lanes, whatever header they are found by. */
const traced: readonly [traceHeader: string, value: string | undefined][] = [
  ["my-request-id", "id-1"],
  ["x-request-id", undefined],
  ["x-b3-traceid", "8448eb211c80319c"],
  ["x-b3-traceid", "no-trace"],
  ["x-b3-traceid", undefined],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["traceparent", "no-trace"],
  ["b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"],
];

for (const [traceHeader, value] of traced) {
  test(`LANE-260 MESH-290 with tracing on, lanes by ${traceHeader} ${value ?? "of the mesh's making"}`, async () => {
    const bed = new Bed({ tracing: { samplingPercent: 100 } });
    const chain = new Chain(bed, traceHeader);
    try {
      for (const service of SERVICES) await chain.pod(service, "base");
      // The lane has to be found again behind the base pod of mockb.
      await chain.pod("mocka", "canary");
      await chain.pod("mockc", "canary");
      const headers = { "x-asm-prefer-tag": "canary", ...(value === undefined ? {} : { [traceHeader]: value }) };
      const answer = await request(await bed.openGateway(), "/mock", { headers });
      assert.equal(answer.body, "mocka(canary) -> mockb(base) -> mockc(canary)");
      // What came goes the whole way as it is: `fairway explain` and people look for it.
      if (value !== undefined) assert.equal(bed.plane.accessLog.find({ trace: value }).length, 3);
    } finally {
      chain.close();
    }
  });
}
