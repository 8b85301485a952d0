import { stringify } from "yaml";
import type { Deployment, PodTemplate, ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { annotations } from "../../dialects/kruise/keys.ts";
import { stepsOf } from "../../dialects/kruise/strategy.ts";
import type { Rollout } from "../../dialects/kruise/types.ts";
import { resources } from "../../kube/resource.ts";
import { revisionNumber } from "../../workloads/deployment.ts";
import { sameTemplate, withoutHash } from "../../workloads/template.ts";
import { type CommandContext, CommandError, type Target } from "../plugin/command.ts";
import { forEach, refusal } from "./command.ts";
import { renderChange } from "./output.ts";
import { revisionsOf } from "./revisions.ts";
import { shownName, targetKey, typeOfKind } from "./targets.ts";

export interface UndoOptions {
  /** 0: the previous one. */
  readonly toRevision: number;
  readonly dryRun: "none" | "server" | "client";
  readonly fast: boolean;
  readonly output: string | undefined;
}

/** Rolls workloads back to an earlier template; a Rollout stands for its workload (KRUISE-453, KRUISE-454). */
export async function undo(context: CommandContext, targets: readonly Target[], options: UndoOptions): Promise<void> {
  if (options.fast) return forEach(targets, (target) => undoFast(context, target, options));
  const done = new Set<string>();
  return forEach(targets, async (named) => {
    const target = await workloadOf(context, named);
    if (done.has(targetKey(target))) return;
    done.add(targetKey(target));
    await undoWorkload(context, target, options);
  });
}

async function workloadOf({ client }: CommandContext, target: Target): Promise<Target> {
  if (target.type !== resources.kruiseRollouts) return target;
  const { spec } = await client.get<Rollout>(target.type, target);
  const { apiVersion, kind, name } = spec.workloadRef;
  return { type: typeOfKind(apiVersion, kind), namespace: target.namespace, name };
}

async function undoWorkload(context: CommandContext, target: Target, options: UndoOptions): Promise<void> {
  const { client } = context;
  const found = await client.get<Deployment>(target.type, target);
  if (target.type !== resources.deployments) {
    const { kind, group } = target.type;
    throw new CommandError(`no rollbacker has been implemented for "${group === "" ? kind : `${kind}.${group}`}"`);
  }
  const revision = targetRevision(found, await revisionsOf(client, found), options.toRevision);
  const template = withoutHash(revision.spec.template);
  if (options.dryRun === "client") {
    context.print(`${shownName(target)} Pod Template:\n${stringify(template).replace(/^(?=.)/gm, "  ")}`);
    return;
  }
  if (sameTemplate(template, found.spec.template)) {
    const verb = `skipped rollback (current template already matches revision ${options.toRevision})`;
    context.print(renderChange(target, found, { verb }));
    return;
  }
  const changed = await client.patch(target.type, target, rollbackPatch(found, revision, template), {
    dryRun: options.dryRun === "server",
  });
  const verb = options.dryRun === "server" ? "rolled back (server dry run)" : "rolled back";
  context.print(renderChange(target, changed, { verb, ...(options.output ? { output: options.output } : {}) }));
}

/** Which ReplicaSet to go back to (KRUISE-454); `revisions` are oldest first. */
export function targetRevision(
  deployment: Deployment,
  revisions: readonly ReplicaSet[],
  toRevision: number,
): ReplicaSet {
  if (toRevision > 0) {
    const exact = revisions.find((candidate) => revisionNumber(candidate) === toRevision);
    if (!exact) throw new CommandError(`unable to find specified revision ${toRevision} in history`);
    return exact;
  }
  const latest = revisions.at(-1);
  const previous = revisions.at(-2);
  const isLatestCurrent = latest !== undefined && sameTemplate(latest.spec.template, deployment.spec.template);
  // A Deployment that a release holds paused has no ReplicaSet of the new template: its latest is the old version.
  const chosen = isInCanaryRelease(deployment) && (!previous || !isLatestCurrent) ? latest : previous;
  if (!chosen) throw new CommandError(`no rollout history found for deployment "${deployment.metadata.name}"`);
  return chosen;
}

function isInCanaryRelease({ spec, metadata }: Deployment): boolean {
  const present = metadata.annotations ?? {};
  return (
    spec.paused === true && Boolean(present[annotations.inProgressing]) && !present[annotations.deploymentStrategy]
  );
}

/** The Deployment's own book-keeping stays; other annotations are those of the revision (KRUISE-454). */
const keptAnnotations = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "deployment.kubernetes.io/revision",
  "deployment.kubernetes.io/revision-history",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
];

function isKept(key: string): boolean {
  return keptAnnotations.includes(key) || key.includes("rollouts.kruise.io/");
}

function rollbackPatch(deployment: Deployment, revision: ReplicaSet, template: PodTemplate) {
  const pick = (object: KubeObject, keep: boolean) =>
    Object.entries(object.metadata.annotations ?? {}).filter(([key]) => isKept(key) === keep);
  const value = Object.fromEntries([...pick(revision, false), ...pick(deployment, true)]);
  return {
    kind: "json",
    body: [
      { op: "replace", path: "/spec/template", value: template },
      // "add" also replaces, and works on a Deployment without annotations.
      { op: "add", path: "/metadata/annotations", value },
    ],
  } as const;
}

/** Back to the step without traffic that has most pods (KRUISE-456). */
async function undoFast(context: CommandContext, target: Target, { output, dryRun }: UndoOptions): Promise<void> {
  const found = await context.client.get<Rollout>(target.type, target);
  if (target.type !== resources.kruiseRollouts) throw refusal(target, "rollback is not supported on given object");
  const field = found.status?.blueGreenStatus ? "blueGreenStatus" : "canaryStatus";
  const current = found.status?.[field]?.currentStepIndex ?? 0;
  const index = fastStep(target, found, current);
  const body = { status: { [field]: { nextStepIndex: index } } };
  const patched = await context.client.patch(
    target.type,
    target,
    { kind: "merge", body },
    { subresource: "status", dryRun: dryRun !== "none" },
  );
  context.print(renderChange(target, patched, { verb: "rolled back", ...(output ? { output } : {}) }));
}

function fastStep(target: Target, rollout: Rollout, current: number): number {
  const steps = stepsOf(rollout);
  if (current > steps.length) {
    throw refusal(target, `has ${steps.length} steps, but current step is too large ${current}`);
  }
  if (current <= 1) throw refusal(target, "already at the first step");
  // Steps never shrink (KRUISE-037), so the latest of them has most pods.
  const earlier = steps.slice(0, current - 1);
  const index = earlier.findLastIndex(({ traffic }) => traffic === undefined || /^0+%$/.test(traffic));
  if (index < 0) throw refusal(target, "no previous step with no traffic found");
  return index + 1;
}
