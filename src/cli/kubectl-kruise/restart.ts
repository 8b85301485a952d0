import type { Deployment } from "../../api/apps.ts";
import { formatTime } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import type { CommandContext, Target } from "../plugin/command.ts";
import { forEach, refusal } from "./command.ts";
import { renderChange } from "./output.ts";

/** Restarts pods by an annotation in the template, as kubectl does; under a Rollout that is a release (KRUISE-459). */
export function restart(context: CommandContext, targets: readonly Target[], output?: string): Promise<void> {
  return forEach(targets, async (target) => {
    const found = await context.client.get<Deployment>(target.type, target);
    if (target.type !== resources.deployments) throw refusal(target, "restarting is not supported");
    if (found.spec.paused) throw refusal(target, "can't restart paused deployment (run rollout resume first)");
    const annotations = { "kubectl.kubernetes.io/restartedAt": formatTime(context.clock.now()) };
    const body = { spec: { template: { metadata: { annotations } } } };
    const changed = await context.client.patch(target.type, target, { kind: "merge", body });
    context.print(renderChange(target, changed, { verb: "restarted", ...(output ? { output } : {}) }));
  });
}
