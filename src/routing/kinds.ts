import { type ResourceType, resources } from "../kube/resource.ts";
import type { RoutingConfig } from "./types.ts";

/** Where each list of a RoutingConfig comes from: what a proxy watches, and `explain` reads. */
export const routedKinds = {
  gateways: resources.gateways,
  virtualServices: resources.virtualServices,
  destinationRules: resources.destinationRules,
  ingresses: resources.ingresses,
  ingressClasses: resources.ingressClasses,
  gatewayClasses: resources.gatewayClasses,
  apiGateways: resources.apiGateways,
  httpRoutes: resources.httpRoutes,
  referenceGrants: resources.referenceGrants,
  namespaces: resources.namespaces,
  services: resources.services,
  endpointSlices: resources.endpointSlices,
  pods: resources.pods,
  swimLaneGroups: resources.swimLaneGroups,
  swimLanes: resources.swimLanes,
} as const satisfies Partial<Record<keyof RoutingConfig, ResourceType>>;

export type RoutedKind = keyof typeof routedKinds;
