import type { Job, JobStatus } from "../../../api/batch.ts";
import type { Condition } from "../../../api/meta.ts";
import { addSeconds, formatTime, type Instant, parseTime } from "../../../base/time.ts";
import { conditionsOf, isTerminating, setCondition } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import { emptyPlan, type Plan, type PlannedEvent } from "../../../runtime/plan.ts";
import { claim } from "../ownership.ts";
import {
  createPods,
  deletePods,
  normalEvent,
  PODS_PER_PASS_MAX,
  type PodWrites,
  refusalEvents,
} from "../pod-writes.ts";
import { inDeletionOrder } from "../replica-set/deletion-order.ts";
import { deadlineOf, FINAL, finalConditionOf, isSuspension, retryAt, type Verdict, verdictOf } from "./outcome.ts";
import { type Tally, tallyOf } from "./tally.ts";
import type { JobView } from "./view.ts";

/** Makes pods until enough have succeeded or too many have failed; pods that ended stay (K8S-237). */
export function reconcile(view: JobView): Plan {
  const { job, now } = view;
  const final = finalConditionOf(job);
  if (final) return expire(job, final, now);
  const owner = { type: resources.jobs, object: job, selector: job.spec.selector ?? {} };
  const { claimed, writes: claims } = claim(owner, resources.pods, view.candidates);
  const tally = tallyOf(job, claimed);
  const { writes, events, status, requeueAt } = decide(view, tally);
  const statusWrite = { type: resources.jobs, object: job, status };
  return {
    writes: [...claims, ...writes],
    status: statusWrite,
    events,
    requeueAt,
    onRefusal: (write, error) => ({ status: statusWrite, events: refusalEvents(job, write, error.message) }),
  };
}

/** ttlSecondsAfterFinished: the Job goes, and its pods before it. */
function expire(job: Job, final: Condition, now: Instant): Plan {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined || isTerminating(job)) return emptyPlan;
  const at = addSeconds(parseTime(final.lastTransitionTime) ?? now, ttlSecondsAfterFinished);
  if (at > now) return { ...emptyPlan, requeueAt: at };
  return {
    ...emptyPlan,
    writes: [{ op: "delete", type: resources.jobs, object: job, propagationPolicy: "Foreground" }],
  };
}

interface Decision extends PodWrites {
  readonly status: JobStatus;
  readonly requeueAt: Instant | null;
}

function decide(view: JobView, tally: Tally): Decision {
  const { job, now } = view;
  if (isTerminating(job)) return { writes: [], events: [], status: statusOf(job, tally), requeueAt: null };
  const verdict = verdictOf(job, tally, now);
  if (verdict) return end(view, tally, verdict);
  return job.spec.suspend ? suspend(view, tally) : run(view, tally);
}

/**
 * The verdict is recorded before the pods that are no longer wanted go: the deletes rest on it, and a crash between them
 * must not leave it to what the remaining pods happen to show.
 */
function end({ job, now }: JobView, tally: Tally, verdict: Verdict): Decision {
  const isRecorded = conditionsOf(job).some(({ type }) => type === verdict.type);
  const decided = setCondition(job.status?.conditions, verdict, now);
  if (tally.active.length > 0 || tally.terminating > 0) {
    const { writes, events } = isRecorded ? deletePods(job, tally.active) : { writes: [], events: [] };
    // Pods that a failure cuts short have failed with it.
    const cut = verdict.type === "FailureTarget" && !isRecorded ? tally.active.length : 0;
    const status = statusOf(job, { ...tally, failed: tally.failed + cut }, { conditions: decided });
    return { writes, events, status, requeueAt: null };
  }
  const final: Condition = { ...verdict, type: FINAL[verdict.type], lastTransitionTime: formatTime(now) };
  const status = statusOf(job, tally, {
    startTime: job.status?.startTime ?? formatTime(now),
    ...(final.type === "Complete" ? { completionTime: formatTime(now) } : {}),
    conditions: setCondition(decided, final, now),
  });
  return { writes: [], events: [endEvent(job, final)], status, requeueAt: null };
}

function endEvent(job: Job, { type, reason = "", message = "" }: Condition): PlannedEvent {
  if (type === "Complete") return normalEvent(job, "Completed", "Job completed");
  return { regarding: job, type: "Warning", reason, message };
}

function suspend({ job, now }: JobView, tally: Tally): Decision {
  const { writes, events } = deletePods(job, tally.active);
  const isNew = !conditionsOf(job).some(isSuspension);
  const suspended = suspension("True", "JobSuspended", "Job suspended");
  return {
    writes,
    events: isNew ? [...events, normalEvent(job, "Suspended", "Job suspended")] : events,
    status: statusOf(job, tally, { conditions: setCondition(job.status?.conditions, suspended, now) }),
    requeueAt: null,
  };
}

function run(view: JobView, tally: Tally): Decision {
  const { job, now } = view;
  const isResumed = conditionsOf(job).some(isSuspension);
  const { writes, events } = resize(view, tally);
  const resumed = suspension("False", "JobResumed", "Job resumed");
  const status = statusOf(job, tally, {
    // A resumed Job has its whole deadline again.
    startTime: (isResumed ? undefined : job.status?.startTime) ?? formatTime(now),
    ...(isResumed ? { conditions: setCondition(job.status?.conditions, resumed, now) } : {}),
  });
  const later = [deadlineOf({ ...job, status }), missingPods(job, tally) > 0 ? retryAt(tally) : null];
  const times = later.filter((at) => at !== null && at > now) as Instant[];
  return {
    writes,
    events: isResumed ? [...events, normalEvent(job, "Resumed", "Job resumed")] : events,
    status,
    requeueAt: times.length === 0 ? null : Math.min(...times),
  };
}

function suspension(status: "True" | "False", reason: string, message: string): Condition {
  return { type: "Suspended", status, reason, message };
}

function resize({ job, names, now }: JobView, tally: Tally): PodWrites {
  const missing = missingPods(job, tally);
  if (missing > 0) return createPods(resources.jobs, job, retryAt(tally) > now ? [] : names.slice(0, missing));
  const surplus = Math.max(0, tally.active.length - wantedPods(job, tally));
  const order = inDeletionOrder(tally.active, tally.active, now);
  return deletePods(job, order.slice(0, Math.min(surplus, PODS_PER_PASS_MAX)));
}

function missingPods(job: Job, tally: Tally): number {
  const leaving = job.spec.podReplacementPolicy === "Failed" ? tally.terminating : 0;
  return Math.max(0, wantedPods(job, tally) - tally.active.length - leaving);
}

/** Once a pod of a work queue has succeeded, the queue is empty: the others end by themselves. */
function wantedPods({ spec }: Job, { active, succeeded }: Tally): number {
  const { completions, parallelism = 1 } = spec;
  if (completions !== undefined) return Math.max(0, Math.min(completions - succeeded, parallelism));
  return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
}

type Progress = Partial<Pick<JobStatus, "startTime" | "completionTime">> & {
  readonly conditions?: readonly Condition[];
};

/** `progress` replaces what was recorded. Zero counts are left out, but for those that the original always shows. */
function statusOf({ status = {} }: Job, tally: Tally, progress: Progress = {}): JobStatus {
  const { startTime = status.startTime, completionTime, conditions = status.conditions ?? [] } = progress;
  return {
    ...(conditions.length > 0 ? { conditions: [...conditions] } : {}),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(tally.active.length > 0 ? { active: tally.active.length } : {}),
    ...(tally.succeeded > 0 ? { succeeded: tally.succeeded } : {}),
    ...(tally.failed > 0 ? { failed: tally.failed } : {}),
    ready: tally.ready,
    terminating: tally.terminating,
    uncountedTerminatedPods: {},
  };
}
