import { hostname } from "node:os";
import { createHttp } from "../analysis/http.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { renderMetrics } from "../base/metrics.ts";
import { type Random, randomUuid, secretToken } from "../base/random.ts";
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
import { Notifier } from "./notifier.ts";
import { sendMail } from "./smtp.ts";

/** Argo Rollouts' controllers with all that runs beside them: measurements, metrics, notifications, the election. */
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
  /** Namespaces may bring their own configuration of notifications (NO-001). */
  readonly isSelfServiceNotified: boolean;
  readonly build: BuildInfo;
}

/** What a cluster's runner needs of Argo. */
export interface Argo {
  /** Empty when they wait for an election. */
  readonly controllers: readonly AnyController[];
  readonly observer: RunnerObserver;
  /** The client whose requests of Argo's controllers are counted. */
  readonly client: KubeClient;
  /** Prometheus' text. */
  metrics(): string;
  /** Once the runner that has `controllers` has filled its caches; answers how to stop. */
  start(options: { readonly prometheus: string; readonly caches: CacheReader }): Promise<() => Promise<void>>;
}

/** Of the original's installation; also where its configuration and Secrets are looked for. */
const DEFAULT_NAMESPACE = "argo-rollouts";
const LEASE = "argo-rollouts-controller-lock";

export function createArgo(options: ArgoOptions): Argo {
  const { clock, random, logger, environment, instanceId, isElected, isSelfServiceNotified, build } = options;
  const metrics = new ArgoMetrics({ clock, instanceId, build });
  const client = countingClient(options.client, (request) => metrics.countRequest(request));
  const controllerNamespace = environment["POD_NAMESPACE"] || DEFAULT_NAMESPACE;
  const controllers = argoControllers({ instanceId });
  /** Of the runner that has the controllers, once they are filled. */
  let caches: CacheReader | null = null;
  const { http, close } = createHttp({ clock });
  const notifier = new Notifier({
    client,
    clock,
    logger,
    http,
    sendMail: (delivery, signal) =>
      sendMail(delivery, { clock, messageId: `${secretToken(18)}@${hostname()}`, signal }),
    caches: () => caches,
    metrics: metrics.notifications,
    controllerNamespace,
    isSelfService: isSelfServiceNotified,
    instanceId,
  });
  const observer = observedBy(metrics, notifier);

  const measure = (prometheus: string) =>
    startMeasuring({ client, clock, random, logger, prometheus, environment, controllerNamespace, instanceId });

  const elect = async (prometheus: string): Promise<() => Promise<void>> => {
    await ensureNamespace(options.client, controllerNamespace);
    let runner: Runner | null = null;
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
        const own = createRunner({ client, clock, random, logger, controllers, observer });
        runner = own;
        void own.whenSynced().then(() => {
          if (runner === own) caches = own.caches;
        });
        own.start();
        stopMeasuring = measure(prometheus);
      },
      onStopped() {
        ending = Promise.all([ending, runner?.stop(), stopMeasuring()]);
        runner = null;
        caches = null;
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
    observer,
    client,
    metrics: () => renderMetrics(metrics.metrics(caches)),
    async start({ prometheus, caches: filled }) {
      if (!isElected) caches = filled;
      const stop = isElected ? await elect(prometheus) : measure(prometheus);
      return async () => {
        notifier.stop();
        await stop();
        await close();
      };
    },
  };
}

function observedBy(metrics: ArgoMetrics, notifier: Notifier): RunnerObserver {
  return {
    queue: (controller) => metrics.queue(controller),
    onTurn: (turn) => metrics.onTurn(turn),
    onChange(change) {
      metrics.onChange(change);
      notifier.onChange(change);
    },
    onEvent(component, event) {
      metrics.onEvent(component, event);
      notifier.onEvent(component, event);
    },
  };
}

async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await client.create(resources.namespaces, namespace).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}
