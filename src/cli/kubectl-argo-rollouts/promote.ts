import { stepsOf } from "../../dialects/argo/steps.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { patch, patchStatus } from "./control.ts";

export interface PromoteOptions {
  readonly isFull: boolean;
  /** Both deprecated, and still in people's scripts (CL-042). */
  readonly skipsCurrentStep: boolean;
  readonly skipsAllSteps: boolean;
}

/** What a promotion writes; null: nothing. `whole` is for a cluster without the status sub-resource. */
export interface PromotionPatches {
  readonly spec: Record<string, unknown> | null;
  readonly status: Record<string, unknown> | null;
  readonly whole: Record<string, unknown>;
}

/** CL-040…042. */
export async function promote(context: CommandContext, name: string, options: PromoteOptions): Promise<void> {
  if (options.skipsCurrentStep && options.skipsAllSteps) {
    throw new CommandError("Cannot use skip-current-step and skip-all-steps flags at the same time");
  }
  const key = { namespace: context.namespace, name };
  const rollout = await context.client.get<Rollout>(resources.argoRollouts, key);
  const { spec, status, whole } = promotionPatches(rollout, options);
  const written = status === null ? "status" : await patchStatus(context, name, status, whole);
  if (spec !== null && written === "status") await patch(context, resources.argoRollouts, name, spec);
  context.print(`rollout '${name}' ${options.isFull ? "fully promoted" : "promoted"}\n`);
}

export function promotionPatches(rollout: Rollout, options: PromoteOptions): PromotionPatches {
  if (options.skipsCurrentStep || options.skipsAllSteps) return skipPatches(rollout, options);
  const unpause = rollout.spec.paused ? { spec: { paused: false } } : null;
  const status = options.isFull ? fullPromotion(rollout) : nextStep(rollout);
  const members = options.isFull ? { promoteFull: true } : (status?.["status"] ?? { pauseConditions: null });
  return { spec: unpause, status, whole: { spec: { paused: false }, status: members } };
}

function skipPatches(rollout: Rollout, { skipsCurrentStep }: PromoteOptions): PromotionPatches {
  if (rollout.spec.strategy?.blueGreen) {
    throw new CommandError("Cannot skip steps of a bluegreen rollout. Run without a flags");
  }
  const count = stepsOf(rollout).length;
  if (count === 0) throw new CommandError("Cannot skip steps of a rollout without steps");
  const status = { status: { currentStepIndex: skipsCurrentStep ? nextIndex(rollout) : count } };
  return { spec: null, status, whole: status };
}

/** Only a release under way can be hurried. */
function fullPromotion({ status }: Rollout) {
  const isPromoted = (status?.currentPodHash ?? "") === (status?.stableRS ?? "");
  return isPromoted ? null : { status: { promoteFull: true } };
}

/** Either the pause ends or the step is left, never both: a cleared pause lets the controller go on by itself. */
function nextStep(rollout: Rollout) {
  const { pauseConditions = [], controllerPause = false, canary } = rollout.status ?? {};
  const isPaused = pauseConditions.length > 0;
  const hasSteps = stepsOf(rollout).length > 0;
  const isInconclusive =
    rollout.spec.strategy?.canary !== undefined && canary?.currentStepAnalysisRunStatus?.status === "Inconclusive";
  if (isInconclusive && isPaused && controllerPause) {
    // Without the next index the analysis of this step would find itself inconclusive again.
    if (!hasSteps) return null;
    return { status: { pauseConditions: null, controllerPause: false, currentStepIndex: nextIndex(rollout) } };
  }
  if (isPaused) return { status: { pauseConditions: null } };
  return hasSteps ? { status: { pauseConditions: null, currentStepIndex: nextIndex(rollout) } } : null;
}

function nextIndex(rollout: Rollout): number {
  return Math.min((rollout.status?.currentStepIndex ?? 0) + 1, stepsOf(rollout).length);
}
