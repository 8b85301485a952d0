import type { TSchema } from "typebox";
import type { KubeObject } from "../../api/meta.ts";
import { type CrdSchema, customResourceDefinition, type PrinterColumn } from "../../kube/crd.ts";
import { GROUP } from "./keys.ts";
import * as schema from "./schema.ts";

/** The CustomResourceDefinitions of rollouts.kruise.io (KRUISE-001…005). v1beta1 is stored where there are two. */

const age: PrinterColumn = { name: "AGE", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** v1alpha1 has no step fields at the top of its status (KRUISE-003). */
function rolloutColumns(stepPath: string): PrinterColumn[] {
  return [
    { name: "STATUS", type: "string", jsonPath: ".status.phase", description: "The rollout status phase" },
    {
      name: "CANARY_STEP",
      type: "integer",
      jsonPath: `${stepPath}.currentStepIndex`,
      description: "The rollout canary status step",
    },
    {
      name: "CANARY_STATE",
      type: "string",
      jsonPath: `${stepPath}.currentStepState`,
      description: "The rollout canary status step state",
    },
    { name: "MESSAGE", type: "string", jsonPath: ".status.message", description: "The rollout canary status message" },
    age,
  ];
}

function batchReleaseColumns(workloadPath: string): PrinterColumn[] {
  return [
    { name: "KIND", type: "string", jsonPath: `${workloadPath}.kind` },
    { name: "PHASE", type: "string", jsonPath: ".status.phase" },
    { name: "BATCH", type: "integer", jsonPath: ".status.canaryStatus.currentBatch" },
    { name: "BATCH-STATE", type: "string", jsonPath: ".status.canaryStatus.batchState" },
    age,
  ];
}

/** TypeBox values are JSON Schema; the copy leaves its own bookkeeping behind. */
function structural(value: TSchema): CrdSchema {
  return JSON.parse(JSON.stringify(value)) as CrdSchema;
}

export const kruiseCrds: readonly KubeObject[] = [
  customResourceDefinition({
    group: GROUP,
    kind: "Rollout",
    plural: "rollouts",
    scope: "Namespaced",
    versions: [
      {
        name: "v1beta1",
        storage: true,
        spec: structural(schema.rolloutSpec),
        status: structural(schema.rolloutStatus),
        columns: rolloutColumns(".status"),
      },
      {
        name: "v1alpha1",
        storage: false,
        spec: structural(schema.v1alpha1RolloutSpec),
        status: structural(schema.v1alpha1RolloutStatus),
        columns: rolloutColumns(".status.canaryStatus"),
      },
    ],
  }),
  customResourceDefinition({
    group: GROUP,
    kind: "BatchRelease",
    plural: "batchreleases",
    scope: "Namespaced",
    versions: [
      {
        name: "v1beta1",
        storage: true,
        spec: structural(schema.batchReleaseSpec),
        status: structural(schema.batchReleaseStatus),
        // The original reads the v1alpha1 path here, so its column is blank (KRUISE-005).
        columns: batchReleaseColumns(".spec.workloadRef"),
      },
      {
        name: "v1alpha1",
        storage: false,
        spec: structural(schema.v1alpha1BatchReleaseSpec),
        status: structural(schema.v1alpha1BatchReleaseStatus),
        columns: batchReleaseColumns(".spec.targetReference.workloadRef"),
      },
    ],
  }),
  customResourceDefinition({
    group: GROUP,
    kind: "TrafficRouting",
    plural: "trafficroutings",
    scope: "Namespaced",
    versions: [
      {
        name: "v1alpha1",
        storage: true,
        spec: structural(schema.trafficRoutingSpec),
        status: structural(schema.trafficRoutingStatus),
        columns: [
          { name: "STATUS", type: "string", jsonPath: ".status.phase" },
          { name: "MESSAGE", type: "string", jsonPath: ".status.message" },
          age,
        ],
      },
    ],
  }),
  customResourceDefinition({
    group: GROUP,
    kind: "RolloutHistory",
    plural: "rollouthistories",
    scope: "Namespaced",
    versions: [
      {
        name: "v1alpha1",
        storage: true,
        spec: structural(schema.rolloutHistorySpec),
        status: structural(schema.rolloutHistoryStatus),
      },
    ],
  }),
];
