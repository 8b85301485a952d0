import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { KubeClient } from "../kube/client.ts";
import { compile } from "../routing/compile.ts";
import { decide } from "../routing/decide.ts";
import type { Source } from "../routing/types.ts";
import { type AcknowledgementListener, Acknowledger } from "./acknowledge.ts";
import { openAdmin } from "./admin.ts";
import { ConfigSource } from "./config.ts";
import { DataPlane } from "./data-plane.ts";
import { ListenerSet } from "./listeners.ts";
import type { Tracing } from "./trace-context.ts";

/**
 * The mesh as one process: a gateway and every pod's proxy. It watches the cluster, compiles a routing table, and moves
 * requests by it; see `exchange.ts` for the way of one request.
 */
export interface MeshOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly gateway?: Partial<GatewayOptions>;
  /** 0: any free port. */
  readonly adminPort?: number;
  /** Where pods find their proxy, on their own address (K8S-279). */
  readonly proxyPort?: number;
  /** Called at each change of what the mesh runs, within the turn of the swap. */
  readonly onRevision?: AcknowledgementListener;
  /** Takes each line of the access log (MESH-411). */
  readonly printAccess?: (line: string) => void;
  /** Absent: headers of traces pass as they came (MESH-290). */
  readonly tracing?: Tracing | null;
}

/** The built-in gateway proxy: what `Gateway.spec.selector` is compared with (MESH-030). */
export interface GatewayOptions {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  /** Host port by server port; a server port without one gets any free port. */
  readonly ports: Readonly<Record<number, number>>;
}

const gatewayDefaults: GatewayOptions = {
  namespace: "istio-system",
  name: "istio-ingressgateway",
  labels: { istio: "ingressgateway", app: "istio-ingressgateway" },
  address: "127.0.0.1",
  ports: {},
};

const LOOPBACK = "127.0.0.1";
/** Istio's outbound port. */
const PROXY_PORT = 15_001;

export interface Mesh {
  readonly adminPort: number;
  /** Host port by gateway server port, of the servers that are open now. */
  gatewayPorts(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Resolves when the first table runs and its listeners are open. Waits as long as the API server needs. */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { client, clock, random, logger } = options;
  const gatewayOptions = { ...gatewayDefaults, ...options.gateway };
  const gateway = gatewaySource(gatewayOptions);
  const rootNamespace = "istio-system";
  const empty = compile({ ...noObjects, rootNamespace });
  const plane = new DataPlane({
    clock,
    random,
    logger,
    decide,
    table: empty,
    printAccess: options.printAccess ?? null,
    tracing: options.tracing ?? null,
  });
  const acknowledger = new Acknowledger();
  if (options.onRevision !== undefined) acknowledger.onChange(options.onRevision);
  const listeners = new ListenerSet({
    plane,
    gateway,
    gatewayAddress: gatewayOptions.address,
    hostPort: (serverPort) => gatewayOptions.ports[serverPort] ?? 0,
    proxyPort: options.proxyPort ?? PROXY_PORT,
    onChange() {
      acknowledger.listensFor(listeners.openPods(), listeners.openGateways());
      config.withhold(listeners.refusedPods());
    },
  });
  const admin = await openAdmin({ plane, acknowledger }, LOOPBACK, options.adminPort ?? 0);
  const started = Promise.withResolvers<void>();
  // Make before break: a pod calls through its own listener, so that is open before a request can reach the pod
  // (MESH-006); a gateway's port opens once there are routes to answer with.
  let newest = 0;
  let running = 0;
  const config = new ConfigSource({
    client,
    clock,
    random,
    logger,
    rootNamespace,
    onTable(table, revisions, pods) {
      const order = ++newest;
      void listeners.keepPods(pods).then(async () => {
        // A later table can be ready first, when it no longer has the pod that this one waited for.
        if (order <= running || config.withhold(listeners.refusedPods())) return;
        running = order;
        if (table !== plane.table) plane.swap(table);
        // Who waits for a Gateway asks it next, so a new port is open before it is told; meanwhile a later table may run.
        await listeners.keepGateways(table.gatewayPorts(gateway));
        if (order === running) acknowledger.runs(revisions);
        started.resolve();
      });
    },
  });
  config.start();
  await started.promise;
  return {
    adminPort: admin.port,
    gatewayPorts: () => listeners.openGateways(),
    async stop() {
      config.stop();
      running = Number.POSITIVE_INFINITY; // What still waits for its listeners is not to run any more.
      await Promise.all([listeners.close(), admin.close()]);
      plane.close();
    },
  };
}

/** The gateway proxy as the sender of requests. */
export function gatewaySource({ namespace, name, labels }: GatewayOptions = gatewayDefaults): Source {
  return { kind: "gateway", namespace, name, labels, workload: name };
}

const noObjects = {
  gateways: [],
  virtualServices: [],
  destinationRules: [],
  services: [],
  endpointSlices: [],
  pods: [],
  swimLaneGroups: [],
  swimLanes: [],
};
