import { stringify } from "yaml";
import type { Deployment } from "../../api/apps.ts";
import { resources } from "../../kube/resource.ts";
import { revisionNumber } from "../../workloads/deployment.ts";
import { withoutHash } from "../../workloads/template.ts";
import { type CommandContext, CommandError, type Target } from "../plugin/command.ts";
import { renderTable } from "../plugin/table.ts";
import { forEach } from "./command.ts";
import { revisionsOf } from "./revisions.ts";
import { shownName } from "./targets.ts";

const CHANGE_CAUSE = "kubernetes.io/change-cause";

/** The revisions of a workload (KRUISE-459). */
export function history(context: CommandContext, targets: readonly Target[], revision: number): Promise<void> {
  return forEach(targets, async (target) => {
    const found = await context.client.get<Deployment>(target.type, target);
    if (target.type !== resources.deployments) {
      const { kind, group } = target.type;
      throw new CommandError(`no history viewer has been implemented for "${kind}.${group}"`);
    }
    const revisions = await revisionsOf(context.client, found);
    if (revision > 0) {
      const wanted = revisions.find((candidate) => revisionNumber(candidate) === revision);
      if (!wanted) throw new CommandError("unable to find the specified revision");
      context.print(`${shownName(target)} with revision #${revision}\nPod Template:\n`);
      context.print(`${stringify(withoutHash(wanted.spec.template)).replace(/^(?=.)/gm, "  ")}\n`);
      return;
    }
    const rows = revisions.map((candidate) => [
      String(revisionNumber(candidate)),
      candidate.metadata.annotations?.[CHANGE_CAUSE] || "<none>",
    ]);
    context.print(`${shownName(target)} \n${renderTable([["REVISION", "CHANGE-CAUSE"], ...rows])}\n`);
  });
}
