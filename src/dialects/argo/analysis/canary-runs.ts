import type { Pass } from "../pass.ts";
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
      const former = noted.currentStepAnalysisRunStatus;
      const summary = followRun(pass, "Step", currentStep.analysis, former, `-${stepIndex}`);
      if (summary) wanted.currentStepAnalysisRunStatus = summary;
    }
  }
  tidyRuns(pass);
}

/** ARC-650: nothing to judge at rest, at the first deployment, or when the way back must be quick. */
function isAnalysed(pass: Pass): boolean {
  const isFirst = (pass.status.stableRS ?? "") === "";
  return !isFirst && !pass.isFullyPromoted && !pass.isAborted && !pass.status.promoteFull && !pass.isFastRollback;
}
