import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { AnalysisRun, Experiment } from "../types.ts";
import { type AnalysisRunSummary, summariseAnalysisRuns } from "./analysis-run.ts";
import { type ImageSummary, summariseImages } from "./images.ts";
import { compareTexts, isOwnedBy, revisionOf } from "./order.ts";
import { type ReplicaSetSummary, summariseReplicaSets } from "./replica-set.ts";

export interface ExperimentSummary {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  readonly revision: number;
  readonly phase: string;
  readonly message: string;
  readonly images: readonly ImageSummary[];
  readonly replicaSets: readonly ReplicaSetSummary[];
  readonly analysisRuns: readonly AnalysisRunSummary[];
}

/** What the experiment's own object tells, for lists. */
export interface ExperimentBrief {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  readonly phase: string;
  readonly message: string;
  /** As the spec has it; "" without one. */
  readonly duration: string;
  /** Since when its duration counts, RFC 3339; "" before that. */
  readonly availableAt: string;
}

export function summariseExperimentBriefly({ metadata, spec, status }: Experiment): ExperimentBrief {
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    phase: status?.phase ?? "",
    message: status?.message ?? "",
    duration: spec.duration ?? "",
    availableAt: status?.availableAt ?? "",
  };
}

/** What may belong to an experiment: owners decide, so lists of a whole namespace will do. */
export interface ExperimentParts {
  readonly replicaSets: readonly ReplicaSet[];
  readonly pods: readonly KubeObject[];
  readonly analysisRuns: readonly AnalysisRun[];
}

export function summariseExperiment(experiment: Experiment, parts: ExperimentParts): ExperimentSummary {
  const { metadata, status } = experiment;
  const replicaSets = summariseReplicaSets({ uid: metadata.uid, rollout: null }, parts.replicaSets, parts.pods);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? "",
    revision: revisionOf(experiment),
    phase: status?.phase ?? "",
    message: status?.message ?? "",
    images: summariseImages([], replicaSets),
    replicaSets,
    analysisRuns: summariseAnalysisRuns(metadata.uid, parts.analysisRuns),
  };
}

/** Those of the owner: newest revision first, in it the oldest first (CL-017). */
export function summariseExperiments(
  uid: string | undefined,
  experiments: readonly Experiment[],
  parts: ExperimentParts,
): ExperimentSummary[] {
  return experiments
    .filter((experiment) => isOwnedBy(experiment, uid))
    .map((experiment) => summariseExperiment(experiment, parts))
    .sort(
      (left, right) =>
        right.revision - left.revision ||
        compareTexts(left.createdAt, right.createdAt) ||
        compareTexts(left.name, right.name),
    );
}
