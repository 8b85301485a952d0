import type { Deployment, DeploymentStatus, ReplicaSet } from "../../../api/apps.ts";
import type { Condition, KubeObject } from "../../../api/meta.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import type { Plan, PlannedEvent, Write } from "../../../runtime/plan.ts";
import { claim, isControlledBy } from "../ownership.ts";
import { isRollingUpdate } from "./limits.ts";
import { findNew, makeReplicaSet, REVISION, refreshed, resized, revisionNumber } from "./replica-sets.ts";
import { isScaling, newSize, type Sizes, scale, shrinkOld, sizeOf } from "./rolling.ts";
import {
  countStatus,
  isComplete,
  nextDeadline,
  pausedConditions,
  rolloutStatus,
  withCreateFailed,
  withNewCreated,
  withNewFound,
} from "./status.ts";
import { hasTemplate } from "./template-hash.ts";
import type { DeploymentView } from "./view.ts";

/**
 * One pass over a Deployment (K8S-210…225): own the right ReplicaSets, make the one for the template, move sizes one
 * step, report. The steps are the original's; what it does in several writes and re-reads is one plan here.
 */
export function reconcile(view: DeploymentView): Plan {
  const { deployment, now } = view;
  const owner = { type: resources.deployments, object: deployment, selector: deployment.spec.selector };
  const { claimed, writes } = claim(owner, resources.replicaSets, view.candidates);
  const pass: Pass = { view, writes: [...writes], events: [], conditions: pausedConditions(deployment, now) };
  const newest = findNew(deployment, claimed);
  const old = claimed.filter((replicaSet) => replicaSet !== newest);

  if (deployment.metadata.deletionTimestamp) return finish(pass, { newest, old, isRollout: false });
  if (deployment.spec.paused || isScaling(deployment, claimed)) return resize(pass, newest, old);
  return isRollingUpdate(deployment) ? roll(pass, newest, old) : recreate(pass, newest, old);
}

/** What the plan has come to so far. */
interface Pass {
  readonly view: DeploymentView;
  readonly writes: Write[];
  readonly events: PlannedEvent[];
  conditions: readonly Condition[];
}

interface ReplicaSets {
  readonly newest: ReplicaSet | null;
  readonly old: readonly ReplicaSet[];
  readonly isRollout: boolean;
}

/** Paused, or `spec.replicas` changed: only sizes follow, the rollout does not move (K8S-215, K8S-217). */
function resize(pass: Pass, found: ReplicaSet | null, old: readonly ReplicaSet[]): Plan {
  const { deployment } = pass.view;
  const newest = found && refresh(pass, found, old);
  const sizes = applySizes(pass, scale(deployment, newest, old));
  const after = { newest: newest && sizes(newest), old: old.map(sizes), isRollout: false };
  if (deployment.spec.paused) cleanUp(pass, after.old);
  return finish(pass, after);
}

function roll(pass: Pass, found: ReplicaSet | null, old: readonly ReplicaSet[]): Plan {
  const { deployment } = pass.view;
  const newest = found ? refresh(pass, found, old) : create(pass, old);
  if (newest === null) return collide(pass);
  if (found) {
    const size = newSize(deployment, sizeOf(newest), old);
    if (size !== sizeOf(newest)) {
      const sizes = applySizes(pass, new Map([[newest, size]]));
      return finish(pass, { newest: sizes(newest), old, isRollout: true });
    }
  }
  const sizes = applySizes(pass, shrinkOld(deployment, newest, old));
  const after = { newest, old: old.map(sizes), isRollout: true };
  cleanUpIfComplete(pass, after);
  return finish(pass, after);
}

/** K8S-216: nothing of the new before everything of the old is gone. */
function recreate(pass: Pass, found: ReplicaSet | null, old: readonly ReplicaSet[]): Plan {
  const { deployment } = pass.view;
  const active = old.filter((replicaSet) => sizeOf(replicaSet) > 0);
  if (active.length > 0) {
    const newest = found && refresh(pass, found, old);
    const sizes = applySizes(pass, new Map(active.map((replicaSet) => [replicaSet, 0])));
    return finish(pass, { newest, old: old.map(sizes), isRollout: true });
  }
  if (old.some((replicaSet) => hasPods(pass.view, replicaSet))) {
    return finish(pass, { newest: found && refresh(pass, found, old), old, isRollout: true });
  }
  const newest = found ? refresh(pass, found, old) : create(pass, old);
  if (newest === null) return collide(pass);
  const sizes = found
    ? applySizes(pass, new Map([[newest, deployment.spec.replicas ?? 1]]))
    : (same: ReplicaSet) => same;
  const after = { newest: sizes(newest), old, isRollout: true };
  cleanUpIfComplete(pass, after);
  return finish(pass, after);
}

/** Terminating pods count: two versions must never run side by side. */
function hasPods({ podsByReplicaSet }: DeploymentView, replicaSet: ReplicaSet): boolean {
  if ((replicaSet.status?.replicas ?? 0) > 0) return true;
  return (podsByReplicaSet.get(replicaSet.metadata.uid ?? "") ?? []).some((pod) => !hasFinished(pod));
}

function hasFinished(pod: KubeObject): boolean {
  const { phase } = (pod["status"] ?? {}) as { phase?: string };
  return phase === "Succeeded" || phase === "Failed";
}

function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionNumber)) + 1;
}

/** Brings an existing new ReplicaSet's annotations up to date, and the Deployment's revision with it. */
function refresh(pass: Pass, found: ReplicaSet, old: readonly ReplicaSet[]): ReplicaSet {
  const { deployment, now } = pass.view;
  const newest = refreshed(deployment, found, nextRevision(old));
  pass.writes.push({ op: "update", type: resources.replicaSets, object: newest });
  setRevision(pass, revisionNumber(newest));
  if (!deployment.spec.paused) pass.conditions = withNewFound(deployment, found.metadata.name, pass.conditions, now);
  return newest;
}

/** The new ReplicaSet, at the size that the rollout allows at once (K8S-214); null when its name is taken. */
function create(pass: Pass, old: readonly ReplicaSet[]): ReplicaSet | null {
  const { deployment, namesake, now } = pass.view;
  const isOurs = namesake && isControlledBy(namesake, deployment) && hasTemplate(namesake, deployment.spec.template);
  if (namesake && !isOurs) return null;
  const size = newSize(deployment, 0, old);
  const revision = nextRevision(old);
  const made = makeReplicaSet(deployment, revision, size);
  const { name } = made.metadata;
  pass.writes.push({ op: "create", type: resources.replicaSets, object: made });
  setRevision(pass, revision);
  pass.conditions = withNewCreated(deployment, name, pass.conditions, now);
  if (size > 0) pass.events.push(scaled(deployment, name, 0, size));
  return made;
}

/** K8S-210: another object has the name; the next hash is salted with the count. */
function collide(pass: Pass): Plan {
  const { deployment } = pass.view;
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
  const { writes, events } = pass;
  return { writes, status: { type: resources.deployments, object: deployment, status }, events, requeueAt: null };
}

/** Through `/status`, which stores annotations of workloads without a new generation (K8S-111, K8S-112). */
function setRevision(pass: Pass, revision: number): void {
  const { deployment } = pass.view;
  if (deployment.metadata.annotations?.[REVISION] === String(revision)) return;
  pass.writes.push({
    op: "patch",
    type: resources.deployments,
    key: keyOf(deployment),
    subresource: "status",
    basedOn: deployment,
    patch: { kind: "merge", body: { metadata: { annotations: { [REVISION]: String(revision) } } } },
  });
}

/** Plans the resizing; the function returned gives each ReplicaSet as it will be. */
function applySizes(pass: Pass, sizes: Sizes): (replicaSet: ReplicaSet) => ReplicaSet {
  const { deployment } = pass.view;
  const after = new Map<ReplicaSet, ReplicaSet>();
  for (const [replicaSet, size] of sizes) {
    const object = resized(deployment, replicaSet, size);
    after.set(replicaSet, object);
    replaceUpdate(pass.writes, object);
    if (size !== sizeOf(replicaSet)) {
      pass.events.push(scaled(deployment, object.metadata.name, sizeOf(replicaSet), size));
    }
  }
  return (replicaSet) => after.get(replicaSet) ?? replicaSet;
}

/** One object, one update: a second one would carry the revision that the first has outdated. */
function replaceUpdate(writes: Write[], object: ReplicaSet): void {
  const write: Write = { op: "update", type: resources.replicaSets, object };
  const index = writes.findIndex((other) => other.op === "update" && other.object.metadata.uid === object.metadata.uid);
  if (index < 0) writes.push(write);
  else writes[index] = write;
}

function scaled(deployment: Deployment, name: string, from: number, to: number): PlannedEvent {
  const message = `Scaled ${to > from ? "up" : "down"} replica set ${name} from ${from} to ${to}`;
  return { regarding: deployment, type: "Normal", reason: "ScalingReplicaSet", message };
}

function cleanUpIfComplete(pass: Pass, after: ReplicaSets): void {
  const { deployment, now } = pass.view;
  const observed = { deployment, newReplicaSet: after.newest, old: after.old, now };
  if (isComplete(deployment, countStatus(observed, []))) cleanUp(pass, after.old);
}

/** K8S-223 */
function cleanUp(pass: Pass, old: readonly ReplicaSet[]): void {
  const { revisionHistoryLimit: limit = 10 } = pass.view.deployment.spec;
  const alive = old.filter((replicaSet) => !replicaSet.metadata.deletionTimestamp);
  const oldestFirst = alive.sort((left, right) => revisionNumber(left) - revisionNumber(right));
  for (const replicaSet of oldestFirst.slice(0, Math.max(0, alive.length - limit))) {
    const { status, metadata } = replicaSet;
    const isObserved = (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);
    if (sizeOf(replicaSet) > 0 || (status?.replicas ?? 0) > 0 || !isObserved) continue;
    pass.writes.push({ op: "delete", type: resources.replicaSets, object: replicaSet });
  }
}

function finish(pass: Pass, { newest, old, isRollout }: ReplicaSets): Plan {
  const { view, writes, events, conditions } = pass;
  const { deployment, now } = view;
  const observed = { deployment, newReplicaSet: newest, old, now };
  const status: DeploymentStatus = isRollout ? rolloutStatus(observed, conditions) : countStatus(observed, conditions);
  return {
    writes,
    status: { type: resources.deployments, object: deployment, status },
    events,
    requeueAt: deployment.spec.paused ? null : nextDeadline(deployment, status),
    onRefusal: (write, error) => ({
      status:
        write.op === "create"
          ? {
              type: resources.deployments,
              object: deployment,
              status: { ...deployment.status, conditions: withCreateFailed(deployment, error.message, now) },
            }
          : null,
      events:
        write.op === "create"
          ? [{ regarding: deployment, type: "Warning", reason: "ReplicaSetCreateError", message: error.message }]
          : [],
    }),
  };
}
