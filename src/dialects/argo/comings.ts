import type { Change } from "../../kube/cache.ts";
import { resources } from "../../kube/resource.ts";
import type { PlannedEvent } from "../../runtime/plan.ts";

/** What is told of a Rollout that the controller comes to know, at its own start too, and of one that is gone. */
export function rolloutEvents({ type, before, after }: Change): readonly PlannedEvent[] {
  if (type !== resources.argoRollouts) return [];
  if (before === null && after !== null) {
    const { namespace = "", name } = after.metadata;
    const message = `Rollout resource added to informer: ${namespace}/${name}`;
    return [{ regarding: after, type: "Normal", reason: "RolloutAddedToInformer", message }]; // ARC-640
  }
  if (before !== null && after === null) {
    const { namespace = "", name } = before.metadata;
    // The original puts the name first; whoever searches for its text finds ours (ARC-645).
    const message = `Rollout ${name}/${namespace} is deleted.`;
    return [{ regarding: before, type: "Normal", reason: "RolloutDeleted", message }];
  }
  return [];
}
