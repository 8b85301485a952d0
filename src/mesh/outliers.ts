import type { Clock } from "../base/clock.ts";
import type { Instant } from "../base/time.ts";
import {
  type AttemptOutcome,
  afterAttempt,
  eject,
  type HostHealth,
  healthy,
  isOverThreshold,
  isPanic,
  mayEject,
} from "../routing/outlier.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import { endpointKey } from "./upstream.ts";

/** How the endpoints of each cluster with outlier detection have been doing (MESH-195…199). */
export class Outliers {
  readonly #clock: Clock;
  /** By cluster name. */
  readonly #watches = new Map<string, Watch>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isEjected(endpoint: Endpoint, cluster: Cluster): boolean {
    const watch = cluster.outlier === null ? undefined : this.#watches.get(cluster.name);
    if (watch === undefined) return false;
    const now = this.#clock.now();
    const health = watch.hosts.get(endpointKey(endpoint));
    if (health === undefined || health.ejectedUntil <= now) return false;
    return !isPanic(cluster.outlier!, countsOf(watch, cluster, now));
  }

  /** `status` is null when the endpoint gave no answer. An overflow of our own bounds is not its fault (MESH-196). */
  record(endpoint: Endpoint, cluster: Cluster, status: AttemptOutcome): void {
    const policy = cluster.outlier;
    if (policy === null) return;
    const now = this.#clock.now();
    let watch = this.#watches.get(cluster.name);
    if (watch === undefined) {
      watch = { since: now, hosts: new Map() };
      this.#watches.set(cluster.name, watch);
    }
    const key = endpointKey(endpoint);
    const before = watch.hosts.get(key) ?? healthy;
    // An attempt begun before the ejection says nothing new.
    if (before.ejectedUntil > now) return;
    const after = afterAttempt(policy, before, status);
    const isEjected = isOverThreshold(policy, after) && mayEject(policy, countsOf(watch, cluster, now));
    watch.hosts.set(key, isEjected ? eject(policy, after, { now, since: watch.since }) : after);
  }

  /** Call after a table swap: what is gone is forgotten. */
  keepOnly(clusters: ReadonlyMap<string, Cluster>): void {
    for (const [name, { hosts }] of this.#watches) {
      const cluster = clusters.get(name);
      if (cluster === undefined || cluster.outlier === null) {
        this.#watches.delete(name);
        continue;
      }
      const live = new Set(cluster.endpoints.map(endpointKey));
      for (const key of hosts.keys()) if (!live.has(key)) hosts.delete(key);
    }
  }
}

interface Watch {
  /** The beginning of the first interval. */
  readonly since: Instant;
  /** By address and port. */
  readonly hosts: Map<string, HostHealth>;
}

function countsOf({ hosts }: Watch, { endpoints }: Cluster, now: Instant): { ejected: number; total: number } {
  let ejected = 0;
  for (const { ejectedUntil } of hosts.values()) if (ejectedUntil > now) ejected += 1;
  return { ejected, total: endpoints.length };
}
