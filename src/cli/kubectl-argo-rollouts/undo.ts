import type { PodTemplate, ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import { podTemplates } from "../../dialects/argo/gather.ts";
import { annotations, POD_TEMPLATE_HASH } from "../../dialects/argo/keys.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { formatLabelSelector } from "../../kube/selector.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { managersNote } from "./field-managers.ts";

/** Puts an earlier revision's pod template back; the controller then finds its ReplicaSet again (CL-050). */
export async function undo(context: CommandContext, name: string, toRevision: number): Promise<void> {
  const { client, namespace } = context;
  const rollout = await client.get<Rollout>(resources.argoRollouts, { namespace, name });
  const revision = chooseRevision(rollout, await ownedReplicaSets(context, rollout), toRevision);
  const template = withoutHash(revision.spec.template);
  if (rollout.spec.template !== undefined && isDerivative(withoutHash(rollout.spec.template), template)) {
    context.print(`skipped rollback (current template already matches revision ${toRevision})\n`);
    return;
  }
  const target = templateHolder(rollout, toRevision);
  let changed: KubeObject;
  try {
    changed = await client.patch(
      target.type,
      { namespace, name: target.name },
      {
        kind: "json",
        body: [{ op: "replace", path: target.type === podTemplates ? "/template" : "/spec/template", value: template }],
      },
    );
  } catch (error) {
    throw new CommandError(`failed restoring revision ${toRevision}: ${(error as Error).message}`);
  }
  context.print(`rollout '${name}' undo\n`);
  const note = managersNote(changed);
  if (note !== "") context.printError(note);
}

async function ownedReplicaSets({ client, namespace }: CommandContext, { metadata, spec }: Rollout) {
  const selection = spec.selector ? { namespace, labelSelector: formatLabelSelector(spec.selector) } : { namespace };
  const { items } = await client.list<ReplicaSet>(resources.replicaSets, selection);
  return items.filter((replicaSet) =>
    replicaSet.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === metadata.uid),
  );
}

/** 0 is the second highest. ReplicaSets whose number cannot be read are left out. */
function chooseRevision(rollout: Rollout, replicaSets: readonly ReplicaSet[], toRevision: number): ReplicaSet {
  const numbered = replicaSets
    .map((replicaSet) => ({ replicaSet, number: numberOf(replicaSet) }))
    .filter(({ number }) => !Number.isNaN(number));
  if (toRevision > 0) {
    const exact = numbered.find(({ number }) => number === toRevision);
    if (!exact) throw new CommandError(`unable to find specified revision ${toRevision} in history`);
    return exact.replicaSet;
  }
  const [, previous] = numbered.sort((left, right) => right.number - left.number);
  if (!previous) throw new CommandError(`no revision found for rollout "${rollout.metadata.name}"`);
  return previous.replicaSet;
}

function numberOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.[annotations.revision] ?? "0");
}

export function withoutHash(template: PodTemplate): PodTemplate {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** ReplicaSets carry the API server's defaults and Rollouts do not: what is unset or empty in `wanted` matches all. */
export function isDerivative(wanted: unknown, actual: unknown): boolean {
  if (wanted === undefined || wanted === null || wanted === "" || wanted === 0) return true;
  if (Array.isArray(wanted)) {
    if (wanted.length === 0) return true;
    if (!Array.isArray(actual) || wanted.length > actual.length) return false;
    return wanted.every((item, index) => isDerivative(item, actual[index]));
  }
  if (!isRecord(wanted)) return wanted === actual;
  const members = Object.entries(wanted);
  if (members.length === 0) return true;
  if (!isRecord(actual) || members.length > Object.keys(actual).length) return false;
  return members.every(([key, value]) => key in actual && isDerivative(value, actual[key]));
}

const workloadTypes: readonly ResourceType[] = [resources.deployments, resources.replicaSets, podTemplates];

/** Where the template stands: in the Rollout, or in the workload that it refers to. */
function templateHolder({ metadata, spec }: Rollout, toRevision: number): { type: ResourceType; name: string } {
  if (!spec.workloadRef) return { type: resources.argoRollouts, name: metadata.name };
  const { kind = "", name = "" } = spec.workloadRef;
  const type = workloadTypes.find((candidate) => candidate.kind === kind);
  if (type) return { type, name };
  throw new CommandError(`failed restoring revision ${toRevision}: workload of type ${kind} is not supported`);
}
