import { type Outcome, withStep } from "../status.ts";
import type { StepContext } from "./step.ts";

/** A state by name only: Kruise judges no metrics (KRUISE-154). lastUpdateTime stays, a pause counts from it. */
export function stepMetricsAnalysis({ status }: StepContext): Outcome {
  return { status: withStep(status, { currentStepState: "StepPaused" }) };
}
