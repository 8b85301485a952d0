import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import { deepCopy } from "../../base/json.ts";
import type { AdmissionPlugin } from "../../kube/admission.ts";
import { apiVersionOf, resources } from "../../kube/resource.ts";
import { activeReplicaSets, templateHash } from "../../workloads/deployment.ts";
import { desiredReplicas } from "../../workloads/replicas.ts";
import { sameTemplate } from "../../workloads/template.ts";
import { annotations, labels } from "./keys.ts";
import { conditionOf } from "./status.ts";
import { byAge, isSameWorkload, strategyOf, unsupportedFeature } from "./strategy.ts";
import type { Rollout } from "./types.ts";

/**
 * How a release begins: an update that changes the template of a governed Deployment is stored with `paused: true`, so
 * that the native rolling update does not start, and marked as in progress (KRUISE-100…105). The Rollout reconciler
 * takes it from there. Pure; the embedded API server calls the plugin, a webhook can call the same functions.
 *
 * Interception keys on the Rollout's existence, not on the label that the controller writes later, so there is no gap
 * between applying a Rollout and the first release (KRUISE-109).
 */
export const workloadAdmission: AdmissionPlugin = {
  name: "mdeployment.kb.io",
  kind: "mutating",
  admit({ operation, type, subresource, namespace, object, oldObject }, reader) {
    const isDeployment = type.group === "apps" && type.kind === "Deployment";
    if (!isDeployment || operation !== "UPDATE" || subresource !== "" || !object || !oldObject)
      return { allowed: true };
    const updated = object as Deployment;
    const rollout = governingRollout(updated, reader.list(resources.kruiseRollouts, namespace) as readonly Rollout[]);
    if (!rollout) return { allowed: true };

    const uid = oldObject.metadata.uid;
    const replicaSets = (reader.list(resources.replicaSets, namespace) as readonly ReplicaSet[]).filter(
      ({ metadata }) => metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid),
    );
    const changed = admitDeploymentUpdate({ rollout, updated, old: oldObject as Deployment, replicaSets });
    return changed ? { allowed: true, object: changed } : { allowed: true };
  },
};

export interface DeploymentUpdate {
  readonly rollout: Rollout;
  readonly updated: Deployment;
  readonly old: Deployment;
  /** Owned by the Deployment's uid. */
  readonly replicaSets: readonly ReplicaSet[];
}

/** The Rollout that decides about this workload, or null (KRUISE-100). */
export function governingRollout(workload: Deployment, rollouts: readonly Rollout[]): Rollout | null {
  const self = { apiVersion: apiVersionOf(resources.deployments), kind: "Deployment", name: workload.metadata.name };
  const matching = rollouts.filter(
    (rollout) =>
      rollout.metadata.deletionTimestamp === undefined &&
      rollout.status?.phase !== "Disabled" &&
      strategyOf(rollout) !== null &&
      isSameWorkload(rollout.spec.workloadRef, self),
  );
  const governing = [...matching].sort(byAge)[0] ?? null;
  // Pausing a workload that nobody would ever resume helps no one.
  return governing && unsupportedFeature(governing) === null ? governing : null;
}

/** The Deployment as it should be stored, or null when the update may pass as it is. */
export function admitDeploymentUpdate(update: DeploymentUpdate): Deployment | null {
  if (isReleaseHeld(update)) return holdPaused(update);
  return refusalToEnter(update) === null ? enterRelease(update) : null;
}

/**
 * Why an update of the Deployment is no release but an ordinary rolling update; null when it starts a release
 * (KRUISE-101). `not-changed` is the harmless case.
 */
function refusalToEnter({ rollout, updated, old, replicaSets }: DeploymentUpdate): string | null {
  if (!isEffectiveChange(updated, old)) return "not-changed";
  // A Rollout that is being switched off would leave the workload paused for ever.
  if (rollout.spec.disabled) return "the Rollout is disabled";
  if (desiredReplicas(updated) === 0) return "the Deployment is scaled to zero";
  if (activeReplicaSets(replicaSets).length === 0) return "the Deployment has no active ReplicaSet";
  return null;
}

/**
 * The release is in progress and no step of ours is ending it. The mark of the old object counts as well: a whole
 * replacement of the object (`kubectl replace`, GitOps) that lacks our annotation must not start the native rolling
 * update in the middle of a release (INV-39). The original loses the release there.
 */
function isReleaseHeld({ rollout, updated, old }: DeploymentUpdate): boolean {
  if (updated.metadata.annotations?.[annotations.inProgressing]) return true;
  return Boolean(old.metadata.annotations?.[annotations.inProgressing]) && !isEnding(rollout);
}

/** The controller itself takes the mark away in these states, and then lets the Deployment go on (KRUISE section 9). */
function isEnding({ spec, status }: Rollout): boolean {
  if (spec.disabled) return true;
  if (status?.phase === "Disabling" || status?.phase === "Terminating") return true;
  const reason = conditionOf(status, "Progressing")?.reason ?? "";
  return status?.phase === "Progressing" && ["Finalising", "Cancelling", "Completed"].includes(reason);
}

/** KRUISE-103: whoever un-pauses or switches to Recreate, the release goes on. */
function holdPaused({ updated, old }: DeploymentUpdate): Deployment | null {
  const mark = old.metadata.annotations?.[annotations.inProgressing];
  const isMarked = Boolean(updated.metadata.annotations?.[annotations.inProgressing]);
  const isRecreate = updated.spec.strategy?.type === "Recreate" && old.spec.strategy?.type !== "Recreate";
  if (updated.spec.paused === true && !isRecreate && isMarked) return null;
  const held = deepCopy(updated);
  held.spec.paused = true;
  if (isRecreate && old.spec.strategy) held.spec.strategy = deepCopy(old.spec.strategy);
  if (!isMarked && mark)
    held.metadata.annotations = { ...held.metadata.annotations, [annotations.inProgressing]: mark };
  return held;
}

/** KRUISE-102. */
function enterRelease({ rollout, updated, replicaSets }: DeploymentUpdate): Deployment {
  const entered = deepCopy(updated);
  entered.spec.paused = true;
  entered.metadata.annotations = {
    ...entered.metadata.annotations,
    [annotations.inProgressing]: JSON.stringify({ rolloutName: rollout.metadata.name }),
  };
  const stable = activeReplicaSets(replicaSets).find(({ spec }) => !sameTemplate(spec.template, updated.spec.template));
  const hash = templateHash(stable ?? null);
  if (hash !== "") entered.metadata.labels = { ...entered.metadata.labels, [labels.stableRevision]: hash };
  return entered;
}

/** With a rollout id the id alone decides, else the template (KRUISE-105). */
function isEffectiveChange(updated: Deployment, old: Deployment): boolean {
  const id = rolloutIdOf(updated);
  if (id !== "") return id !== rolloutIdOf(old);
  return !sameTemplate(updated.spec.template, old.spec.template);
}

/** The original's admission reads the annotation and its controller the label; we take either in both (BUG-16). */
export function rolloutIdOf({ metadata }: Deployment): string {
  return metadata.labels?.[labels.rolloutId] || metadata.annotations?.[annotations.rolloutId] || "";
}
