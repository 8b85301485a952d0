import type { Deployment } from "../../../api/apps.ts";
import { resolveIntOrPercent } from "../../../base/int-or-percent.ts";

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== "Recreate";
}

/** Pods above `replicas` that an update may add. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? limits(deployment).surge : 0;
}

/** Pods below `replicas` that an update may leave unavailable. */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = deployment.spec.replicas ?? 1;
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(limits(deployment).unavailable, replicas);
}

/** Surge rounds up, unavailable down; were both 0, nothing could ever move, so one pod may be unavailable (K8S-213). */
function limits(deployment: Deployment): { surge: number; unavailable: number } {
  const { replicas = 1, strategy } = deployment.spec;
  const surge = resolveIntOrPercent(strategy?.rollingUpdate?.maxSurge ?? "25%", replicas, "up") ?? 0;
  const unavailable = resolveIntOrPercent(strategy?.rollingUpdate?.maxUnavailable ?? "25%", replicas, "down") ?? 0;
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
