import { formatAge, parseTime } from "../../../../base/time.ts";
import { pauseMilliseconds } from "../../go-duration.ts";
import { failedRunOf } from "../../status.ts";
import { runText } from "./analysis.ts";
import { isShort, podActions, shortageText } from "./pods.ts";
import {
  abortAction,
  KIND,
  kubectl,
  newReplicaSet,
  plugin,
  promoteAction,
  type Rule,
  type Situation,
  stableReplicaSet,
  stepText,
  undoAction,
} from "./situation.ts";

/** Rules for a Rollout that has stopped: it is wrong, has failed, or is paused (ARC-620…623). */

/** ARC-620. */
export const invalidSpec: Rule = (situation) => {
  const { summary } = situation;
  if (summary.phase !== "Degraded" || !summary.message.startsWith("InvalidSpec: ")) return null;
  return {
    waitsFor: "correction",
    text: `The spec is invalid, and nothing is done until it is corrected: ${summary.message.slice("InvalidSpec: ".length)}.`,
    actions: [kubectl(situation, `edit ${KIND} ${summary.name}`, "corrects the spec")],
  };
};

/** ARC-621: also while the traffic is still on its way back, and after somebody has asked for a retry. */
export const aborted: Rule = (situation) => {
  const { summary, status } = situation;
  const told = (status.conditions ?? []).find(({ reason }) => reason === "RolloutAborted");
  if (summary.phase !== "Degraded" || !told) return null;
  if (status.abort !== true) {
    return {
      waitsFor: "controller",
      text: "A retry was asked for; the controller has not acted on it yet.",
      actions: [],
    };
  }
  const weight = status.canary?.weights?.canary.weight ?? 0;
  const stable = stableReplicaSet(situation);
  const goingBack = weight > 0 ? `; ${weight} % of the traffic still goes to the new one` : "";
  const shortage = stable && isShort(stable) ? `; ${shortageText(stable)}` : "";
  return {
    waitsFor: "person",
    text: `${told.message ?? "The update was aborted"}. The stable version (${status.stableRS ?? "none"}) serves${goingBack}${shortage}.`,
    actions: [
      undoAction(situation),
      plugin(situation, "retry rollout", "tries the same version again, from its first step"),
    ],
  };
};

/** ARC-621. */
export const tooSlow: Rule = (situation) => {
  const { summary, rollout } = situation;
  if (summary.phase !== "Degraded" || !summary.message.startsWith("ProgressDeadlineExceeded: ")) return null;
  const seconds = rollout.spec.progressDeadlineSeconds ?? 600; // ARC 1.1
  const version = newReplicaSet(situation);
  const cause = version && isShort(version) ? `: ${shortageText(version)}` : "";
  return {
    waitsFor: "correction",
    text: `Nothing has moved on for ${seconds} s${cause}. The release goes on by itself as soon as something does.`,
    actions: [...(version ? podActions(situation, version) : []), abortAction(situation), undoAction(situation)],
  };
};

/** ARC-622. `promote` would also leave the step, so it is not the way to take a pause back. */
export const pausedByHand: Rule = (situation) => {
  const { summary, rollout } = situation;
  if (summary.phase !== "Paused" || rollout.spec.paused !== true) return null;
  const step = stepText(situation);
  return {
    waitsFor: "person",
    text: `Somebody paused it (spec.paused is true)${step === "" ? "" : `, at ${step}`}.`,
    actions: [
      kubectl(
        situation,
        `patch ${KIND} ${summary.name} --type merge -p '{"spec":{"paused":false}}'`,
        "goes on where it stopped",
      ),
      abortAction(situation),
    ],
  };
};

/** ARC-623: the controller's own pauses. */
export const paused: Rule = (situation) => {
  const { summary, status } = situation;
  const pauses = status.pauseConditions ?? [];
  const pause = pauses.find(({ reason }) => reason === "FailedAnalysisRun") ?? pauses[0];
  if (summary.phase !== "Paused" || !pause) return null;
  const tell = texts[pause.reason];
  const { text, leftMs } = tell?.(situation, pause.startTime) ?? {
    text: `It is paused: ${pause.reason}.`,
    leftMs: null,
  };
  return {
    waitsFor: leftMs === null ? "person" : "time",
    text,
    actions: [
      promoteAction(situation),
      abortAction(situation),
      plugin(situation, "promote", "skips all that is left of the release", " --full"),
    ],
  };
};

interface PauseText {
  readonly text: string;
  /** Null: until somebody ends it. */
  readonly leftMs: number | null;
}

/** By the reason of the pause. */
const texts: Readonly<Record<string, (situation: Situation, since: string) => PauseText>> = {
  CanaryPauseStep(situation, since) {
    const { step, now } = situation;
    const wholeMs = step?.pause?.duration === undefined ? null : pauseMilliseconds(step.pause.duration);
    const head = capital(stepText(situation));
    const startedAt = parseTime(since);
    if (wholeMs === null || startedAt === null) {
      return { text: `${head} is a pause that lasts until somebody promotes the Rollout.`, leftMs: null };
    }
    const leftMs = Math.max(0, startedAt + wholeMs - now);
    return { text: `${head} is a pause; it ends by itself in ${formatAge(leftMs)}.`, leftMs };
  },
  BlueGreenPause({ rollout, now }, since) {
    const { autoPromotionSeconds = 0, activeService = "" } = rollout.spec.strategy?.blueGreen ?? {};
    const head = `The new version is ready, and Service ${activeService} still leads to the one before`;
    const startedAt = parseTime(since);
    if (autoPromotionSeconds <= 0 || startedAt === null) {
      return { text: `${head}, until somebody promotes the Rollout.`, leftMs: null };
    }
    const leftMs = Math.max(0, startedAt + autoPromotionSeconds * 1000 - now);
    return { text: `${head}; it switches by itself in ${formatAge(leftMs)}.`, leftMs };
  },
  InconclusiveAnalysisRun: (situation) => ({
    text: `Somebody has to judge, since the analysis could not: ${runs(situation, ["Inconclusive"])}.`,
    leftMs: null,
  }),
  InconclusiveExperiment: (situation) => ({
    text: `Somebody has to judge, since experiment ${experimentName(situation)} was inconclusive.`,
    leftMs: null,
  }),
  FailedAnalysisRun: (situation) => ({
    text: `The analysis failed, and the Rollout's annotation asks for a pause instead of an abort: ${failure(situation)}.`,
    leftMs: null,
  }),
  FailedExperiment: (situation) => ({
    text: `Experiment ${experimentName(situation)} failed, and the Rollout's annotation asks for a pause instead of an abort.`,
    leftMs: null,
  }),
};

function runs({ summary, status }: Situation, phases: readonly string[]): string {
  const { canary, blueGreen } = status;
  const found = [
    canary?.currentStepAnalysisRunStatus,
    canary?.currentBackgroundAnalysisRunStatus,
    blueGreen?.prePromotionAnalysisRunStatus,
    blueGreen?.postPromotionAnalysisRunStatus,
  ].find((run) => run !== undefined && phases.includes(run.status));
  return found ? runText(summary, found) : "its run is gone";
}

function failure({ summary, status }: Situation): string {
  const failed = failedRunOf(status);
  return failed ? runText(summary, failed) : "its run is gone";
}

function experimentName({ status }: Situation): string {
  return status.canary?.currentExperiment ?? "";
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
