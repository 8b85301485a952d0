import type { Deployment } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { Rollout } from "../../dialects/kruise/types.ts";
import { resources } from "../../kube/resource.ts";
import { isObserved } from "../../workloads/deployment.ts";
import { desiredReplicas } from "../../workloads/replicas.ts";
import { type CommandContext, CommandError, type Target } from "../plugin/command.ts";
import { follow } from "../plugin/follow.ts";
import { forEach } from "./command.ts";

export interface StatusOptions {
  readonly isWatching: boolean;
  /** 0: whatever revision runs. */
  readonly revision: number;
  readonly timeoutMs: number;
}

/** What there is to say about an object, and whether that is the end of it. */
interface Report {
  readonly text: string;
  readonly isDone: boolean;
}

/** Waits for the end of a rollout and tells what it waits for (KRUISE-458). */
export function status(context: CommandContext, targets: readonly Target[], options: StatusOptions): Promise<void> {
  return forEach(targets, async (target) => {
    const view = viewerOf(target, options.revision);
    if (!options.isWatching) return context.print(view(await context.client.get(target.type, target)).text);
    let told = "";
    const see = (object: KubeObject) => {
      const { text, isDone } = view(object);
      if (text !== told) context.print(text);
      told = text;
      return isDone;
    };
    await follow(context, target, see, {
      timeoutMs: options.timeoutMs,
      timeoutText: "timed out waiting for the condition",
    });
  });
}

function viewerOf({ type }: Target, revision: number): (object: KubeObject) => Report {
  if (type === resources.deployments) return (object) => deploymentReport(object as Deployment, revision);
  // The original has no viewer for Rollouts; a release is what one would like to follow.
  if (type === resources.kruiseRollouts) return (object) => rolloutReport(object as Rollout);
  throw new CommandError(`no status viewer has been implemented for ${type.kind}.${type.group}`);
}

function rolloutReport({ status, metadata }: Rollout): Report {
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  if (!isSeen) return { text: "Waiting for rollout spec update to be observed...\n", isDone: false };
  const isDone = status?.phase === "Healthy" || status?.phase === "Disabled";
  return { text: status?.message ? `${status.message}\n` : "", isDone };
}

/** kubectl's texts. */
function deploymentReport(deployment: Deployment, revision: number): Report {
  const name = JSON.stringify(deployment.metadata.name);
  if (!isObserved(deployment)) return { text: "Waiting for deployment spec update to be observed...\n", isDone: false };
  const running = Number(deployment.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
  if (revision > 0 && revision !== running) {
    throw new CommandError(`desired revision (${revision}) is different from the running revision (${running})`);
  }
  const progressing = deployment.status?.conditions?.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    throw new CommandError(`deployment ${name} exceeded its progress deadline`);
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  const waiting = (text: string): Report => ({
    text: `Waiting for deployment ${name} rollout to finish: ${text}...\n`,
    isDone: false,
  });
  const desired = desiredReplicas(deployment);
  if (updatedReplicas < desired) {
    return waiting(`${updatedReplicas} out of ${desired} new replicas have been updated`);
  }
  if (replicas > updatedReplicas) {
    return waiting(`${replicas - updatedReplicas} old replicas are pending termination`);
  }
  if (availableReplicas < updatedReplicas) {
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  }
  return { text: `deployment ${name} successfully rolled out\n`, isDone: true };
}
