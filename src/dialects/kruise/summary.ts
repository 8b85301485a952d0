import { stepsOf } from "./strategy.ts";
import type { Rollout, Step } from "./types.ts";

/** What the console and the CLI show of a Rollout: read off the object, nothing is decided here. */
export interface RolloutSummary {
  readonly namespace: string;
  readonly name: string;
  readonly workload: { readonly kind: string; readonly name: string };
  readonly phase: string;
  readonly message: string;
  readonly style: "Canary" | "BlueGreen";
  /** From 1; 0 while there is no release status yet. */
  readonly stepNumber: number;
  readonly steps: readonly Step[];
  readonly stepState: string;
  readonly stableRevision: string;
  readonly canaryRevision: string;
  /** What tells the new version's pods: their pod-template-hash. */
  readonly podTemplateHash: string;
  /** The step under way waits for `approve`. */
  readonly awaitsApproval: boolean;
}

export function summarise(rollout: Rollout): RolloutSummary {
  const { metadata, spec, status } = rollout;
  const sub = status?.canaryStatus ?? status?.blueGreenStatus;
  const steps = stepsOf(rollout);
  const stepNumber = sub?.currentStepIndex ?? 0;
  const stepState = sub?.currentStepState ?? "";
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    workload: { kind: spec.workloadRef.kind, name: spec.workloadRef.name },
    phase: status?.phase ?? "",
    message: status?.message ?? "",
    style: spec.strategy.blueGreen ? "BlueGreen" : "Canary",
    stepNumber,
    steps,
    stepState,
    stableRevision: sub?.stableRevision ?? "",
    canaryRevision: status?.canaryStatus?.canaryRevision ?? status?.blueGreenStatus?.updatedRevision ?? "",
    podTemplateHash: sub?.podTemplateHash ?? "",
    awaitsApproval: stepState === "StepPaused" && steps[stepNumber - 1]?.pause?.duration === undefined,
  };
}
