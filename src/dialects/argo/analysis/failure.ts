import type { KubeObject } from "../../../api/meta.ts";
import { keyOf, type ResourceType, resources } from "../../../kube/resource.ts";
import { annotations } from "../keys.ts";
import type { Pass } from "../pass.ts";
import type { AnalysisRunSummary, PauseReason, Rollout } from "../types.ts";
import { type FieldError, invalid } from "../validate/field-error.ts";

/**
 * EC-022: what an analysis that fails does to its Rollout. The original always aborts; an annotation asks for less:
 *
 * - `pause`: nothing of the release goes on until somebody promotes it, or aborts it.
 * - `notify`: the release goes on; events tell of the failure.
 *
 * A promotion accepts one failure, that of the run it saw. An object does not tell what a cleared pause was for, so the run
 * itself carries how far it is: held, then accepted. Background analysis starts anew after that; a step or a switch that
 * waits for its run takes it for passed.
 */
export type FailurePolicy = "abort" | "pause" | "notify";

const POLICIES: readonly FailurePolicy[] = ["abort", "pause", "notify"];

export function failurePolicyOf({ metadata }: Rollout): FailurePolicy {
  const wanted = metadata.annotations?.[annotations.onFailure];
  // Anything else is refused before this is asked: see `validateFailurePolicy`.
  return POLICIES.find((policy) => policy === wanted) ?? "abort";
}

export function validateFailurePolicy({ rollout }: Pass): FieldError | null {
  const wanted = rollout.metadata.annotations?.[annotations.onFailure];
  if (wanted === undefined || POLICIES.some((policy) => policy === wanted)) return null;
  return invalid(`metadata.annotations[${annotations.onFailure}]`, wanted, `must be one of ${POLICIES.join(", ")}`);
}

export interface Failure {
  /** The run or experiment; undefined: it is gone, and only the status still tells of it. */
  readonly object: KubeObject | undefined;
  readonly type: ResourceType;
  readonly pause: PauseReason;
  /** The original's text for its abort. */
  readonly text: string;
}

/** Does what the Rollout's policy says about a failed run or experiment. */
export function handleFailure(pass: Pass, failure: Failure): void {
  const policy = failurePolicyOf(pass.rollout);
  const state = stateOf(failure.object);
  // What was accepted once stays so, whatever the annotation says by now.
  if (state === "accepted") return;
  if (policy === "abort") pass.abort(failure.text);
  else if (policy === "notify") {
    if (state === null)
      note(pass, failure, "accepted", `the release goes on, since ${annotations.onFailure} is notify`);
  } else if (state === "held" && isResumed(pass)) {
    note(pass, failure, "accepted", "somebody promoted the release in spite of it");
    // This promotion accepts the failure; one that the switch waits for is another.
    if (pass.blueGreen && !pass.next.pauseConditions) delete pass.next.controllerPause;
  } else {
    pass.addPause(failure.pause);
    if (state === null) {
      note(pass, failure, "held", `${annotations.onFailure} is pause: promote the Rollout to go on, or abort it`);
    }
  }
}

/** A failed run that holds nothing up. */
export function isTolerated(pass: Pass, summary: AnalysisRunSummary | undefined): boolean {
  if (summary?.status !== "Failed" && summary?.status !== "Error") return false;
  return isAccepted(pass.view.analysisRuns.find(({ metadata }) => metadata.name === summary.name));
}

export function isAccepted(object: KubeObject | undefined): boolean {
  return stateOf(object) === "accepted";
}

/** Somebody ended the controller's pauses. */
export function isResumed({ status }: Pass): boolean {
  return status.controllerPause === true && (status.pauseConditions ?? []).length === 0;
}

type FailureState = "held" | "accepted";

function stateOf(object: KubeObject | undefined): FailureState | null {
  const state = object?.metadata.annotations?.[annotations.failure];
  return state === "held" || state === "accepted" ? state : null;
}

function note(pass: Pass, { object, type, text }: Failure, state: FailureState, consequence: string): void {
  if (!object) return;
  pass.write({
    op: "patch",
    type,
    key: keyOf(object),
    patch: { kind: "merge", body: { metadata: { annotations: { [annotations.failure]: state } } } },
    basedOn: object,
  });
  pass.event(
    state === "held" ? "AnalysisFailureHeld" : "AnalysisFailureAccepted",
    `${text}; ${consequence}`,
    "Warning",
  );
}

export const RUN_FAILURE = { type: resources.analysisRuns, pause: "FailedAnalysisRun" } as const;
export const EXPERIMENT_FAILURE = { type: resources.experiments, pause: "FailedExperiment" } as const;
