import { enterState, type Outcome } from "../status.ts";
import type { StepContext } from "./step.ts";

/** With trafficRoutings the stable Service would be pinned here before the first new pod (KRUISE-151). */
export function beforeStepUpgrade({ view, status }: StepContext): Outcome {
  return { status: enterState(status, "StepUpgrade", view.now) };
}
