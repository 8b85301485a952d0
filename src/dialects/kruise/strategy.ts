import { createHash } from "node:crypto";
import { canonicalJson } from "../../base/json.ts";
import { annotations } from "./keys.ts";
import type { BlueGreenStrategy, CanaryStrategy, Rollout, RolloutSpec, Step, WorkloadRef } from "./types.ts";

/** Readings of a Rollout's spec that admission and reconcilers share. */

export function strategyOf({ spec }: Rollout): CanaryStrategy | BlueGreenStrategy | null {
  return spec.strategy?.canary ?? spec.strategy?.blueGreen ?? null;
}

export function stepsOf(rollout: Rollout): readonly Step[] {
  return strategyOf(rollout)?.steps ?? [];
}

/** The next step's number (from 1), or −1 on the last step (KRUISE-017). */
export function nextStepIndex(rollout: Rollout, current: number): number {
  return current >= stepsOf(rollout).length ? -1 : current + 1;
}

export function groupOf(ref: WorkloadRef): string {
  const slash = ref.apiVersion.indexOf("/");
  return slash < 0 ? "" : ref.apiVersion.slice(0, slash);
}

/** The version of the reference does not matter (KRUISE-100). */
export function isDeploymentRef(ref: WorkloadRef): boolean {
  return ref.kind === "Deployment" && groupOf(ref) === "apps";
}

/** A canary Deployment beside the stable one, asked for or inferred (style-admission.ts); else partition style. */
export function hasExtraWorkload(rollout: Pick<Rollout, "metadata" | "spec">): boolean {
  const asked = rollout.spec.strategy.canary?.enableExtraWorkloadForCanary;
  return asked ?? (hasRecordedStyle(rollout) && leavesStyleOpen(rollout.spec));
}

export function hasRecordedStyle({ metadata }: Pick<Rollout, "metadata">): boolean {
  return metadata.annotations?.[annotations.effectiveStyle] === "canary";
}

/** Patches the pods of a canary Deployment without saying whether there is one (SEED-041). */
export function leavesStyleOpen({ workloadRef, strategy }: RolloutSpec): boolean {
  const canary = strategy?.canary;
  if (!canary || canary.enableExtraWorkloadForCanary !== undefined || !isDeploymentRef(workloadRef)) return false;
  const patch = canary.patchPodTemplateMetadata ?? {};
  return Object.keys({ ...patch.labels, ...patch.annotations }).length > 0;
}

/**
 * What this Rollout asks for that this version of Fairway cannot do; null when it can do everything. Such a Rollout is
 * stored like any other, but neither admission nor the reconciler touches its workload.
 */
export function unsupportedFeature(rollout: Rollout): string | null {
  const { workloadRef, strategy } = rollout.spec;
  if (strategy.blueGreen) return "blue-green releases";
  if (!isDeploymentRef(workloadRef)) return `releases of ${workloadRef.apiVersion} ${workloadRef.kind}`;
  if (strategy.canary && !hasExtraWorkload(rollout)) {
    return "partition style (strategy.canary.enableExtraWorkloadForCanary is not true)";
  }
  if ((strategy.canary?.trafficRoutings ?? []).length > 0) return "strategy.canary.trafficRoutings";
  if (strategy.canary?.trafficRoutingRef) return "strategy.canary.trafficRoutingRef";
  return null;
}

/** Equal for plans that mean the same work: pauses and the failure threshold may be edited freely (KRUISE-171). */
export function rolloutHash(rollout: Rollout): string {
  const { canary, blueGreen } = rollout.spec.strategy;
  return sha256(canonicalJson({ canary: planOf(canary), blueGreen: planOf(blueGreen) }));
}

function planOf(strategy: CanaryStrategy | BlueGreenStrategy | undefined): unknown {
  if (!strategy) return undefined;
  const { failureThreshold: _threshold, steps, ...rest } = strategy;
  return { ...rest, steps: steps?.map(({ pause: _pause, ...step }) => step) };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Of several Rollouts that name one workload the oldest governs it (INV-44). */
export function byAge(left: Rollout, right: Rollout): number {
  const [a, b] = [left, right].map(({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`);
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

/** Same group, kind and name; namespaces are the caller's to compare. */
export function isSameWorkload(left: WorkloadRef, right: WorkloadRef): boolean {
  return left.kind === right.kind && left.name === right.name && groupOf(left) === groupOf(right);
}
