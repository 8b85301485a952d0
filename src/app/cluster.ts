import { rmSync } from "node:fs";
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
import { metricsDefinitions } from "../cluster/apiserver/builtin/metrics.ts";
import { createLocalClient } from "../cluster/apiserver/local-client.ts";
import { adminTokenAuthenticator } from "../cluster/apiserver/wire/authentication.ts";
import { loadOrCreateCredentials, renderKubeconfig, writePrivate } from "../cluster/apiserver/wire/certificates.ts";
import { startHttpServer } from "../cluster/apiserver/wire/http-server.ts";
import { autoscaleController } from "../cluster/controllers/autoscale/index.ts";
import { type BuiltinControllersOptions, builtinControllers, listableTypes } from "../cluster/controllers/index.ts";
import { createImageTable, imageFileProblem } from "../cluster/kubelet/images.ts";
import { createKubelet } from "../cluster/kubelet/kubelet.ts";
import { schedulerController } from "../cluster/kubelet/scheduler.ts";
import { acquireLock } from "../cluster/store/lock-file.ts";
import { MemoryLog } from "../cluster/store/memory-log.ts";
import { DataDirectoryError, type RevisionLog } from "../cluster/store/revision-log.ts";
import { SqliteLog } from "../cluster/store/sqlite-log.ts";
import type { UsageSource } from "../cluster/usage.ts";
import { asmControllers } from "../dialects/asm/index.ts";
import { gatewayApiControllers } from "../dialects/gateway-api/index.ts";
import { ingressControllers } from "../dialects/ingress/index.ts";
import { kruiseControllers } from "../dialects/kruise/index.ts";
import type { KubeClient } from "../kube/client.ts";
import { isAlreadyExists } from "../kube/errors.ts";
import { qualifiedPlural, resources } from "../kube/resource.ts";
import type { Tracing } from "../mesh/trace-context.ts";
import { packs as allPacks } from "../packs/index.ts";
import type { Pack } from "../packs/pack.ts";
import type { AnyController, CacheReader } from "../runtime/controller.ts";
import { createRunner } from "../runtime/runner.ts";
import { claimAddressBlock } from "./address-block.ts";
import { type Argo, createArgo } from "./argo.ts";
import { drainBarrier } from "./barrier.ts";
import { startControllerServer } from "./controller-server.ts";
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
import { startMeshProcess } from "./mesh-process.ts";
import { listenOn, usablePort } from "./ports.ts";
import { startPrometheus } from "./prometheus.ts";

/** The composition root of the embedded cluster: everything that runs, with the real clock and real sockets. */
export interface ClusterOptions {
  readonly directory: DataDirectory;
  /** Objects are kept in memory only. */
  readonly memory: boolean;
  /** 0: any free port; the same for the others. */
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly metricsPort: number;
  /** Of the embedded Prometheus, which comes with the argo pack. */
  readonly prometheusPort: number;
  /** Of Argo's controllers' metrics and health, which come with the argo pack too. */
  readonly controllerPort: number;
  /** Of Argo's controllers (ARC-805); "": none. */
  readonly instanceId: string;
  /** Argo's controllers wait until they hold their Lease (ARC-804). */
  readonly isElected: boolean;
  /** Namespaces may bring their own configuration of notifications (NO-001). */
  readonly isSelfServiceNotified: boolean;
  /**
   * How often autoscalers are looked at; while there are any, pods' CPU and memory are measured as often (K8S-242). Null: the
   * original's period.
   */
  readonly autoscalerSyncMs: number | null;
  /** Null: headers of traces pass through the mesh as they came. */
  readonly tracing: Tracing | null;
  /** Of Fairway, for metrics. */
  readonly version: string;
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
/** The original's Service of that name gives its metrics this job; dashboards look for it. */
const CONTROLLER_JOB = "argo-rollouts-metrics";
/** Nothing decides on these, and there are many series: they must not crowd out what analyses ask for. */
const CONTROLLER_SCRAPE_MS = 15_000;
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
    throw startError(error, options.directory);
  }
}

/** What a person can do something about is said in one line. */
function startError(error: unknown, { root }: DataDirectory): unknown {
  if (error instanceof DataDirectoryError) return new StartError(error.message, { cause: error });
  // Node.js' word and SQLite's.
  if (!/\bENOSPC\b|disk is full/.test(String(error))) return error;
  const message = `cannot write to data directory ${root}: no space is left on its disk; make room, or choose another with --data DIR`;
  return new StartError(message, { cause: error });
}

async function start(options: ClusterOptions, stops: (() => void | Promise<void>)[]): Promise<Cluster> {
  const { directory } = options;
  const clock = systemClock;
  const random = systemRandom;
  prepareDataDirectory(directory);
  const logger = createLogger("fairway", directory.logFile, process.env["FAIRWAY_LOG"] ?? "info");

  const running = runningInstance(directory);
  if (running) throw new StartError(alreadyRunning(directory, running));
  const imagesFile = options.imagesFile ?? path.join(directory.root, "images.yaml");
  const imageProblem = imageFileProblem(imagesFile);
  if (imageProblem !== null) throw new StartError(imageProblem);
  const { log, release } = openLog(options);
  stops.push(release);
  const gatewayPort = await usablePort("gateway-port", options.gatewayPort);
  const metricsPort = await usablePort("metrics-port", options.metricsPort);
  const block = await claimAddressBlock(fnv1a32(directory.root));
  stops.push(() => block.release());

  const credentials = await loadOrCreateCredentials({ directory: directory.pki, clock });
  let usage: UsageSource | null = null;
  const api = new ApiServer({
    log,
    clock,
    random,
    logger,
    builtins: [...builtinDefinitions, ...metricsDefinitions],
    packs: options.packs,
    usage: () => usage,
  });
  await api.start();
  stops.push(() => api.stop());
  const client = createLocalClient(api, { userAgent: "fairway" });
  await bootstrap(client, options.packs);

  const argo = argoOf(options, client, logger);

  const images = createImageTable({
    appsDirectory: APPS,
    nodePath: process.execPath,
    file: imagesFile,
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
    ...(options.autoscalerSyncMs === null ? {} : { usageIntervalMs: options.autoscalerSyncMs }),
  });
  usage = kubelet.usage;

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
  // Other packs than before are other kinds at the same address, and kubectl would believe its cache for hours.
  rmSync(directory.kubectlCache, { recursive: true, force: true });
  await writePrivate(directory.kubeconfig, renderKubeconfig(facts));

  const runner = createRunner({
    client: argo?.client ?? client,
    clock,
    random,
    logger,
    ...(argo ? { observer: argo.observer } : {}),
    controllers: [
      ...controllers(options.packs, argo, {
        rootCertificate: credentials.caPem,
        apiServer: { ip: server.host, port: server.port, clusterIp: "127.96.0.1" },
      }),
      autoscaleController({
        usage: kubelet.usage,
        definitions: () => api.definitions(),
        ...(options.autoscalerSyncMs === null ? {} : { syncMs: options.autoscalerSyncMs }),
      }),
    ],
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
        tracing: options.tracing,
        logLevel: process.env["FAIRWAY_LOG"] ?? "info",
      },
      { clock, logger, logFile: directory.meshLogFile },
    ),
    runner.whenSynced(),
  ]);
  stops.push(() => mesh.stop());
  stops.push(noteDataPlane({ mesh, client, clock, logger }));
  gate = drainBarrier({ mesh, cache: () => runner.caches, clock });
  const metrics = `http://127.0.0.1:${metricsPort}/stats/prometheus`;
  const served = argo && (await serveArgo(argo, { options, metrics, caches: runner.caches, logger }, stops));
  isReady = true;

  const instance: Instance = {
    pid: process.pid,
    apiServer: server.url,
    gateway: `http://${GATEWAY_ADDRESS}:${gatewayPort}`,
    metrics,
    prometheus: served?.prometheus ?? null,
    controllers: served?.controllers ?? null,
    meshAdmin: `http://127.0.0.1:${metricsPort}`,
    kubeconfig: directory.kubeconfig,
    startedAt: formatTime(clock.now()),
    packs: options.packs.map(({ name }) => name),
    idlePacks: idlePacks(options.packs, api),
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

function argoOf(options: ClusterOptions, client: KubeClient, logger: Logger): Argo | null {
  if (options.packs.every(({ name }) => name !== "argo")) return null;
  const { instanceId, isElected, isSelfServiceNotified, version } = options;
  const build = { version, runtime: `node ${process.version}`, architecture: process.arch, commit: "" };
  const environment = process.env;
  return createArgo({
    client,
    clock: systemClock,
    random: systemRandom,
    logger,
    environment,
    instanceId,
    isElected,
    isSelfServiceNotified,
    build,
  });
}

/** What runs beside Argo's controllers; answers the URLs of the embedded Prometheus, and of their own metrics and health. */
async function serveArgo(
  argo: Argo,
  world: {
    readonly options: ClusterOptions;
    readonly metrics: string;
    readonly caches: CacheReader;
    readonly logger: Logger;
  },
  stops: (() => void | Promise<void>)[],
): Promise<{ readonly prometheus: string; readonly controllers: string }> {
  const { options, metrics, caches, logger } = world;
  const controllers = await listenOn("controller-port", options.controllerPort, (port) =>
    startControllerServer({ port, metrics: argo.metrics }),
  );
  stops.push(() => controllers.stop());
  const targets = [
    // The mesh counts for the gateway and for every pod at once, so it is one target.
    { url: metrics, job: "istio-mesh" },
    { url: `${controllers.url}/metrics`, job: CONTROLLER_JOB, intervalMs: CONTROLLER_SCRAPE_MS },
  ];
  const prometheus = await listenOn("prometheus-port", options.prometheusPort, (port) =>
    startPrometheus({ port, targets, clock: systemClock, logger }),
  );
  stops.push(() => prometheus.stop());
  stops.push(await argo.start({ prometheus: prometheus.url, caches }));
  return { prometheus: prometheus.url, controllers: controllers.url };
}

function openLog({ directory, memory }: ClusterOptions): { log: RevisionLog; release: () => void } {
  if (!memory) {
    const log = new SqliteLog(directory.store);
    return { log, release: () => log.close() };
  }
  // Without a log on disk the directory is still one cluster's: kubeconfig, pods and logs are in it.
  return { log: new MemoryLog(), release: acquireLock(directory.root) };
}

function controllers(
  packs: readonly Pack[],
  argo: Argo | null,
  options: BuiltinControllersOptions,
): readonly AnyController[] {
  const names = new Set(packs.map(({ name }) => name));
  return [
    ...builtinControllers(options),
    schedulerController,
    ...ingressControllers({ address: GATEWAY_ADDRESS }),
    ...(names.has("kruise") ? kruiseControllers() : []),
    ...(argo?.controllers ?? []),
    ...(names.has("gateway-api") ? gatewayApiControllers({ address: GATEWAY_ADDRESS }) : []),
    ...(names.has("lanes") ? asmControllers({ rootNamespace: ROOT_NAMESPACE }) : []),
  ];
}

/** Packs of an earlier start: their kinds and objects are still there, and nothing acts on them. */
function idlePacks(packs: readonly Pack[], api: ApiServer): readonly string[] {
  const served = new Set(api.definitions().map(({ type }) => qualifiedPlural(type)));
  const isServed = ({ crds }: Pack) => crds.some(({ metadata }) => served.has(metadata.name));
  return allPacks.filter((pack) => !packs.includes(pack) && isServed(pack)).map(({ name }) => name);
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
