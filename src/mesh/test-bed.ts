import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import type { KubeObject } from "../api/meta.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { compile } from "../routing/compile.ts";
import { decide } from "../routing/decide.ts";
import { sourceOfPod } from "../routing/source.ts";
import type { RoutingConfig, Source } from "../routing/types.ts";
import { DataPlane } from "./data-plane.ts";
import { Listener } from "./listener.ts";
import type { Tracing } from "./trace-context.ts";

/**
 * For the tests of this folder: real sockets on loopback addresses, objects as a user writes them, no API server. A
 * `Bed` holds objects and compiles them; programs are in-process servers that play pods.
 */
export class Bed {
  readonly objects: KubeObject[] = [];
  readonly plane: DataPlane;
  readonly #closers: (() => unknown)[] = [];
  #pods = 0;

  constructor(options: { readonly tracing?: Tracing } = {}) {
    const table = compile(this.#config());
    const shared = { clock: systemClock, random: seededRandom(7), logger: silentLogger };
    this.plane = new DataPlane({ ...shared, decide, table, tracing: options.tracing ?? null });
  }

  add(...objects: KubeObject[]): void {
    this.objects.push(...objects);
    this.compile();
  }

  remove(kind: string, name: string): void {
    const index = this.objects.findIndex((object) => object.kind === kind && object.metadata.name === name);
    if (index >= 0) this.objects.splice(index, 1);
    this.compile();
  }

  compile(): void {
    this.plane.swap(compile(this.#config(), this.plane.table));
  }

  #config(): RoutingConfig {
    const of = (kind: string) => this.objects.filter((object) => object.kind === kind);
    return {
      gateways: of("Gateway").filter((object) => !isOfGatewayApi(object)),
      gatewayClasses: of("GatewayClass"),
      apiGateways: of("Gateway").filter(isOfGatewayApi),
      httpRoutes: of("HTTPRoute"),
      referenceGrants: of("ReferenceGrant"),
      namespaces: of("Namespace"),
      ingresses: of("Ingress"),
      ingressClasses: of("IngressClass"),
      virtualServices: of("VirtualService"),
      destinationRules: of("DestinationRule"),
      services: of("Service"),
      endpointSlices: of("EndpointSlice"),
      pods: of("Pod"),
      swimLaneGroups: of("ASMSwimLaneGroup"),
      swimLanes: of("ASMSwimLane"),
      rootNamespace: "istio-system",
    };
  }

  /** A server on its own loopback address that stands for a pod's program. */
  async serve(handler: http.RequestListener, options: http.ServerOptions = {}): Promise<Program> {
    const server = http.createServer(options, handler);
    return this.#listen(server, () => server.closeAllConnections());
  }

  /** A server that speaks whatever `onSocket` writes. */
  async serveRaw(onSocket: (socket: net.Socket) => void): Promise<Program> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      onSocket(socket);
    });
    return this.#listen(server, () => {
      for (const socket of sockets) socket.destroy();
    });
  }

  async #listen(server: net.Server, closeSockets: () => void): Promise<Program> {
    let connections = 0;
    server.on("connection", () => connections++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const close = () => {
      server.close();
      closeSockets();
    };
    this.#closers.push(close);
    const end = () => {
      server.close();
      if (server instanceof http.Server) server.closeIdleConnections();
    };
    return { port: (server.address() as AddressInfo).port, connections: () => connections, close, end };
  }

  /** A Service, and a pod with a slice for each program. The pods' objects are in `objects`. */
  service(name: string, pods: readonly PodSpec[], { port = 80 }: { port?: number } = {}): void {
    this.objects.push({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default", uid: name },
      spec: { clusterIP: "10.0.0.1", selector: { app: name }, ports: [{ name: "http", port }] },
    });
    for (const pod of pods) this.pod(name, pod);
    this.compile();
  }

  /** Each pod has a slice of its own, since the programs listen on ports of their own. */
  pod(service: string, { name, port, version = "stable", ready = true }: PodSpec): void {
    this.#pods += 1;
    const labels = { app: service, version };
    this.objects.push(
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default", labels, uid: name },
        status: { phase: "Running", podIP: "127.0.0.1" },
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `slice-${name}`, namespace: "default", labels: { "kubernetes.io/service-name": service } },
        addressType: "IPv4",
        ports: [{ name: "http", port, protocol: "TCP" }],
        endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready }, targetRef: { kind: "Pod", name } }],
      },
    );
  }

  removePod(name: string): void {
    this.remove("Pod", name);
    this.remove("EndpointSlice", `slice-${name}`);
  }

  /** The gateway `gw` with a VirtualService for host `*` and these http rules. */
  gateway(http: readonly unknown[]): void {
    this.add(
      {
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: { name: "gw", namespace: "istio-system", uid: "gw" },
        spec: {
          selector: { istio: "ingressgateway" },
          servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
        },
      },
      {
        apiVersion: "networking.istio.io/v1alpha3",
        kind: "VirtualService",
        metadata: { name: "gw-routes", namespace: "default", uid: "gw-routes" },
        spec: { hosts: ["*"], gateways: ["istio-system/gw"], http },
      },
    );
  }

  async openGateway(): Promise<number> {
    return this.#open(gatewaySource, 80);
  }

  /** The outbound listener of a pod among `objects`, or of a pod that serves nobody. */
  async openPod(name = "client"): Promise<number> {
    const pod = this.objects.find((object) => object.kind === "Pod" && object.metadata.name === name);
    const stranger = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: { app: name } } };
    return this.#open(sourceOfPod(pod ?? stranger), null);
  }

  async #open(source: Source, serverPort: number | null): Promise<number> {
    const listener = await Listener.open({ plane: this.plane, source, address: "127.0.0.1", port: 0, serverPort });
    this.#closers.push(() => listener.closeNow());
    this.#closers.push(() => void listener.close());
    return listener.address.port;
  }

  close(): void {
    for (const close of this.#closers.reverse()) close();
    this.plane.close();
  }
}

/** Istio and Gateway API both have a kind Gateway. */
function isOfGatewayApi({ apiVersion }: KubeObject): boolean {
  return apiVersion.startsWith("gateway.networking.k8s.io/");
}

export interface Program {
  readonly port: number;
  connections(): number;
  /** At once, as a killed process. */
  close(): void;
  /** As a program does on SIGTERM: requests under way finish. */
  end(): void;
}

export interface PodSpec {
  readonly name: string;
  readonly port: number;
  readonly version?: string;
  readonly ready?: boolean;
}

export const gatewaySource: Source = {
  kind: "gateway",
  namespace: "istio-system",
  name: "istio-ingressgateway",
  labels: { istio: "ingressgateway", app: "istio-ingressgateway" },
  workload: "istio-ingressgateway",
};

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The response was cut off. */
  readonly isTruncated: boolean;
}

/** One request on a connection of its own, unless an agent says otherwise. */
export function request(
  port: number,
  path: string,
  options: http.RequestOptions & { body?: string | Buffer; host?: string } = {},
): Promise<Answer> {
  const { body, host = "h.test", headers = {}, ...rest } = options;
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { agent: false, ...rest, host: "127.0.0.1", port, path, headers: { host, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        const answer = (isTruncated: boolean) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
            isTruncated,
          });
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => answer(false));
        response.on("error", () => answer(true));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Bytes as they are, and all that came back until the connection closed or `until` was seen. */
export function rawRequest(port: number, text: string, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (until !== undefined && received.includes(until)) {
        socket.destroy();
        resolve(received);
      }
    });
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
    socket.write(text, "latin1");
  });
}

/** Waits until a condition holds; the data plane tells nobody when it is done. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 100_000; round++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`never happened: ${what}`);
}
