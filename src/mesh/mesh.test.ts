import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import type { KubeClient, WatchHandler } from "../kube/client.ts";
import { failure } from "../kube/errors.ts";
import { qualifiedPlural, type ResourceType, resources } from "../kube/resource.ts";
import type { Acknowledgement } from "./acknowledge.ts";
import { type Mesh, startMesh } from "./mesh.ts";
import { Bed, request } from "./test-bed.ts";

/** As much of an API server as a reader needs: lists and watches over objects in memory. */
class Server {
  readonly #objects = new Map<string, { type: ResourceType; object: KubeObject }>();
  readonly #watches = new Map<WatchHandler, ResourceType>();
  readonly #unserved = new Set<string>();
  readonly #lists = new Map<ResourceType, number>();
  revision = 1;

  listsOf(type: ResourceType): number {
    return this.#lists.get(type) ?? 0;
  }

  readonly client = {
    list: async (type: ResourceType) => {
      this.#lists.set(type, this.listsOf(type) + 1);
      if (this.#unserved.has(qualifiedPlural(type))) throw failure(404, "NotFound", "the server could not find it");
      const items = [...this.#objects.values()].filter((entry) => entry.type === type).map(({ object }) => object);
      return { items, resourceVersion: String(this.revision) };
    },
    watch: (type: ResourceType, _options: unknown, handler: WatchHandler) => {
      this.#watches.set(handler, type);
      return { stop: () => this.#watches.delete(handler) };
    },
    // A reader calls nothing else.
  } as unknown as KubeClient;

  unserve(...types: readonly ResourceType[]): void {
    for (const type of types) this.#unserved.add(qualifiedPlural(type));
  }

  serve(type: ResourceType): void {
    this.#unserved.delete(qualifiedPlural(type));
    const status = { conditions: [{ type: "Established", status: "True" }] };
    const name = qualifiedPlural(type);
    this.put(resources.customResourceDefinitions, {
      apiVersion: "v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      status,
    });
  }

  /** Returns the revision of the write. */
  put(type: ResourceType, { metadata, ...rest }: KubeObject): number {
    this.revision++;
    const object: KubeObject = {
      ...rest,
      metadata: { uid: metadata.name, ...metadata, resourceVersion: String(this.revision) },
    } as KubeObject;
    const key = `${type.plural} ${metadata.namespace}/${metadata.name}`;
    const event = { type: this.#objects.has(key) ? "MODIFIED" : "ADDED", object } as const;
    this.#objects.set(key, { type, object });
    for (const [handler, watched] of this.#watches) if (watched === type) handler.onEvent(event);
    return this.revision;
  }

  delete(type: ResourceType, namespace: string, name: string): number {
    this.revision++;
    const key = `${type.plural} ${namespace}/${name}`;
    const { object } = this.#objects.get(key)!;
    this.#objects.delete(key);
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.revision) } };
    for (const [handler, watched] of this.#watches)
      if (watched === type) handler.onEvent({ type: "DELETED", object: gone });
    return this.revision;
  }
}

const typeOfKind: Readonly<Record<string, ResourceType>> = {
  Gateway: resources.gateways,
  VirtualService: resources.virtualServices,
  DestinationRule: resources.destinationRules,
  Service: resources.services,
  EndpointSlice: resources.endpointSlices,
  Pod: resources.pods,
};

const ISTIO_CONTROLLER = "istio.io/gateway-controller";

function ofGatewayApi(kind: string, name: string, spec: unknown, namespace = "default"): KubeObject {
  const metadata = namespace === "" ? { name } : { name, namespace };
  return { apiVersion: "gateway.networking.k8s.io/v1", kind, metadata, spec };
}

describe("the mesh from watched objects", () => {
  let server: Server;
  let bed: Bed;
  let mesh: Mesh | null;
  let latest: Acknowledgement | null;
  let history: Acknowledgement[];
  let wake: () => void;
  beforeEach(() => {
    server = new Server();
    bed = new Bed(); // For its programs and its way of writing objects.
    mesh = null;
    latest = null;
    history = [];
    wake = () => {};
  });
  afterEach(async () => {
    bed.close();
    await mesh?.stop();
  });

  async function start(): Promise<Mesh> {
    mesh = await startMesh({
      client: server.client,
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
      proxyPort: 15_991,
      onRevision: (acknowledgement) => {
        latest = acknowledgement;
        history.push(acknowledgement);
        wake();
      },
    });
    return mesh;
  }

  async function acknowledged(isMeant: (acknowledgement: Acknowledgement) => boolean): Promise<void> {
    while (latest === null || !isMeant(latest)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  function store(): void {
    for (const object of bed.objects) server.put(typeOfKind[object.kind]!, object);
  }

  test("MESH-005 a write is in force, and acknowledged with its revision, within milliseconds", async () => {
    const web = await bed.serve((_req, res) => res.end("web"));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
    store();
    const running = await start();
    const port = running.gatewayPorts()["80"]!;
    assert.equal((await request(port, "/")).body, "web");
    assert.deepEqual(latest!.gateways, { "80": port });

    const startedAt = performance.now();
    const revision = server.delete(resources.endpointSlices, "default", "slice-s1");
    await acknowledged(({ kinds }) => Number(kinds["endpointslices.discovery.k8s.io"]) >= revision);
    assert.ok(performance.now() - startedAt < 1_000);
    assert.equal((await request(port, "/")).status, 503);
  });

  test("MESH-006 a pod's listener opens before it is acknowledged, and closes with the pod", async () => {
    const running = await start();
    const web = await bed.serve((_req, res) => res.end("web"));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.objects.push({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "client", namespace: "default" },
      status: { phase: "Pending", podIP: "127.64.200.9" },
    });
    store();
    await acknowledged(({ pods }) => pods["127.64.200.9"] === "default/client");
    const answer = await callPod("127.64.200.9");
    assert.equal(answer, 200);
    server.delete(resources.pods, "default", "client");
    await acknowledged(({ pods }) => pods["127.64.200.9"] === undefined);
    await assert.rejects(callPod("127.64.200.9"));
    assert.ok(running.adminPort > 0);
  });

  test("MESH-006 a pod gets no request before its own outbound listener is open", async () => {
    const running = await start();
    bed.service("web", []);
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
    const callsOwnProxy = await bed.serve((req, res) => {
      if (req.url === "/leaf") return res.end();
      void callPod("127.64.200.10", "/leaf").then(
        (status) => res.end(String(status)),
        (error: NodeJS.ErrnoException) => res.writeHead(500).end(error.code),
      );
    });
    bed.pod("web", { name: "new", port: callsOwnProxy.port });
    const slice = bed.objects.pop()!;
    const pod = bed.objects.pop()!;
    store();
    await acknowledged(({ gateways }) => gateways["80"] !== undefined);
    const ask = () => request(running.gatewayPorts()["80"]!, "/");
    assert.equal((await ask()).status, 503);
    // The slice is read first: nothing is known of its pod yet.
    const sliceRevision = server.put(resources.endpointSlices, slice);
    await acknowledged(({ kinds }) => Number(kinds["endpointslices.discovery.k8s.io"]) >= sliceRevision);
    assert.equal((await ask()).status, 503);
    server.put(resources.pods, { ...pod, status: { phase: "Running", podIP: "127.0.0.1" } });
    const revision = server.put(resources.pods, podAt("127.64.200.10", "self"));
    await acknowledged(({ kinds }) => Number(kinds["pods"]) >= revision);
    const answer = await ask();
    assert.deepEqual([answer.status, answer.body], [200, "200"]);
    // Acknowledged is within the turn of the swap: at the first such moment the listener was open already.
    const first = history.find(({ kinds }) => Number(kinds["pods"]) >= revision);
    assert.equal(first?.pods["127.64.200.10"], "default/self");
  });

  test("MESH-006 a pod whose listener's address another process holds gets requests once the listener is open", async () => {
    const address = "127.64.200.11";
    const holder = http.createServer().listen(15_991, address);
    const program = http.createServer((_req, res) => res.end("late")).listen(0, address);
    await Promise.all([once(holder, "listening"), once(program, "listening")]);
    try {
      bed.service("web", [{ name: "late", port: (program.address() as AddressInfo).port }]);
      const slice = bed.objects.at(-1)!;
      slice["endpoints"] = [{ addresses: [address], targetRef: { kind: "Pod", name: "late" } }];
      bed.objects.splice(-2, 1, podAt(address, "late"));
      bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
      store();
      const port = (await start()).gatewayPorts()["80"]!;
      assert.deepEqual(latest?.pods, {});
      assert.equal((await request(port, "/")).status, 503);
      holder.close();
      await acknowledged(({ pods }) => pods[address] === "default/late");
      while ((await request(port, "/")).status !== 200) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      program.close();
    }
  });

  function podAt(podIP: string, name: string): KubeObject {
    const metadata = { name, namespace: "default", labels: { app: "web" } };
    return { apiVersion: "v1", kind: "Pod", metadata, status: { phase: "Running", podIP } };
  }

  function callPod(address: string, path = "/"): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = http.get(
        { host: address, port: 15_991, path, headers: { host: "web" }, agent: false },
        (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        },
      );
      sent.on("error", reject);
    });
  }

  test("MESH-250 MESH-031 a Gateway is deleted and comes again while a request is open: the request ends well", async () => {
    const held = Promise.withResolvers<http.ServerResponse>();
    const web = await bed.serve((req, res) => (req.url === "/slow" ? held.resolve(res) : res.end("web")));
    bed.service("web", [{ name: "s1", port: web.port }]);
    store();
    const listeners = [{ name: "http", port: 80, protocol: "HTTP" }];
    const gatewayObject = ofGatewayApi("Gateway", "gw", { gatewayClassName: "istio", listeners });
    const rules = [{ backendRefs: [{ name: "web", port: 80 }] }];
    server.put(
      resources.gatewayClasses,
      ofGatewayApi("GatewayClass", "istio", { controllerName: ISTIO_CONTROLLER }, ""),
    );
    server.put(resources.apiGateways, gatewayObject);
    server.put(resources.httpRoutes, ofGatewayApi("HTTPRoute", "r", { parentRefs: [{ name: "gw" }], rules }));
    const running = await start();
    const port = running.gatewayPorts()["80"]!;
    const slow = request(port, "/slow");
    const response = await held.promise;

    const runs = (revision: number) =>
      acknowledged(({ kinds }) => Number(kinds[qualifiedPlural(resources.apiGateways)]) >= revision);
    await runs(server.delete(resources.apiGateways, "default", "gw"));
    await assert.rejects(request(port, "/"), "the port is closed");
    await runs(server.put(resources.apiGateways, gatewayObject));
    assert.equal((await request(running.gatewayPorts()["80"]!, "/")).body, "web");
    response.end("late");
    assert.equal((await slow).body, "late");
  });

  test("a kind that is not served yet holds nothing up, and is read as soon as it is served", async () => {
    server.unserve(resources.gateways, resources.virtualServices, resources.destinationRules);
    const running = await start();
    assert.deepEqual(running.gatewayPorts(), {});
    bed.gateway([]);
    store();
    // The second list follows the first at once; from then on the reflector waits for most of a second.
    while (server.listsOf(resources.gateways) < 2) await new Promise((resolve) => setImmediate(resolve));
    const startedAt = performance.now();
    server.serve(resources.gateways);
    await acknowledged(({ gateways }) => gateways["80"] !== undefined);
    assert.ok(performance.now() - startedAt < 750);
  });

  test("the admin port answers with metrics, access log, revision and clusters", async () => {
    bed.gateway([]);
    store();
    const running = await start();
    await request(running.gatewayPorts()["80"]!, "/p");
    const admin = (path: string) => request(running.adminPort, path);
    assert.match((await admin("/stats/prometheus")).body, /^istio_requests_total\{reporter="source"/m);
    const [entry] = JSON.parse((await admin("/accesslog?limit=1")).body) as { requestId: string; flags: string }[];
    assert.equal(entry?.flags, "NR");
    assert.equal(JSON.parse((await admin(`/accesslog?request_id=${entry?.requestId}`)).body).length, 1);
    assert.equal(JSON.parse((await admin("/accesslog?request_id=other")).body).length, 0);
    assert.deepEqual(JSON.parse((await admin("/revision")).body), JSON.parse(JSON.stringify(latest)));
    assert.equal((await admin("/ready")).status, 200);
    assert.equal((await admin("/nothing")).status, 404);
  });
});
