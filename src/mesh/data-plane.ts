import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Cluster, Decision, Endpoint, Facts, Source, Table, TraceLane } from "../routing/types.ts";
import { AccessLog } from "./access-log.ts";
import { Balancer } from "./balancer.ts";
import { Breakers } from "./breaker.ts";
import { Outliers } from "./outliers.ts";
import type { Memory } from "./request.ts";
import { Telemetry } from "./telemetry.ts";
import { Traces } from "./trace.ts";
import type { Tracing } from "./trace-context.ts";
import { endpointKey, Upstreams } from "./upstream.ts";

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly decide: (table: Table, facts: Facts) => Decision;
  readonly table: Table;
  /** Takes each line of the access log (MESH-411); null: the ring only. */
  readonly printAccess?: ((line: string) => void) | null;
  /** Null: headers of traces pass as they came (MESH-290). */
  readonly tracing?: Tracing | null;
}

/**
 * What all requests of the process share: the table that decides, connections, counters. It knows no API server; its
 * owner swaps the table in (MESH-005).
 */
export class DataPlane {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly upstreams: Upstreams;
  readonly breakers: Breakers;
  readonly outliers: Outliers;
  readonly balancer: Balancer;
  readonly telemetry = new Telemetry();
  readonly accessLog: AccessLog;
  readonly traces: Traces;
  readonly tracing: Tracing | null;
  readonly #decide: DataPlaneOptions["decide"];
  #table: Table;
  /** Keys of the endpoints that some cluster of the table has. */
  #live: ReadonlySet<string> = new Set();

  constructor(options: DataPlaneOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger;
    this.upstreams = new Upstreams(options.clock);
    this.breakers = new Breakers(options.clock);
    this.outliers = new Outliers(options.clock);
    this.balancer = new Balancer(options.random, {
      activeRequests: (endpoint) => this.upstreams.activeRequests(endpoint),
      isEjected: (endpoint, cluster) => this.outliers.isEjected(endpoint, cluster),
    });
    this.accessLog = new AccessLog(options.printAccess ?? null);
    this.traces = new Traces(options.clock);
    this.tracing = options.tracing ?? null;
    this.#decide = options.decide;
    this.#table = options.table;
    this.swap(options.table);
  }

  get table(): Table {
    return this.#table;
  }

  decide(facts: Facts): Decision {
    return this.#decide(this.#table, facts);
  }

  /** New requests see the new table at once; requests under way finish on what they were decided on (MESH-005). */
  swap(table: Table): void {
    this.#table = table;
    const live = new Set<string>();
    for (const { endpoints } of table.clusters.values())
      for (const endpoint of endpoints) live.add(endpointKey(endpoint));
    this.#live = live;
    this.upstreams.keepOnly(live);
    this.breakers.keepOnly(live);
    this.outliers.keepOnly(table.clusters);
  }

  /** A cluster of an earlier table, less the endpoints that are gone; when none is left, its successor. */
  refresh(cluster: Cluster): Cluster {
    const endpoints = cluster.endpoints.filter((endpoint) => !this.isRemoved(endpoint));
    // The same object, for what is remembered by it.
    if (endpoints.length === cluster.endpoints.length && endpoints.length > 0) return cluster;
    const successor = endpoints.length === 0 ? this.#table.clusters.get(cluster.name) : undefined;
    return successor ?? { ...cluster, endpoints };
  }

  /** No cluster of the table has this endpoint any more: its pod is leaving or gone. */
  isRemoved(endpoint: Endpoint): boolean {
    return !this.#live.has(endpointKey(endpoint));
  }

  /** What routing may ask about a source. The gateway has no trace table (LANE-222). */
  memoryOf(source: () => Source): Memory {
    return {
      isEjected: (endpoint, cluster) => this.outliers.isEjected(endpoint, cluster),
      traceLane: (group: string, traceValue: string): TraceLane | null => {
        const from = source();
        return from.kind === "gateway" ? null : this.traces.lane(from, group, traceValue);
      },
    };
  }

  /** The exposition of `/stats/prometheus`. */
  metrics(): string {
    return this.telemetry.render(this.traces.counters());
  }

  close(): void {
    this.upstreams.close();
    this.breakers.close();
  }
}
