import { currentStep, maxWeightOf, stepsOf, weightAt } from "../canary/steps.ts";
import type { Rollout } from "../types.ts";
import type { ReplicaSetSummary } from "./replica-set.ts";

/** Steps count from 0; the index after the last one means that all are done. */
export interface StepPosition {
  readonly index: number;
  readonly count: number;
}

/** Null where there is nothing to count (CL-010). */
export function stepPosition(rollout: Rollout): StepPosition | null {
  const index = rollout.status?.currentStepIndex;
  const count = stepsOf(rollout).length;
  return index === undefined || count === 0 ? null : { index, count };
}

/** The weight that the steps ask for (CL-011). */
export function setWeight(rollout: Rollout): number {
  if (rollout.status?.abort) return 0;
  if (!currentStep(rollout, rollout.status)) return maxWeight(rollout);
  return weightAt(stepsOf(rollout), rollout.status?.currentStepIndex ?? 0);
}

/** The share of requests, or without a router of pods, that the new version has (CL-012). */
export function actualWeight(rollout: Rollout, replicaSets: readonly ReplicaSetSummary[]): number {
  if (!currentStep(rollout, rollout.status)) return maxWeight(rollout);
  const total = rollout.status?.availableReplicas ?? 0;
  if (total <= 0) return 0;
  if (rollout.spec.strategy?.canary?.trafficRouting) {
    return rollout.status?.canary?.weights?.canary.weight ?? setWeight(rollout);
  }
  const canary = replicaSets.find(({ tags }) => tags.includes("canary"));
  return Math.trunc(((canary?.available ?? 0) * maxWeight(rollout)) / total);
}

function maxWeight({ spec }: Rollout): number {
  return maxWeightOf(spec.strategy?.canary);
}
