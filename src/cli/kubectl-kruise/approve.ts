import type { Rollout } from "../../dialects/kruise/types.ts";
import { resources } from "../../kube/resource.ts";
import type { CommandContext, Target } from "../plugin/command.ts";
import { forEach, refusal } from "./command.ts";
import { renderChange } from "./output.ts";

/**
 * Lets a paused step go on (KRUISE-450). The write names the revision that was read, so that it approves the step that
 * was seen and never the next one (BUG-04); the server refuses it if the Rollout moved in between.
 */
export function approve(context: CommandContext, targets: readonly Target[], output?: string): Promise<void> {
  return forEach(targets, async (target) => {
    const { client } = context;
    const found = await client.get(target.type, target);
    if (target.type !== resources.kruiseRollouts) throw refusal(target, "approving is not supported");
    const field = approvable(target, found as Rollout);
    const body = {
      metadata: { resourceVersion: found.metadata.resourceVersion },
      status: { [field]: { currentStepState: "StepReady" } },
    };
    const approved = await client.patch(target.type, target, { kind: "merge", body }, { subresource: "status" });
    context.print(renderChange(target, approved, { verb: "approved", ...(output ? { output } : {}) }));
  });
}

function approvable(target: Target, { status }: Rollout): "canaryStatus" | "blueGreenStatus" {
  const field = status?.blueGreenStatus ? "blueGreenStatus" : "canaryStatus";
  const state = status?.[field]?.currentStepState;
  if (state === undefined) throw refusal(target, "no need to approve: not in canary or blue-green progress");
  if (state === "StepPaused") return field;
  const style = field === "canaryStatus" ? "canary" : "blue-green";
  throw refusal(target, `does not allow to approve, because current ${style} state is not 'StepPaused'`);
}
