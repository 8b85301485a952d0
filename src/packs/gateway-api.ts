import { gatewayApiCrds } from "../dialects/gateway-api/schema.ts";
import { resources } from "../kube/resource.ts";
import type { Pack } from "./pack.ts";

/** Gateway API: gateway.networking.k8s.io. The original has no webhook: what it refuses, its schemas refuse. */
export const gatewayApiPack: Pack = {
  name: "gateway-api",
  crds: gatewayApiCrds,
  converters: {},
  admission: [],
  objects: [
    // The class that manifests for Istio name, and one of our own name.
    aClass("istio", "istio.io/gateway-controller"),
    aClass("fairway", "fairway.dev/gateway-controller"),
  ],
};

function aClass(name: string, controllerName: string): NonNullable<Pack["objects"]>[number] {
  const apiVersion = "gateway.networking.k8s.io/v1";
  const spec = { controllerName, description: "Fairway's gateway proxy" };
  return { type: resources.gatewayClasses, object: { apiVersion, kind: "GatewayClass", metadata: { name }, spec } };
}
