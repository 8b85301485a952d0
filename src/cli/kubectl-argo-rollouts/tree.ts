import { formatAge, type Instant, parseTime } from "../../base/time.ts";
import type { AnalysisRunSummary, JobSummary } from "../../dialects/argo/summary/analysis-run.ts";
import type { ExperimentSummary } from "../../dialects/argo/summary/experiment.ts";
import type { PodSummary } from "../../dialects/argo/summary/pod.ts";
import type { ReplicaSetSummary } from "../../dialects/argo/summary/replica-set.ts";
import type { RevisionSummary, RolloutSummary } from "../../dialects/argo/summary.ts";
import { renderTable } from "../plugin/table.ts";
import { analysisIcon, kindIcons, outcomeIcons, type Paint, podIcon, replicaSetIcon, rolloutIcon } from "./icons.ts";

export interface Brush {
  readonly now: Instant;
  readonly paint: Paint;
}

/** A line of the tree; `cells` are KIND, STATUS, AGE and INFO. */
interface Node {
  readonly label: string;
  readonly cells: readonly [string, string, string, string];
  readonly children: readonly Node[];
}

/** A Rollout with all that it owns (CL-015…019). */
export function renderRolloutTree(summary: RolloutSummary, brush: Brush): string {
  return renderTree({
    label: `${kindIcons.rollout} ${summary.name}`,
    cells: [
      "Rollout",
      `${brush.paint(rolloutIcon(summary.phase))} ${summary.phase}`,
      age(summary.createdAt, brush),
      "",
    ],
    children: summary.revisions.map((revision) => revisionNode(revision, brush)),
  });
}

/** CL-021. */
export function renderExperimentTree(summary: ExperimentSummary, brush: Brush): string {
  return renderTree(experimentNode(summary, brush));
}

function renderTree(root: Node): string {
  return renderTable([["NAME", "KIND", "STATUS", "AGE", "INFO"], ...rowsOf(root, "", "")]);
}

/** CL-016. */
function rowsOf({ label, cells, children }: Node, prefix: string, below: string): (readonly string[])[] {
  const inner = children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return rowsOf(child, `${below}${isLast ? "└──" : "├──"}`, `${below}${isLast ? "   " : "│  "}`);
  });
  return [[`${prefix}${label}`, ...cells], ...inner];
}

function revisionNode({ revision, replicaSets, experiments, analysisRuns }: RevisionSummary, brush: Brush): Node {
  return {
    label: `${kindIcons.revision} revision:${revision}`,
    cells: ["", " ", "", ""],
    children: [
      ...replicaSets.map((one) => replicaSetNode(one, brush)),
      ...experiments.map((one) => experimentNode(one, brush)),
      ...analysisRuns.map((one) => analysisRunNode(one, brush)),
    ],
  };
}

function replicaSetNode(replicaSet: ReplicaSetSummary, brush: Brush): Node {
  const { name, status, tags, scaleDownDeadline, createdAt, pods } = replicaSet;
  const { paint } = brush;
  const info = tags.map((tag) => paint(tag));
  if (scaleDownDeadline !== "") info.push(`delay:${delay(scaleDownDeadline, brush)}`);
  return {
    label: `${kindIcons.replicaSet} ${tags.reduce((text, tag) => paint(text, tag), name)}`,
    cells: ["ReplicaSet", `${paint(replicaSetIcon(status))} ${status}`, age(createdAt, brush), info.join(",")],
    children: pods.map((pod) => podNode(pod, brush)),
  };
}

function podNode({ name, status, ready, restarts, createdAt }: PodSummary, brush: Brush): Node {
  const info = `ready:${ready.count}/${ready.total}${restarts > 0 ? `,restarts:${restarts}` : ""}`;
  return {
    label: `${kindIcons.pod} ${name}`,
    cells: ["Pod", `${brush.paint(podIcon(status))} ${status}`, age(createdAt, brush), info],
    children: [],
  };
}

function experimentNode(experiment: ExperimentSummary, brush: Brush): Node {
  const { name, phase, createdAt, replicaSets, analysisRuns } = experiment;
  return {
    label: `${kindIcons.experiment} ${brush.paint(name, phase)}`,
    cells: ["Experiment", `${brush.paint(analysisIcon(phase))} ${phase}`, age(createdAt, brush), ""],
    children: [
      ...replicaSets.map((one) => replicaSetNode(one, brush)),
      ...analysisRuns.map((one) => analysisRunNode(one, brush)),
    ],
  };
}

const outcomes = ["successful", "failed", "inconclusive", "error"] as const;

/** CL-020. */
function analysisRunNode({ name, phase, createdAt, counts, jobs }: AnalysisRunSummary, brush: Brush): Node {
  const { paint } = brush;
  const seen = outcomes.filter((outcome) => counts[outcome] > 0);
  return {
    label: `${kindIcons.analysisRun} ${paint(name, phase)}`,
    cells: [
      "AnalysisRun",
      `${paint(analysisIcon(phase))} ${phase}`,
      age(createdAt, brush),
      seen.map((outcome) => `${paint(outcomeIcons[outcome])} ${counts[outcome]}`).join(","),
    ],
    children: jobs.map((job) => jobNode(job, brush)),
  };
}

function jobNode({ name, phase, startedAt }: JobSummary, brush: Brush): Node {
  return {
    label: `${kindIcons.job} ${brush.paint(name, phase)}`,
    cells: ["Job", `${brush.paint(analysisIcon(phase))} ${phase}`, age(startedAt, brush), ""],
    children: [],
  };
}

/** CL-022. Nothing for a moment that is not known. */
function age(moment: string, { now }: Brush): string {
  const since = parseTime(moment);
  return since === null ? "" : formatAge(now - since);
}

function delay(deadline: string, { now }: Brush): string {
  const until = parseTime(deadline);
  if (until === null) return "";
  return until < now ? "passed" : formatAge(until - now);
}
