import { isCompleted } from "../../analysis/status.ts";
import type { KubeObject } from "../../api/meta.ts";
import { formatTime } from "../../base/time.ts";
import { labels } from "../../dialects/argo/keys.ts";
import type { AnalysisRun, Rollout } from "../../dialects/argo/types.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { durationMs } from "../plugin/program.ts";
import { confirm } from "./confirm.ts";

type Body = Record<string, unknown>;

/** What a control command writes and says; the patch is the original's, which other tools rely on (CL-043…049). */
export interface Control {
  readonly type: ResourceType;
  readonly body: Body;
  /** Into the status sub-resource. */
  readonly isStatus?: boolean;
  readonly say: (name: string) => string;
  /** For standard error: what follows from it that the original does not say; "": nothing. */
  readonly note?: (changed: KubeObject) => string;
  /** What somebody at a terminal is told before; "": nothing is asked. */
  readonly warning?: (found: KubeObject) => string;
}

export const abort: Control = {
  type: resources.argoRollouts,
  body: { status: { abort: true } },
  isStatus: true,
  say: (name) => `rollout '${name}' aborted\n`,
};

export const retryRollout: Control = {
  type: resources.argoRollouts,
  body: { status: { abort: false } },
  isStatus: true,
  say: (name) => `rollout '${name}' retried\n`,
};

/** Experiments have no status sub-resource (AN-001). */
export const retryExperiment: Control = {
  type: resources.experiments,
  body: { status: null },
  say: (name) => `experiment '${name}' retried\n`,
};

export const pause: Control = {
  type: resources.argoRollouts,
  body: { spec: { paused: true } },
  say: (name) => `rollout '${name}' paused\n`,
};

export const terminateAnalysisRun: Control = {
  type: resources.analysisRuns,
  body: { spec: { terminate: true } },
  say: (name) => `analysisRun '${name}' terminated\n`,
  note: (run) => {
    const consequence = consequenceOf(run, "now");
    return consequence === "" ? "" : `Note: ${consequence}\n`;
  },
  warning: (run) => {
    const consequence = consequenceOf(run, "then");
    return consequence === "" ? "" : `If AnalysisRun '${run.metadata.name}' is terminated, ${consequence}.`;
  },
};

/** SU-024, ARC-916: what the Rollout makes of it. "" for a run of nobody's. */
function consequenceOf(run: KubeObject, when: "now" | "then"): string {
  const { metadata, status } = run as AnalysisRun;
  const owner = metadata.ownerReferences?.find(({ kind, controller }) => kind === "Rollout" && controller === true);
  if (!owner || isCompleted(status?.phase)) return "";
  const isWaitedFor = (metadata.labels?.[labels.rolloutType] ?? "Background") !== "Background";
  const consequence = isWaitedFor
    ? `pauses, since its analysis has no verdict ${when}`
    : "goes on without this analysis: ended early, it counts as Successful unless a limit was broken";
  return `Rollout '${owner.name}' ${consequence}`;
}

/** The original says "retried" here, which is a mistake of its (CL-049). */
export const terminateExperiment: Control = {
  type: resources.experiments,
  body: { spec: { terminate: true } },
  say: (name) => `experiment '${name}' terminated\n`,
};

/** One after the other; the first failure ends it, as in the original. */
export async function control(
  context: CommandContext,
  how: Control,
  names: readonly string[],
  { isMeant = false } = {},
): Promise<void> {
  for (const name of names) {
    let note = "";
    if (how.warning && context.ask !== null && !isMeant) {
      const found = await context.client.get(how.type, { namespace: context.namespace, name });
      await confirm(context, how.warning(found), "--yes");
    }
    if (how.isStatus) await patchStatus(context, name, how.body);
    else {
      const changed = await patch(context, how.type, name, how.body);
      note = how.note?.(changed) ?? "";
    }
    context.print(how.say(name));
    if (note !== "") context.printError(note);
  }
}

/** A moment from which all older pods are replaced (CL-047). */
export async function restart(context: CommandContext, name: string, delay: string | undefined): Promise<void> {
  const restartAt = formatTime(context.clock.now() + durationMs(delay ?? "0s"));
  await patch(context, resources.argoRollouts, name, { spec: { restartAt } });
  context.print(`rollout '${name}' restarts in ${delay ?? "0s"}\n`);
}

export function patch(
  { client, namespace }: CommandContext,
  type: ResourceType,
  name: string,
  body: Body,
): Promise<KubeObject> {
  return client.patch(type, { namespace, name }, { kind: "merge", body });
}

/**
 * A Rollout's status; where the kind is served without that sub-resource, `whole` goes to the object itself (CL-005).
 * A Rollout that is not there is refused by the second write.
 */
export async function patchStatus(context: CommandContext, name: string, body: Body, whole: Body = body) {
  const { client, namespace } = context;
  const type = resources.argoRollouts;
  try {
    await client.patch<Rollout>(type, { namespace, name }, { kind: "merge", body }, { subresource: "status" });
    return "status";
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await patch(context, type, name, whole);
    return "whole";
  }
}
