import type { Instant } from "../base/time.ts";

/** What pods and the node use: the kubelet measures, autoscaling and `kubectl top` ask. */

/** An average over the window that ended at `at`. */
export interface Measured {
  readonly at: Instant;
  readonly windowMs: number;
}

export interface Usage {
  /** Billionths of a core. */
  readonly cpuNanos: number;
  /** Resident memory at the end of the window. */
  readonly memoryBytes: number;
}

export interface PodUsage extends Measured {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly creationTimestamp: string | undefined;
  /** Those that run; a pod is listed once all of them were measured. */
  readonly containers: readonly (Usage & { readonly name: string })[];
}

export interface NodeUsage extends Measured, Usage {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface UsageSnapshot {
  readonly pods: readonly PodUsage[];
  readonly node: NodeUsage | null;
  /** Measuring has only begun: ask again then. */
  readonly pendingUntil: Instant | null;
  /** Why nothing can be measured here; null: it can. */
  readonly problem: string | null;
}

/** To ask is to keep the measuring going for a while: where nobody asks, nothing is measured. */
export interface UsageSource {
  /** What was measured last. */
  snapshot(): UsageSnapshot;
  /** The same, but waits for the first measurement where it has only begun. */
  whenMeasured(): Promise<UsageSnapshot>;
}
