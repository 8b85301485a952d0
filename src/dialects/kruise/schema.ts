import { type TProperties, type TSchema, Type } from "typebox";
import type { IntOrPercent } from "../../base/int-or-percent.ts";

/**
 * The one source of the kinds of rollouts.kruise.io: TypeScript types (`Static`, in types.ts), CRD schemas with their
 * defaults and bounds (crds.ts) all follow from these values (docs/decisions/0003-schema-source.md).
 *
 * CRDs take only structural schemas, so three shapes that TypeBox would write with anyOf or patternProperties are
 * written here by hand: maps, int-or-string and closed sets of texts.
 */

const optional = Type.Optional;
const text = Type.String();
const int32 = Type.Integer({ format: "int32" });
const int64 = Type.Integer({ format: "int64" });
const flag = Type.Boolean();
const time = Type.String({ format: "date-time" });
const textMap = Type.Unsafe<Record<string, string>>({ type: "object", additionalProperties: { type: "string" } });
/** Kubernetes says nothing of the pattern of percentages here: admission does (KRUISE-033). */
const intOrPercent = Type.Unsafe<IntOrPercent>({ "x-kubernetes-int-or-string": true });

function oneOf<const T extends readonly string[]>(values: T, options: { default?: T[number] } = {}) {
  return Type.Unsafe<T[number]>({ type: "string", enum: [...values], ...options });
}

function listOf<T extends TSchema>(items: T, maxItems?: number) {
  return Type.Array(items, maxItems === undefined ? {} : { maxItems });
}

const workloadRef = Type.Object({ apiVersion: text, kind: text, name: text });

const httpHeader = Type.Object({ name: Type.String({ minLength: 1, maxLength: 256 }), value: text });

const requestHeaderModifier = Type.Object({
  set: optional(listOf(httpHeader, 16)),
  add: optional(listOf(httpHeader, 16)),
  remove: optional(listOf(text, 16)),
});

const headerMatch = Type.Object({
  type: optional(oneOf(["Exact", "RegularExpression"], { default: "Exact" })),
  // An HTTP token (RFC 9110 section 5.6.2), as the Gateway API spells it.
  name: Type.String({ minLength: 1, maxLength: 256, pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" }),
  value: Type.String({ minLength: 1, maxLength: 4096 }),
});

const queryParamMatch = Type.Object({
  type: optional(oneOf(["Exact", "RegularExpression"], { default: "Exact" })),
  name: Type.String({ minLength: 1, maxLength: 256, pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" }),
  value: Type.String({ minLength: 1, maxLength: 1024 }),
});

const pathMatch = Type.Object({
  type: optional(oneOf(["Exact", "PathPrefix", "RegularExpression"], { default: "PathPrefix" })),
  value: optional(Type.String({ maxLength: 1024, default: "/" })),
});

const trafficRoutingRef = Type.Object({
  service: text,
  gracePeriodSeconds: optional(Type.Integer({ format: "int32", default: 3 })),
  ingress: optional(Type.Object({ classType: optional(text), name: text })),
  gateway: optional(Type.Object({ httpRouteName: optional(text) })),
  customNetworkRefs: optional(listOf(Type.Object({ apiVersion: text, kind: text, name: text }))),
});

/** Without `duration` the step waits for approval; 0 goes on at once (KRUISE-155). */
const pause = Type.Object({ duration: optional(int32) });

const patchPodTemplateMetadata = Type.Object({ labels: optional(textMap), annotations: optional(textMap) });

/** The list has at most 50 steps (KRUISE 2.1). */
const STEPS_MAX = 50;

const step = Type.Object({
  traffic: optional(text),
  replicas: optional(intOrPercent),
  pause: optional(pause),
  matches: optional(
    listOf(
      Type.Object({
        path: optional(pathMatch),
        headers: optional(listOf(headerMatch, 16)),
        queryParams: optional(listOf(queryParamMatch, 16)),
      }),
      16,
    ),
  ),
  requestHeaderModifier: optional(requestHeaderModifier),
});

const releaseStrategy = {
  steps: optional(listOf(step, STEPS_MAX)),
  trafficRoutings: optional(listOf(trafficRoutingRef)),
  failureThreshold: optional(intOrPercent),
  trafficRoutingRef: optional(text),
  disableGenerateCanaryService: optional(flag),
};

export const rolloutSpec = Type.Object({
  workloadRef,
  disabled: optional(Type.Boolean({ default: false })),
  strategy: Type.Object({
    paused: optional(flag),
    canary: optional(
      Type.Object({
        ...releaseStrategy,
        enableExtraWorkloadForCanary: optional(flag),
        patchPodTemplateMetadata: optional(patchPodTemplateMetadata),
      }),
    ),
    blueGreen: optional(Type.Object(releaseStrategy)),
  }),
});

const condition = Type.Object({
  type: text,
  status: oneOf(["True", "False", "Unknown"]),
  lastUpdateTime: optional(time),
  lastTransitionTime: optional(time),
  reason: optional(text),
  message: optional(text),
});

const commonStatus = {
  observedWorkloadGeneration: optional(int64),
  observedRolloutID: optional(text),
  rolloutHash: optional(text),
  stableRevision: optional(text),
  podTemplateHash: optional(text),
  currentStepIndex: int32,
  nextStepIndex: int32,
  currentStepState: text,
  finalisingStep: optional(text),
  message: optional(text),
  lastUpdateTime: optional(time),
};

const canaryStatus = Type.Object({
  ...commonStatus,
  canaryRevision: optional(text),
  canaryReplicas: int32,
  canaryReadyReplicas: int32,
});

export const rolloutStatus = Type.Object({
  observedGeneration: optional(int64),
  phase: optional(text),
  message: optional(text),
  conditions: optional(listOf(condition)),
  currentStepIndex: int32,
  currentStepState: text,
  canaryStatus: optional(canaryStatus),
  blueGreenStatus: optional(
    Type.Object({
      ...commonStatus,
      updatedRevision: optional(text),
      updatedReplicas: int32,
      updatedReadyReplicas: int32,
    }),
  ),
});

const v1alpha1Step = Type.Object({
  weight: optional(int32),
  replicas: optional(intOrPercent),
  pause: optional(pause),
  matches: optional(listOf(Type.Object({ headers: optional(listOf(headerMatch, 16)) }), 16)),
  requestHeaderModifier: optional(requestHeaderModifier),
});

export const v1alpha1RolloutSpec = Type.Object({
  objectRef: Type.Object({ workloadRef: optional(workloadRef) }),
  disabled: optional(Type.Boolean({ default: false })),
  rolloutID: optional(text),
  strategy: Type.Object({
    paused: optional(flag),
    canary: optional(
      Type.Object({
        steps: optional(listOf(v1alpha1Step, STEPS_MAX)),
        trafficRoutings: optional(listOf(trafficRoutingRef)),
        failureThreshold: optional(intOrPercent),
        patchPodTemplateMetadata: optional(patchPodTemplateMetadata),
        disableGenerateCanaryService: optional(flag),
      }),
    ),
  }),
});

export const v1alpha1RolloutStatus = Type.Object({
  observedGeneration: optional(int64),
  phase: optional(text),
  message: optional(text),
  conditions: optional(listOf(condition)),
  canaryStatus: optional(canaryStatus),
});

const releasePlan = {
  batches: optional(listOf(Type.Object({ canaryReplicas: intOrPercent }))),
  batchPartition: optional(int32),
  rolloutID: optional(text),
  failureThreshold: optional(intOrPercent),
  finalizingPolicy: optional(oneOf(["WaitResume", "Immediate"])),
  patchPodTemplateMetadata: optional(patchPodTemplateMetadata),
};

export const batchReleaseSpec = Type.Object({
  workloadRef: optional(workloadRef),
  releasePlan: Type.Object({
    ...releasePlan,
    rollingStyle: optional(text),
    enableExtraWorkloadForCanary: optional(flag),
  }),
});

export const v1alpha1BatchReleaseSpec = Type.Object({
  targetReference: Type.Object({ workloadRef: optional(workloadRef) }),
  releasePlan: Type.Object(releasePlan),
});

const batchReleaseStatusFields = {
  conditions: optional(listOf(condition)),
  phase: optional(text),
  stableRevision: optional(text),
  updateRevision: optional(text),
  observedGeneration: optional(int64),
  observedRolloutID: optional(text),
  observedWorkloadReplicas: optional(int32),
  observedReleasePlanHash: optional(text),
  canaryStatus: optional(
    Type.Object({
      batchState: optional(text),
      currentBatch: int32,
      batchReadyTime: optional(time),
      updatedReplicas: optional(int32),
      updatedReadyReplicas: optional(int32),
      noNeedUpdateReplicas: optional(int32),
    }),
  ),
};

export const batchReleaseStatus = Type.Object({ ...batchReleaseStatusFields, message: optional(text) });
export const v1alpha1BatchReleaseStatus = Type.Object(batchReleaseStatusFields);

export const trafficRoutingSpec = Type.Object({
  objectRef: optional(listOf(trafficRoutingRef)),
  strategy: Type.Object({
    weight: optional(int32),
    matches: optional(listOf(Type.Object({ headers: optional(listOf(headerMatch, 16)) }), 16)),
    requestHeaderModifier: optional(requestHeaderModifier),
  }),
});

export const trafficRoutingStatus = Type.Object({
  observedGeneration: optional(int64),
  phase: optional(text),
  message: optional(text),
});

/** Records of finished releases hold copies of foreign specs, which only their own kinds can describe. */
const anyObject = Type.Unsafe<Record<string, unknown>>({
  type: "object",
  "x-kubernetes-preserve-unknown-fields": true,
});
const recorded = (fields: TProperties) => Type.Object({ ...fields, data: optional(anyObject) });

export const rolloutHistorySpec = Type.Object({
  rollout: optional(recorded({ rolloutID: optional(text), name: optional(text) })),
  workload: optional(recorded({ apiVersion: optional(text), kind: optional(text), name: optional(text) })),
  service: optional(recorded({ name: optional(text) })),
  trafficRouting: optional(
    Type.Object({
      ingress: optional(recorded({ name: optional(text) })),
      httpRoute: optional(recorded({ name: optional(text) })),
    }),
  ),
});

export const rolloutHistoryStatus = Type.Object({
  phase: optional(text),
  canarySteps: optional(
    listOf(
      Type.Object({
        canaryStepIndex: optional(int32),
        pods: optional(listOf(Type.Object({ name: optional(text), ip: optional(text), nodeName: optional(text) }))),
      }),
    ),
  ),
});
