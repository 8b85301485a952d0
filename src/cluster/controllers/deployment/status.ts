import type { Deployment, DeploymentStatus, ReplicaSet } from "../../../api/apps.ts";
import type { Condition } from "../../../api/meta.ts";
import { addSeconds, formatTime, type Instant, parseTime } from "../../../base/time.ts";
import { findCondition } from "../../../kube/pods.ts";
import { maxUnavailable } from "./limits.ts";
import { availableOf, sizeOf, sum } from "./rolling.ts";

/** Reasons of condition Progressing (K8S-217, K8S-220). */
const NEW_CREATED = "NewReplicaSetCreated";
const FOUND_NEW = "FoundNewReplicaSet";
const UPDATED = "ReplicaSetUpdated";
const NEW_AVAILABLE = "NewReplicaSetAvailable";
const TIMED_OUT = "ProgressDeadlineExceeded";
const PAUSED = "DeploymentPaused";
const RESUMED = "DeploymentResumed";

/** What the ReplicaSets of a Deployment are like at the end of a pass, as far as the view showed it. */
export interface Observed {
  readonly deployment: Deployment;
  readonly newReplicaSet: ReplicaSet | null;
  readonly old: readonly ReplicaSet[];
  readonly now: Instant;
}

/** Counts and condition Available (K8S-218, K8S-219); the other conditions as given. Zero counts are left out. */
export function countStatus(observed: Observed, conditions: readonly Condition[]): DeploymentStatus {
  const { deployment, newReplicaSet, old, now } = observed;
  const all = newReplicaSet ? [...old, newReplicaSet] : old;
  const available = sum(all, availableOf);
  const isEnough = available >= (deployment.spec.replicas ?? 1) - maxUnavailable(deployment);
  const availability = isEnough
    ? condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    : condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.");
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...count(
      "replicas",
      sum(all, (replicaSet) => replicaSet.status?.replicas ?? 0),
    ),
    ...count("updatedReplicas", newReplicaSet?.status?.replicas ?? 0),
    ...count(
      "readyReplicas",
      sum(all, (replicaSet) => replicaSet.status?.readyReplicas ?? 0),
    ),
    ...count("availableReplicas", available),
    ...count("unavailableReplicas", Math.max(0, sum(all, sizeOf) - available)),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
    conditions: [...put(conditions, availability, now)],
  };
}

/** `countStatus` plus what the rollout's progress says (K8S-220…222). */
export function rolloutStatus(observed: Observed, conditions: readonly Condition[]): DeploymentStatus {
  const { deployment, newReplicaSet, old, now } = observed;
  const status = countStatus(observed, conditions);
  const before = findCondition(conditions, "Progressing");
  const isDone = status.replicas === status.updatedReplicas && before?.reason === NEW_AVAILABLE;
  let next: readonly Condition[] = status.conditions ?? [];
  if (!hasDeadline(deployment)) next = next.filter(({ type }) => type !== "Progressing");
  else if (!isDone) next = withProgress(observed, status, before, next);

  const failure = failureOf(newReplicaSet, old);
  next = failure ? put(next, failure, now) : next.filter(({ type }) => type !== "ReplicaFailure");
  return { ...status, conditions: [...next] };
}

function withProgress(
  { deployment, newReplicaSet, now }: Observed,
  status: DeploymentStatus,
  before: Condition | undefined,
  conditions: readonly Condition[],
): readonly Condition[] {
  const subject = newReplicaSet
    ? `ReplicaSet "${newReplicaSet.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const done = condition("Progressing", "True", NEW_AVAILABLE, `${subject} has successfully progressed.`);
    return put(conditions, done, now);
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    const moving = condition("Progressing", "True", UPDATED, `${subject} is progressing.`);
    // Each bit of progress renews lastUpdateTime, from which the deadline counts, so the old one goes first.
    const others = conditions.filter(({ type }) => type !== "Progressing");
    const since = before?.status === "True" ? before.lastTransitionTime : undefined;
    return [...others, stamped(moving, now, since)];
  }
  if (hasTimedOut(deployment, before, now)) {
    return put(conditions, condition("Progressing", "False", TIMED_OUT, `${subject} has timed out progressing.`), now);
  }
  return conditions;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { replicas = 1 } = deployment.spec;
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const oldPods = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldPods(after) < oldPods(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, progressing: Condition | undefined, now: Instant): boolean {
  if (!progressing || progressing.reason === NEW_AVAILABLE) return false;
  if (progressing.reason === TIMED_OUT) return true;
  const deadline = deadlineOf(deployment, progressing);
  return deadline !== null && now > deadline;
}

/** When to look again although nothing changes: a second after the progress deadline. */
export function nextDeadline(deployment: Deployment, status: DeploymentStatus): Instant | null {
  const progressing = findCondition(status.conditions, "Progressing");
  if (!progressing || isComplete(deployment, status)) return null;
  if (progressing.reason === TIMED_OUT || progressing.reason === NEW_AVAILABLE) return null;
  const deadline = deadlineOf(deployment, progressing);
  return deadline === null ? null : addSeconds(deadline, 1);
}

function deadlineOf(deployment: Deployment, progressing: Condition): Instant | null {
  const since = parseTime(progressing.lastUpdateTime);
  if (!hasDeadline(deployment) || since === null) return null;
  return addSeconds(since, deployment.spec.progressDeadlineSeconds ?? 0);
}

/** No deadline, no condition Progressing: MaxInt32 is how clients say "none". */
function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2 ** 31 - 1;
}

/** Conditions once it is known whether the Deployment is paused (K8S-217). */
export function pausedConditions(deployment: Deployment, now: Instant): readonly Condition[] {
  const conditions = deployment.status?.conditions ?? [];
  const before = findCondition(conditions, "Progressing");
  if (!hasDeadline(deployment) || before?.reason === TIMED_OUT) return conditions;
  const wasPaused = before?.reason === PAUSED;
  if (deployment.spec.paused && !wasPaused) {
    return put(conditions, condition("Progressing", "Unknown", PAUSED, "Deployment is paused"), now);
  }
  if (!deployment.spec.paused && wasPaused) {
    return put(conditions, condition("Progressing", "Unknown", RESUMED, "Deployment is resumed"), now);
  }
  return conditions;
}

export function withNewCreated(observed: Deployment, name: string, conditions: readonly Condition[], now: Instant) {
  if (!hasDeadline(observed)) return conditions;
  return put(conditions, condition("Progressing", "True", NEW_CREATED, `Created new replica set "${name}"`), now);
}

/** K8S-222: only where no rollout was watched before. */
export function withNewFound(observed: Deployment, name: string, conditions: readonly Condition[], now: Instant) {
  if (!hasDeadline(observed) || findCondition(conditions, "Progressing")) return conditions;
  return put(conditions, condition("Progressing", "True", FOUND_NEW, `Found new replica set "${name}"`), now);
}

export function withCreateFailed(observed: Deployment, message: string, now: Instant): readonly Condition[] {
  const conditions = observed.status?.conditions ?? [];
  if (!hasDeadline(observed)) return conditions;
  return put(conditions, condition("Progressing", "False", "ReplicaSetCreateError", message), now);
}

function failureOf(newReplicaSet: ReplicaSet | null, old: readonly ReplicaSet[]): Condition | null {
  for (const replicaSet of newReplicaSet ? [newReplicaSet, ...old] : old) {
    const failed = findCondition(replicaSet.status?.conditions, "ReplicaFailure");
    if (failed) return condition("ReplicaFailure", failed.status, failed.reason ?? "", failed.message ?? "");
  }
  return null;
}

function condition(type: string, status: Condition["status"], reason: string, message: string): Condition {
  return { type, status, reason, message };
}

/**
 * The conditions with this one at the end, as the original orders them; unchanged when status and reason are the same.
 * lastTransitionTime follows the status, lastUpdateTime every change.
 */
function put(conditions: readonly Condition[], next: Condition, now: Instant): readonly Condition[] {
  const before = findCondition(conditions, next.type);
  if (before?.status === next.status && before.reason === next.reason) return conditions;
  const since = before?.status === next.status ? before.lastTransitionTime : undefined;
  return [...conditions.filter(({ type }) => type !== next.type), stamped(next, now, since)];
}

function stamped(next: Condition, now: Instant, since: string | undefined): Condition {
  return { ...next, lastUpdateTime: formatTime(now), lastTransitionTime: since ?? formatTime(now) };
}

function count<Name extends keyof DeploymentStatus>(name: Name, value: number): { [name in Name]?: number } {
  return (value === 0 ? {} : { [name]: value }) as { [name in Name]?: number };
}
