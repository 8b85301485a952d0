import type { KubeObject } from "../../api/meta.ts";
import type { Rollout } from "../../dialects/kruise/types.ts";
import { isConflict } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import type { CommandContext, Target } from "../plugin/command.ts";
import { forEach, refusal } from "./command.ts";
import { renderChange } from "./output.ts";

/** A controller may write the status while a person approves; more often than this in a row it does not. */
const TRIES = 5;

/** Lets a paused step go on (KRUISE-450). */
export function approve(context: CommandContext, targets: readonly Target[], output?: string): Promise<void> {
  return forEach(targets, async (target) => {
    const seen = await context.client.get<Rollout>(target.type, target);
    if (target.type !== resources.kruiseRollouts) throw refusal(target, "approving is not supported");
    const approved = await approveSeen(context, target, seen);
    context.print(renderChange(target, approved, { verb: "approved", ...(output ? { output } : {}) }));
  });
}

/**
 * The write names the revision that was read, so that it approves the step that was seen and never the next one
 * (BUG-04). A status that only changed otherwise in between is read again (INV-30: no conflict reaches the user).
 */
async function approveSeen({ client }: CommandContext, target: Target, seen: Rollout): Promise<KubeObject> {
  let found = seen;
  for (let tries = 1; ; tries++) {
    const field = approvable(target, found);
    const body = {
      metadata: { resourceVersion: found.metadata.resourceVersion },
      status: { [field]: { currentStepState: "StepReady" } },
    };
    try {
      return await client.patch(target.type, target, { kind: "merge", body }, { subresource: "status" });
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error;
      found = await client.get<Rollout>(target.type, target);
      if (stepOf(found) !== stepOf(seen)) throw error;
    }
  }
}

function stepOf({ status }: Rollout): number | undefined {
  return (status?.canaryStatus ?? status?.blueGreenStatus)?.currentStepIndex;
}

function approvable(target: Target, { status }: Rollout): "canaryStatus" | "blueGreenStatus" {
  const field = status?.blueGreenStatus ? "blueGreenStatus" : "canaryStatus";
  const state = status?.[field]?.currentStepState;
  if (state === undefined) throw refusal(target, "no need to approve: not in canary or blue-green progress");
  if (state === "StepPaused") return field;
  const style = field === "canaryStatus" ? "canary" : "blue-green";
  throw refusal(target, `does not allow to approve, because current ${style} state is not 'StepPaused'`);
}
