import type { KubeObject } from "../../../api/meta.ts";
import { annotations } from "../keys.ts";
import { shownPhase } from "../status/shown-phase.ts";
import type { RolloutSummary } from "../summary.ts";
import type { Rollout } from "../types.ts";
import type { AnalysisRunSummary } from "./analysis-run.ts";

/** One revision of a Rollout that is still kept (EC-025). */
export interface RevisionHistory {
  readonly revision: number;
  /** Numbers that the same version had before: going back to it gave it a new one. */
  readonly earlierRevisions: readonly number[];
  readonly podHash: string;
  readonly replicaSet: string;
  readonly images: readonly string[];
  readonly createdAt: string;
  /** "" when nobody noted it. */
  readonly changeCause: string;
  readonly outcome: Outcome;
}

/**
 * How a release ended, or where it is. Only the newest revision's is kept in the Rollout; of others events tell as long as
 * there are any, then failed analysis runs. `Replaced`: nothing tells more.
 */
export type Outcome =
  | "Stable"
  | "Progressing"
  | "Paused"
  | "Aborted"
  | "Degraded"
  | "Completed"
  | "AnalysisFailed"
  | "Replaced";

const CHANGE_CAUSE = "kubernetes.io/change-cause";

export interface HistoryObjects {
  readonly rollout: Rollout;
  readonly summary: RolloutSummary;
  readonly replicaSets: readonly KubeObject[];
  /** Of the Rollout. */
  readonly events: readonly KubeObject[];
}

/** Oldest first, as `kubectl rollout history` has it. */
export function summariseHistory({ rollout, summary, replicaSets, events }: HistoryObjects): RevisionHistory[] {
  const told = outcomesTold(events);
  return summary.revisions
    .flatMap((group) => group.replicaSets.map((replicaSet) => ({ ...group, replicaSet })))
    .map(({ revision, replicaSet, analysisRuns }) => {
      const found = replicaSets.find(({ metadata }) => metadata.name === replicaSet.name)?.metadata.annotations ?? {};
      const { podHash, images, createdAt } = replicaSet;
      return {
        revision,
        earlierRevisions: numbersOf(found[annotations.revisionHistory]).filter((number) => number !== revision),
        podHash,
        replicaSet: replicaSet.name,
        images,
        createdAt,
        changeCause: found[CHANGE_CAUSE] ?? "",
        outcome: outcomeOf(rollout, podHash) ?? told.get(revision) ?? failureOf(analysisRuns) ?? "Replaced",
      };
    })
    .sort((left, right) => left.revision - right.revision);
}

function numbersOf(text = ""): readonly number[] {
  return text.split(",").filter(Boolean).map(Number);
}

/** Null: the Rollout's status is about other versions. */
function outcomeOf(rollout: Rollout, hash: string): Outcome | null {
  const { currentPodHash, stableRS, conditions = [] } = rollout.status ?? {};
  if (hash === "") return null;
  if (hash === stableRS) return "Stable";
  if (hash !== currentPodHash) return null;
  if (conditions.some(({ reason }) => reason === "RolloutAborted")) return "Aborted";
  const { phase } = shownPhase(rollout);
  return phase === "Paused" || phase === "Degraded" ? phase : "Progressing";
}

const endings: Readonly<Record<string, Outcome>> = { RolloutCompleted: "Completed", RolloutAborted: "Aborted" };
const REVISION = /\bupdate to revision (\d+)\b/;

/** The latest of each revision: a retry may have completed what was aborted. */
function outcomesTold(events: readonly KubeObject[]): ReadonlyMap<number, Outcome> {
  const sorted = [...events].sort((left, right) => (timeOf(left) < timeOf(right) ? -1 : 1));
  const told = new Map<number, Outcome>();
  for (const event of sorted) {
    const outcome = endings[String(event["reason"])];
    const [, revision] = REVISION.exec(String(event["message"] ?? event["note"] ?? "")) ?? [];
    if (outcome && revision) told.set(Number(revision), outcome);
  }
  return told;
}

function timeOf(event: KubeObject): string {
  return String(event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp ?? "");
}

function failureOf(runs: readonly AnalysisRunSummary[]): Outcome | null {
  return runs.some(({ phase }) => phase === "Failed" || phase === "Error") ? "AnalysisFailed" : null;
}
