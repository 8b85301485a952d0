import { hashOf, loadBalancingOf, type MergedRule, outlierOf, poolOf, type RuleSubset } from "./destination-rule.ts";
import { type EndpointContext, endpointsOf } from "./endpoints.ts";
import { hasLabels } from "./match.ts";
import type { RoutedPort, RoutedService } from "./services.ts";
import type { Cluster, Endpoint } from "./types.ts";

/** The clusters of one service under one DestinationRule. */
export interface ServiceClusters {
  readonly service: RoutedService;
  readonly rule: MergedRule | null;
  readonly ports: ReadonlyMap<number, PortClusters>;
  /** The port of a destination that names none: the service's only one (MESH-090); null: the listener's counts. */
  readonly onlyPort: number | null;
}

export interface PortClusters {
  readonly whole: Cluster;
  readonly subsets: ReadonlyMap<string, Cluster>;
  /** The pods that a selection takes, made when first asked for; all pods while it takes none that is ready. */
  selected(selection: PodSelection): Cluster;
  /** Endpoints of the port in any state. */
  readonly endpoints: readonly Endpoint[];
}

/** A part of a service that no DestinationRule names (MESH-346). */
export interface PodSelection {
  /** Selections of one name take the same pods. */
  readonly name: string;
  takes(labels: Readonly<Record<string, string>>): boolean;
}

export function clusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** Gives back `previous` itself when nothing changed that a cluster shows. */
export function compileClusters(
  service: RoutedService,
  rule: MergedRule | null,
  { previous, ...context }: EndpointContext & { readonly previous: ServiceClusters | undefined },
): ServiceClusters {
  const ports = new Map<number, PortClusters>();
  const isSameDefinition = previous?.service === service && previous.rule === rule;
  let isUnchanged = isSameDefinition;
  for (const port of service.ports) {
    const known = previous?.ports.get(port.number);
    const endpoints = endpointsOf(service, port, { ...context, previous: known?.endpoints });
    if (isSameDefinition && known && areSame(known.endpoints, endpoints)) {
      ports.set(port.number, known);
    } else {
      isUnchanged = false;
      ports.set(port.number, compilePort(service, rule, { port, endpoints }));
    }
  }
  if (isUnchanged && previous) return previous;
  return { service, rule, ports, onlyPort: service.ports.length === 1 ? service.ports[0]!.number : null };
}

function compilePort(
  service: RoutedService,
  rule: MergedRule | null,
  { port, endpoints }: { port: RoutedPort; endpoints: readonly Endpoint[] },
): PortClusters {
  const cluster = (subset: string, definition: RuleSubset | null, members: readonly Endpoint[]): Cluster => {
    return {
      name: clusterName(port.number, subset, service.host),
      host: service.host,
      serviceName: service.name,
      serviceNamespace: service.namespace,
      port: port.number,
      subset,
      endpoints: members.filter(({ ready }) => ready),
      instanceCount: members.length,
      loadBalancing: loadBalancingOf(rule, definition, port.number),
      hash: hashOf(rule, definition, port.number),
      connectionPool: poolOf(rule, definition, port.number),
      outlier: outlierOf(rule, definition, port.number),
    };
  };
  const subsets = [...(rule?.subsets ?? [])].map(([name, definition]) => {
    const members = endpoints.filter(({ pod }) => pod && hasLabels(pod.labels, definition.labels));
    return [name, cluster(name, definition, members)] as const;
  });
  const whole = cluster("", null, endpoints);
  const selections = new Map<string, Cluster>();
  const selected = ({ name, takes }: PodSelection): Cluster => {
    let found = selections.get(name);
    if (found === undefined) {
      const members = endpoints.filter(({ pod }) => pod !== null && takes(pod.labels));
      // Under the name of the whole, which stands in for it when all these pods are gone.
      found = members.some(({ ready }) => ready) ? cluster("", null, members) : whole;
      selections.set(name, found);
    }
    return found;
  };
  return { whole, subsets: new Map(subsets), selected, endpoints };
}

function areSame(left: readonly Endpoint[], right: readonly Endpoint[]): boolean {
  return left.length === right.length && left.every((endpoint, index) => endpoint === right[index]);
}
