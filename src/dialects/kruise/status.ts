import { deepCopy } from "../../base/json.ts";
import { formatTime, type Instant } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import type { Plan, PlannedEvent, Write } from "../../runtime/plan.ts";
import { stepsOf } from "./strategy.ts";
import type { CanaryStatus, RolloutCondition, RolloutStatus, RolloutView, StepState } from "./types.ts";

/** Every text that a Rollout's status, conditions and events can show (KRUISE-010…017, 130…146). */
export const messages = {
  workloadNotFound: "Workload Not Found",
  healthy: "rollout is healthy",
  completedAtRest: "workload deployment is completed",
  disabling: "Disabling rollout, release resources",
  disabled: "Rollout is disabled",
  terminating: "Rollout is in terminating",
  progressing: "Rollout is in Progressing",
  rolledBack: "The workload has been rolled back and the rollout process will be canceled",
  continuous: "Workload is continuous release",
  paused: "Rollout has been paused, you can resume it by kube-cli",
  finalising: "Rollout has been completed and some closing work is being done",
  completed: "Rollout progressing has been completed",
  canceled: "Rollout progressing has been canceled",
  upgrading: (step: number, steps: number) =>
    `Rollout is in step(${step}/${steps}), and upgrade workload to new version`,
  needsApproval: (step: number, steps: number) =>
    `Rollout is in step(${step}/${steps}), and you need manually confirm to enter the next step`,
  waits: (step: number, steps: number, seconds: number) =>
    `Rollout is in step(${step}/${steps}), and wait duration(${seconds} seconds) to enter the next step`,
  elsewhere: (kind: string, name: string, namespace: string) => `; a ${kind} ${name} exists in namespace ${namespace}`,
  unsupported: (feature: string) =>
    `Rollout is inactive: this version of Fairway does not support ${feature}; the workload is left alone`,
  rival: (workload: string, rollout: string) =>
    `Rollout is inactive: ${workload} is already controlled by the older Rollout ${rollout}`,
} as const;

export const events = {
  stepUpgraded: (step: number) => `upgrade step(${step}) canary pods with new versions done`,
  continuous: "workload continuous publishing canaryRevision, then restart publishing",
  rolledBack: "workload has been rollback, then rollout is canceled",
} as const;

/** What a pass found out: the next status, and what else is to be done. `settle` turns it into a Plan. */
export interface Outcome {
  readonly status: RolloutStatus;
  readonly writes?: readonly Write[];
  readonly events?: readonly PlannedEvent[];
  readonly requeueAt?: Instant | null;
}

/** The stored status, or an empty one, as a copy to work on. */
export function statusCopy({ rollout }: RolloutView): RolloutStatus {
  return rollout.status ? deepCopy(rollout.status) : { currentStepIndex: 0, currentStepState: "" };
}

/** Turns an outcome into a plan. The step shown at the top is always a copy of the sub-status's (KRUISE 2.2). */
export function settle(
  view: RolloutView,
  { status, writes = [], events: planned = [], requeueAt = null }: Outcome,
): Plan {
  const { rollout } = view;
  const sub = status.canaryStatus;
  const next: RolloutStatus = {
    ...status,
    observedGeneration: rollout.metadata.generation ?? 0,
    currentStepIndex: sub?.currentStepIndex ?? 0,
    currentStepState: sub?.currentStepState ?? "",
  };
  return {
    writes,
    status: { type: resources.kruiseRollouts, object: rollout, status: next },
    events: planned,
    requeueAt,
  };
}

export function normalEvent({ rollout }: RolloutView, message: string): PlannedEvent {
  return { regarding: rollout, type: "Normal", reason: "Progressing", message };
}

export function conditionOf(status: RolloutStatus | undefined, type: string): RolloutCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with `change` in place. A change of nothing is no change; lastTransitionTime moves only with the
 * status, lastUpdateTime only with a condition's creation; the condition written goes to the end (KRUISE-014).
 */
export function withCondition(
  status: RolloutStatus,
  change: Pick<RolloutCondition, "type" | "status" | "reason" | "message">,
  { now, fresh = false }: { now: Instant; fresh?: boolean },
): RolloutStatus {
  const old = conditionOf(status, change.type);
  const isSame = old?.status === change.status && old.reason === change.reason && old.message === change.message;
  if (isSame && !fresh) return status;
  const time = formatTime(now);
  const lastUpdateTime = fresh ? time : (old?.lastUpdateTime ?? time);
  const lastTransitionTime = !fresh && old?.status === change.status ? (old.lastTransitionTime ?? time) : time;
  const others = (status.conditions ?? []).filter(({ type }) => type !== change.type);
  return { ...status, conditions: [...others, { ...change, lastUpdateTime, lastTransitionTime }] };
}

export function withoutCondition(status: RolloutStatus, type: string): RolloutStatus {
  if (!conditionOf(status, type)) return status;
  return { ...status, conditions: (status.conditions ?? []).filter((condition) => condition.type !== type) };
}

export type ProgressingReason = "Initializing" | "InRolling" | "Finalising" | "Completed" | "Cancelling" | "Paused";

/** Moves the Progressing condition; the Rollout's message follows it. Without a message the old ones stay. */
export function progress(
  status: RolloutStatus,
  reason: ProgressingReason,
  { now, message }: { now: Instant; message?: string },
): RolloutStatus {
  const next = withCondition(
    status,
    {
      type: "Progressing",
      status: reason === "Completed" ? "False" : "True",
      reason,
      message: message ?? conditionOf(status, "Progressing")?.message ?? "",
    },
    { now },
  );
  return message === undefined ? next : { ...next, message };
}

/** How the release ended; reason and message of this condition are empty (KRUISE-013). */
export function succeeded(status: RolloutStatus, isSuccess: boolean, now: Instant): RolloutStatus {
  const change = { type: "Succeeded", status: isSuccess ? "True" : "False", reason: "", message: "" } as const;
  return withCondition(status, change, { now });
}

/** The step under way; it is there whenever a release is past Initializing. */
export function withStep(status: RolloutStatus, change: Partial<CanaryStatus>): RolloutStatus {
  return status.canaryStatus ? { ...status, canaryStatus: { ...status.canaryStatus, ...change } } : status;
}

/**
 * No step is under way any more. The original leaves the step of a release that did not succeed behind, which `approve`
 * then mistakes for a pause (BUG-05, KRUISE-185).
 */
export function withStepAtRest(status: RolloutStatus, { rollout, workload }: RolloutView): RolloutStatus {
  return withStep(status, {
    currentStepIndex: stepsOf(rollout).length,
    nextStepIndex: -1,
    currentStepState: "Completed",
    canaryReplicas: 0,
    canaryReadyReplicas: 0,
    canaryRevision: workload?.revision ?? "",
  });
}

/** Enters a state of the step; lastUpdateTime is what pauses with a duration count from (KRUISE-155). */
export function enterState(status: RolloutStatus, state: StepState, now: Instant): RolloutStatus {
  return withStep(status, { currentStepState: state, lastUpdateTime: formatTime(now) });
}
