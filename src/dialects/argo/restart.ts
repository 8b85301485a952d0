import type { KubeObject } from "../../api/meta.ts";
import { parseTime } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import { DEFAULT_BOUND, resolveBound } from "./counts.ts";
import type { Pass } from "./pass.ts";
import { availableOf, byAge, sumOf, wantedOf } from "./replica-sets.ts";

const RETRY_SECONDS = 30; // ARC-160

/**
 * ARC-160, ARC-822: pods older than `spec.restartAt` are evicted, no more at a time than may be unavailable and than their
 * disruption budget grants. Comes after the sizes: where pods come or go anyway, the restart waits for the next pass, so
 * that both together never take more than one of them may. A budget that grants nothing holds up nothing else (INV-20).
 */
export function reconcileRestart(pass: Pass): void {
  const { rollout, status, now, next, replicas, allRSs } = pass;
  const { restartAt } = rollout.spec;
  const at = parseTime(restartAt);
  if (at === null || restartAt === undefined || restartAt === status.restartedAt) return;
  if (now < at) {
    pass.wakeAt(at); // ARC-161
    return;
  }
  const old = inRestartOrder(pass).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined && (parseTime(metadata.creationTimestamp) ?? 0) <= at,
  );
  if (old.length === 0) {
    next.restartedAt = restartAt;
    return;
  }
  pass.wakeAt(now + RETRY_SECONDS * 1000);
  if (pass.hasScaled) return;
  const bound = pass.canary?.maxUnavailable ?? pass.blueGreen?.maxUnavailable ?? DEFAULT_BOUND;
  const unavailable = Math.max(1, resolveBound(bound, replicas, "down"));
  const total = Math.max(replicas, sumOf(allRSs, wantedOf));
  const budget = sumOf(allRSs, availableOf) - (total - unavailable);
  for (const object of old.slice(0, Math.max(0, budget))) pass.write({ op: "evict", type: resources.pods, object });
}

function inRestartOrder({ stableRS, newRS, otherRSs, view }: Pass): readonly KubeObject[] {
  const ordered = [stableRS, ...(newRS === stableRS ? [] : [newRS]), ...[...otherRSs].sort(byAge)];
  return ordered.flatMap((one) => (one ? (view.pods.get(one.metadata.name) ?? []) : []));
}
