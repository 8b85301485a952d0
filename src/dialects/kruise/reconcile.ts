import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { disable } from "./disabling.ts";
import { isReleaseUnderWay } from "./finalising.ts";
import { restAtHealthy } from "./healthy.ts";
import { deleteBatchRelease, setOwnMetadata, setWorkloadType } from "./own-writes.ts";
import { cancel } from "./progressing/cancelling.ts";
import { finishRelease } from "./progressing/finalising.ts";
import { roll } from "./progressing/in-rolling.ts";
import { initialize } from "./progressing/initializing.ts";
import { holdWhilePaused } from "./progressing/paused.ts";
import { conditionOf, messages, type Outcome, type ProgressingReason, settle, statusCopy } from "./status.ts";
import { unsupportedFeature } from "./strategy.ts";
import { terminate } from "./terminating.ts";
import type { RolloutView } from "./types.ts";

/**
 * One pass over a Rollout (KRUISE-130). It does not touch pods: it drives a BatchRelease of the same name, whose own
 * reconciler (batch-release/) makes and removes the canary Deployment.
 *
 *   Initial ── workload found ──▶ Healthy ── marked by admission ──▶ Progressing ──▶ Healthy
 *                                                                        │
 *       Initializing ──▶ InRolling ⇄ Paused     InRolling ──▶ Finalising ──▶ Completed
 *            ▲               │ └── rolled back ──▶ Cancelling ──────────────▶ Completed
 *            └─ newer template (from any of them)
 *
 * A pass makes one transition and writes it; the write wakes the next pass. What waits is woken by the object that it
 * waits for, or by `requeueAt`.
 */
export function reconcileRollout(view: RolloutView): Plan {
  const { rollout, workload } = view;
  const isDeleting = rollout.metadata.deletionTimestamp !== undefined;
  if (isDeleting) return terminate(view);

  const metadata = setOwnMetadata(view);
  if (metadata) return { ...emptyPlan, writes: [metadata] };

  const isOver = !isReleaseUnderWay(view);
  const feature = unsupportedFeature(rollout);
  if (feature !== null && isOver) return settle(view, inactive(view, messages.unsupported(feature)));
  if (view.rival && isOver) {
    const { kind, name } = rollout.spec.workloadRef;
    return settle(view, inactive(view, messages.rival(`${kind} ${name}`, view.rival.metadata.name)));
  }

  if (rollout.spec.disabled || rollout.status?.phase === "Disabling") return disable(view);
  if (!workload) return settle(view, workloadNotFound(view));

  // Before Healthy is shown, so that a webhook that selects on the label sees the workload from then on (KRUISE-109).
  const label = setWorkloadType(workload.deployment);
  if (label) return { ...emptyPlan, writes: [label] };

  // A status that speaks of an older spec decides nothing; the Deployment's next status wakes us (KRUISE-135).
  if (!workload.isSettled) return emptyPlan;
  if (feature !== null)
    return settle(view, { status: { ...statusCopy(view), message: messages.unsupported(feature) } });

  switch (rollout.status?.phase) {
    case "Healthy":
      return settle(view, restAtHealthy(view, workload));
    case "Progressing":
      return settle(view, progressing(view));
    default:
      return settle(view, { status: { ...statusCopy(view), phase: "Healthy", message: messages.healthy } });
  }
}

/** KRUISE section 5.1: what happens next is told by the reason of the Progressing condition. */
function progressing(view: RolloutView): Outcome {
  const reason = conditionOf(view.rollout.status, "Progressing")?.reason as ProgressingReason | undefined;
  switch (reason) {
    case "InRolling":
      return roll(view);
    case "Paused":
      return holdWhilePaused(view);
    case "Finalising":
      return finishRelease(view);
    case "Cancelling":
      return cancel(view);
    case "Completed":
      return { status: { ...statusCopy(view), phase: "Healthy" } };
    default:
      // "Initializing", or a status that somebody wiped in mid-release: begin anew.
      return initialize(view);
  }
}

/** The status is replaced as a whole (KRUISE-131); a canary that outlived its workload goes. */
function workloadNotFound(view: RolloutView): Outcome {
  const { kind, name } = view.rollout.spec.workloadRef;
  const hint = view.workloadElsewhere === null ? "" : messages.elsewhere(kind, name, view.workloadElsewhere);
  return {
    status: {
      phase: "Initial",
      message: `${messages.workloadNotFound}${hint}`,
      currentStepIndex: 0,
      currentStepState: "",
    },
    writes: deleteBatchRelease(view),
  };
}

function inactive(view: RolloutView, message: string): Outcome {
  return { status: { ...statusCopy(view), phase: "Initial", message } };
}
