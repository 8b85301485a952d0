import type { AdmissionPlugin } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import type { Rollout } from "./types.ts";

/** What is allowed in a Rollout and means something else than most people think: told when it is written. */
export const surpriseWarnings: AdmissionPlugin = {
  name: "surprises.argo.fairway.dev",
  kind: "validating",
  admit({ type, subresource, object, oldObject }) {
    const isRollout = type.group === resources.argoRollouts.group && type.kind === resources.argoRollouts.kind;
    if (!isRollout || subresource !== "" || !object) return { allowed: true };
    const known = new Set(oldObject ? surprisesOf(oldObject as Rollout) : []);
    const warnings = surprisesOf(object as Rollout).filter((text) => !known.has(text));
    return { allowed: true, ...(warnings.length > 0 ? { warnings } : {}) };
  },
};

export function surprisesOf({ spec }: Rollout): readonly string[] {
  // Validating plugins come after the schema, so what stands here has its type.
  const { canary, blueGreen } = spec.strategy ?? {};
  const bounds = [
    ["canary.maxSurge", canary?.maxSurge],
    ["canary.maxUnavailable", canary?.maxUnavailable],
    ["blueGreen.maxUnavailable", blueGreen?.maxUnavailable],
  ] as const;
  const delays = [
    ["canary", canary?.trafficRouting ? canary.abortScaleDownDelaySeconds : undefined],
    ["blueGreen", blueGreen?.abortScaleDownDelaySeconds],
  ] as const;
  return [
    // ARC-919
    ...bounds.flatMap(([field, value]) =>
      typeof value === "string" && /^\d+$/.test(value)
        ? [`spec.strategy.${field}: "${value}" is ${value} %; without quotes it is a number of pods`]
        : [],
    ),
    // ARC-908
    ...delays.flatMap(([strategy, delay]) =>
      delay === 0
        ? [`spec.strategy.${strategy}.abortScaleDownDelaySeconds: 0 keeps the pods of an aborted version for ever`]
        : [],
    ),
  ];
}
