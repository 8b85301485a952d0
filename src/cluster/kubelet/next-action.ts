import type { Instant } from "../../base/time.ts";
import type { ContainerFacts, PodFacts } from "./container-facts.ts";
import type { Pod } from "./pod.ts";

export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** What the worker of a pod does now, and when it looks again although nothing happened. */
export interface NextAction {
  /** Names of the containers to start (again): one init container, or any number of the others. */
  readonly start: readonly string[];
  readonly wakeAt: Instant | null;
}

export function restartPolicyOf(pod: Pod): RestartPolicy {
  return pod.spec.restartPolicy ?? "Always";
}

/** Whether an ended container is started again (K8S-256). */
export function willRestart(facts: ContainerFacts, policy: RestartPolicy): boolean {
  if (facts.state.kind !== "terminated") return false;
  return policy === "Always" || (policy === "OnFailure" && facts.state.exitCode !== 0);
}

/**
 * Init containers run one after another, each to its successful end; then all containers start together (K8S-252,
 * K8S-256). A container that ended shows as waiting (CrashLoopBackOff) while its back-off lasts.
 */
export function nextAction(pod: Pod, facts: PodFacts, now: Instant): NextAction {
  if (facts.isDeleting || facts.isPastDeadline) return { start: [], wakeAt: null };

  const policy = restartPolicyOf(pod);
  const init = facts.initContainers.find(({ state }) => state.kind !== "terminated" || state.exitCode !== 0);
  const candidates = (init === undefined ? facts.containers : [init]).filter(
    (each) => each.state.kind === "waiting" || willRestart(each, policy),
  );
  const later = candidates.filter(({ retryAt }) => retryAt > now).map(({ retryAt }) => retryAt);
  return {
    start: candidates.filter(({ retryAt }) => retryAt <= now).map(({ name }) => name),
    wakeAt: later.length === 0 ? null : Math.min(...later),
  };
}

export interface BackoffSettings {
  readonly baseMs: number;
  readonly maxMs: number;
  /** A container that ran this long starts over with the shortest delay. */
  readonly resetMs: number;
}

/** The original waits 10 s … 5 min; on one machine a developer waits for it, so we begin at 1 s (K8S-256). */
export const defaultBackoff: BackoffSettings = { baseMs: 1_000, maxMs: 60_000, resetMs: 600_000 };

/** The delay before restart number `failures` (0-based): the first is immediate, then base, doubling up to the maximum. */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffSettings): number {
  return failures === 0 ? 0 : Math.min(maxMs, baseMs * 2 ** (failures - 1));
}

/** A duration as Go prints it, which is how back-off messages show it: `1s`, `1m20s`, `5m0s`. */
export function formatGoDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
