import { formatTime } from "../../base/time.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { durationMs } from "../plugin/program.ts";

type Body = Record<string, unknown>;

/** What a control command writes and says; the patch is the original's, which other tools rely on (CL-043…049). */
export interface Control {
  readonly type: ResourceType;
  readonly body: Body;
  /** Into the status sub-resource. */
  readonly isStatus?: boolean;
  readonly say: (name: string) => string;
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
};

/** The original says "retried" here, which is a mistake of its (CL-049). */
export const terminateExperiment: Control = {
  type: resources.experiments,
  body: { spec: { terminate: true } },
  say: (name) => `experiment '${name}' terminated\n`,
};

/** One after the other; the first failure ends it, as in the original. */
export async function control(context: CommandContext, how: Control, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (how.isStatus) await patchStatus(context, name, how.body);
    else await patch(context, how.type, name, how.body);
    context.print(how.say(name));
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
): Promise<unknown> {
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
