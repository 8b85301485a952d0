import { keyOf, resources } from "../../kube/resource.ts";
import { isWorkload } from "./gather.ts";
import type { Pass } from "./pass.ts";
import { readyOf, revisionOf } from "./replica-sets/replica-sets.ts";
import { conditionOf } from "./status/conditions.ts";

/**
 * ARC-683: a Deployment that hands over to the Rollout gives up its pods, once, with the first version: as the Rollout's
 * get ready, or all of them when it is healthy. Later versions leave it alone, so that users may scale it again.
 */
export function reconcileWorkload(pass: Pass): void {
  const { rollout, status, newRS, replicas } = pass;
  if (revisionOf(newRS) !== 1) return;
  const mode = rollout.spec.workloadRef?.scaleDown;
  if (status.phase === "Healthy") shrinkTo(pass, 0);
  else if (mode === "progressively" && readyOf(newRS) > 0) shrinkTo(pass, Math.max(0, replicas - readyOf(newRS)));
}

/** ARC-929: when the first version failed, it is the first healthy one that takes over. Before its status is stored. */
export function handOver(pass: Pass): void {
  const { status, next, newRS } = pass;
  if (revisionOf(newRS) <= 1 || conditionOf(status, "Healthy")) return;
  if (conditionOf(next, "Healthy")?.status === "True") shrinkTo(pass, 0);
}

const SHRINKING: ReadonlySet<unknown> = new Set(["onsuccess", "progressively"]);

function shrinkTo(pass: Pass, wanted: number): void {
  const { view, rollout } = pass;
  const { workload } = view;
  if (!SHRINKING.has(rollout.spec.workloadRef?.scaleDown)) return;
  if (!isWorkload(workload) || workload.object.kind !== "Deployment") return;
  const { replicas: present = 1 } = (workload.object["spec"] ?? {}) as { replicas?: number };
  // Never up: a Deployment that somebody made smaller stays so.
  if (present <= wanted) return;
  pass.write({
    op: "patch",
    type: resources.deployments,
    key: keyOf(workload.object),
    patch: { kind: "merge", body: { spec: { replicas: wanted } } },
    basedOn: workload.object,
  });
}
