import type { AnalysisRunSummary, MetricSummary } from "../../dialects/argo/summary/analysis-run.ts";

interface Analysed {
  readonly message: string;
  readonly revisions?: readonly { readonly analysisRuns: readonly AnalysisRunSummary[] }[];
  readonly analysisRuns?: readonly AnalysisRunSummary[];
}

/**
 * Why the newest revision's analysis finds nothing or errs (SE-003, SE-013). The picture is the original's to the
 * character, so what we know beyond it goes to standard error, below the picture on a terminal.
 */
export function renderNotes({
  message,
  revisions,
  analysisRuns = revisions?.[0]?.analysisRuns ?? [],
}: Analysed): string {
  return analysisRuns
    .flatMap((run) => run.metrics.map((metric) => ({ run, metric, text: textOf(metric, message) })))
    .filter(({ text }) => text !== "")
    .map(({ run, metric, text }) => `Note: AnalysisRun ${run.name}, metric ${metric.name}: ${text}\n`)
    .join("");
}

/** Without what the picture's own message says already. */
function textOf({ lastMessage, hint, reason }: MetricSummary, shown: string): string {
  const numbers = reason === lastMessage ? "" : reason;
  return [shown.includes(lastMessage) ? "" : lastMessage, numbers, hint].filter((part) => part !== "").join("; ");
}
