import type { ApiGateway, GatewayClass, ReferenceGrant } from "../../api/gateway-api.ts";
import type { KubeObject } from "../../api/meta.ts";
import { formatKey, keyOf, type ObjectKey } from "../../kube/resource.ts";
import type { RoutingConfig } from "../types.ts";

/**
 * What a decision about Gateway API's objects looks up. The data plane and the controller that writes status each give
 * their own, so that what a status says is what the data plane does.
 */
export interface GatewayApiObjects {
  gatewayClass(name: string): GatewayClass | null;
  gateway(key: ObjectKey): ApiGateway | null;
  service(key: ObjectKey): KubeObject | null;
  /** Labels of a namespace; a namespace that is not there has none. */
  namespaceLabels(name: string): Readonly<Record<string, string>>;
  /** The grants in a namespace. */
  grants(namespace: string): readonly ReferenceGrant[];
}

export const GATEWAY_API_GROUP = "gateway.networking.k8s.io";

/** Istio's name, so that users' classes work unchanged, and our own. */
const CONTROLLER_NAMES: ReadonlySet<string> = new Set([
  "istio.io/gateway-controller",
  "fairway.dev/gateway-controller",
]);

export function isOwnController(name: string): boolean {
  return CONTROLLER_NAMES.has(name);
}

/** The controller under whose name we serve a class; null: the class is not ours, or is not there. */
export function controllerOf(gatewayClass: GatewayClass | null): string | null {
  const name = gatewayClass?.spec?.controllerName ?? "";
  return isOwnController(name) ? name : null;
}

export function objectsOf(config: RoutingConfig): GatewayApiObjects {
  const classes = byKey(config.gatewayClasses);
  const gateways = byKey(config.apiGateways);
  const services = byKey(config.services);
  const namespaces = byKey(config.namespaces);
  const grants = Map.groupBy(config.referenceGrants ?? [], ({ metadata }) => metadata.namespace ?? "");
  return {
    gatewayClass: (name) => classes.get(name) ?? null,
    gateway: (key) => gateways.get(formatKey(key)) ?? null,
    service: (key) => services.get(formatKey(key)) ?? null,
    namespaceLabels: (name) => namespaces.get(name)?.metadata.labels ?? {},
    grants: (namespace) => grants.get(namespace) ?? [],
  };
}

function byKey(objects: readonly KubeObject[] = []): ReadonlyMap<string, KubeObject> {
  return new Map(objects.map((object) => [formatKey(keyOf(object)), object]));
}
