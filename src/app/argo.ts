import { hostname } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { renderMetrics } from "../base/metrics.ts";
import { type Random, randomUuid } from "../base/random.ts";
import { argoControllers } from "../dialects/argo/index.ts";
import { ArgoMetrics, type BuildInfo } from "../dialects/argo/metrics/index.ts";
import type { KubeClient } from "../kube/client.ts";
import { countingClient } from "../kube/counting-client.ts";
import { isAlreadyExists } from "../kube/errors.ts";
import { resources } from "../kube/resource.ts";
import type { AnyController, CacheReader } from "../runtime/controller.ts";
import { LeaderElector } from "../runtime/leader.ts";
import type { RunnerObserver } from "../runtime/observer.ts";
import { createRunner, type Runner } from "../runtime/runner.ts";
import { startMeasuring } from "./measurer.ts";

/** Argo Rollouts' controllers with all that runs beside them: measurements, metrics, the election. */
export interface ArgoOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** ARC-805; "": none. */
  readonly instanceId: string;
  /**
   * Controllers start only once this process holds the Lease (ARC-804): for a cluster that the original's controller, too,
   * may be pointed at. They then have a runner and caches of their own.
   */
  readonly isElected: boolean;
  readonly build: BuildInfo;
}

/** What a cluster's runner needs of Argo. */
export interface Argo {
  /** Empty when they wait for an election. */
  readonly controllers: readonly AnyController[];
  readonly observer: RunnerObserver;
  /** The client whose requests of Argo's controllers are counted. */
  readonly client: KubeClient;
  /** Prometheus' text. `caches` are those of the runner that has `controllers`. */
  metrics(caches: CacheReader): string;
  /** Once the runner's caches are filled; answers how to stop. */
  start(options: { readonly prometheus: string }): Promise<() => Promise<void>>;
}

/** Of the original's installation; also where its configuration and Secrets are looked for. */
const DEFAULT_NAMESPACE = "argo-rollouts";
const LEASE = "argo-rollouts-controller-lock";

export function createArgo(options: ArgoOptions): Argo {
  const { clock, random, logger, environment, instanceId, isElected, build } = options;
  const metrics = new ArgoMetrics({ clock, instanceId, build });
  const client = countingClient(options.client, (request) => metrics.countRequest(request));
  const controllerNamespace = environment["POD_NAMESPACE"] || DEFAULT_NAMESPACE;
  const controllers = argoControllers({ instanceId });
  let elected: { readonly runner: Runner; isSynced: boolean } | null = null;

  const measure = (prometheus: string) =>
    startMeasuring({ client, clock, random, logger, prometheus, environment, controllerNamespace, instanceId });

  const elect = async (prometheus: string): Promise<() => Promise<void>> => {
    await ensureNamespace(options.client, controllerNamespace);
    let stopMeasuring: () => Promise<void> = () => Promise.resolve();
    let ending: Promise<unknown> = Promise.resolve();
    const elector = new LeaderElector({
      client: options.client,
      clock,
      random,
      logger,
      lease: { namespace: controllerNamespace, name: instanceId === "" ? LEASE : `${LEASE}-${instanceId}` },
      identity: `${hostname()}_${randomUuid(random)}`,
      onStarted() {
        const runner = createRunner({ client, clock, random, logger, controllers, observer: metrics });
        const own = { runner, isSynced: false };
        elected = own;
        void runner.whenSynced().then(() => {
          own.isSynced = true;
        });
        runner.start();
        stopMeasuring = measure(prometheus);
      },
      onStopped() {
        ending = Promise.all([ending, elected?.runner.stop(), stopMeasuring()]);
        elected = null;
      },
    });
    elector.start();
    return async () => {
      await elector.stop();
      await ending;
    };
  };

  return {
    controllers: isElected ? [] : controllers,
    observer: metrics,
    client,
    metrics(caches) {
      const own = elected?.isSynced ? elected.runner.caches : null;
      return renderMetrics(metrics.metrics(isElected ? own : caches));
    },
    start: ({ prometheus }) => (isElected ? elect(prometheus) : Promise.resolve(measure(prometheus))),
  };
}

async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await client.create(resources.namespaces, namespace).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}
