import type { Deployment } from "../api/apps.ts";
import { type IntOrPercent, resolveIntOrPercent } from "../base/int-or-percent.ts";

/** How many of `total` pods a step asks for: a percentage rounds up, and never more than all (KRUISE-213). */
export function targetReplicas(wanted: IntOrPercent, total: number): number {
  return Math.max(0, Math.min(total, resolveIntOrPercent(wanted, total, "up") ?? 0));
}

/** A Deployment without `replicas` has one pod (K8S-185). */
export function desiredReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

/** Pods that a rolling update may take away; 25 % where nothing is said, as in Kubernetes (K8S-213). */
export function maxUnavailable(deployment: Deployment): number {
  const { strategy } = deployment.spec;
  const total = desiredReplicas(deployment);
  if (strategy?.type === "Recreate") return total;
  const unavailable = resolveIntOrPercent(strategy?.rollingUpdate?.maxUnavailable ?? "25%", total, "down") ?? 0;
  const surge = resolveIntOrPercent(strategy?.rollingUpdate?.maxSurge ?? "25%", total, "up") ?? 0;
  // Both zero would forbid any progress; Kubernetes then lets one pod go.
  return Math.min(total, unavailable === 0 && surge === 0 ? 1 : unavailable);
}
