import { createHttp } from "../analysis/http.ts";
import { createMeasurer } from "../analysis/measurer.ts";
import type { ProviderContext } from "../analysis/provider.ts";
import { providers } from "../analysis/providers/index.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { isOfInstance } from "../dialects/argo/instance.ts";
import type { KubeClient } from "../kube/client.ts";
import { type ObjectKey, resources } from "../kube/resource.ts";
import { metricAddresses } from "./metric-address.ts";

export interface MeasuringOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The embedded Prometheus: asked where a template names none, or none that can be reached (SE-008). */
  readonly prometheus: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the controller's own Secrets are. */
  readonly controllerNamespace: string;
  readonly instanceId: string;
}

/** Starts what performs the measurements of AnalysisRuns, with the real network; answers how to stop it. */
export function startMeasuring(options: MeasuringOptions): () => Promise<void> {
  const { client, clock, random, logger, instanceId } = options;
  const { context, close } = measuringContext(options);
  const measurer = createMeasurer({
    client,
    clock,
    random,
    logger,
    providers,
    isOurs: (run) => isOfInstance(run, instanceId),
    context,
  });
  measurer.start();
  return () => {
    measurer.stop();
    return close();
  };
}

/** What providers use of the world: here, and for whoever tries a template out. */
export function measuringContext({
  client,
  clock,
  prometheus,
  environment,
  controllerNamespace,
}: Omit<MeasuringOptions, "random" | "logger" | "instanceId">): {
  readonly context: ProviderContext;
  readonly close: () => Promise<void>;
} {
  const { http, close } = createHttp({ clock });
  const context = {
    http,
    clock,
    secrets: (key: ObjectKey) => readSecret(client, key),
    environment: { ARGO_ROLLOUTS_PROMETHEUS_ADDRESS: prometheus, ...environment },
    controllerNamespace,
    addressOf: metricAddresses({ embedded: prometheus, clock }),
  };
  return { context, close };
}

async function readSecret(client: KubeClient, key: ObjectKey): Promise<Record<string, string>> {
  const secret = await client.get(resources.secrets, key);
  const data = (secret["data"] ?? {}) as Record<string, string>;
  const decode = (text: string) => Buffer.from(text, "base64").toString("utf8");
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, decode(text)]));
}
