import { AnalysisSpecError } from "../../analysis/spec-error.ts";
import { isApiError } from "../../kube/errors.ts";
import { KubeconfigError } from "../../kube/kubeconfig.ts";
import { CommandError } from "../plugin/command.ts";

/** All there is to say has been printed: a usage (CL-003), or a text without `Error: ` before it. */
export class ToldError extends Error {}

/** As the original says it (CL-003). A bug of ours keeps its stack. */
export function renderError(error: unknown): string {
  const isOrdinary =
    isApiError(error) ||
    error instanceof CommandError ||
    error instanceof KubeconfigError ||
    error instanceof AnalysisSpecError;
  if (isOrdinary) return `Error: ${error.message}\n`;
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}
