/** Names that Kruise Rollouts reserves on objects (KRUISE section 1). They are the whole persistent protocol. */
export const GROUP = "rollouts.kruise.io";

export const labels = {
  workloadType: "rollouts.kruise.io/workload-type",
  stableRevision: "rollouts.kruise.io/stable-revision",
  canaryDeployment: "rollouts.kruise.io/canary-deployment",
  rolloutId: "rollouts.kruise.io/rollout-id",
  rolloutBatchId: "rollouts.kruise.io/rollout-batch-id",
  controllerRevisionHash: "controller-revision-hash",
} as const;

export const annotations = {
  inProgressing: "rollouts.kruise.io/in-progressing",
  controlInfo: "batchrelease.rollouts.kruise.io/control-info",
  rolloutHash: "rollouts.kruise.io/hash",
  rollingStyle: "rollouts.kruise.io/rolling-style",
  trafficRouting: "rollouts.kruise.io/trafficrouting",
  rolloutId: "rollouts.kruise.io/rollout-id",
  deploymentStrategy: "rollouts.kruise.io/deployment-strategy",
  /** Ours, "true" on a Rollout: its deletion in mid-release leaves the workload paused (KRUISE-137). */
  keepWorkloadPaused: "fairway.dev/keep-workload-paused-on-deletion",
  /** Ours, "canary": the style of a Rollout that does not say which (style-admission.ts). */
  effectiveStyle: "fairway.dev/effective-style",
  /** Ours: what v1alpha1 cannot hold of a v1beta1 object, as JSON (KRUISE-022). */
  v1beta1Fields: "fairway.dev/kruise-v1beta1-fields",
} as const;

export const finalizers = {
  rollout: "rollouts.kruise.io/rollout",
  batchRelease: "rollouts.kruise.io/batch-release-finalizer",
  canaryDeployment: "finalizer.rollouts.kruise.io/batch-release",
} as const;
