import type { Instant } from "../../../base/time.ts";
import type { RolloutSummary } from "../summary.ts";
import type { Rollout } from "../types.ts";
import * as moving from "./why/moving.ts";
import { type Rule, situationOf, type Wait } from "./why/situation.ts";
import * as stopped from "./why/stopped.ts";

export interface WaitSummary extends Wait {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly message: string;
}

/** The first that applies. What nobody has acted on yet comes first, since all else in the status is about before. */
const rules: readonly Rule[] = [
  moving.unseen,
  ...[stopped.invalidSpec, stopped.aborted, stopped.tooSlow, stopped.pausedByHand, stopped.paused],
  ...[moving.routes, moving.refused, moving.restarting, moving.verdict, moving.pods, moving.traffic],
  ...[moving.underWay, moving.healthy],
];

/** EC-025: what a Rollout waits for right now, and what somebody can do. Read off the objects, nothing is decided here. */
export function explainWait(rollout: Rollout, summary: RolloutSummary, now: Instant): WaitSummary {
  const { namespace, name, phase, message } = summary;
  const situation = situationOf(rollout, summary, now);
  const { waitsFor, text, actions } = rules.reduce<Wait | null>((found, rule) => found ?? rule(situation), null) ?? {
    // A message of the API server, or of a controller that is newer than this program.
    waitsFor: "controller",
    text: `It is ${phase}: ${message}.`,
    actions: [],
  };
  return { namespace, name, phase, message, waitsFor, text: text.replace(/\.\.$/, "."), actions };
}
