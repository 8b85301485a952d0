import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { startScraping } from "../promql/scrape.ts";
import { createPrometheusServer } from "../promql/server.ts";
import { SampleStore } from "../promql/store.ts";

/** The cluster's own Prometheus: it scrapes the mesh, keeps the samples in memory, and answers Prometheus' HTTP API. */
export interface EmbeddedPrometheus {
  /** Without a path, e.g. `http://127.0.0.1:19090`. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface EmbeddedPrometheusOptions {
  /** 0: any free one. */
  readonly port: number;
  /** The mesh's metrics in Prometheus' text format. */
  readonly metricsUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The mesh counts for the gateway and for every pod at once, so it is one target. */
const TARGET_LABELS = { job: "istio-mesh" };

export async function startPrometheus(options: EmbeddedPrometheusOptions): Promise<EmbeddedPrometheus> {
  const { port, metricsUrl, clock, logger } = options;
  const store = new SampleStore();
  const server = await createPrometheusServer({ port, store, clock });
  const { host: instance } = new URL(metricsUrl);
  const scraping = startScraping({
    targets: () => [{ url: metricsUrl, labels: { ...TARGET_LABELS, instance } }],
    fetch: fetchText,
    clock,
    store,
    onHealth: ({ url }, problem) => {
      if (problem === null) logger.info({ url }, "metrics are scraped again");
      else logger.warn({ url, problem }, "metrics cannot be scraped");
    },
  });
  return {
    url: server.url,
    stop() {
      scraping.stop();
      return server.close();
    },
  };
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`);
  return response.text();
}
