import type { Pass } from "../pass.ts";
import type { AnalysisRunSummary } from "../types.ts";
import { followRun, tidyRuns } from "./runs.ts";

/** Background and step analysis of a canary (ARC-650…654). */
export function reconcileCanaryAnalysis(pass: Pass): void {
  const { next, status, canary, currentStep, stepIndex } = pass;
  const noted = status.canary ?? {};
  const wanted = { ...next.canary };
  delete wanted.currentBackgroundAnalysisRunStatus;
  delete wanted.currentStepAnalysisRunStatus;
  next.canary = wanted;
  if (isAnalysed(pass)) {
    const background = canary?.analysis;
    const hasStarted = stepIndex === null || stepIndex >= (background?.startingStep ?? 0);
    if (background?.templates?.length && hasStarted) {
      const summary = followRun(pass, "Background", background, noted.currentBackgroundAnalysisRunStatus, "");
      if (summary) wanted.currentBackgroundAnalysisRunStatus = summary;
    }
    if (currentStep?.analysis) {
      const suffix = `-${stepIndex}`;
      const former = noted.currentStepAnalysisRunStatus;
      const own = former && isOfStep(former, suffix) ? former : undefined;
      const summary = followRun(pass, "Step", currentStep.analysis, own, suffix);
      if (summary) wanted.currentStepAnalysisRunStatus = summary;
    }
  }
  tidyRuns(pass);
}

/**
 * SU-023: a promotion leaves a step without its verdict; the run that the status still tells of is not that of the next
 * analysis step. The original takes it for that.
 */
function isOfStep({ name }: AnalysisRunSummary, suffix: string): boolean {
  return name.replace(/\.\d+$/, "").endsWith(suffix);
}

/** ARC-650: nothing to judge at rest, at the first deployment, or when the way back must be quick. */
function isAnalysed(pass: Pass): boolean {
  const isFirst = (pass.status.stableRS ?? "") === "";
  return !isFirst && !pass.isFullyPromoted && !pass.isAborted && !pass.status.promoteFull && !pass.isFastRollback;
}
