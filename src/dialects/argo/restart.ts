import type { KubeObject } from "../../api/meta.ts";
import { formatTime, parseTime } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import { DEFAULT_BOUND, resolveBound } from "./counts.ts";
import type { Pass } from "./pass.ts";
import { availableOf, byAge, sumOf, wantedOf } from "./replica-sets.ts";

const RETRY_SECONDS = 30; // ARC-160

/**
 * ARC-160: pods older than `spec.restartAt` are replaced, no more at a time than may be unavailable. True when pods were
 * told to go: nothing else is done in this pass.
 */
export function reconcileRestart(pass: Pass): boolean {
  const { rollout, status, now, next, replicas, allRSs } = pass;
  const { restartAt } = rollout.spec;
  const at = parseTime(restartAt);
  if (at === null || restartAt === undefined || restartAt === status.restartedAt) return false;
  if (now < at) {
    pass.wakeAt(at);
    return false;
  }
  const old = inRestartOrder(pass).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined && (parseTime(metadata.creationTimestamp) ?? 0) <= at,
  );
  if (old.length === 0) {
    next.restartedAt = formatTime(at);
    if (next.restartedAt !== restartAt) next.restartedAt = restartAt;
    return false;
  }
  const bound = pass.canary?.maxUnavailable ?? pass.blueGreen?.maxUnavailable ?? DEFAULT_BOUND;
  const unavailable = Math.max(1, resolveBound(bound, replicas, "down"));
  const total = Math.max(replicas, sumOf(allRSs, wantedOf));
  const budget = sumOf(allRSs, availableOf) - (total - unavailable);
  pass.wakeAt(now + RETRY_SECONDS * 1000);
  for (const object of old.slice(0, Math.max(0, budget))) pass.write({ op: "delete", type: resources.pods, object });
  return budget > 0;
}

function inRestartOrder({ stableRS, newRS, otherRSs, view }: Pass): readonly KubeObject[] {
  const ordered = [stableRS, ...(newRS === stableRS ? [] : [newRS]), ...[...otherRSs].sort(byAge)];
  return ordered.flatMap((one) => (one ? (view.pods.get(one.metadata.name) ?? []) : []));
}
