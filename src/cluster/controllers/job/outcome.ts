import type { Job } from "../../../api/batch.ts";
import type { Condition } from "../../../api/meta.ts";
import { addSeconds, type Instant, parseTime } from "../../../base/time.ts";
import { conditionsOf } from "../../../kube/pods.ts";
import { endedAt, restartsOf, type Tally } from "./tally.ts";

/** Whether a Job has succeeded or failed, and when a failed pod is tried again (K8S-237). */

/** Decided, though pods may still have to go. */
export type Verdict = Condition & { readonly type: "SuccessCriteriaMet" | "FailureTarget"; readonly status: "True" };

/** The condition that follows once no pod is left. */
export const FINAL = { SuccessCriteriaMet: "Complete", FailureTarget: "Failed" } as const;

/** K8S-187 */
const BACKOFF_LIMIT = 6;
/** K8S-237: 10 s, 20 s, 40 s … 6 min after failures in a row. */
const RETRY_BASE_SECONDS = 10;
const RETRY_MAX_SECONDS = 360;

/** What was decided before stands. */
export function verdictOf(job: Job, tally: Tally, now: Instant): Verdict | null {
  const stored = conditionsOf(job).find(isVerdict);
  return stored ?? unsupported(job) ?? failureOf(job, tally, now) ?? successOf(job, tally);
}

/** Complete or Failed: nothing about the Job changes any more. */
export function finalConditionOf(job: Job): Condition | undefined {
  return conditionsOf(job).find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
}

function isVerdict(condition: Condition): condition is Verdict {
  return condition.type in FINAL && condition.status === "True";
}

function failureOf(job: Job, tally: Tally, now: Instant): Verdict | null {
  if (isPastBackoffLimit(job, tally)) {
    return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  const deadline = deadlineOf(job);
  if (deadline !== null && deadline <= now) {
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  return null;
}

/** Pods that restart their containers in place never fail: their restarts count instead. */
function isPastBackoffLimit({ spec }: Job, { active, failed }: Tally): boolean {
  const { backoffLimit = BACKOFF_LIMIT, template } = spec;
  if (failed > backoffLimit) return true;
  if (template.spec["restartPolicy"] !== "OnFailure") return false;
  const restarts = active.reduce((sum, pod) => sum + restartsOf(pod), 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** Null without a deadline, and while the Job is suspended. */
export function deadlineOf({ spec, status }: Job): Instant | null {
  const { activeDeadlineSeconds, suspend = false } = spec;
  const isSuspended = suspend || conditionsOf({ status }).some(isSuspension);
  const startedAt = parseTime(status?.startTime);
  if (activeDeadlineSeconds === undefined || startedAt === null || isSuspended) return null;
  return addSeconds(startedAt, activeDeadlineSeconds);
}

export function isSuspension({ type, status }: Condition): boolean {
  return type === "Suspended" && status === "True";
}

function successOf({ spec: { completions } }: Job, { active, succeeded }: Tally): Verdict | null {
  const isDone = completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
  if (!isDone) return null;
  return {
    type: "SuccessCriteriaMet",
    status: "True",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
}

/** A Job that would run otherwise than its author meant fails at once, and says why. */
function unsupported({ spec }: Job): Verdict | null {
  const fields = ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes"];
  const used = fields.filter((name) => spec[name] !== undefined);
  if (spec.completionMode === "Indexed") used.unshift("completionMode Indexed");
  if (used.length === 0) return null;
  return failure("NotSupported", `The embedded cluster does not support ${used.join(", ")} of Jobs`);
}

function failure(reason: string, message: string): Verdict {
  return { type: "FailureTarget", status: "True", reason, message };
}

/** When the next pod may be made; the past when no pod has failed since the last success. */
export function retryAt({ succeededPods, failedPods }: Tally): Instant {
  const lastSuccess = Math.max(Number.NEGATIVE_INFINITY, ...succeededPods.map(endedAt));
  const failures = failedPods.map(endedAt).filter((at) => at > lastSuccess);
  if (failures.length === 0) return Number.NEGATIVE_INFINITY;
  const delay = Math.min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** (failures.length - 1));
  return addSeconds(Math.max(...failures), delay);
}
