import type { Deployment } from "../../../api/apps.ts";
import type { Pod } from "../../../api/core.ts";
import { isPodActive } from "../../../kube/pods.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import type { Write } from "../../../runtime/plan.ts";
import { desiredReplicas, targetReplicas } from "../../../workloads/replicas.ts";
import { POD_TEMPLATE_HASH } from "../../../workloads/template.ts";
import { labels } from "../keys.ts";
import type { BatchReleaseStatus, BatchReleaseView } from "../types.ts";

/**
 * Tells each canary pod its release and its batch, from 1 (KRUISE-220). A batch takes as many pods as the plan adds in
 * it; pods without a label go to the highest batch that has room. The original leaves pods with patched metadata
 * unlabelled (KRUISE-221), so that `describe` shows none.
 */
export function labelPods(view: BatchReleaseView, stable: Deployment, status: BatchReleaseStatus): Write[] {
  const { releasePlan } = view.release.spec;
  const id = releasePlan.rolloutID ?? "";
  if (id === "") return [];
  const pods = view.canaryPods.filter(isPodActive);
  const room = roomByBatch(view, stable, status);
  const isLabelled = ({ metadata }: Pod) =>
    metadata.labels?.[labels.rolloutId] === id && batchOf(metadata.labels) !== null;
  for (const pod of pods.filter(isLabelled)) {
    const batch = batchOf(pod.metadata.labels ?? {}) ?? 0;
    room[batch - 1] = (room[batch - 1] ?? 0) - 1;
  }
  const writes: Write[] = [];
  for (const pod of pods.filter((candidate) => !isLabelled(candidate))) {
    const batch = room.findLastIndex((free) => free > 0) + 1;
    if (batch === 0) break;
    room[batch - 1]! -= 1;
    writes.push(labelPod(pod, { id, batch }));
  }
  return writes;
}

function batchOf(podLabels: Record<string, string>): number | null {
  const batch = Number(podLabels[labels.rolloutBatchId]);
  return Number.isInteger(batch) && batch >= 1 ? batch : null;
}

/** How many pods each batch up to the current one adds. */
function roomByBatch({ release }: BatchReleaseView, stable: Deployment, status: BatchReleaseStatus): number[] {
  const planned = (release.spec.releasePlan.batches ?? [])
    .slice(0, (status.canaryStatus?.currentBatch ?? 0) + 1)
    .map(({ canaryReplicas }) => targetReplicas(canaryReplicas, desiredReplicas(stable)));
  return planned.map((target, index) => Math.max(0, target - Math.max(0, ...planned.slice(0, index))));
}

function labelPod(pod: Pod, { id, batch }: { id: string; batch: number }): Write {
  const hash = pod.metadata.labels?.[labels.controllerRevisionHash] ?? pod.metadata.labels?.[POD_TEMPLATE_HASH];
  const added = {
    [labels.rolloutId]: id,
    [labels.rolloutBatchId]: String(batch),
    ...(hash === undefined ? {} : { [labels.controllerRevisionHash]: hash }),
  };
  return {
    op: "patch",
    type: resources.pods,
    key: keyOf(pod),
    patch: { kind: "merge", body: { metadata: { labels: added } } },
    basedOn: pod,
  };
}
