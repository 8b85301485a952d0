import type { KubeObject } from "../../api/meta.ts";
import { anObject, aService, type PodFixture } from "../fixture.ts";

/** Objects of Gateway API as a user writes them, without what the schema would add. For tests only. */

const VERSION = "gateway.networking.k8s.io/v1";

function inGroup(object: KubeObject, apiVersion = VERSION): KubeObject {
  return { ...object, apiVersion };
}

export const istioClass: KubeObject = {
  apiVersion: VERSION,
  kind: "GatewayClass",
  metadata: { name: "istio" },
  spec: { controllerName: "istio.io/gateway-controller" },
};

export function aListener(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: "http", port: 80, protocol: "HTTP", ...rest };
}

export function aGateway(
  listeners: readonly unknown[] = [aListener()],
  metadata: Partial<KubeObject["metadata"]> = {},
  spec: Record<string, unknown> = {},
): KubeObject {
  return inGroup(
    anObject("Gateway", metadata.name ?? "gw", { gatewayClassName: "istio", listeners, ...spec }, metadata),
  );
}

export function aRoute(
  rules: readonly unknown[],
  spec: Record<string, unknown> = {},
  metadata: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  const name = metadata.name ?? "route";
  return inGroup(anObject("HTTPRoute", name, { parentRefs: [{ name: "gw" }], rules, ...spec }, metadata));
}

export function aGrant(from: string, to: string, name?: string): KubeObject {
  return inGroup(
    anObject(
      "ReferenceGrant",
      "grant",
      {
        from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: from }],
        to: [{ group: "", kind: "Service", ...(name ? { name } : {}) }],
      },
      { namespace: to },
    ),
    "gateway.networking.k8s.io/v1beta1",
  );
}

/** `to("stable", {weight: 90})`: port 80 of a service. */
export function to(name: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, port: 80, ...rest };
}

export function path(value: string, type = "PathPrefix"): Record<string, unknown> {
  return { path: { type, value } };
}

/** Services of one pod each, of the same name; `empty` has none. */
export function services(): ReturnType<typeof aService>[] {
  const one = (name: string, namespace?: string) => {
    const pods: PodFixture[] = [{ name, labels: {} }];
    return aService(name, [80], pods, namespace);
  };
  return [
    ...["a", "b", "c", "stable", "canary"].map((name) => one(name)),
    aService("empty", [80], []),
    one("far", "other"),
  ];
}
