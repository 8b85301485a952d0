import { keyOf, resources } from "../../kube/resource.ts";
import { isWorkload } from "./gather.ts";
import type { Pass } from "./pass.ts";
import { readyOf, revisionOf } from "./replica-sets.ts";

/** ARC-683: a Deployment that hands over to the Rollout gives up its pods, once, with the first version. */
export function reconcileWorkload(pass: Pass): void {
  const { view, rollout, status, newRS, replicas } = pass;
  const { workload } = view;
  if (!isWorkload(workload) || workload.object.kind !== "Deployment" || revisionOf(newRS) !== 1) return;
  const mode = rollout.spec.workloadRef?.scaleDown;
  const isHealthy = status.phase === "Healthy";
  const wanted =
    mode === "onsuccess"
      ? isHealthy
        ? 0
        : null
      : mode === "progressively"
        ? isHealthy
          ? 0
          : readyOf(newRS) > 0
            ? Math.max(0, replicas - readyOf(newRS))
            : null
        : null;
  const { replicas: present = 1 } = (workload.object["spec"] ?? {}) as { replicas?: number };
  // It only ever shrinks.
  if (wanted === null || present <= wanted) return;
  pass.write({
    op: "patch",
    type: resources.deployments,
    key: keyOf(workload.object),
    patch: { kind: "merge", body: { spec: { replicas: wanted } } },
    basedOn: workload.object,
  });
}
