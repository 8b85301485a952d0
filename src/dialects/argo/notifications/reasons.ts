/** The reasons of events, which name triggers (NO-003, NO-008). */

/** `RolloutStepCompleted` → `on-rollout-step-completed`. */
export function triggerOf(reason: string): string {
  const kebab = reason.replace(/(.)([A-Z][a-z]+)/g, "$1-$2").replace(/([a-z0-9])([A-Z])/g, "$1-$2");
  return `on-${kebab.toLowerCase()}`;
}

const PHASES = ["Pending", "Running", "Successful", "Failed", "Error", "Inconclusive"] as const;

/** Of Rollouts, AnalysisRuns and Experiments. */
const REASONS: readonly string[] = [
  ...["RolloutAddedToInformer", "RolloutDeleted", "RolloutUpdated", "RolloutCompleted", "RolloutNotCompleted"],
  ...["RolloutStepCompleted", "RolloutPaused", "RolloutResumed", "RolloutAborted", "SkipSteps", "SwitchService"],
  ...["NewReplicaSetCreated", "ScalingReplicaSet", "ReplicaSetCreateError", "ReplicaSetUpdateError", "WriteRefused"],
  ...["TrafficWeightUpdated", "TrafficRoutingError", "WeightVerifyError", "Updated VirtualService"],
  ...["UpdatedDestinationRule", "VirtualServiceNotFound", "DestinationRuleNotFound", "PatchingCanaryIngress"],
  ...["CreatingCanaryIngress", "PatchingALBIngress", "TrafficSplitCreated", "TrafficSplitNotCreated"],
  ...["ExperimentCreated", "AnalysisRunTerminating", "ReconciliationError", "StepPluginTransition"],
  ...["AnalysisRun", "Metric", "Experiment", "Template"].flatMap((prefix) => PHASES.map((phase) => prefix + phase)),
  ...["TemplateProgressing"],
];

const triggers = new Set(REASONS.map(triggerOf));

export function canFire(trigger: string): boolean {
  return triggers.has(trigger);
}
