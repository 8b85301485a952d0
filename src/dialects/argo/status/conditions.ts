import { formatTime, type Instant } from "../../../base/time.ts";
import type { RolloutCondition, RolloutStatus } from "../types.ts";

export type ConditionType =
  | "Available"
  | "Progressing"
  | "Paused"
  | "Healthy"
  | "Completed"
  | "InvalidSpec"
  | "ReplicaFailure"
  /** Ours: traffic was set, and nobody tells when it is in force. Only there while that wait lasts. */
  | "TrafficSettling"
  /** Ours: why the routes cannot be as they should be. Only there while it is so. */
  | "TrafficRoutingError";

export interface ConditionChange {
  readonly type: ConditionType;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(status: RolloutStatus, type: ConditionType): RolloutCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

/** ARC-610: same status and reason is no change; the transition time is kept when only the reason changes. */
export function setCondition(status: RolloutStatus, change: ConditionChange, now: Instant): boolean {
  const old = conditionOf(status, change.type);
  if (old?.status === change.status && old.reason === change.reason) return false;
  putCondition(status, change, now);
  return true;
}

/** Writes the condition whatever there was, with a new lastUpdateTime. */
export function putCondition(status: RolloutStatus, change: ConditionChange, now: Instant): void {
  const old = conditionOf(status, change.type);
  const time = formatTime(now);
  const kept = old?.status === change.status ? old.lastTransitionTime : undefined;
  const { type, reason, message } = change;
  removeCondition(status, type);
  status.conditions = [
    ...(status.conditions ?? []),
    { type, status: change.status, lastUpdateTime: time, lastTransitionTime: kept ?? time, reason, message },
  ];
}

export function removeCondition(status: RolloutStatus, type: ConditionType): void {
  if (!conditionOf(status, type)) return;
  status.conditions = (status.conditions ?? []).filter((condition) => condition.type !== type);
}
