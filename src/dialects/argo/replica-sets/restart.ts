import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { parseTime } from "../../../base/time.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { isPodActive, isPodReady } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import type { Pass } from "../pass.ts";
import { selectedHash, serviceOf } from "../traffic/services.ts";
import type { Traffic } from "../traffic.ts";
import { DEFAULT_BOUND, resolveBound } from "./counts.ts";
import { availableOf, byAge, hashOf, sumOf, wantedOf } from "./replica-sets.ts";

const RETRY_SECONDS = 30; // ARC-160

/**
 * ARC-160, ARC-822: pods older than `spec.restartAt` are evicted, no more at a time than may be unavailable and than their
 * disruption budget grants. Comes after the sizes: where pods come or go anyway, the restart waits for the next pass, so
 * that both together never take more than one of them may. A budget that grants nothing holds up nothing else (INV-20).
 */
export function reconcileRestart(pass: Pass, traffic: Traffic): void {
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
  const remaining = new Map(allRSs.map((one) => [one, remainingOf(pass, one)]));
  const budget = Math.max(0, sumOf(allRSs, (one) => (one && remaining.get(one)) ?? 0) - (total - unavailable));
  const spare = new Map(
    [...remaining].map(([one, count]) => [one.metadata.name, count - (mustServe(pass, one, traffic) ? 1 : 0)]),
  );
  const evictable = old.filter((pod) => {
    if (!isPodReady(pod)) return true;
    const replicaSet = controllerOf(pod)?.name ?? "";
    const left = spare.get(replicaSet) ?? 0;
    spare.set(replicaSet, left - 1);
    return left > 0;
  });
  for (const object of evictable.slice(0, budget)) pass.write({ op: "evict", type: resources.pods, object });
}

/**
 * Those that are available now and stay: what is told of a ReplicaSet may be older than its size, and older than the
 * evictions of a moment ago.
 */
function remainingOf({ view }: Pass, replicaSet: ReplicaSet): number {
  const pods = view.pods.get(replicaSet.metadata.name) ?? [];
  const ready = pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length;
  return Math.min(availableOf(replicaSet), wantedOf(replicaSet), ready);
}

/**
 * Requests come to this version, so that its last pod stays until there is another one (INV-01, INV-07): a canary of one
 * pod is restarted when it has grown, or has no requests any more. With one pod in all, a restart is an interruption.
 */
function mustServe(pass: Pass, replicaSet: ReplicaSet, traffic: Traffic): boolean {
  const { replicas, stableRS, newRS } = pass;
  if (replicas <= 1) return false;
  const hasShare = pass.isRouted && replicaSet === newRS && !(traffic.isSettled && traffic.weight === 0);
  return replicaSet === stableRS || hasShare || isAddressed(pass, hashOf(replicaSet));
}

function isAddressed(pass: Pass, hash: string): boolean {
  const { canary, blueGreen } = pass;
  const names = [canary?.canaryService, canary?.stableService, blueGreen?.activeService];
  return names.some((name) => {
    const service = serviceOf(pass, name)?.service;
    return service !== undefined && selectedHash(service) === hash;
  });
}

function inRestartOrder({ stableRS, newRS, otherRSs, view }: Pass): readonly KubeObject[] {
  const ordered = [stableRS, ...(newRS === stableRS ? [] : [newRS]), ...[...otherRSs].sort(byAge)];
  return ordered.flatMap((one) => (one ? (view.pods.get(one.metadata.name) ?? []) : []));
}
