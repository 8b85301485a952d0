import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { finalise, isReleaseUnderWay } from "./finalising.ts";
import { annotations, finalizers } from "./keys.ts";
import { removeFinalizer } from "./own-writes.ts";
import { conditionOf, messages, settle, statusCopy, withCondition, withStep } from "./status.ts";
import type { RolloutView } from "./types.ts";

/**
 * Deletion (KRUISE-137). In mid-release the workload goes on natively to the new version, as in the original, unless an
 * annotation says that it stays paused (the original's feature gate knows that for partition style only). The end
 * is recorded in the status before the finalizer goes, and nothing here waits for a workload that may be gone (INV-41).
 */
export function terminate(view: RolloutView): Plan {
  const { rollout, now } = view;
  if (!rollout.metadata.finalizers?.includes(finalizers.rollout)) return emptyPlan;

  const status = statusCopy(view);
  const message = messages.terminating;
  if (status.phase !== "Terminating") {
    const begun = isReleaseUnderWay(view) ? withStep(status, { finalisingStep: "" }) : status;
    const condition = { type: "Terminating", status: "True", reason: "InTerminating", message } as const;
    return settle(view, { status: { ...withCondition(begun, condition, { now }), phase: "Terminating" } });
  }
  if (conditionOf(status, "Terminating")?.reason === "Completed" && !isReleaseUnderWay(view)) {
    return { ...emptyPlan, writes: [removeFinalizer(rollout)] };
  }
  if (isReleaseUnderWay(view)) {
    const keepsPaused = rollout.metadata.annotations?.[annotations.keepWorkloadPaused] === "true";
    const ending = finalise(view, status, { order: "forward", policy: "Immediate", keepsPaused });
    if (!ending.isDone) return settle(view, ending);
  }
  const condition = { type: "Terminating", status: "False", reason: "Completed", message } as const;
  return settle(view, { status: withCondition(withStep(status, { finalisingStep: "END" }), condition, { now }) });
}
