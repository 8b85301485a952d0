import { shownPhase } from "../../dialects/argo/status/shown-phase.ts";
import { documentOf } from "../../dialects/argo/summary/document.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { follow } from "../plugin/follow.ts";
import { type OutputFormat, renderOutput, renderStreamed } from "../plugin/output.ts";
import { getToRead } from "./objects.ts";

export interface StatusOptions {
  readonly isWatching: boolean;
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** Absent: the original's lines. */
  readonly output?: OutputFormat;
}

/** Tells the phase, or each phase until the end of the release; the exit code says how it ended (CL-035…037). */
export async function status(context: CommandContext, name: string, options: StatusOptions): Promise<void> {
  const rollout = await getToRead<Rollout>(context, resources.argoRollouts, name);
  const { phase, message } = options.isWatching ? await watchStatus(context, rollout, options) : shownPhase(rollout);
  if (!options.isWatching) {
    const text = isOver(phase) ? `${phase}\n` : `${phase} - ${message}\n`;
    context.print(options.output === undefined ? text : renderOutput(viewOf(rollout), options.output));
  }
  if (phase === "Degraded") {
    throw new CommandError(`The rollout is in a degraded state with message: ${message}`);
  }
  if (options.isWatching && phase !== "Healthy") throw new CommandError("Rollout status watch exceeded timeout");
}

function viewOf(rollout: Rollout) {
  const { namespace = "", name } = rollout.metadata;
  return documentOf("StatusView", { namespace, name, ...shownPhase(rollout) });
}

async function watchStatus(context: CommandContext, rollout: Rollout, { timeoutMs, output }: StatusOptions) {
  const target = { type: resources.argoRollouts, namespace: context.namespace, name: rollout.metadata.name };
  let shown = shownPhase(rollout);
  let told = "";
  const see = (object: object) => {
    shown = shownPhase(object as Rollout);
    const line = shown.message === "" ? shown.phase : `${shown.phase} - ${shown.message}`;
    const text = output === undefined ? `${line}\n` : renderStreamed(viewOf(object as Rollout), output);
    if (line !== told) context.print(text);
    told = line;
    return isOver(shown.phase);
  };
  await follow(context, target, see, { timeoutMs, timeoutText: null, endsOnInterrupt: true });
  return shown;
}

function isOver(phase: string): boolean {
  return phase === "Healthy" || phase === "Degraded";
}
