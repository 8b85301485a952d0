import { stepsOf } from "../../dialects/argo/canary/steps.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { confirm } from "./confirm.ts";
import { patch, patchStatus } from "./control.ts";

export interface PromoteOptions {
  readonly isFull: boolean;
  /** Both deprecated, and still in people's scripts (CL-042). */
  readonly skipsCurrentStep: boolean;
  readonly skipsAllSteps: boolean;
  /** The user knows that an analysis may be skipped (SU-023). */
  readonly isSkipMeant?: boolean;
}

/** CL-042: what the original says of its old flags, on standard error; of the short form it says the same. */
const deprecated: readonly (readonly [pattern: RegExp, warning: string])[] = [
  [
    /^(--skip-current-step|-a*c[ac]*)(=|$)/,
    "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME\n",
  ],
  [/^(--skip-all-steps|-c*a[ac]*)(=|$)/, "Flag --skip-all-steps has been deprecated, use --full instead\n"],
];

/** In the order of the words, as they were typed. */
export function deprecationWarnings(args: readonly string[]): string {
  return args
    .flatMap((arg) => deprecated.filter(([pattern]) => pattern.test(arg)))
    .map(([, warning]) => warning)
    .join("");
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
  if (!options.isSkipMeant && !options.isFull) await confirm(context, skippedVerdict(rollout), "--skip");
  const { spec, status, whole } = promotionPatches(rollout, options);
  const written = status === null ? "status" : await patchStatus(context, name, status, whole);
  if (spec !== null && written === "status") await patch(context, resources.argoRollouts, name, spec);
  context.print(`rollout '${name}' ${options.isFull ? "fully promoted" : "promoted"}\n`);
}

/**
 * SU-023: a promotion leaves a step that waits for a verdict without one. What to say of that; "" when it skips nothing. A
 * pause is ended first, so what is paused skips nothing either.
 */
export function skippedVerdict({ spec, status = {} }: Rollout): string {
  const index = status.currentStepIndex ?? 0;
  const steps = stepsOf({ spec });
  const step = steps[index];
  if ((status.pauseConditions ?? []).length > 0 || !step) return "";
  const { currentStepAnalysisRunStatus: run, currentExperiment = "" } = status.canary ?? {};
  const where = `Step ${index + 1} of ${steps.length} waits for`;
  if (step.analysis && run && ["", "Pending", "Running"].includes(run.status)) {
    return `${where} AnalysisRun '${run.name}' (${run.status || "Pending"}): to promote now skips it, without a verdict.`;
  }
  if (step.experiment && currentExperiment !== "") {
    return `${where} Experiment '${currentExperiment}': to promote now skips it, without a verdict.`;
  }
  return "";
}

export function promotionPatches(rollout: Rollout, options: Omit<PromoteOptions, "isSkipMeant">): PromotionPatches {
  if (options.skipsCurrentStep || options.skipsAllSteps) return skipPatches(rollout, options);
  const unpause = rollout.spec.paused ? { spec: { paused: false } } : null;
  const status = options.isFull ? fullPromotion(rollout) : nextStep(rollout);
  const members = options.isFull ? { promoteFull: true } : (status?.["status"] ?? { pauseConditions: null });
  return { spec: unpause, status, whole: { spec: { paused: false }, status: members } };
}

function skipPatches(
  rollout: Rollout,
  { skipsCurrentStep }: Pick<PromoteOptions, "skipsCurrentStep">,
): PromotionPatches {
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
