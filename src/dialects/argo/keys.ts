/** Names that Argo Rollouts writes into objects. Users' tools look for them, so they stay as they are. */

export const GROUP = "argoproj.io";
export const VERSION = "v1alpha1";

/** On ReplicaSets, their selectors and pods, on Services' selectors and DestinationRules' subsets (ARC-021). */
export const POD_TEMPLATE_HASH = "rollouts-pod-template-hash";

export const annotations = {
  revision: "rollout.argoproj.io/revision",
  revisionHistory: "rollout.argoproj.io/revision-history",
  desiredReplicas: "rollout.argoproj.io/desired-replicas",
  ephemeralMetadata: "rollout.argoproj.io/ephemeral-metadata",
  workloadGeneration: "rollout.argoproj.io/workload-generation",
  managedBy: "argo-rollouts.argoproj.io/managed-by-rollouts",
  notified: "notified.notifications.argoproj.io",
  lastApplied: "kubectl.kubernetes.io/last-applied-configuration",
  /** Ours: the generation whose template ended an abort (`abort-order.ts`). */
  abortEndedAt: "argo.fairway.dev/abort-ended-at",
  /** Ours (ARC-914): "all" lets `routes` be left out where several http routes lead to both versions. */
  istioRoutes: "argo.fairway.dev/istio-routes",
  /** Ours (EC-022): what a failed analysis does to its Rollout, and how far that is, on the run. */
  onFailure: "argo.fairway.dev/on-failure",
  failure: "argo.fairway.dev/failure",
  /** Ours (INV-10): on an Experiment, while its Rollout's routes may lead to it. */
  routed: "argo.fairway.dev/routed",
  /** A bare key, unlike the others (ARC-150). */
  scaleDownDeadline: "scale-down-deadline",
} as const;

export const labels = {
  rolloutType: "rollout-type",
  stepIndex: "step-index",
  instanceId: "argo-rollouts.argoproj.io/controller-instance-id",
} as const;
