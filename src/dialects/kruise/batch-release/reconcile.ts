import { deepCopy } from "../../../base/json.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import { emptyPlan, type Plan, type PlannedEvent, type Write } from "../../../runtime/plan.ts";
import { activeReplicaSets, templateHash } from "../../../workloads/deployment.ts";
import { desiredReplicas } from "../../../workloads/replicas.ts";
import { templateRevision } from "../../../workloads/template.ts";
import { finalizers } from "../keys.ts";
import { isDeploymentRef } from "../strategy.ts";
import type { BatchRelease, BatchReleaseStatus, BatchReleaseView } from "../types.ts";
import { finaliseRelease } from "./finalise.ts";
import { planHash } from "./plan-hash.ts";
import { prepare } from "./prepare.ts";
import { progressBatch } from "./progress.ts";
import { type BatchOutcome, withBatch } from "./status.ts";

/**
 * One pass over a BatchRelease (KRUISE section 7): Preparing → Progressing → Finalizing → Completed. Driven by
 * `spec.releasePlan.batchPartition`: a number is the batch to reach, absence the request to finish.
 *
 * The original looks again every 2 s; here the canary Deployment's and its pods' changes wake the key.
 */
export function reconcileBatchRelease(view: BatchReleaseView): Plan {
  const { release, stable } = view;
  const isDeleting = release.metadata.deletionTimestamp !== undefined;
  const hasFinalizer = release.metadata.finalizers?.includes(finalizers.batchRelease) ?? false;
  if (isDeleting && !hasFinalizer) return emptyPlan;
  if (!isDeleting && !hasFinalizer) return { ...emptyPlan, writes: [setFinalizers(release, "add")] };

  const unsupported = unsupportedRelease(release);
  if (unsupported !== null) {
    if (isDeleting) return { ...emptyPlan, writes: [setFinalizers(release, "remove")] };
    return report(view, unsupported);
  }
  const status = statusCopy(release);
  if (status.phase === "Completed" && view.canaries.every(isReleased)) {
    // Kept until now so that the canary outlives the release's end (KRUISE-203); garbage collection takes it.
    if (isDeleting) return { ...emptyPlan, writes: [setFinalizers(release, "remove")] };
    return settleBatch(view, { status });
  }
  const { batchPartition, batches = [] } = release.spec.releasePlan;
  if (isDeleting || batchPartition === undefined || !stable) return settleBatch(view, finaliseRelease(view, status));
  if (!status.phase) return settleBatch(view, { status: begin(view, status) });
  if (status.observedReleasePlanHash !== planHash(release.spec)) {
    return settleBatch(view, { status: replan(release, status) });
  }
  const isOutOfRange = (status.canaryStatus?.currentBatch ?? 0) >= batches.length;
  if (isOutOfRange) return settleBatch(view, { status: { ...status, message: "the release plan has no such batch" } });
  // Another template is another release: the Rollout decides what becomes of this one (KRUISE-202).
  if (templateRevision(stable.spec.template) !== status.updateRevision) return settleBatch(view, { status });
  if (desiredReplicas(stable) !== status.observedWorkloadReplicas) {
    const observedWorkloadReplicas = desiredReplicas(stable);
    return settleBatch(view, {
      status: withBatch({ ...status, observedWorkloadReplicas }, { batchState: "Upgrading" }),
    });
  }
  return settleBatch(
    view,
    status.phase === "Preparing" ? prepare(view, stable, status) : progressBatch(view, stable, status),
  );
}

function settleBatch({ release }: BatchReleaseView, { status, writes = [] }: BatchOutcome): Plan {
  const { generation = 0 } = release.metadata;
  const statusWrite = (next: BatchReleaseStatus) => ({
    type: resources.batchReleases,
    object: release,
    status: { ...next, observedGeneration: generation },
  });
  return {
    writes,
    status: statusWrite(status),
    events: [],
    requeueAt: null,
    // What the server refuses (a quota, an invalid template) is only in the original's log (BUG-10). The plan hash is
    // that of the status before, so nobody takes this status for progress.
    onRefusal: (_write, { message }) => ({ status: statusWrite({ ...statusCopy(release), message }), events: [] }),
  };
}

function statusCopy({ status }: BatchRelease): BatchReleaseStatus {
  return status ? deepCopy(status) : {};
}

function begin(view: BatchReleaseView, status: BatchReleaseStatus): BatchReleaseStatus {
  const { release, stable, stableReplicaSets } = view;
  const begun: BatchReleaseStatus = {
    ...status,
    phase: "Preparing",
    stableRevision: templateHash(activeReplicaSets(stableReplicaSets)[0] ?? null),
    updateRevision: stable ? templateRevision(stable.spec.template) : "",
    observedWorkloadReplicas: stable ? desiredReplicas(stable) : -1,
  };
  return replan(release, begun);
}

/** The plan says where to go at once, so batches in between are not passed one by one (KRUISE-202). */
function replan({ spec }: BatchRelease, status: BatchReleaseStatus): BatchReleaseStatus {
  const { batchPartition = 0, batches = [], rolloutID } = spec.releasePlan;
  const { batchReadyTime: _readyTime, ...batch } = status.canaryStatus ?? { currentBatch: 0 };
  const currentBatch = Math.max(0, Math.min(batchPartition, batches.length - 1));
  return {
    ...status,
    observedReleasePlanHash: planHash(spec),
    observedRolloutID: rolloutID ?? "",
    canaryStatus: { ...batch, currentBatch, batchState: "Upgrading" },
  };
}

function isReleased({ metadata }: { metadata: { finalizers?: string[] } }): boolean {
  return !(metadata.finalizers ?? []).includes(finalizers.canaryDeployment);
}

function setFinalizers(release: BatchRelease, change: "add" | "remove"): Write {
  const others = (release.metadata.finalizers ?? []).filter((finalizer) => finalizer !== finalizers.batchRelease);
  const next = change === "add" ? [...others, finalizers.batchRelease] : others;
  return {
    op: "patch",
    type: resources.batchReleases,
    key: keyOf(release),
    patch: { kind: "merge", body: { metadata: { finalizers: next } } },
    basedOn: release,
  };
}

function unsupportedRelease({ spec }: BatchRelease): string | null {
  const { workloadRef, releasePlan } = spec;
  if (!workloadRef) return "the workload type '' is not supported";
  if (!isDeploymentRef(workloadRef)) {
    const version = workloadRef.apiVersion.split("/").at(-1) ?? "";
    const group = workloadRef.apiVersion.includes("/") ? workloadRef.apiVersion.split("/")[0] : "";
    return `the workload type '${group}/${version}, Kind=${workloadRef.kind}' is not supported`;
  }
  if (!releasePlan.enableExtraWorkloadForCanary) return "this version of Fairway supports canary style only";
  return null;
}

function report(view: BatchReleaseView, message: string): Plan {
  const { release } = view;
  const plan = settleBatch(view, { status: { ...statusCopy(release), message } });
  if (release.status?.message === message) return plan;
  const event: PlannedEvent = { regarding: release, type: "Warning", reason: "UnsupportedWorkload", message };
  return { ...plan, events: [event] };
}
