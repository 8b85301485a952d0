import { stepsOf } from "../../dialects/argo/canary/steps.ts";
import { isUpToDate, shownPhase } from "../../dialects/argo/status/shown-phase.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { CommandError } from "../plugin/command.ts";

/** What `get rollout --until` waits for (EC-025), and what it answers. */
export const exitCodes = {
  reached: 0,
  timeout: 2,
  /** The release ended in another way than was waited for. */
  ended: 3,
  interrupted: 130,
} as const;

const phases = { healthy: "Healthy", paused: "Paused", degraded: "Degraded" } as const;

export type Goal = { readonly phase: (typeof phases)[keyof typeof phases] } | { readonly step: number };

/** For shells. */
export const goalWords: readonly string[] = [...Object.keys(phases), "step="];

/** `paused`, `step=3`, or several between commas, of which one is enough. */
export function parseGoals(text: string): readonly Goal[] {
  return text.split(",").map((word) => {
    const [, step] = /^step=(\d+)$/.exec(word) ?? [];
    if (step !== undefined) return { step: Number(step) };
    if (Object.hasOwn(phases, word)) return { phase: phases[word as keyof typeof phases] };
    throw new CommandError(`--until ${text}: expected healthy, paused, degraded or step=N, found "${word}"`);
  });
}

export interface Ending {
  readonly exitCode: number;
  /** "" when the goal is reached. */
  readonly text: string;
}

/** Looks at each state of the Rollout in turn; null: go on. Throws CommandError for a goal that it cannot reach. */
export function goalWatch(goals: readonly Goal[]): (rollout: Rollout) => Ending | null {
  let hasMoved = false;
  return (rollout) => {
    refuseImpossible(rollout, goals);
    const { phase, message } = shownPhase(rollout);
    if (phase === "Degraded" && isBeingRetried(rollout)) return null;
    if (goals.some((goal) => isReached(goal, rollout, phase))) return { exitCode: exitCodes.reached, text: "" };
    const name = `rollout "${rollout.metadata.name}"`;
    if (phase === "Degraded") return { exitCode: exitCodes.ended, text: `${name} is Degraded: ${message}` };
    // One that is Healthy from the start may be about to begin.
    if (phase === "Healthy" && hasMoved) {
      return { exitCode: exitCodes.ended, text: `${name} is Healthy, and did not come to what was waited for` };
    }
    hasMoved ||= phase !== "Healthy";
    return null;
  };
}

function isReached(goal: Goal, rollout: Rollout, phase: string): boolean {
  if ("phase" in goal) return phase === goal.phase;
  return isUpToDate(rollout) && phase !== "Degraded" && (rollout.status?.currentStepIndex ?? 0) >= goal.step;
}

function refuseImpossible(rollout: Rollout, goals: readonly Goal[]): void {
  const count = stepsOf(rollout).length;
  for (const goal of goals) {
    if (!("step" in goal) || goal.step <= count) continue;
    const found = count === 0 ? "no steps" : `${count} steps`;
    throw new CommandError(`--until step=${goal.step}: rollout "${rollout.metadata.name}" has ${found}`);
  }
}

/** Somebody has asked for a retry, and the controller has not acted on it yet. */
function isBeingRetried({ status }: Rollout): boolean {
  const isAborted = (status?.conditions ?? []).some(({ reason }) => reason === "RolloutAborted");
  return isAborted && status?.abort !== true;
}
