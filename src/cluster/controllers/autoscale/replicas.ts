import type { Condition, KubeObject } from "../../../api/meta.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import { findCondition, isPodActive } from "../../../kube/pods.ts";

/** How many pods a metric asks for: the original's arithmetic (K8S-242), in thousandths of a unit throughout. */

/** A pod's measured value. */
export interface Sample {
  readonly value: number;
  readonly at: Instant;
  readonly windowMs: number;
}

/** How far the ratio may be from 1 before anything happens. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

/** `--horizontal-pod-autoscaler-cpu-initialization-period` of the original: CPU of a start-up tells nothing of load. */
const CPU_INITIALIZATION_MS = 5 * 60_000;
/** `--horizontal-pod-autoscaler-initial-readiness-delay` of the original. */
const INITIAL_READINESS_MS = 30_000;

export interface ReplicasInput {
  readonly pods: readonly KubeObject[];
  /** By pod name. */
  readonly samples: ReadonlyMap<string, Sample>;
  readonly isCpu: boolean;
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly now: Instant;
  /** Value over target for a set of pods; null: it cannot be told. */
  ratioOf(values: ReadonlyMap<string, number>): number | null;
  /** What a pod without a sample is taken to use while others use less than the target. */
  assumedValue(podName: string): number;
}

/** Why there is no answer, in the original's words. */
export type Replicas = { readonly replicas: number; readonly measured: ReadonlyMap<string, number> } | string;

/**
 * Pods that cannot be judged never enlarge a change: on the way down a pod without a sample counts as one at its target
 * and more, on the way up it and pods that are not ready count as idle; a change that this turns round does not happen.
 */
export function replicasOf(input: ReplicasInput): Replicas {
  const { currentReplicas, tolerance } = input;
  // Those that leave or have ended are no capacity, and what they still use is no demand.
  const pods = input.pods.filter(isPodActive);
  const { readyCount, ignored, missing } = groupPods(pods, input);
  const values = new Map<string, number>();
  for (const { metadata } of pods) {
    const sample = input.samples.get(metadata.name);
    if (sample && !ignored.has(metadata.name)) values.set(metadata.name, sample.value);
  }
  if (values.size === 0) return "did not receive metrics for any ready pods";
  const ratio = input.ratioOf(values);
  if (ratio === null) return "no metrics returned matched known pods";
  const measured = new Map(values);
  const stay = { replicas: currentReplicas, measured };

  const countsIgnored = ignored.size > 0 && ratio > 1;
  if (!countsIgnored && missing.size === 0) {
    if (isWithin(tolerance, perReplica(ratio, readyCount, currentReplicas))) return stay;
    return { replicas: ceil(ratio * readyCount), measured };
  }
  if (ratio < 1) for (const name of missing) values.set(name, input.assumedValue(name));
  if (ratio > 1) for (const name of missing) values.set(name, 0);
  if (countsIgnored) for (const name of ignored) values.set(name, 0);
  const cautious = input.ratioOf(values) ?? 1;
  const turnsRound = (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1);
  if (isWithin(tolerance, perReplica(cautious, values.size, currentReplicas)) || turnsRound) return stay;
  const replicas = ceil(cautious * values.size);
  const isAgainst = (cautious < 1 && replicas > currentReplicas) || (cautious > 1 && replicas < currentReplicas);
  return isAgainst ? stay : { replicas, measured };
}

/**
 * A release has more pods for a while than the size says: a Rollout's canary beside its full stable version (ARC-821), a
 * Deployment's surge. They carry a part of the demand and then go, so it is measured against the size. The original takes
 * the average of all pods here, and so calls a stable version well sized that could not carry the demand alone.
 */
function perReplica(ratio: number, podCount: number, currentReplicas: number): number {
  return podCount > currentReplicas ? (ratio * podCount) / currentReplicas : ratio;
}

function isWithin({ up, down }: Tolerance, ratio: number): boolean {
  return ratio >= 1 - down && ratio <= 1 + up;
}

/** What binary fractions add to a whole number must not become a pod. */
function ceil(value: number): number {
  return Math.ceil(value - 1e-9);
}

interface Groups {
  readonly readyCount: number;
  /** Not judged: not started, or CPU of a pod that is not ready yet. */
  readonly ignored: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

function groupPods(pods: readonly KubeObject[], { samples, isCpu, now }: ReplicasInput): Groups {
  const ignored = new Set<string>();
  const missing = new Set<string>();
  for (const pod of pods) {
    const { name } = pod.metadata;
    const { phase = "Pending" } = (pod["status"] ?? {}) as { phase?: string };
    const sample = samples.get(name);
    if (phase === "Pending") ignored.add(name);
    else if (!sample) missing.add(name);
    else if (isCpu && isStarting(pod, sample, now)) ignored.add(name);
  }
  return { readyCount: pods.length - ignored.size - missing.size, ignored, missing };
}

function isStarting(pod: KubeObject, sample: Sample, now: Instant): boolean {
  const ready = findCondition((pod["status"] as { conditions?: Condition[] } | undefined)?.conditions, "Ready");
  const startedAt = parseTime((pod["status"] as { startTime?: string } | undefined)?.startTime);
  if (!ready || startedAt === null) return true;
  const changedAt = parseTime(ready.lastTransitionTime) ?? startedAt;
  const isNotReady = ready.status === "False";
  if (startedAt + CPU_INITIALIZATION_MS > now) return isNotReady || sample.at < changedAt + sample.windowMs;
  return isNotReady && startedAt + INITIAL_READINESS_MS > changedAt;
}
