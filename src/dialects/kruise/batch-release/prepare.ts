import type { Deployment } from "../../../api/apps.ts";
import { resources } from "../../../kube/resource.ts";
import { matchesLabelSelector } from "../../../kube/selector.ts";
import type { Write } from "../../../runtime/plan.ts";
import { annotations, finalizers } from "../keys.ts";
import { patchDeployment } from "../own-writes.ts";
import type { BatchReleaseStatus, BatchReleaseView } from "../types.ts";
import { canaryTemplate, controlInfo, newCanary, runsNewTemplate } from "./canary.ts";
import { type BatchOutcome, withBatch } from "./status.ts";

/** Takes control of the stable Deployment and makes the canary Deployment, still without pods (KRUISE-210). */
export function prepare(view: BatchReleaseView, stable: Deployment, status: BatchReleaseStatus): BatchOutcome {
  const { release } = view;
  const problem = problemOf(view, stable);
  if (problem !== null) return { status: { ...status, message: problem } };

  const { message: _solved, ...clean } = status;
  const writes: Write[] = [];
  const info = controlInfo(release);
  if (stable.metadata.annotations?.[annotations.controlInfo] !== info) {
    writes.push(patchDeployment(stable, { metadata: { annotations: { [annotations.controlInfo]: info } } }));
  }
  if (!currentCanary(view, stable)) {
    writes.push(...view.canaries.filter(isDeleting).flatMap(releaseCanary));
    writes.push({ op: "create", type: resources.deployments, object: newCanary(release, stable) });
  }
  if (writes.length > 0) return { status: clean, writes };
  return { status: withBatch({ ...clean, phase: "Progressing" }, { batchState: "Upgrading" }) };
}

/** The canary in use: the newest that is not going and runs the new template (KRUISE-215). */
export function currentCanary({ canaries, release }: BatchReleaseView, stable: Deployment): Deployment | null {
  return canaries.find((canary) => !isDeleting(canary) && runsNewTemplate(canary, release, stable)) ?? null;
}

/** What the API server would refuse is told instead of tried for ever (KRUISE-211, BUG-10). */
function problemOf(view: BatchReleaseView, stable: Deployment): string | null {
  const { release, nameTaken } = view;
  const podLabels = canaryTemplate(release, stable).metadata?.labels ?? {};
  if (!matchesLabelSelector(stable.spec.selector, podLabels)) {
    return (
      `cannot create the canary Deployment of ${stable.metadata.name}: patchPodTemplateMetadata overrides a label ` +
      "that spec.selector needs"
    );
  }
  if (nameTaken) {
    return `cannot create the canary Deployment of ${stable.metadata.name}: its name is taken by another Deployment`;
  }
  return null;
}

/** Lets a canary go: without our finalizer its deletion, or garbage collection, can complete. */
export function releaseCanary(canary: Deployment): Write[] {
  const present = canary.metadata.finalizers ?? [];
  if (!present.includes(finalizers.canaryDeployment)) return [];
  const left = present.filter((finalizer) => finalizer !== finalizers.canaryDeployment);
  return [patchDeployment(canary, { metadata: { finalizers: left } })];
}

function isDeleting({ metadata }: Deployment): boolean {
  return metadata.deletionTimestamp !== undefined;
}
