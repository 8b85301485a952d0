import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { startScraping } from "../promql/scrape.ts";
import { createPrometheusServer } from "../promql/server.ts";
import { SampleStore } from "../promql/store.ts";

/** The cluster's own Prometheus: it scrapes, keeps the samples in memory, and answers Prometheus' HTTP API. */
export interface EmbeddedPrometheus {
  /** Without a path, e.g. `http://127.0.0.1:19090`. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface EmbeddedPrometheusOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly targets: readonly ScrapeTarget[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Something that answers with metrics in Prometheus' text format. */
export interface ScrapeTarget {
  readonly url: string;
  readonly job: string;
  /** Default: the short one of analyses. */
  readonly intervalMs?: number;
}

export async function startPrometheus(options: EmbeddedPrometheusOptions): Promise<EmbeddedPrometheus> {
  const { port, targets, clock, logger } = options;
  const store = new SampleStore();
  const server = await createPrometheusServer({ port, store, clock });
  const scrapings = targets.map(({ url, job, intervalMs }) =>
    startScraping({
      targets: () => [{ url, labels: { job, instance: new URL(url).host } }],
      ...(intervalMs === undefined ? {} : { intervalMs }),
      fetch: fetchText,
      clock,
      store,
      onHealth: (_target, problem) => {
        if (problem === null) logger.info({ url }, "metrics are scraped again");
        else logger.warn({ url, problem }, "metrics cannot be scraped");
      },
    }),
  );
  return {
    url: server.url,
    stop() {
      for (const scraping of scrapings) scraping.stop();
      return server.close();
    },
  };
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`);
  return response.text();
}
