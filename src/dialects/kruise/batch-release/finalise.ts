import type { Deployment } from "../../../api/apps.ts";
import type { Write } from "../../../runtime/plan.ts";
import { isCompletelyUpdated } from "../../../workloads/deployment.ts";
import { annotations } from "../keys.ts";
import { patchDeployment } from "../own-writes.ts";
import type { BatchReleaseStatus, BatchReleaseView } from "../types.ts";
import { releaseCanary } from "./prepare.ts";
import type { BatchOutcome } from "./status.ts";

/**
 * Lets the stable Deployment go on and the canary go (KRUISE-216): resume → with WaitResume wait until stable is
 * completely updated → take our finalizer off the canary → Completed. The canary's pods run until the BatchRelease is
 * deleted, which is the Rollout's next step.
 */
export function finaliseRelease(view: BatchReleaseView, stored: BatchReleaseStatus): BatchOutcome {
  const { release, stable, canaries } = view;
  const { message: _old, ...rest } = stored;
  const status: BatchReleaseStatus = { ...rest, phase: "Finalizing" };
  const isDeleting = release.metadata.deletionTimestamp !== undefined;
  const isAskedToFinish = release.spec.releasePlan.batchPartition === undefined;

  // The Rollout takes its mark off before it asks us to finish. A mark that is (still) there means that our view is
  // old, or that a newer release has begun; in neither case may the Deployment go on now (KRUISE-286).
  const isMarked = Boolean(stable?.metadata.annotations?.[annotations.inProgressing]);
  if (isAskedToFinish && isMarked && !isDeleting) return { status };

  const resumes = isAskedToFinish && !isMarked;
  const letGo = stable ? letStableGo(stable, resumes) : [];
  if (letGo.length > 0) return { status, writes: letGo };

  const mustWait = resumes && !isDeleting && release.spec.releasePlan.finalizingPolicy !== "Immediate";
  if (stable && mustWait && !isCompletelyUpdated(stable)) return { status };

  const released = canaries.flatMap(releaseCanary);
  if (released.length > 0) return { status, writes: released };
  return { status: { ...status, phase: "Completed" } };
}

/** With batchPartition still set the release is merely given up: the Deployment stays paused (KRUISE-183). */
function letStableGo(stable: Deployment, resumes: boolean): Write[] {
  const isControlled = stable.metadata.annotations?.[annotations.controlInfo] !== undefined;
  const isHeld = resumes && stable.spec.paused === true;
  if (!isControlled && !isHeld) return [];
  return [
    patchDeployment(stable, {
      ...(isControlled ? { metadata: { annotations: { [annotations.controlInfo]: null } } } : {}),
      ...(isHeld ? { spec: { paused: false } } : {}),
    }),
  ];
}
