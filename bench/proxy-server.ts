import type { KubeObject } from "../src/api/meta.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/log.ts";
import { systemRandom } from "../src/base/random.ts";
import { DataPlane } from "../src/mesh/data-plane.ts";
import { Listener } from "../src/mesh/listener.ts";
import { compile } from "../src/routing/compile.ts";
import { decide } from "../src/routing/decide.ts";
import type { Source } from "../src/routing/types.ts";

/** The data plane alone, as the bench's peer: a gateway with one route to one backend. `proxy-server.ts PORT BACKEND` */
const [port = 0, backendPort = 0] = process.argv.slice(2).map(Number);

const object = (apiVersion: string, kind: string, name: string, fields: Record<string, unknown>): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "default", labels: { app: name, "kubernetes.io/service-name": "web" } },
  ...fields,
});

const table = compile({
  gateways: [
    object("networking.istio.io/v1", "Gateway", "gw", {
      spec: {
        selector: { istio: "ingressgateway" },
        servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
      },
    }),
  ],
  virtualServices: [
    object("networking.istio.io/v1alpha3", "VirtualService", "web", {
      spec: {
        hosts: ["*"],
        gateways: ["gw"],
        http: [
          { match: [{ headers: { "x-lane": { exact: "canary" } } }], route: [{ destination: { host: "web" } }] },
          { route: [{ destination: { host: "web" } }] },
        ],
      },
    }),
  ],
  destinationRules: [],
  services: [object("v1", "Service", "web", { spec: { clusterIP: "10.0.0.1", ports: [{ name: "http", port: 80 }] } })],
  endpointSlices: [
    object("discovery.k8s.io/v1", "EndpointSlice", "web-1", {
      ports: [{ name: "http", port: backendPort }],
      endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true }, targetRef: { kind: "Pod", name: "web-1" } }],
    }),
  ],
  pods: [object("v1", "Pod", "web-1", { status: { phase: "Running", podIP: "127.0.0.1" } })],
  swimLaneGroups: [],
  swimLanes: [],
  rootNamespace: "istio-system",
});

const source: Source = {
  kind: "gateway",
  namespace: "istio-system",
  name: "istio-ingressgateway",
  labels: { istio: "ingressgateway" },
  workload: "istio-ingressgateway",
};
const plane = new DataPlane({ clock: systemClock, random: systemRandom, logger: silentLogger, decide, table });
await Listener.open({ plane, source, address: "127.0.0.1", port, serverPort: 80 });
