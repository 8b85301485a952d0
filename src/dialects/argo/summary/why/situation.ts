import type { Instant } from "../../../../base/time.ts";
import { currentStep, describeStep, stepsOf } from "../../canary/steps.ts";
import type { RolloutSummary } from "../../summary.ts";
import type { Rollout, RolloutStatus, Step } from "../../types.ts";
import type { ReplicaSetSummary } from "../replica-set.ts";

/** What a release waits for: programs read this word, people the text beside it. */
export type WaitsFor =
  | "nothing"
  | "controller"
  /** Somebody has to correct a manifest, an image, a quota. */
  | "correction"
  /** Somebody has to promote or abort. */
  | "person"
  | "time"
  | "pods"
  | "data-plane"
  | "analysis"
  | "experiment";

export interface Wait {
  readonly waitsFor: WaitsFor;
  /** One or two sentences. */
  readonly text: string;
  /** The likeliest first. */
  readonly actions: readonly Action[];
}

/** What somebody can do about it. */
export interface Action {
  readonly command: string;
  readonly effect: string;
}

/** All that a rule looks at. */
export interface Situation {
  readonly rollout: Rollout;
  readonly status: RolloutStatus;
  readonly summary: RolloutSummary;
  readonly step: Step | null;
  readonly now: Instant;
}

/** Null: this is not what it waits for. */
export type Rule = (situation: Situation) => Wait | null;

export function situationOf(rollout: Rollout, summary: RolloutSummary, now: Instant): Situation {
  const { status = {} } = rollout;
  return { rollout, status, summary, step: currentStep(rollout, status), now };
}

/** `step 2 of 8 (pause: 20s)`; "" when there is none. */
export function stepText({ rollout, summary }: Situation, offset = 0): string {
  const steps = stepsOf(rollout);
  const index = (summary.step?.index ?? 0) + offset;
  const step = steps[index];
  return step ? `step ${index + 1} of ${steps.length} (${describeStep(step)})` : "";
}

/** ReplicaSets of the version that is being released, or that is there. */
export function newReplicaSet({ summary, status }: Situation): ReplicaSetSummary | null {
  return withHash(summary, status.currentPodHash);
}

export function stableReplicaSet({ summary, status }: Situation): ReplicaSetSummary | null {
  return withHash(summary, status.stableRS);
}

function withHash({ revisions }: RolloutSummary, hash: string | undefined): ReplicaSetSummary | null {
  return (
    revisions.flatMap(({ replicaSets }) => replicaSets).find(({ podHash }) => podHash !== "" && podHash === hash) ??
    null
  );
}

export function isInRelease({ status }: Situation): boolean {
  return (status.stableRS ?? "") !== "" && status.stableRS !== status.currentPodHash;
}

/** A command of the plugin. */
export function plugin({ summary }: Situation, verb: string, effect: string, flags = ""): Action {
  const { name, namespace } = summary;
  return { command: `kubectl argo rollouts ${verb} ${name} -n ${namespace}${flags}`, effect };
}

export function kubectl({ summary }: Situation, words: string, effect: string): Action {
  return { command: `kubectl ${words} -n ${summary.namespace}`, effect };
}

/** With both dialects installed, `rollout` may be the other one's. */
export const KIND = "rollouts.argoproj.io";

export function abortAction(situation: Situation): Action {
  return plugin(situation, "abort", "gives the stable version all of the traffic");
}

export function undoAction(situation: Situation): Action {
  return plugin(situation, "undo", "puts the version before into the spec");
}

export function promoteAction(situation: Situation): Action {
  const next = stepText(situation, 1);
  return plugin(situation, "promote", next === "" ? "finishes the release" : `goes on with ${next}`);
}
