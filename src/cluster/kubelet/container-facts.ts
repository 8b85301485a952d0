import type { Instant } from "../../base/time.ts";

/**
 * What the node knows of one container of a pod, in a form from which the status is rendered (`pod-status.ts`) and the
 * next action decided (`next-action.ts`). The worker of the pod replaces these values as things happen; nothing else does.
 */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerPhase;
  /** How the instance before this one ended. */
  readonly last: Terminated | null;
  readonly restartCount: number;
  /** The startup probe, or the image's listening hint, has passed; true at once where there is neither. */
  readonly isStarted: boolean;
  /** The readiness probe's last word; true without a probe. */
  readonly isReady: boolean;
  /** A waiting container, or an ended one that restarts, is started at this time. */
  readonly retryAt: Instant;
}

export type ContainerPhase = Waiting | Running | Terminated;

export interface Waiting {
  readonly kind: "waiting";
  readonly reason: string;
  readonly message: string | null;
}

export interface Running {
  readonly kind: "running";
  readonly containerId: string;
  readonly startedAt: Instant;
}

export interface Terminated {
  readonly kind: "terminated";
  readonly containerId: string;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string | null;
}

export interface PodFacts {
  /** Empty until the pod has one. */
  readonly podIp: string;
  readonly hostIp: string;
  readonly startedAt: Instant;
  readonly isDeleting: boolean;
  /** activeDeadlineSeconds has passed: everything is stopped and the pod has failed. */
  readonly isPastDeadline: boolean;
  readonly initContainers: readonly ContainerFacts[];
  readonly containers: readonly ContainerFacts[];
}

export function waiting(reason: string, message: string | null = null): Waiting {
  return { kind: "waiting", reason, message };
}
