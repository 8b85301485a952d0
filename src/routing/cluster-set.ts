import type { KubeObject } from "../api/meta.ts";
import { compileClusters, type ServiceClusters } from "./clusters.ts";
import { type MergedRule, type RulesByNamespace, ruleFor } from "./destination-rule.ts";
import { indexPods, indexSlices, type PodSources } from "./endpoints.ts";
import type { RoutedService } from "./services.ts";
import type { Cluster, RoutingConfig } from "./types.ts";

/** The clusters that clients of one namespace see: by service host. */
export interface ClusterScope {
  of(host: string): ServiceClusters | null;
}

/** All clusters of a table, made per service and per DestinationRule that some client sees for it. */
export class ClusterSet {
  readonly #services: ReadonlyMap<string, RoutedService>;
  readonly #rules: RulesByNamespace;
  readonly #rootNamespace: string;
  readonly #slices: ReadonlyMap<string, readonly KubeObject[]>;
  readonly #withheld: ReadonlySet<string> | undefined;
  readonly pods: PodSources;
  readonly compiled = new Map<RoutedService, Map<MergedRule | null, ServiceClusters>>();
  /** Only until all that the previous table had is taken over; then dropped, so that tables do not chain. */
  #previous: ReadonlyMap<string, ReadonlyMap<MergedRule | null, ServiceClusters>>;

  constructor(
    config: RoutingConfig,
    services: readonly RoutedService[],
    rules: RulesByNamespace,
    previous: ClusterSet | null,
  ) {
    this.#services = new Map(services.map((service) => [service.host, service]));
    this.#rules = rules;
    this.#withheld = config.withheldAddresses;
    this.#rootNamespace = config.rootNamespace;
    this.#slices = indexSlices(config.endpointSlices);
    this.pods = indexPods(config.pods, previous?.pods);
    const before = [...(previous?.compiled ?? [])].map(([{ host }, variants]) => [host, variants] as const);
    this.#previous = new Map(before);
    // The rule that clients in the service's own namespace see: what nearly all clients see.
    for (const service of services) this.#variant(service, this.#ruleFor(service, service.namespace));
    for (const [host, variants] of this.#previous) {
      const service = this.#services.get(host);
      if (service) for (const rule of variants.keys()) if (this.#isCurrent(rule)) this.#variant(service, rule);
    }
    this.#previous = new Map();
  }

  scope(namespace: string): ClusterScope {
    const known = new Map<string, ServiceClusters | null>();
    return {
      of: (host) => {
        let clusters = known.get(host);
        if (clusters === undefined) {
          const service = this.#services.get(host);
          clusters = service?.visibility.isVisibleTo(namespace)
            ? this.#variant(service, this.#ruleFor(service, namespace))
            : null;
          known.set(host, clusters);
        }
        return clusters;
      },
    };
  }

  byName(): ReadonlyMap<string, Cluster> {
    const clusters = new Map<string, Cluster>();
    for (const variants of this.compiled.values()) {
      for (const { ports } of variants.values()) {
        for (const { whole, subsets } of ports.values()) {
          for (const cluster of [whole, ...subsets.values()]) {
            // The first variant is the one that the service's own namespace sees.
            if (!clusters.has(cluster.name)) clusters.set(cluster.name, cluster);
          }
        }
      }
    }
    return clusters;
  }

  #ruleFor(service: RoutedService, namespace: string): MergedRule | null {
    return ruleFor(service, namespace, { rules: this.#rules, rootNamespace: this.#rootNamespace });
  }

  #isCurrent(rule: MergedRule | null): boolean {
    return rule === null || (this.#rules.get(rule.namespace)?.includes(rule) ?? false);
  }

  #variant(service: RoutedService, rule: MergedRule | null): ServiceClusters {
    let variants = this.compiled.get(service);
    if (variants === undefined) {
      variants = new Map();
      this.compiled.set(service, variants);
    }
    let clusters = variants.get(rule);
    if (clusters === undefined) {
      const before = this.#previous.get(service.host);
      clusters = compileClusters(service, rule, {
        slices: this.#slices.get(`${service.namespace}/${service.name}`) ?? [],
        pods: this.pods,
        withheld: this.#withheld,
        // Another rule's clusters still lend their endpoints.
        previous: before?.get(rule) ?? before?.values().next().value,
      });
      variants.set(rule, clusters);
    }
    return clusters;
  }
}
