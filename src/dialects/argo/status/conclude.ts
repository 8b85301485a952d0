import type { Pass } from "../pass.ts";
import { setConditions, setPhase } from "../status.ts";
import { handOver } from "../workload.ts";
import { setDuration } from "./duration.ts";

/** What the end of a pass says of it as a whole, once counts, steps and pauses of the new status are decided. */
export function concludeStatus(pass: Pass): void {
  setConditions(pass);
  handOver(pass);
  setPhase(pass);
  setDuration(pass);
  tellPause(pass);
}

/** Told only where all pauses begin or end: one more reason, or an abort, is neither (ARC-103, ARC-641). */
function tellPause(pass: Pass): void {
  const { status, next } = pass;
  const [before] = status.pauseConditions ?? [];
  const [after] = next.pauseConditions ?? [];
  if (!before && after) pass.event("RolloutPaused", `Rollout is paused (${after.reason})`);
  if (before && !after && next.abortedAt === undefined) pass.event("RolloutResumed", "Rollout is resumed");
}
