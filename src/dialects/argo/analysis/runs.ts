import {
  collectTemplates,
  composeRunSpec,
  isSameRunSpec,
  resolveGivenArguments,
  type TemplateLookup,
} from "../../../analysis/compose.ts";
import { runPolicies } from "../../../analysis/policy.ts";
import { AnalysisSpecError } from "../../../analysis/spec-error.ts";
import { isCompleted } from "../../../analysis/status.ts";
import type { AnalysisTemplate, Argument, TemplateRef } from "../../../analysis/types.ts";
import { apiVersionOf, keyOf, resources } from "../../../kube/resource.ts";
import { annotations, labels, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import { ownerReference } from "../replica-sets/new-replica-set.ts";
import type { AnalysisRun, AnalysisRunSpec, AnalysisRunSummary, RolloutAnalysis } from "../types.ts";
import { failurePolicyOf, handleFailure, isAccepted, isResumed, RUN_FAILURE } from "./failure.ts";

export type RunType = "Background" | "Step" | "PrePromotion" | "PostPromotion";

/** Every place of a Rollout that starts analysis: where its run is noted, and how it is spoken of. */
const FAILURE_PREFIX: Record<RunType, string> = {
  Background: "Background analysis phase error/failed",
  Step: "Step-based analysis phase error/failed",
  PrePromotion: "Blue/green pre-promotion analysis phase error/failed",
  PostPromotion: "Blue/green post-promotion analysis phase error/failed",
};

function isBad(phase: string): boolean {
  return phase === "Failed" || phase === "Error";
}

/** AN-010…017: the whole spec of a run, or what is wrong with it. */
export function runSpec(pass: Pass, analysis: RolloutAnalysis): AnalysisRunSpec | string {
  const { rollout, status, newHash, view } = pass;
  try {
    const templates = collectTemplates(templateRefs(analysis), lookupIn(view));
    const args = resolveGivenArguments(analysis.args as Argument[] | undefined, {
      object: rollout,
      stableHash: status.stableRS ?? "",
      latestHash: newHash,
    });
    const { dryRun, measurementRetention } = analysis;
    return composeRunSpec({ templates, args, dryRun, measurementRetention }) as AnalysisRunSpec;
  } catch (error) {
    if (error instanceof AnalysisSpecError) return error.message;
    throw error;
  }
}

export function templateRefs({ templates = [] }: RolloutAnalysis): TemplateRef[] {
  return templates.map(({ templateName = "", clusterScope }) => ({
    templateName,
    ...(clusterScope === undefined ? {} : { clusterScope }),
  }));
}

/** EC-021: a run is judged as its templates ask for. */
function templatePolicies({ view }: Pass, analysis: RolloutAnalysis): Readonly<Record<string, string>> {
  return runPolicies(collectTemplates(templateRefs(analysis), lookupIn(view)));
}

export function lookupIn(view: Pass["view"]): TemplateLookup {
  return {
    namespaced: (name) => (view.templates.get(name) ?? null) as AnalysisTemplate | null,
    cluster: (name) => (view.clusterTemplates.get(name) ?? null) as AnalysisTemplate | null,
  };
}

/**
 * The run of this place goes on, or a new one is made (ARC-651…654). What it found is taken into the status; the
 * answer is the summary to note.
 */
export function followRun(
  pass: Pass,
  type: RunType,
  analysis: RolloutAnalysis,
  noted: AnalysisRunSummary | undefined,
  suffix: string,
): AnalysisRunSummary | undefined {
  const current = noted ? pass.view.analysisRuns.find(({ metadata }) => metadata.name === noted.name) : undefined;
  const isGone = !current && noted && isCompleted(noted.status);
  // Nothing is left to accept a failure on: what was promoted is looked at anew.
  if (isGone && isBad(noted.status) && isResumed(pass)) return startRun(pass, type, analysis, suffix) ?? noted;
  if (isGone) return judge(pass, type, noted);
  if (!current || needsNewRun(pass, type, current)) {
    const isPaused = (pass.status.pauseConditions ?? []).length > 0;
    const isHeld = (type === "Step" && isPaused) || pass.hasPause("InconclusiveAnalysisRun");
    if (isHeld && !current) return noted;
    if (!isHeld) return startRun(pass, type, analysis, suffix) ?? noted;
  }
  if (!current) return noted;
  const { phase, message } = verdictOf(type, current);
  const summary = { name: current.metadata.name, status: phase, ...(message ? { message } : {}) };
  if (phase !== "" && phase !== noted?.status) tellChange(pass, type, summary, noted?.status ?? "");
  return judge(pass, type, summary);
}

/** After an inconclusive pause was resumed, or after an abort was taken back, the old verdict does not count. */
function needsNewRun(pass: Pass, type: RunType, current: AnalysisRun): boolean {
  if (isResumed(pass) && verdictOf(type, current).phase === "Inconclusive") return true;
  // A release that was promoted in spite of a failure is still watched; one that is only told of failures is not.
  if (type === "Background" && isAccepted(current) && failurePolicyOf(pass.rollout) === "pause") return true;
  return pass.status.abortedAt !== undefined;
}

const TERMINATED = "Run Terminated"; // AN-043, AN-045

/**
 * ARC-916: a run that was ended calls itself Successful. What waits for a verdict must not take that for one, so it counts
 * as none; a background run holds nothing up.
 */
function verdictOf(type: RunType, { status }: AnalysisRun): { readonly phase: string; readonly message?: string } {
  const { phase = "", message = "" } = status ?? {};
  const isCutShort = type !== "Background" && phase === "Successful" && message === TERMINATED;
  return { phase: isCutShort ? "Inconclusive" : phase, ...(message === "" ? {} : { message }) };
}

function startRun(
  pass: Pass,
  type: RunType,
  analysis: RolloutAnalysis,
  suffix: string,
): AnalysisRunSummary | undefined {
  const spec = runSpec(pass, analysis);
  // Validation has told of it (ARC-726).
  if (typeof spec === "string") return undefined;
  const base = `${pass.rollout.metadata.name}-${pass.newHash}-${pass.revision}${suffix}`;
  for (let count = 0; ; count++) {
    const name = count === 0 ? base : `${base}.${count}`;
    if (pass.view.foreignRunNames.has(name)) continue;
    const present = pass.view.analysisRuns.find(({ metadata }) => metadata.name === name);
    if (!present) {
      pass.write({ op: "create", type: resources.analysisRuns, object: build(pass, name, type, analysis, spec) });
      return { name, status: "" };
    }
    // Made by this pass before a crash: it was never noted. One that is being ended judges nothing any more.
    const isUsable = !isCompleted(present.status?.phase) && present.spec.terminate !== true;
    if (isUsable && isSameRunSpec(present.spec, spec) && !isNoted(pass, name))
      return { name, status: present.status?.phase ?? "" };
  }
}

function isNoted({ status }: Pass, name: string): boolean {
  return status.abortedAt !== undefined && currentNames(status).has(name);
}

function build(pass: Pass, name: string, type: RunType, analysis: RolloutAnalysis, spec: AnalysisRunSpec): AnalysisRun {
  const { rollout, newHash, revision, stepIndex } = pass;
  const instance = rollout.metadata.labels?.[labels.instanceId];
  const { labels: extra, annotations: notes } = analysis.analysisRunMetadata ?? {};
  return {
    apiVersion: apiVersionOf(resources.analysisRuns),
    kind: resources.analysisRuns.kind,
    metadata: {
      name,
      ...(rollout.metadata.namespace === undefined ? {} : { namespace: rollout.metadata.namespace }),
      labels: {
        [POD_TEMPLATE_HASH]: newHash,
        [labels.rolloutType]: type,
        ...(type === "Step" ? { [labels.stepIndex]: String(stepIndex ?? 0) } : {}),
        ...(instance === undefined ? {} : { [labels.instanceId]: instance }),
        ...extra,
        ...rollout.spec.selector?.matchLabels,
      },
      annotations: { ...templatePolicies(pass, analysis), ...notes, [annotations.revision]: String(revision) },
      ownerReferences: [ownerReference(rollout)],
    },
    spec,
  };
}

/** ARC-643. */
function tellChange(pass: Pass, type: RunType, { name, status }: AnalysisRunSummary, before: string): void {
  pass.event(
    `AnalysisRun${status}`,
    `${type} Analysis Run '${name}' Status New: '${status}' Previous: '${before || "NoPreviousStatus"}'`,
    isBad(status) ? "Warning" : "Normal",
  );
}

/** ARC-652, ARC-653: failure aborts unless the Rollout asks for less (EC-022), no verdict pauses. */
function judge(pass: Pass, type: RunType, summary: AnalysisRunSummary): AnalysisRunSummary {
  const { status, message } = summary;
  if (isBad(status)) {
    const text = `${FAILURE_PREFIX[type]}${message ? `: ${message}` : ""}`;
    const object = pass.view.analysisRuns.find(({ metadata }) => metadata.name === summary.name);
    handleFailure(pass, { ...RUN_FAILURE, object, text });
  } else if (status === "Inconclusive") pass.addPause("InconclusiveAnalysisRun");
  return summary;
}

function currentNames({ canary, blueGreen }: Pass["status"]): Set<string> {
  const noted = [
    canary?.currentBackgroundAnalysisRunStatus,
    canary?.currentStepAnalysisRunStatus,
    blueGreen?.prePromotionAnalysisRunStatus,
    blueGreen?.postPromotionAnalysisRunStatus,
  ];
  return new Set(noted.flatMap((summary) => (summary ? [summary.name] : [])));
}

export function terminateRun(pass: Pass, run: AnalysisRun): void {
  if (run.spec.terminate || isCompleted(run.status?.phase)) return;
  pass.write({
    op: "patch",
    type: resources.analysisRuns,
    key: keyOf(run),
    patch: { kind: "merge", body: { spec: { terminate: true } } },
    basedOn: run,
  });
}

const HISTORY_LIMIT = 5; // ARC 1.1

/**
 * ARC-655: runs that nothing refers to any more are ended, and deleted beyond the history limits. When analysis is over,
 * the ones that the status still tells of are ended too (ARC-650).
 */
export function tidyRuns(pass: Pass, { isOver = pass.isAborted }: { isOver?: boolean } = {}): void {
  const current = isOver ? new Set<string>() : currentNames(pass.next);
  const kept = currentNames(pass.next);
  const others = pass.view.analysisRuns.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const run of others) if (!current.has(run.metadata.name)) terminateRun(pass, run);
  const past = others.filter(({ metadata, status }) => !kept.has(metadata.name) && isCompleted(status?.phase));
  const { successfulRunHistoryLimit, unsuccessfulRunHistoryLimit } = pass.rollout.spec.analysis ?? {};
  const hashes = new Set(
    pass.allRSs
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.labels?.[POD_TEMPLATE_HASH] ?? ""),
  );
  const isOrphaned = ({ metadata }: AnalysisRun) => !hashes.has(metadata.labels?.[POD_TEMPLATE_HASH] ?? "");
  const byNewest = (left: AnalysisRun, right: AnalysisRun) =>
    (right.metadata.creationTimestamp ?? "") < (left.metadata.creationTimestamp ?? "") ? -1 : 1;
  const beyond = (runs: AnalysisRun[], limit: number) => runs.sort(byNewest).slice(limit);
  const isGood = ({ status }: AnalysisRun) => status?.phase === "Successful";
  const surplus = [
    ...beyond(past.filter(isGood), successfulRunHistoryLimit ?? HISTORY_LIMIT),
    ...beyond(
      past.filter((run) => !isGood(run)),
      unsuccessfulRunHistoryLimit ?? HISTORY_LIMIT,
    ),
  ];
  for (const run of new Set([...past.filter(isOrphaned), ...surplus])) {
    pass.write({ op: "delete", type: resources.analysisRuns, object: run });
  }
}
