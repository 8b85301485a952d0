import { deepCopy } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import type { Plan } from "../../runtime/plan.ts";
import { survivesChange } from "./abort-order.ts";
import { reconcileBlueGreen, rescaleBlueGreen } from "./blue-green/reconcile.ts";
import { reconcileCanary, rescaleCanary } from "./canary/reconcile.ts";
import { annotations } from "./keys.ts";
import { Pass } from "./pass.ts";
import { createReplicaSet, ownerReference, syncRevision } from "./replica-sets/new-replica-set.ts";
import { desiredAnnotation, wantedOf } from "./replica-sets/replica-sets.ts";
import { conditionOf, putCondition, setCondition } from "./status/conditions.ts";
import { setDuration } from "./status/duration.ts";
import { setPhase } from "./status.ts";
import { type FieldError, formatFieldError } from "./validate/field-error.ts";
import { validateReferences } from "./validate/references.ts";
import { validateSpec } from "./validate.ts";
import type { RolloutView } from "./view.ts";
import { reconcileWorkload } from "./workload.ts";

/**
 * One pass over a Rollout (ARC-059): each part that has something to write first ends the pass, and its write wakes the
 * next one. What waits is woken by the object that it waits for, or by `requeueAt`.
 */
export function reconcileRollout(view: RolloutView): Plan {
  const pass = new Pass(view);
  const invalid = validateSpec(view) ?? validateReferences(pass);
  if (invalid) return tellInvalid(pass, invalid);

  if (claimReplicaSets(pass)) return pass.plan({ withStatus: false });
  if (noteWorkloadGeneration(pass)) return pass.plan({ withStatus: false });
  if (view.rollout.spec.replicas === undefined) {
    pass.patchRollout({ spec: { replicas: 1 } }); // ARC-060
    return pass.plan({ withStatus: false });
  }
  if (!pass.newRS && !isAbortedWithout(pass)) return createReplicaSet(pass);
  if (syncRevision(pass)) return pass.plan({ withStatus: false });
  if (tellPauseAndAbort(pass)) {
    setPhase(pass);
    setDuration(pass); // a retry is seen in this pass alone
    return pass.plan();
  }
  reconcileWorkload(pass);
  dropLeftovers(pass);
  if (isScalingEvent(pass)) return pass.canary ? rescaleCanary(pass) : rescaleBlueGreen(pass);
  return pass.canary ? reconcileCanary(pass) : reconcileBlueGreen(pass);
}

/** An abort waits for no ReplicaSet that the server would not have, or that went since (INV-20). A retry makes it. */
function isAbortedWithout(pass: Pass): boolean {
  const { rollout, status, stableRS, newHash } = pass;
  if (!pass.isAborted || pass.isFullyPromoted || stableRS === null) return false;
  if (!pass.isChanged) return true;
  const isRefused = conditionOf(status, "Progressing")?.reason === "ReplicaSetCreateError";
  return isRefused && survivesChange(rollout, newHash);
}

const WORKLOAD_RETRY_SECONDS = 20; // ARC-681

/** ARC-605, ARC-700: the first mistake is told; a release under way stays as it is. */
function tellInvalid(pass: Pass, error: FieldError): Plan {
  const { next, rollout, now } = pass;
  const message = `The Rollout "${rollout.metadata.name}" is invalid: ${formatFieldError(error)}`;
  if (conditionOf(next, "InvalidSpec")?.message !== message) {
    putCondition(next, { type: "InvalidSpec", status: "True", reason: "InvalidSpec", message }, now);
  }
  next.observedGeneration = String(rollout.metadata.generation ?? 0);
  next.canary ??= {};
  next.blueGreen ??= {};
  setPhase(pass);
  if (error.path === "spec.workloadRef") pass.wakeAt(now + WORKLOAD_RETRY_SECONDS * 1000);
  return pass.plan();
}

/** ARC-026: one that lost its owner comes back; one that the selector does not match any more is let go. */
function claimReplicaSets(pass: Pass): boolean {
  const { orphans, strangers } = pass.view;
  for (const object of orphans) {
    const ownerReferences = [...(object.metadata.ownerReferences ?? []), ownerReference(pass.rollout)];
    const adopted = { ...object, metadata: { ...object.metadata, ownerReferences } };
    pass.write({ op: "update", type: resources.replicaSets, object: adopted });
  }
  for (const object of strangers) {
    const { uid } = pass.rollout.metadata;
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
    pass.write({
      op: "update",
      type: resources.replicaSets,
      object: { ...object, metadata: { ...object.metadata, ownerReferences } },
    });
  }
  return pass.hasWrites;
}

/** ARC-682. */
function noteWorkloadGeneration(pass: Pass): boolean {
  const { workload } = pass.view;
  if (workload === null || typeof workload === "string") return false;
  const generation = String(workload.object.metadata.generation ?? 0);
  if (pass.rollout.metadata.annotations?.[annotations.workloadGeneration] === generation) return false;
  pass.patchRollout({ metadata: { annotations: { [annotations.workloadGeneration]: generation } } });
  return true;
}

/** ARC-061, ARC-615: conditions follow what the user did to pauses and abort, before anything acts on it. */
function tellPauseAndAbort(pass: Pass): boolean {
  const { status, next, rollout, now, isPaused } = pass;
  if (status.observedGeneration !== String(rollout.metadata.generation ?? 0)) return false;
  const before = deepCopy(next.conditions ?? []);
  const progressing = conditionOf(next, "Progressing");
  const isUnderWay = !pass.isAborted && !pass.isFullyPromoted;
  const paused = {
    type: "Progressing",
    status: "Unknown",
    reason: "RolloutPaused",
    message: "Rollout is paused",
  } as const;
  const resumed = { ...paused, reason: "RolloutResumed", message: "Rollout is resumed" };
  const retried = { ...paused, reason: "RolloutRetry", message: "Retrying Rollout after abort" };
  if (!pass.isAborted && progressing?.reason === "RolloutAborted") setCondition(next, retried, now);
  else if (isUnderWay && progressing && isPaused !== (progressing.reason === "RolloutPaused")) {
    setCondition(next, isPaused ? paused : resumed, now);
  }
  const isTold = conditionOf(next, "Paused")?.status === "True";
  if (!pass.isAborted && isPaused !== isTold) {
    const state = isPaused ? "True" : "False";
    setCondition(next, { type: "Paused", status: state, reason: "RolloutPaused", message: "Rollout is paused" }, now);
  }
  return JSON.stringify(before) !== JSON.stringify(next.conditions ?? []);
}

/** A second Ingress or Mapping that stayed would go on sending its share to the canary's Service. */
function dropLeftovers(pass: Pass): void {
  for (const { type, object } of pass.view.routeObjects.leftovers) pass.write({ op: "delete", type, object });
}

/** ARC-062. */
function isScalingEvent({ newRS, stableRS, replicas }: Pass): boolean {
  return [newRS, stableRS].some((one) => {
    if (!one || wantedOf(one) === 0) return false;
    const noted = desiredAnnotation(one);
    return noted !== null && noted !== replicas;
  });
}
