import { deepEqual } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import type { Write } from "../../runtime/plan.ts";
import { annotations } from "./keys.ts";
import { deleteBatchRelease, patchDeployment } from "./own-writes.ts";
import { withStep } from "./status.ts";
import type { BatchRelease, RolloutStatus, RolloutView } from "./types.ts";

/**
 * Ending a release, however it ended (KRUISE section 9). Traffic steps are done at once here, since this version takes
 * no trafficRoutings; they keep their place in the order for the versions that will.
 */
const orders = {
  /** Success, disabling, deletion (KRUISE-280). */
  forward: [
    "RestoreStableService",
    "FinalisingStepRouteTrafficToStable",
    "RemoveCanaryService",
    "ResumeWorkload",
    "ReleaseWorkloadControl",
  ],
  /** Rollback (KRUISE-281). */
  rollback: [
    "FinalisingStepRouteTrafficToStable",
    "ResumeWorkload",
    "ReleaseWorkloadControl",
    "RestoreStableService",
    "RemoveCanaryService",
  ],
} as const;

type FinalisingStep = (typeof orders)[keyof typeof orders][number];

const END = "END";

export interface FinaliseOptions {
  readonly order: keyof typeof orders;
  /** WaitResume keeps the canary until the stable Deployment is completely updated (KRUISE-216). */
  readonly policy: "WaitResume" | "Immediate";
  /** The Deployment is let go of without being resumed (KRUISE-137, opt-in). */
  readonly keepsPaused?: boolean;
}

export interface Finalised {
  readonly isDone: boolean;
  readonly status: RolloutStatus;
  readonly writes: readonly Write[];
}

interface StepResult {
  readonly isDone: boolean;
  readonly writes: readonly Write[];
}

const done: StepResult = { isDone: true, writes: [] };

/** Something of a release is left on the workload or beside it, so it has to be ended before we let go. */
export function isReleaseUnderWay({ workload, batchRelease, rollout }: RolloutView): boolean {
  const step = rollout.status?.canaryStatus?.finalisingStep ?? "";
  return Boolean(workload?.isInProgressing) || batchRelease !== null || (step !== "" && step !== END);
}

/** Goes on with ending the release: from the recorded step to the first one that has to wait for something. */
export function finalise(view: RolloutView, status: RolloutStatus, options: FinaliseOptions): Finalised {
  const order = orders[options.order];
  const recorded = status.canaryStatus?.finalisingStep ?? "";
  if (recorded === END && !isReleaseUnderWay(view)) return { isDone: true, status, writes: [] };
  const start = Math.max(0, (order as readonly string[]).indexOf(recorded));
  for (const step of order.slice(start)) {
    const { isDone, writes } = runStep(step, view, options);
    if (!isDone) return { isDone: false, status: withStep(status, { finalisingStep: step }), writes };
  }
  return { isDone: true, status: withStep(status, { finalisingStep: END }), writes: [] };
}

function runStep(step: FinalisingStep, view: RolloutView, options: FinaliseOptions): StepResult {
  switch (step) {
    case "ResumeWorkload":
      return options.keepsPaused ? unmarkWorkload(view) : resumeWorkload(view, options.policy);
    case "ReleaseWorkloadControl":
      return view.batchRelease ? { isDone: false, writes: deleteBatchRelease(view) } : done;
    default:
      return done;
  }
}

/**
 * The mark goes first, since admission holds a marked Deployment paused. Then the BatchRelease lets the workload go on;
 * where it no longer can (it is gone, or was completed before a rollback came) we do it here, in the same write as the
 * mark's removal, so that no crash leaves a Deployment paused with nobody to resume it.
 */
function resumeWorkload({ workload, batchRelease }: RolloutView, policy: FinaliseOptions["policy"]): StepResult {
  const writes: Write[] = [];
  const isLeftToUs = batchRelease === null || isCompleted(batchRelease);
  const isPaused = workload?.deployment.spec.paused === true;
  if (workload && (workload.isInProgressing || (isLeftToUs && isPaused))) {
    const unmark = workload.isInProgressing ? { metadata: { annotations: { [annotations.inProgressing]: null } } } : {};
    const resume = isLeftToUs && isPaused ? { spec: { paused: false } } : {};
    writes.push(patchDeployment(workload.deployment, { ...unmark, ...resume }));
  }
  if (batchRelease && batchRelease.metadata.deletionTimestamp === undefined) {
    writes.push(...askToFinish(batchRelease, policy));
  }
  const isDone = writes.length === 0 && isLeftToUs;
  return { isDone, writes };
}

/** A BatchRelease that is deleted before it was asked to finish leaves the Deployment paused (KRUISE-183). */
function unmarkWorkload({ workload }: RolloutView): StepResult {
  if (!workload?.isInProgressing) return done;
  const unmark = { metadata: { annotations: { [annotations.inProgressing]: null } } };
  return { isDone: false, writes: [patchDeployment(workload.deployment, unmark)] };
}

/** Completed for the spec that it has now, not for an earlier one. */
function isCompleted({ status, metadata }: BatchRelease): boolean {
  return status?.phase === "Completed" && (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** `batchPartition` absent is the request to finish (KRUISE-216). */
function askToFinish(batchRelease: BatchRelease, policy: FinaliseOptions["policy"]): Write[] {
  const { batchPartition: _partition, ...plan } = batchRelease.spec.releasePlan;
  const spec = { ...batchRelease.spec, releasePlan: { ...plan, finalizingPolicy: policy } };
  if (deepEqual(batchRelease.spec, spec)) return [];
  return [{ op: "update", type: resources.batchReleases, object: { ...batchRelease, spec } }];
}
