import type { Deployment } from "../../api/apps.ts";
import { deepEqual } from "../../base/json.ts";
import { keyOf, resources } from "../../kube/resource.ts";
import type { Write } from "../../runtime/plan.ts";
import { annotations, finalizers, GROUP, labels } from "./keys.ts";
import { rolloutHash, stepsOf } from "./strategy.ts";
import type { BatchRelease, BatchReleaseSpec, Rollout, RolloutStatus, RolloutView } from "./types.ts";

/** The writes of the Rollout reconciler besides its status: each states a whole fact, so repeating one is harmless. */

/** Finalizer and strategy hash on the Rollout itself; null when both are there (KRUISE-130). */
export function setOwnMetadata({ rollout }: RolloutView): Write | null {
  const present = rollout.metadata.finalizers ?? [];
  const hash = rolloutHash(rollout);
  const hasFinalizer = present.includes(finalizers.rollout);
  if (hasFinalizer && rollout.metadata.annotations?.[annotations.rolloutHash] === hash) return null;
  return patchMetadata(rollout, {
    annotations: { [annotations.rolloutHash]: hash },
    ...(hasFinalizer ? {} : { finalizers: [...present, finalizers.rollout] }),
  });
}

export function removeFinalizer(rollout: Rollout): Write {
  const left = (rollout.metadata.finalizers ?? []).filter((finalizer) => finalizer !== finalizers.rollout);
  return patchMetadata(rollout, { finalizers: left });
}

function patchMetadata(rollout: Rollout, metadata: Record<string, unknown>): Write {
  return {
    op: "patch",
    type: resources.kruiseRollouts,
    key: keyOf(rollout),
    patch: { kind: "merge", body: { metadata } },
    basedOn: rollout,
  };
}

/** Never removed again (KRUISE section 1). */
export function setWorkloadType(deployment: Deployment): Write | null {
  if (deployment.metadata.labels?.[labels.workloadType] !== undefined) return null;
  return patchDeployment(deployment, { metadata: { labels: { [labels.workloadType]: "deployment" } } });
}

export function patchDeployment(deployment: Deployment, body: Record<string, unknown>): Write {
  return {
    op: "patch",
    type: resources.deployments,
    key: keyOf(deployment),
    patch: { kind: "merge", body },
    basedOn: deployment,
  };
}

/** What the BatchRelease has to say while step `status.canaryStatus.currentStepIndex` is under way (KRUISE-200). */
export function wantedBatchReleaseSpec({ rollout, workload }: RolloutView, status: RolloutStatus): BatchReleaseSpec {
  const { canary } = rollout.spec.strategy;
  const batches = stepsOf(rollout).map(({ replicas }) => ({ canaryReplicas: replicas ?? 0 }));
  return {
    workloadRef: rollout.spec.workloadRef,
    releasePlan: {
      batches,
      batchPartition: (status.canaryStatus?.currentStepIndex ?? 1) - 1,
      rolloutID: workload?.rolloutId || status.canaryStatus?.canaryRevision || "",
      ...(canary?.failureThreshold === undefined ? {} : { failureThreshold: canary.failureThreshold }),
      ...(canary?.patchPodTemplateMetadata ? { patchPodTemplateMetadata: canary.patchPodTemplateMetadata } : {}),
      rollingStyle: "Canary",
      enableExtraWorkloadForCanary: true,
    },
  };
}

/** Creates the BatchRelease or brings it to `spec`; no write when it says so already. */
export function applyBatchRelease({ rollout, batchRelease }: RolloutView, spec: BatchReleaseSpec): Write[] {
  if (!batchRelease) return [{ op: "create", type: resources.batchReleases, object: newBatchRelease(rollout, spec) }];
  if (deepEqual(batchRelease.spec, spec)) return [];
  return [{ op: "update", type: resources.batchReleases, object: { ...batchRelease, spec } }];
}

function newBatchRelease(rollout: Rollout, spec: BatchReleaseSpec): BatchRelease {
  const { name, namespace, uid } = rollout.metadata;
  return {
    apiVersion: `${GROUP}/v1beta1`,
    kind: "BatchRelease",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [
        {
          apiVersion: rollout.apiVersion,
          kind: rollout.kind,
          name,
          uid: uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  };
}

export function deleteBatchRelease({ batchRelease }: RolloutView): Write[] {
  if (!batchRelease || batchRelease.metadata.deletionTimestamp !== undefined) return [];
  return [{ op: "delete", type: resources.batchReleases, object: batchRelease }];
}
