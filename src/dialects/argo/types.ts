import type { Static } from "typebox";
import type { PodTemplate } from "../../api/apps.ts";
import type { KubeObject, LabelSelector } from "../../api/meta.ts";
import type {
  analysisRunSpec,
  analysisRunStatus,
  analysisTemplateSpec,
  argument,
  experimentSpec,
  experimentStatus,
  measurement,
  metric,
  metricResult,
  provider,
  rolloutAnalysis,
  rolloutSpec,
  rolloutStatus,
  step,
  trafficRouting,
} from "./schema.ts";

export type RolloutSpec = Static<typeof rolloutSpec>;
export type RolloutStatus = Static<typeof rolloutStatus>;
export type RolloutCondition = NonNullable<RolloutStatus["conditions"]>[number];
export type PauseCondition = NonNullable<RolloutStatus["pauseConditions"]>[number];
export type RolloutDuration = NonNullable<RolloutStatus["duration"]>;
export type CanaryStatus = NonNullable<RolloutStatus["canary"]>;
export type BlueGreenStatus = NonNullable<RolloutStatus["blueGreen"]>;
export type TrafficWeights = NonNullable<CanaryStatus["weights"]>;
export type WeightDestination = TrafficWeights["canary"];
export type AnalysisRunSummary = NonNullable<CanaryStatus["currentStepAnalysisRunStatus"]>;
export type Strategy = NonNullable<RolloutSpec["strategy"]>;
export type CanaryStrategy = NonNullable<Strategy["canary"]>;
export type BlueGreenStrategy = NonNullable<Strategy["blueGreen"]>;
export type Step = Static<typeof step>;
export type TrafficRouting = Static<typeof trafficRouting>;
export type IstioRouting = NonNullable<TrafficRouting["istio"]>;
export type IstioVirtualService = NonNullable<IstioRouting["virtualService"]>;
export type RolloutAnalysis = Static<typeof rolloutAnalysis>;
export type ExperimentStep = NonNullable<Step["experiment"]>;
export type TemplateMetadata = NonNullable<CanaryStrategy["canaryMetadata"]>;

export interface Rollout extends KubeObject {
  spec: RolloutSpec;
  status?: RolloutStatus;
}

/** `status.phase` (ARC-620…631). */
export type RolloutPhase = "Degraded" | "Paused" | "Progressing" | "Healthy";

/** `status.pauseConditions[].reason`. */
export type PauseReason =
  | "CanaryPauseStep"
  | "BlueGreenPause"
  | "InconclusiveAnalysisRun"
  | "InconclusiveExperiment"
  /** Ours (EC-022). */
  | "FailedAnalysisRun"
  | "FailedExperiment";

/** Of analysis runs, their metrics and measurements, and of experiments. */
export type AnalysisPhase = "Pending" | "Running" | "Successful" | "Failed" | "Error" | "Inconclusive";

export type Argument = Static<typeof argument>;
export type Metric = Static<typeof metric>;
export type MetricProvider = Static<typeof provider>;
export type Measurement = Static<typeof measurement>;
export type MetricResult = Static<typeof metricResult>;
export type AnalysisTemplateSpec = Static<typeof analysisTemplateSpec>;
export type AnalysisRunSpec = Static<typeof analysisRunSpec>;
export type AnalysisRunStatus = Static<typeof analysisRunStatus>;
export type ExperimentSpec = Static<typeof experimentSpec>;
export type ExperimentStatus = Static<typeof experimentStatus>;
export type ExperimentTemplate = ExperimentSpec["templates"][number];
export type ExperimentAnalysis = NonNullable<ExperimentSpec["analyses"]>[number];
export type ExperimentTemplateStatus = NonNullable<ExperimentStatus["templateStatuses"]>[number];

export interface AnalysisTemplate extends KubeObject {
  spec: AnalysisTemplateSpec;
}

export interface ClusterAnalysisTemplate extends KubeObject {
  spec: AnalysisTemplateSpec;
}

export interface AnalysisRun extends KubeObject {
  spec: AnalysisRunSpec;
  status?: AnalysisRunStatus;
}

export interface Experiment extends KubeObject {
  spec: ExperimentSpec;
  status?: ExperimentStatus;
}

/** Spec with what the controller fills in: the template and selector may come from a referenced workload (ARC-680). */
export interface ResolvedSpec extends RolloutSpec {
  replicas: number;
  selector: LabelSelector;
  template: PodTemplate;
  strategy: Strategy;
}
