import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeObject } from "../api/meta.ts";
import { systemClock } from "../base/clock.ts";
import { fnv1a32 } from "../base/hash.ts";
import type { Logger } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { formatTime } from "../base/time.ts";
import { ApiServer } from "../cluster/apiserver/api-server.ts";
import { builtinDefinitions } from "../cluster/apiserver/builtin/index.ts";
import { createLocalClient } from "../cluster/apiserver/local-client.ts";
import { adminTokenAuthenticator } from "../cluster/apiserver/wire/authentication.ts";
import { loadOrCreateCredentials, renderKubeconfig, writePrivate } from "../cluster/apiserver/wire/certificates.ts";
import { startHttpServer } from "../cluster/apiserver/wire/http-server.ts";
import { type BuiltinControllersOptions, builtinControllers, listableTypes } from "../cluster/controllers/index.ts";
import { createImageTable } from "../cluster/kubelet/images.ts";
import { createKubelet } from "../cluster/kubelet/kubelet.ts";
import { schedulerController } from "../cluster/kubelet/scheduler.ts";
import { acquireLock } from "../cluster/store/lock-file.ts";
import { MemoryLog } from "../cluster/store/memory-log.ts";
import { DataDirectoryError, type RevisionLog } from "../cluster/store/revision-log.ts";
import { SqliteLog } from "../cluster/store/sqlite-log.ts";
import { argoControllers } from "../dialects/argo/index.ts";
import { asmControllers } from "../dialects/asm/index.ts";
import { gatewayApiControllers } from "../dialects/gateway-api/index.ts";
import { ingressControllers } from "../dialects/ingress/index.ts";
import { kruiseControllers } from "../dialects/kruise/index.ts";
import type { KubeClient } from "../kube/client.ts";
import { isAlreadyExists } from "../kube/errors.ts";
import { resources } from "../kube/resource.ts";
import type { Pack } from "../packs/pack.ts";
import type { AnyController } from "../runtime/controller.ts";
import { createRunner } from "../runtime/runner.ts";
import { claimAddressBlock } from "./address-block.ts";
import { drainBarrier } from "./barrier.ts";
import {
  alreadyRunning,
  type DataDirectory,
  type Instance,
  prepareDataDirectory,
  removeInstance,
  runningInstance,
  StartError,
  writeInstance,
} from "./data-directory.ts";
import { noteDataPlane } from "./data-plane.ts";
import { createLogger } from "./log.ts";
import { startMeasuring } from "./measurer.ts";
import { startMeshProcess } from "./mesh-process.ts";
import { startPrometheus } from "./prometheus.ts";

/** The composition root of the embedded cluster: everything that runs, with the real clock and real sockets. */
export interface ClusterOptions {
  readonly directory: DataDirectory;
  /** Objects are kept in memory only. */
  readonly memory: boolean;
  /** 0: any free port; the same for the three below. */
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly metricsPort: number;
  /** Of the embedded Prometheus, which comes with the argo pack. */
  readonly prometheusPort: number;
  readonly packs: readonly Pack[];
  /** Further images of the user's; null: `images.yaml` in the data directory, which need not exist. */
  readonly imagesFile: string | null;
}

export interface Cluster {
  readonly instance: Instance;
  stop(): Promise<void>;
}

/** Where Istio keeps what concerns the whole mesh, and where the lane groups' objects go (LANE-102). */
const ROOT_NAMESPACE = "istio-system";
const PROXY_PORT = 15_001;
/** Where the mesh's gateway listens. */
const GATEWAY_ADDRESS = "127.0.0.1";
const APPS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "apps");

/** Resolves when kubectl, the controllers, the node and the mesh are all ready. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const stops: (() => void | Promise<void>)[] = [];
  try {
    return await start(options, stops);
  } catch (error) {
    for (const stop of stops.reverse()) await stop();
    throw error instanceof DataDirectoryError ? new StartError(error.message, { cause: error }) : error;
  }
}

async function start(options: ClusterOptions, stops: (() => void | Promise<void>)[]): Promise<Cluster> {
  const { directory } = options;
  const clock = systemClock;
  const random = systemRandom;
  prepareDataDirectory(directory);
  const logger = createLogger("fairway", directory.logFile, process.env["FAIRWAY_LOG"] ?? "info");

  const running = runningInstance(directory);
  if (running) throw new StartError(alreadyRunning(directory, running));
  const { log, release } = openLog(options);
  stops.push(release);
  const gatewayPort = await usablePort("gateway-port", options.gatewayPort);
  const metricsPort = await usablePort("metrics-port", options.metricsPort);
  const block = await claimAddressBlock(fnv1a32(directory.root));
  stops.push(() => block.release());

  const credentials = await loadOrCreateCredentials({ directory: directory.pki, clock });
  const api = new ApiServer({ log, clock, random, logger, builtins: builtinDefinitions, packs: options.packs });
  await api.start();
  stops.push(() => api.stop());
  const client = createLocalClient(api, { userAgent: "fairway" });
  await bootstrap(client, options.packs);

  const images = createImageTable({
    appsDirectory: APPS,
    nodePath: process.execPath,
    file: options.imagesFile ?? path.join(directory.root, "images.yaml"),
  });
  let gate: (pod: KubeObject) => Promise<void> = () => Promise.resolve();
  const kubelet = createKubelet({
    client,
    clock,
    random,
    logger,
    nodeName: null,
    images,
    podRange: block.range,
    dataDirectory: directory.pods,
    drainGate: (pod) => gate(pod as unknown as KubeObject),
    proxyPort: PROXY_PORT,
    hostEnvironment: process.env,
  });

  let isReady = false;
  const server = await listenOn("api-port", options.apiPort, (port) =>
    startHttpServer({
      api,
      certificates: credentials,
      tokens: adminTokenAuthenticator(credentials.adminToken),
      clock,
      random,
      logger,
      port,
      logSource: kubelet.logSource,
      readiness: [{ name: "controllers", isOk: () => isReady }],
    }),
  );
  stops.push(() => server.stop());
  const facts = { server: server.url, caPem: credentials.caPem, token: credentials.adminToken };
  await writePrivate(directory.kubeconfig, renderKubeconfig(facts));

  const runner = createRunner({
    client,
    clock,
    random,
    logger,
    controllers: controllers(options.packs, {
      rootCertificate: credentials.caPem,
      apiServer: { ip: server.host, port: server.port, clusterIp: "127.96.0.1" },
    }),
    kinds: () => listableTypes(api.definitions()),
  });
  runner.start();
  stops.push(() => runner.stop());
  // Before the mesh: pods of an earlier run are no longer ready, and no request may be sent to them (K8S-196).
  await kubelet.start();
  stops.push(() => kubelet.stop());
  const [mesh] = await Promise.all([
    startMeshProcess(
      {
        kubeconfig: directory.kubeconfig,
        adminPort: metricsPort,
        proxyPort: PROXY_PORT,
        gatewayPorts: { 80: gatewayPort },
        logLevel: process.env["FAIRWAY_LOG"] ?? "info",
      },
      { clock, logger, logFile: directory.meshLogFile },
    ),
    runner.whenSynced(),
  ]);
  stops.push(() => mesh.stop());
  stops.push(noteDataPlane(mesh, client, logger));
  gate = drainBarrier({ mesh, cache: () => runner.caches, clock });
  const metrics = `http://127.0.0.1:${metricsPort}/stats/prometheus`;
  const prometheus = await startAnalysis(options, { client, metrics, logger }, stops);
  isReady = true;

  const instance: Instance = {
    pid: process.pid,
    apiServer: server.url,
    gateway: `http://${GATEWAY_ADDRESS}:${gatewayPort}`,
    metrics,
    prometheus,
    meshAdmin: `http://127.0.0.1:${metricsPort}`,
    kubeconfig: directory.kubeconfig,
    startedAt: formatTime(clock.now()),
    packs: options.packs.map(({ name }) => name),
    memory: options.memory,
  };
  writeInstance(directory, instance);
  stops.push(() => removeInstance(directory, process.pid));
  logger.info({ ...instance }, "the cluster is ready");
  return {
    instance,
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

/** What Argo's analysis needs besides its controllers; answers the URL of the embedded Prometheus. */
async function startAnalysis(
  { packs, prometheusPort }: ClusterOptions,
  { client, metrics, logger }: { client: KubeClient; metrics: string; logger: Logger },
  stops: (() => void | Promise<void>)[],
): Promise<string | null> {
  if (packs.every(({ name }) => name !== "argo")) return null;
  const clock = systemClock;
  const { url, stop } = await listenOn("prometheus-port", prometheusPort, (port) =>
    startPrometheus({ port, metricsUrl: metrics, clock, logger }),
  );
  stops.push(stop);
  const environment = process.env;
  stops.push(startMeasuring({ client, clock, random: systemRandom, logger, prometheus: url, environment }));
  return url;
}

function openLog({ directory, memory }: ClusterOptions): { log: RevisionLog; release: () => void } {
  if (!memory) {
    const log = new SqliteLog(directory.store);
    return { log, release: () => log.close() };
  }
  // Without a log on disk the directory is still one cluster's: kubeconfig, pods and logs are in it.
  return { log: new MemoryLog(), release: acquireLock(directory.root) };
}

function controllers(packs: readonly Pack[], options: BuiltinControllersOptions): readonly AnyController[] {
  const names = new Set(packs.map(({ name }) => name));
  return [
    ...builtinControllers(options),
    schedulerController,
    ...ingressControllers({ address: GATEWAY_ADDRESS }),
    ...(names.has("kruise") ? kruiseControllers() : []),
    ...(names.has("argo") ? argoControllers() : []),
    ...(names.has("gateway-api") ? gatewayApiControllers({ address: GATEWAY_ADDRESS }) : []),
    ...(names.has("lanes") ? asmControllers({ rootNamespace: ROOT_NAMESPACE }) : []),
  ];
}

/** What an installation brings besides its kinds: the mesh's namespace, and the packs' own objects. */
async function bootstrap(client: KubeClient, packs: readonly Pack[]): Promise<void> {
  const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: ROOT_NAMESPACE } };
  const objects = [{ type: resources.namespaces, object: namespace }, ...packs.flatMap((pack) => pack.objects ?? [])];
  for (const { type, object } of objects) {
    await client.create(type, object).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }
}

/** Starts a server on the port that an option names; a port that cannot be had is told by the option's name. */
async function listenOn<T>(flag: string, port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    throw portError(flag, port, error);
  }
}

/** The port itself when nothing listens on it; for 0 one that the system finds free. */
function usablePort(flag: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => reject(portError(flag, port, error)));
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = probe.address();
      const found = typeof address === "object" && address ? address.port : port;
      probe.close(() => resolve(found));
    });
  });
}

function portError(flag: string, port: number, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new StartError(`port ${port} is in use; choose another with --${flag} PORT (0 takes any free one)`);
  }
  if (code === "EACCES") return new StartError(`port ${port} needs more rights; choose another with --${flag} PORT`);
  return error as Error;
}
