import type { Schema } from "../resource.ts";
import { atomic, int, list, long, map, str, struct, time } from "../schema/dsl.ts";

/** Shapes that several groups use. */

export const labelSelector: Schema = atomic(
  struct("LabelSelector", {
    matchLabels: map(str),
    matchExpressions: list(
      struct("LabelSelectorRequirement", { key: str, operator: str, values: list(str) }, ["key", "operator"]),
    ),
  }),
);

export const localReference: Schema = atomic(struct("LocalObjectReference", { name: str }));

export const granularObjectReference: Schema = struct("ObjectReference", {
  kind: str,
  namespace: str,
  name: str,
  uid: str,
  apiVersion: str,
  resourceVersion: str,
  fieldPath: str,
});

export const objectReference: Schema = atomic(granularObjectReference);

export const typedLocalReference: Schema = atomic(
  struct("TypedLocalObjectReference", { apiGroup: str, kind: str, name: str }, ["kind", "name"]),
);

export const typedReference: Schema = struct(
  "TypedObjectReference",
  { apiGroup: str, kind: str, name: str, namespace: str },
  ["kind", "name"],
);

export const crossVersionReference: Schema = atomic(
  struct("CrossVersionObjectReference", { kind: str, name: str, apiVersion: str }, ["kind", "name"]),
);

/** Every condition type of the built-in kinds has fields of this list. */
export function condition(name: string): Schema {
  return struct(
    name,
    {
      type: str,
      status: str,
      observedGeneration: long,
      lastProbeTime: time,
      lastHeartbeatTime: time,
      lastUpdateTime: time,
      lastTransitionTime: time,
      reason: str,
      message: str,
    },
    ["type", "status"],
  );
}

export const loadBalancerStatus: Schema = struct("LoadBalancerStatus", {
  ingress: list(
    struct("LoadBalancerIngress", {
      ip: str,
      hostname: str,
      ipMode: str,
      ports: list(struct("PortStatus", { port: int, protocol: str, error: str })),
    }),
  ),
});
