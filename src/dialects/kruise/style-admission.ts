import { isRecord } from "../../base/json.ts";
import type { AdmissionPlugin } from "../../kube/admission.ts";
import { annotations, GROUP } from "./keys.ts";
import { hasRecordedStyle, leavesStyleOpen } from "./strategy.ts";
import type { Rollout, RolloutSpec } from "./types.ts";

/**
 * A v1beta1 Rollout that patches the canary's pods but does not say `enableExtraWorkloadForCanary` can only mean a
 * canary Deployment: nothing else has such pods (SEED-041). The original takes it for partition style and ignores the
 * patch. We take it for canary style, and record that at admission.
 *
 * Recorded, not derived: clients written in Go drop an explicit `false` when they write the object back, so on an
 * object that was already there an absent field may mean either. There the manifest that kubectl applied decides.
 */
export const styleAdmission: AdmissionPlugin = {
  name: "style.fairway.dev",
  kind: "mutating",
  admit({ operation, type, subresource, object, oldObject }) {
    const isRollout = type.group === GROUP && type.plural === "rollouts";
    // v1alpha1 has no such field: its style is an annotation, with canary as the default (KRUISE-020).
    if (!isRollout || subresource !== "" || object?.apiVersion !== `${GROUP}/v1beta1`) return { allowed: true };
    const rollout = object as Rollout;
    const old = operation === "UPDATE" ? (oldObject as Rollout | null) : null;
    const isInferred =
      leavesStyleOpen(rollout.spec) && (old === null || hasRecordedStyle(old) || isAppliedOpen(rollout));
    const changed = withRecord(rollout, isInferred);
    if (!isInferred || (old !== null && hasRecordedStyle(old))) return { allowed: true, object: changed };
    const warning = `Rollout ${rollout.metadata.name}: patchPodTemplateMetadata needs enableExtraWorkloadForCanary: true; treating this Rollout as canary style`;
    return { allowed: true, object: changed, warnings: [warning] };
  },
};

/** The manifest that `kubectl apply` recorded does not say the field either. */
function isAppliedOpen({ metadata }: Rollout): boolean {
  try {
    const applied: unknown = JSON.parse(metadata.annotations?.[LAST_APPLIED] ?? "null");
    return isRecord(applied) && leavesStyleOpen(applied["spec"] as RolloutSpec);
  } catch {
    // Anybody can write the annotation; one that cannot be read says nothing.
    return false;
  }
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** The annotation is ours alone: what a user writes there does not count. */
function withRecord(rollout: Rollout, isInferred: boolean): Rollout {
  const { [annotations.effectiveStyle]: written, ...others } = rollout.metadata.annotations ?? {};
  if (isInferred ? written === "canary" : written === undefined) return rollout;
  const kept = isInferred ? { ...others, [annotations.effectiveStyle]: "canary" } : others;
  return { ...rollout, metadata: { ...rollout.metadata, annotations: kept } };
}
