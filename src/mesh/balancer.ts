import { type Random, randomInt } from "../base/random.ts";
import type { HashPolicy } from "../routing/consistent-hash.ts";
import { HashTable } from "../routing/hash-table.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import { endpointKey } from "./upstream.ts";

/** Envoy's `host_selection_retry_max_attempts` as Istio sets it (MESH-140, MESH-145). */
const RESELECTIONS_MAX = 5;

/** Bound on remembered round-robin positions; a forgotten one starts at a random endpoint again. */
const POSITIONS_MAX = 10_000;

export interface Load {
  activeRequests(endpoint: Endpoint): number;
  isEjected(endpoint: Endpoint, cluster: Cluster): boolean;
}

/** Chooses an endpoint of a cluster (MESH-180, MESH-181). Weights of endpoints are all equal here. */
export class Balancer {
  readonly #random: Random;
  readonly #load: Load;
  readonly #positions = new Map<string, number>();
  /** By the endpoints of a cluster, which are an array of its own and never change. */
  readonly #tables = new WeakMap<readonly Endpoint[], HashTable<Endpoint>>();

  constructor(random: Random, load: Load) {
    this.#random = random;
    this.#load = load;
  }

  /**
   * An endpoint, if possible one not in `tried`; null when the cluster has none that may be used. `key` is what the
   * cluster's hash policy found in the request (MESH-182); null: nothing, or there is no policy.
   */
  pick(cluster: Cluster, tried: readonly Endpoint[], key: string | null = null): Endpoint | null {
    if (cluster.hash !== null) return this.#pickByHash(cluster, cluster.hash, { tried, key });
    const usable = cluster.outlier === null ? cluster.endpoints : this.#usable(cluster);
    if (usable.length === 0) return null;
    let picked = this.#pickOne(cluster, usable);
    if (tried.length === 0) return picked;
    for (let again = 0; again < RESELECTIONS_MAX && isAmong(tried, picked); again++) {
      picked = this.#pickOne(cluster, usable);
    }
    if (!isAmong(tried, picked)) return picked;
    // Envoy would now use a tried one by bad luck; an untried one is never worse (MC-136 wants 200 always).
    return usable.find((endpoint) => !isAmong(tried, endpoint)) ?? picked;
  }

  /** An endpoint that is ejected or was tried leaves its keys to the next on the ring (MESH-183). */
  #pickByHash(
    cluster: Cluster,
    policy: HashPolicy,
    { tried, key }: { tried: readonly Endpoint[]; key: string | null },
  ): Endpoint | null {
    let table = this.#tables.get(cluster.endpoints);
    if (table === undefined) {
      table = HashTable.of(cluster.endpoints, endpointKey, policy.shape);
      this.#tables.set(cluster.endpoints, table);
    }
    const isUsable = (endpoint: Endpoint) => cluster.outlier === null || !this.#load.isEjected(endpoint, cluster);
    // MC-163: no key, so any place on the ring.
    const place = key ?? String(this.#random.next());
    return (
      table.find(place, (endpoint) => isUsable(endpoint) && !isAmong(tried, endpoint)) ?? table.find(place, isUsable)
    );
  }

  #usable(cluster: Cluster): readonly Endpoint[] {
    return cluster.endpoints.filter((endpoint) => !this.#load.isEjected(endpoint, cluster));
  }

  #pickOne(cluster: Cluster, endpoints: readonly Endpoint[]): Endpoint {
    const first = endpoints[randomInt(this.#random, endpoints.length)] as Endpoint;
    switch (cluster.loadBalancing) {
      case "RANDOM":
        return first;
      case "ROUND_ROBIN":
        return this.#nextInTurn(cluster, endpoints);
      case "LEAST_REQUEST": {
        if (endpoints.length === 1) return first;
        const second = endpoints[randomInt(this.#random, endpoints.length)] as Endpoint;
        return this.#load.activeRequests(second) < this.#load.activeRequests(first) ? second : first;
      }
    }
  }

  #nextInTurn(cluster: Cluster, endpoints: readonly Endpoint[]): Endpoint {
    const position = this.#positions.get(cluster.name) ?? randomInt(this.#random, endpoints.length);
    if (this.#positions.size >= POSITIONS_MAX) this.#positions.clear();
    this.#positions.set(cluster.name, (position + 1) % endpoints.length);
    return endpoints[position % endpoints.length] as Endpoint;
  }
}

/** By address, since a table swap between two attempts makes new endpoint objects. */
function isAmong(tried: readonly Endpoint[], endpoint: Endpoint): boolean {
  return tried.some(({ address, port }) => address === endpoint.address && port === endpoint.port);
}
