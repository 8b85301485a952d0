import type { PlannedEvent } from "../../runtime/plan.ts";
import { desiredReplicas } from "../../workloads/replicas.ts";
import { messages, type Outcome, statusCopy, withCondition, withoutCondition, withStep } from "./status.ts";
import { stepsOf } from "./strategy.ts";
import type { RolloutStatus, RolloutView, WorkloadView } from "./types.ts";

/** Phase Healthy: nothing is being released, until admission marks the workload (KRUISE-133, KRUISE-134). */
export function restAtHealthy(view: RolloutView, workload: WorkloadView): Outcome {
  const status = statusCopy(view);
  if (workload.isInProgressing) return { status: beginProgressing(status, view) };
  if (!status.canaryStatus) return { status: atRest(status, view, workload), events: [] };
  if (status.canaryStatus.canaryRevision !== workload.revision) return passedUngated(status, view, workload);
  return { status: withWorkloadObserved(status, workload) };
}

/** `status.message` keeps its old text until the release rolls (KRUISE-134). */
function beginProgressing(status: RolloutStatus, { now }: RolloutView): RolloutStatus {
  const condition = {
    type: "Progressing",
    status: "True",
    reason: "Initializing",
    message: messages.progressing,
  } as const;
  const cleared = withoutCondition(withoutCondition(status, "Succeeded"), "NotIntercepted");
  return { ...withCondition(cleared, condition, { now, fresh: true }), phase: "Progressing" };
}

/** Filled in as if a release had just ended (KRUISE-133). */
function atRest(status: RolloutStatus, { rollout }: RolloutView, workload: WorkloadView): RolloutStatus {
  return {
    ...status,
    message: messages.completedAtRest,
    canaryStatus: {
      observedWorkloadGeneration: workload.deployment.metadata.generation ?? 0,
      observedRolloutID: workload.rolloutId || workload.revision,
      stableRevision: workload.stableRevision,
      canaryRevision: workload.revision,
      currentStepIndex: stepsOf(rollout).length,
      nextStepIndex: -1,
      currentStepState: "Completed",
      finalisingStep: "",
      canaryReplicas: 0,
      canaryReadyReplicas: 0,
    },
  };
}

/** Refreshed while the workload is the one that the sub-status speaks of (KRUISE-138). */
export function withWorkloadObserved(status: RolloutStatus, workload: WorkloadView): RolloutStatus {
  if (status.canaryStatus?.canaryRevision !== workload.revision) return status;
  return withStep(status, {
    observedWorkloadGeneration: workload.deployment.metadata.generation ?? 0,
    observedRolloutID: workload.rolloutId || workload.revision,
  });
}

/** A new template went past admission. The original says nothing (BUG-09); users wonder where their canary is. */
function passedUngated(status: RolloutStatus, view: RolloutView, workload: WorkloadView): Outcome {
  const reason = reasonOfPassing(status, workload);
  const message = `Deployment ${workload.deployment.metadata.name} changed without a canary release: ${reason}`;
  const noted = withCondition(
    status,
    { type: "NotIntercepted", status: "True", reason: "NotIntercepted", message },
    { now: view.now },
  );
  const event: PlannedEvent = { regarding: view.rollout, type: "Warning", reason: "NotIntercepted", message };
  const observed = withStep(noted, { canaryRevision: workload.revision, stableRevision: workload.stableRevision });
  return { status: withWorkloadObserved(observed, workload), events: [event] };
}

function reasonOfPassing(status: RolloutStatus, { deployment, rolloutId }: WorkloadView): string {
  if (desiredReplicas(deployment) === 0) return "it was scaled to zero";
  if (rolloutId !== "" && rolloutId === status.canaryStatus?.observedRolloutID) {
    return `its rollout-id is still ${JSON.stringify(rolloutId)}`;
  }
  return "it had no active ReplicaSet, the Rollout was disabled, or the update came from before the Rollout";
}
