import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import type { AdmissionPlugin } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { annotations } from "./keys.ts";
import type { Rollout, RolloutStatus } from "./types.ts";

/**
 * Whose word counts when an abort meets another wish before the controller has acted on either (INV-20). The first pass
 * over an abort notes its time, so one without `abortedAt` is news.
 *
 * - A new template after an abort ends it (ARC-136): that abort was of the version before.
 * - An abort after a new template is of that template, even if nobody has seen it yet. The original forgets it.
 * - A full promotion that is under way ends with the abort; one of an aborted release ends the abort (ARC-118).
 */

function isNews({ abort, abortedAt }: RolloutStatus): boolean {
  return abort === true && abortedAt === undefined;
}

/** The status to act on: what people wrote, without the wish that another one ends. */
export function weighed(status: RolloutStatus): RolloutStatus {
  if (!isNews(status) || status.promoteFull !== true) return status;
  const { promoteFull: _, ...others } = status;
  return others;
}

/** Does the abort go on although there is a new version? Nothing is there to go back to, or nothing to go back from: no. */
export function survivesChange({ metadata, status = {} }: Rollout, newHash: string): boolean {
  const { stableRS = "" } = status;
  if (!isNews(status) || stableRS === "" || stableRS === newHash) return false;
  const endedAt = Number(metadata.annotations?.[annotations.abortEndedAt] ?? 0);
  return endedAt <= Number(status.observedGeneration ?? 0);
}

/**
 * An object does not tell which of two wishes came first, so the embedded server notes it: the generation whose template
 * ends an abort that nobody has acted on yet. Where no server notes it, the abort wins, which is the safe mistake.
 */
export const abortOrder: AdmissionPlugin = {
  name: "abort-order.argo.fairway.dev",
  kind: "mutating",
  admit({ operation, type, subresource, object, oldObject }) {
    const isRollout = type.group === resources.argoRollouts.group && type.kind === resources.argoRollouts.kind;
    if (!isRollout || operation !== "UPDATE" || subresource !== "" || !object || !oldObject) return { allowed: true };
    const [before, after] = [oldObject as Rollout, object as Rollout];
    if (!isNews(before.status ?? {}) || deepEqual(versionOf(before), versionOf(after))) return { allowed: true };
    return { allowed: true, object: noted(after, (before.metadata.generation ?? 0) + 1) };
  },
};

/** What makes a new release when it changes (ARC-110). */
function versionOf({ spec }: Rollout): unknown {
  return [spec.template ?? null, spec.workloadRef ?? null, spec.strategy?.canary?.steps ?? null];
}

function noted(rollout: Rollout, generation: number): KubeObject {
  const notes = { ...rollout.metadata.annotations, [annotations.abortEndedAt]: String(generation) };
  return { ...rollout, metadata: { ...rollout.metadata, annotations: notes } };
}
