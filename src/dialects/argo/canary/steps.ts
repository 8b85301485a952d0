import type { CanaryStrategy, Rollout, RolloutStatus, Step } from "../types.ts";

/** Where a Rollout stands in its list of steps, and what the steps so far ask for. Indices count from 0. */

export function stepsOf({ spec }: Pick<Rollout, "spec">): readonly Step[] {
  return spec.strategy?.canary?.steps ?? [];
}

/** The number of steps when all are done; null without steps. Whatever is stored, it is a place in the list. */
export function stepIndex(rollout: Pick<Rollout, "spec">, status: RolloutStatus | undefined): number | null {
  const steps = stepsOf(rollout);
  if (steps.length === 0) return null;
  return Math.max(0, Math.min(status?.currentStepIndex ?? 0, steps.length));
}

/** Null when all steps are done, or there are none. */
export function currentStep(rollout: Pick<Rollout, "spec">, status: RolloutStatus | undefined): Step | null {
  const index = stepIndex(rollout, status);
  return index === null ? null : (stepsOf(rollout)[index] ?? null);
}

/** The nearest setWeight at or before `index`; `none` when there is no such step. */
export function weightAt(steps: readonly Step[], index: number, none = 0): number {
  for (let at = Math.min(index, steps.length - 1); at >= 0; at--) {
    const weight = steps[at]?.setWeight;
    if (weight !== undefined) return weight;
  }
  return none;
}

/** ARC-073: the latest setCanaryScale that counts; null when the weight decides about the number of pods. */
export function canaryScaleAt(steps: readonly Step[], index: number): NonNullable<Step["setCanaryScale"]> | null {
  if (index >= steps.length) return null;
  for (let at = index; at >= 0; at--) {
    const scale = steps[at]?.setCanaryScale;
    if (scale) return scale.matchTrafficWeight ? null : scale;
  }
  return null;
}

/** As events and the command line name a step (ARC-100). */
export function describeStep(step: Step): string {
  if (step.setWeight !== undefined) return `setWeight: ${step.setWeight}`;
  if (step.pause) return step.pause.duration === undefined ? "pause" : `pause: ${step.pause.duration}`;
  if (step.setCanaryScale) return `setCanaryScale{${describeScale(step.setCanaryScale)}}`;
  if (step.analysis) return "analysis";
  if (step.experiment) return "experiment";
  if (step.setHeaderRoute) return `setHeaderRoute: ${step.setHeaderRoute.name ?? ""}`;
  if (step.setMirrorRoute) return `setMirrorRoute: ${step.setMirrorRoute.name}`;
  if (step.plugin) return `plugin: ${step.plugin.name}`;
  return "";
}

function describeScale({ weight, replicas, matchTrafficWeight }: NonNullable<Step["setCanaryScale"]>): string {
  if (matchTrafficWeight) return "matchTrafficWeight: true";
  return weight === undefined ? `replicas: ${replicas ?? 0}` : `weight: ${weight}`;
}

export function maxWeightOf(canary: CanaryStrategy | undefined): number {
  return canary?.trafficRouting?.maxTrafficWeight ?? 100;
}
