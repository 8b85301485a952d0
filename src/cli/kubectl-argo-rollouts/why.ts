import { documentOf } from "../../dialects/argo/summary/document.ts";
import { explainWait, type WaitSummary } from "../../dialects/argo/summary/why.ts";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { type OutputFormat, renderOutput } from "../plugin/output.ts";
import { getToRead, listParts } from "./objects.ts";

/** EC-025: what the Rollout waits for, and what to type. */
export async function why(context: CommandContext, name: string, output: OutputFormat | undefined): Promise<void> {
  const rollout = await getToRead<Rollout>(context, resources.argoRollouts, name);
  const summary = summariseRollout(rollout, await listParts(context));
  const wait = explainWait(rollout, summary, context.clock.now());
  context.print(output === undefined ? renderWait(wait) : renderOutput(documentOf("WaitView", wait), output));
}

/** The texts below each other: commands stay on lines of their own, so that they can be copied. */
function renderWait({ namespace, name, phase, text, actions }: WaitSummary): string {
  const head = `${name} (namespace ${namespace}) is ${phase}. ${text}\n`;
  return head + actions.map(({ command, effect }) => `\n  ${command}\n    ${effect}\n`).join("");
}
