import { enterState, type Outcome } from "../status.ts";
import type { StepContext } from "./step.ts";

/** Nothing to route without trafficRoutings (KRUISE-153); Rollouts that have some are refused by `unsupportedFeature`. */
export function stepTrafficRouting({ view, status }: StepContext): Outcome {
  return { status: enterState(status, "StepMetricsAnalysis", view.now) };
}
