import { deepCopy, deepEqual, isRecord } from "../../base/json.ts";
import type { Converter } from "../../kube/admission.ts";
import { annotations, GROUP } from "./keys.ts";
import { hasExtraWorkload } from "./strategy.ts";
import type {
  BatchRelease,
  BatchReleaseSpec,
  Rollout,
  RolloutSpec,
  Step,
  V1alpha1BatchRelease,
  V1alpha1Rollout,
} from "./types.ts";

/**
 * v1alpha1 ↔ v1beta1 (KRUISE-020…024). Where v1alpha1 cannot express a v1beta1 spec (blueGreen, path matches, traffic
 * of half a percent), that spec travels along in an annotation, and edits made in v1alpha1 are merged into it on the
 * way back. The original loses those fields (KRUISE-022).
 */
export const convertRollout: Converter = (object, toVersion) => {
  if (object.apiVersion === `${GROUP}/${toVersion}`) return object;
  return toVersion === "v1beta1" ? rolloutToV1beta1(object as V1alpha1Rollout) : rolloutToV1alpha1(object as Rollout);
};

export const convertBatchRelease: Converter = (object, toVersion) => {
  if (object.apiVersion === `${GROUP}/${toVersion}`) return object;
  return toVersion === "v1beta1"
    ? batchReleaseToV1beta1(object as V1alpha1BatchRelease)
    : batchReleaseToV1alpha1(object as BatchRelease);
};

type V1alpha1Spec = V1alpha1Rollout["spec"];
type V1alpha1Canary = NonNullable<V1alpha1Spec["strategy"]["canary"]>;
type V1alpha1Step = NonNullable<V1alpha1Canary["steps"]>[number];
type Annotations = Readonly<Record<string, string>>;

function rolloutToV1beta1(source: V1alpha1Rollout): Rollout {
  const { [annotations.v1beta1Fields]: keptText, ...own } = source.metadata.annotations ?? {};
  const metadata = deepCopy(source.metadata);
  if (keptText !== undefined) metadata.annotations = own;

  let spec = specToV1beta1(source.spec, own);
  const kept = parseKept(keptText);
  if (kept) {
    const down = specToV1alpha1({ metadata, spec: kept });
    spec = mergeEdits(kept, specToV1beta1(down.spec, { ...own, ...down.annotations }), spec) as RolloutSpec;
  }
  const { status, ...rest } = source;
  const result: Rollout = { ...rest, apiVersion: `${GROUP}/v1beta1`, metadata, spec };
  if (status) {
    const { currentStepIndex = 0, currentStepState = "" } = status.canaryStatus ?? {};
    result.status = { ...deepCopy(status), currentStepIndex, currentStepState };
  }
  return result;
}

function rolloutToV1alpha1(source: Rollout): V1alpha1Rollout {
  const down = specToV1alpha1(source);
  const written = { ...down.annotations };
  const readBack = specToV1beta1(down.spec, { ...source.metadata.annotations, ...written });
  if (!deepEqual(readBack, source.spec)) written[annotations.v1beta1Fields] = JSON.stringify(source.spec);

  const metadata = deepCopy(source.metadata);
  if (Object.keys(written).length > 0) metadata.annotations = { ...metadata.annotations, ...written };
  const result: V1alpha1Rollout = { ...source, apiVersion: `${GROUP}/v1alpha1`, metadata, spec: down.spec };
  if (source.status) {
    const { currentStepIndex: _index, currentStepState: _state, ...status } = deepCopy(source.status);
    result.status = status;
  }
  return result;
}

function specToV1beta1(source: V1alpha1Spec, written: Annotations): RolloutSpec {
  const { objectRef, rolloutID: _deprecated, strategy, ...rest } = deepCopy(source);
  const { canary, ...strategyRest } = strategy ?? {};
  const spec: Record<string, unknown> = { ...rest, strategy: strategyRest };
  if (objectRef?.workloadRef) spec["workloadRef"] = objectRef.workloadRef;
  if (canary) {
    const { steps, ...canaryRest } = canary;
    const trafficRoutingRef = written[annotations.trafficRouting];
    spec["strategy"] = {
      ...strategyRest,
      canary: {
        ...canaryRest,
        // Whatever the kind of the workload (KRUISE-020): admission and reconciler look at the kind themselves.
        enableExtraWorkloadForCanary: (written[annotations.rollingStyle] ?? "").toLowerCase() !== "partition",
        ...(trafficRoutingRef ? { trafficRoutingRef } : {}),
        ...(steps ? { steps: steps.map(stepToV1beta1) } : {}),
      },
    };
  }
  return spec as unknown as RolloutSpec;
}

function stepToV1beta1({ weight, ...step }: V1alpha1Step): Step {
  if (weight === undefined) return step;
  return { ...step, traffic: `${weight}%`, replicas: step.replicas ?? `${weight}%` };
}

function specToV1alpha1(source: Pick<Rollout, "metadata" | "spec">): {
  spec: V1alpha1Spec;
  annotations: Record<string, string>;
} {
  const { workloadRef, strategy, ...rest } = deepCopy(source.spec);
  const { canary, blueGreen, ...strategyRest } = strategy;
  // A blue-green Rollout reads as an empty spec in v1alpha1 (KRUISE-022).
  if (blueGreen || !canary) {
    return { spec: { ...rest, objectRef: blueGreen ? {} : { workloadRef }, strategy: strategyRest }, annotations: {} };
  }
  const { steps, enableExtraWorkloadForCanary: _extra, trafficRoutingRef, ...canaryRest } = canary;
  const v1alpha1: V1alpha1Canary = { ...canaryRest, ...(steps ? { steps: steps.map(stepToV1alpha1) } : {}) };
  return {
    spec: { ...rest, objectRef: { workloadRef }, strategy: { ...strategyRest, canary: v1alpha1 } },
    annotations: {
      [annotations.rollingStyle]: hasExtraWorkload(source) ? "canary" : "partition",
      ...(trafficRoutingRef ? { [annotations.trafficRouting]: trafficRoutingRef } : {}),
    },
  };
}

function stepToV1alpha1({ traffic, matches, ...step }: Step): V1alpha1Step {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(traffic ?? "");
  return {
    ...step,
    ...(percent ? { weight: Math.ceil(Number(percent[1])) } : {}),
    ...(matches ? { matches: matches.map(({ headers }) => (headers ? { headers } : {})) } : {}),
  };
}

function parseKept(text: string | undefined): RolloutSpec | null {
  if (text === undefined) return null;
  try {
    const kept: unknown = JSON.parse(text);
    return isRecord(kept) && isRecord(kept["strategy"]) ? (kept as unknown as RolloutSpec) : null;
  } catch {
    // The annotation is open to anybody's edits; a broken one means that the plain conversion has to do.
    return null;
  }
}

/** `kept` with the edits that lead from `base` to `edited`: what was not touched keeps its full form. */
function mergeEdits(kept: unknown, base: unknown, edited: unknown): unknown {
  if (deepEqual(base, edited)) return kept;
  if (Array.isArray(kept) && Array.isArray(base) && Array.isArray(edited)) {
    if (base.length !== edited.length) return edited;
    return edited.map((item, index) => mergeEdits(kept[index], base[index], item));
  }
  if (!isRecord(kept) || !isRecord(base) || !isRecord(edited)) return edited;
  const merged: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(kept), ...Object.keys(edited)])) {
    const value = mergeEdits(kept[key], base[key], edited[key]);
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

function batchReleaseToV1beta1(source: V1alpha1BatchRelease): BatchRelease {
  const { targetReference, releasePlan } = deepCopy(source.spec);
  const style = source.metadata.annotations?.[annotations.rollingStyle];
  const spec: BatchReleaseSpec = {
    ...(targetReference.workloadRef ? { workloadRef: targetReference.workloadRef } : {}),
    releasePlan: {
      ...releasePlan,
      ...(style ? { rollingStyle: style, enableExtraWorkloadForCanary: style.toLowerCase() === "canary" } : {}),
    },
  };
  return { ...source, apiVersion: `${GROUP}/v1beta1`, spec };
}

function batchReleaseToV1alpha1(source: BatchRelease): V1alpha1BatchRelease {
  const { workloadRef, releasePlan } = deepCopy(source.spec);
  const { rollingStyle, enableExtraWorkloadForCanary: _extra, ...plan } = releasePlan;
  const metadata = deepCopy(source.metadata);
  if (rollingStyle) metadata.annotations = { ...metadata.annotations, [annotations.rollingStyle]: rollingStyle };
  const { message: _message, ...status } = source.status ?? {};
  return {
    ...source,
    apiVersion: `${GROUP}/v1alpha1`,
    metadata,
    spec: { targetReference: workloadRef ? { workloadRef } : {}, releasePlan: plan },
    ...(source.status ? { status } : {}),
  };
}
