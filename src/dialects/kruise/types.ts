import type { Static } from "typebox";
import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import type { Pod } from "../../api/core.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import type {
  batchReleaseSpec,
  batchReleaseStatus,
  rolloutSpec,
  rolloutStatus,
  v1alpha1BatchReleaseSpec,
  v1alpha1RolloutSpec,
  v1alpha1RolloutStatus,
} from "./schema.ts";

export type RolloutSpec = Static<typeof rolloutSpec>;
export type RolloutStatus = Static<typeof rolloutStatus>;
export type RolloutCondition = NonNullable<RolloutStatus["conditions"]>[number];
export type CanaryStatus = NonNullable<RolloutStatus["canaryStatus"]>;
export type CanaryStrategy = NonNullable<RolloutSpec["strategy"]["canary"]>;
export type BlueGreenStrategy = NonNullable<RolloutSpec["strategy"]["blueGreen"]>;
export type Step = NonNullable<CanaryStrategy["steps"]>[number];
export type TrafficRoutingRef = NonNullable<CanaryStrategy["trafficRoutings"]>[number];
export type WorkloadRef = RolloutSpec["workloadRef"];

export interface Rollout extends KubeObject {
  spec: RolloutSpec;
  status?: RolloutStatus;
}

export interface V1alpha1Rollout extends KubeObject {
  spec: Static<typeof v1alpha1RolloutSpec>;
  status?: Static<typeof v1alpha1RolloutStatus>;
}

export type BatchReleaseSpec = Static<typeof batchReleaseSpec>;
export type BatchReleaseStatus = Static<typeof batchReleaseStatus>;

export interface BatchRelease extends KubeObject {
  spec: BatchReleaseSpec;
  status?: BatchReleaseStatus;
}

export interface V1alpha1BatchRelease extends KubeObject {
  spec: Static<typeof v1alpha1BatchReleaseSpec>;
  status?: BatchReleaseStatus;
}

/** `status.phase` (KRUISE-010). */
export type Phase = "Initial" | "Healthy" | "Progressing" | "Terminating" | "Disabling" | "Disabled";

/** `currentStepState` in the order in which a step passes them (KRUISE-011). */
export const stepStates = [
  "BeforeStepUpgrade",
  "StepUpgrade",
  "StepTrafficRouting",
  "StepMetricsAnalysis",
  "StepPaused",
  "StepReady",
  "Completed",
] as const;
export type StepState = (typeof stepStates)[number];

/** What the Rollout reconciler decides on. */
export interface RolloutView {
  readonly rollout: Rollout;
  readonly now: Instant;
  /** The wait of KRUISE-140 between noticing a release and starting it. */
  readonly settleSeconds: number;
  readonly workload: WorkloadView | null;
  /** Where a Deployment of the wanted name exists although not in the Rollout's own namespace (SEED-013). */
  readonly workloadElsewhere: string | null;
  /** An older Rollout that names the same workload: it governs, this one stays inactive (INV-44). */
  readonly rival: Rollout | null;
  readonly batchRelease: BatchRelease | null;
}

export interface WorkloadView {
  readonly deployment: Deployment;
  /** Deployment and ReplicaSets tell one consistent story (KRUISE-135, INV-29). */
  readonly isSettled: boolean;
  /** Kruise's own hash of the template (KRUISE-015). */
  readonly revision: string;
  /** The pod-template-hash of the ReplicaSet that holds the stable version. */
  readonly stableRevision: string;
  readonly isInProgressing: boolean;
  /** The template is the stable version's again (KRUISE-180). */
  readonly isInRollback: boolean;
  /** The rollout id that the user set on the workload; "" without one (KRUISE-105). */
  readonly rolloutId: string;
  /** The pod-template-hash of the canary's ReplicaSet; "" while there is none. */
  readonly canaryTemplateHash: string;
}

/** What the BatchRelease reconciler decides on. */
export interface BatchReleaseView {
  readonly release: BatchRelease;
  readonly now: Instant;
  readonly stable: Deployment | null;
  readonly stableReplicaSets: readonly ReplicaSet[];
  /** The canary Deployments of this BatchRelease, newest first. */
  readonly canaries: readonly Deployment[];
  /** A Deployment that has the canary's name but another owner. */
  readonly nameTaken: boolean;
  /** The pods of the newest canary's ReplicaSets. */
  readonly canaryPods: readonly Pod[];
}
