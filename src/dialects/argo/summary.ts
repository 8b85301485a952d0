import { stepsOf } from "./canary/steps.ts";
import { shownPhase } from "./status/shown-phase.ts";
import type { AnalysisRunSummary } from "./summary/analysis-run.ts";
import { summariseAnalysisRuns } from "./summary/analysis-run.ts";
import { type ExperimentParts, type ExperimentSummary, summariseExperiments } from "./summary/experiment.ts";
import { type ImageSummary, summariseImages } from "./summary/images.ts";
import { type ReplicaSetSummary, summariseReplicaSets } from "./summary/replica-set.ts";
import { actualWeight, type StepPosition, setWeight, stepPosition } from "./summary/weight.ts";
import type { Experiment, Rollout, Step } from "./types.ts";

/**
 * What the plugin and the console show of a Rollout: read off the objects, nothing is decided here. Moments stay
 * moments (RFC 3339), so that a screen can let ages grow without asking again.
 */
export interface RolloutSummary extends RolloutBrief {
  readonly steps: readonly Step[];
  readonly actualWeight: number;
  readonly images: readonly ImageSummary[];
  /** Newest first (CL-017). */
  readonly revisions: readonly RevisionSummary[];
}

/** What the Rollout's own object tells, for lists. */
export interface RolloutBrief {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  readonly phase: string;
  readonly message: string;
  /** "" when the Rollout names none. */
  readonly strategy: "Canary" | "BlueGreen" | "";
  readonly step: StepPosition | null;
  readonly setWeight: number;
  readonly replicas: ReplicaCounts;
}

export interface ReplicaCounts {
  readonly desired: number;
  readonly current: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
}

export interface RevisionSummary {
  /** 0: objects that do not say which revision they are of. */
  readonly revision: number;
  readonly replicaSets: readonly ReplicaSetSummary[];
  readonly experiments: readonly ExperimentSummary[];
  readonly analysisRuns: readonly AnalysisRunSummary[];
}

/** What may belong to a Rollout: owners decide, so lists of a whole namespace will do. */
export interface RolloutParts extends ExperimentParts {
  readonly experiments: readonly Experiment[];
}

export function summariseRollout(rollout: Rollout, parts: RolloutParts): RolloutSummary {
  const { metadata } = rollout;
  const replicaSets = summariseReplicaSets({ uid: metadata.uid, rollout }, parts.replicaSets, parts.pods);
  const experiments = summariseExperiments(metadata.uid, parts.experiments, parts);
  const analysisRuns = summariseAnalysisRuns(metadata.uid, parts.analysisRuns);
  return {
    ...summariseBriefly(rollout),
    steps: stepsOf(rollout),
    actualWeight: actualWeight(rollout, replicaSets),
    images: summariseImages(
      replicaSets,
      experiments.flatMap((experiment) => experiment.replicaSets),
    ),
    revisions: byRevision({ replicaSets, experiments, analysisRuns }),
  };
}

export function summariseBriefly(rollout: Rollout): RolloutBrief {
  const { metadata } = rollout;
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    ...shownPhase(rollout),
    strategy: strategyOf(rollout),
    step: stepPosition(rollout),
    setWeight: setWeight(rollout),
    replicas: replicaCounts(rollout),
  };
}

export function strategyOf({ spec }: Rollout): RolloutSummary["strategy"] {
  if (spec.strategy?.canary) return "Canary";
  return spec.strategy?.blueGreen ? "BlueGreen" : "";
}

/** CL-014. */
export function replicaCounts({ spec, status }: Rollout): ReplicaCounts {
  return {
    desired: spec.replicas ?? 1,
    current: status?.replicas ?? 0,
    updated: status?.updatedReplicas ?? 0,
    ready: status?.readyReplicas ?? 0,
    available: status?.availableReplicas ?? 0,
  };
}

function byRevision(owned: Omit<RevisionSummary, "revision">): RevisionSummary[] {
  const { replicaSets, experiments, analysisRuns } = owned;
  const numbers = new Set([...replicaSets, ...experiments, ...analysisRuns].map(({ revision }) => revision));
  return [...numbers]
    .sort((left, right) => right - left)
    .map((revision) => ({
      revision,
      replicaSets: replicaSets.filter((one) => one.revision === revision),
      experiments: experiments.filter((one) => one.revision === revision),
      analysisRuns: analysisRuns.filter((one) => one.revision === revision),
    }));
}
