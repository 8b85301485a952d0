import { type ResourceType, resources } from "../../kube/resource.ts";

function route(version: string, kind: string): ResourceType {
  return { group: "gateway.networking.k8s.io", version, kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
}

/** The routes of the Gateway API whose backends have weights, by the word that configurations use for them. */
export const routeKinds = {
  httpRoute: resources.httpRoutes,
  grpcRoute: route("v1", "GRPCRoute"),
  tcpRoute: route("v1alpha2", "TCPRoute"),
  tlsRoute: route("v1alpha2", "TLSRoute"),
} as const;

export type RouteWord = keyof typeof routeKinds;

export const routeWords = Object.keys(routeKinds) as readonly RouteWord[];
