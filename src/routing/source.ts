import type { KubeObject } from "../api/meta.ts";
import type { Source } from "./types.ts";

/** A pod as the sender or receiver of requests. */
export function sourceOfPod(pod: KubeObject, kind: Source["kind"] = "pod"): Source {
  const { namespace = "", name, labels = {} } = pod.metadata;
  return { kind, namespace, name, labels, workload: workloadOf(pod) };
}

/**
 * The workload that telemetry names (MESH section 18.2): the controller, and for a ReplicaSet what stands above it,
 * found by cutting the template hash off, as Istio does. A label overrides both.
 */
export function workloadOf(pod: KubeObject): string {
  const { name, labels = {}, ownerReferences = [] } = pod.metadata;
  const override = labels["service.istio.io/workload-name"];
  if (override) return override;
  const owner = ownerReferences.find(({ controller }) => controller);
  if (!owner) return name;
  if (owner.kind !== "ReplicaSet") return owner.name;
  const hash = labels["rollouts-pod-template-hash"] ?? labels["pod-template-hash"];
  return hash && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : owner.name;
}
