import type { Deployment } from "../../../api/apps.ts";
import { resolveIntOrPercent } from "../../../base/int-or-percent.ts";
import { formatTime } from "../../../base/time.ts";
import { isObserved } from "../../../workloads/deployment.ts";
import { desiredReplicas, targetReplicas } from "../../../workloads/replicas.ts";
import { patchDeployment } from "../own-writes.ts";
import type { BatchReleaseStatus, BatchReleaseView } from "../types.ts";
import { labelPods } from "./pod-labels.ts";
import { currentCanary } from "./prepare.ts";
import { type BatchOutcome, withBatch } from "./status.ts";

/** Brings the current batch up and keeps looking at it: Upgrading → Verifying → Ready (KRUISE-201). */
export function progressBatch(view: BatchReleaseView, stable: Deployment, stored: BatchReleaseStatus): BatchOutcome {
  const canary = currentCanary(view, stable);
  // Deleted by hand: make it anew (INV-39).
  if (!canary) return { status: { ...stored, phase: "Preparing" } };

  const target = batchTarget(view, stable, stored);
  const status = observe(canary, stored);
  const isScaled = (canary.spec.replicas ?? 1) >= target;
  const isReady = isScaled && isBatchReady(view, canary, target);
  const labelling = labelPods(view, stable, status);

  switch (stored.canaryStatus?.batchState) {
    case "Ready":
      if (isReady) return { status, writes: labelling };
      return { status: withoutReadyTime(withBatch(status, { batchState: "Upgrading" })), writes: labelling };
    case "Verifying":
      if (!isScaled) return { status: withBatch(status, { batchState: "Upgrading" }), writes: labelling };
      if (!isReady) return { status, writes: labelling };
      return {
        status: withBatch(status, { batchState: "Ready", batchReadyTime: formatTime(view.now) }),
        writes: labelling,
      };
    default:
      if (isScaled) return { status: withBatch(status, { batchState: "Verifying" }), writes: labelling };
      // Only ever up: pods that serve are not taken away by an edited plan (KRUISE-213).
      return { status, writes: [patchDeployment(canary, { spec: { replicas: target } }), ...labelling] };
  }
}

function batchTarget({ release }: BatchReleaseView, stable: Deployment, status: BatchReleaseStatus): number {
  const batch = release.spec.releasePlan.batches?.[status.canaryStatus?.currentBatch ?? 0];
  return targetReplicas(batch?.canaryReplicas ?? 0, desiredReplicas(stable));
}

/** KRUISE-214; with the stable Deployment scaled to zero the target is 0 and the batch ready at once (KRUISE-218). */
function isBatchReady({ release }: BatchReleaseView, canary: Deployment, target: number): boolean {
  const { replicas = 0, availableReplicas = 0 } = canary.status ?? {};
  const threshold = release.spec.releasePlan.failureThreshold ?? 0; // Absent means none may fail (KRUISE-232).
  const tolerated = resolveIntOrPercent(threshold, replicas, "up") ?? 0;
  return (
    isObserved(canary) &&
    replicas >= target &&
    availableReplicas + tolerated >= target &&
    (target === 0 || availableReplicas >= 1)
  );
}

function observe(canary: Deployment, stored: BatchReleaseStatus): BatchReleaseStatus {
  const { message: _old, ...status } = stored;
  const { replicas = 0, availableReplicas = 0 } = canary.status ?? {};
  const observed = withBatch(status, { updatedReplicas: replicas, updatedReadyReplicas: availableReplicas });
  const trouble = troubleOf(canary);
  return trouble === null ? observed : { ...observed, message: trouble };
}

/** Why the canary's pods do not come, in the Deployment controller's words (INV-28, BUG-10). */
function troubleOf(canary: Deployment): string | null {
  const failure = canary.status?.conditions?.find(
    ({ type, status }) =>
      (type === "ReplicaFailure" && status === "True") || (type === "Progressing" && status === "False"),
  );
  return failure ? `Deployment ${canary.metadata.name}: ${failure.message ?? failure.reason ?? failure.type}` : null;
}

function withoutReadyTime(status: BatchReleaseStatus): BatchReleaseStatus {
  const { batchReadyTime: _readyTime, ...batch } = status.canaryStatus ?? { currentBatch: 0 };
  return { ...status, canaryStatus: batch };
}
