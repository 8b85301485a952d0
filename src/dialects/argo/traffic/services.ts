import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { isPodActive, isPodReady } from "../../../kube/pods.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import { desiredPair } from "../canary/sizes.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import { type Pass, WAITING_FOR_DATA_PLANE } from "../pass.ts";
import { availableOf, hashOf, isCounted, isFullyAvailable, wantedOf } from "../replica-sets/replica-sets.ts";
import type { ServiceView } from "../view.ts";
import { pingPongRoles } from "./roles.ts";

/** Which version's pods a Service selects, and how it is switched to another (section 6.1). */

export function selectedHash(service: KubeObject): string {
  const { selector } = (service["spec"] ?? {}) as { selector?: Record<string, string> };
  return selector?.[POD_TEMPLATE_HASH] ?? "";
}

function managerOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[annotations.managedBy];
}

/** ARC-200. True when the Service selected something else before. */
export function switchService(pass: Pass, service: KubeObject, hash: string): boolean {
  const from = selectedHash(service);
  const name = pass.rollout.metadata.name;
  if (from === hash && managerOf(service) !== undefined) return false;
  pass.write({
    op: "patch",
    type: resources.services,
    key: keyOf(service),
    patch: {
      kind: "merge",
      body: {
        ...(managerOf(service) === undefined ? { metadata: { annotations: { [annotations.managedBy]: name } } } : {}),
        spec: { selector: { [POD_TEMPLATE_HASH]: hash } },
      },
    },
    basedOn: service,
  });
  if (from === hash) return false;
  pass.event("SwitchService", `Switched selector for service '${service.metadata.name}' from '${from}' to '${hash}'`);
  return true;
}

/** ARC-201: the first switch needs all pods, later ones at least one. Pods that were told to go are none (INV-07). */
export function mayReceive(pass: Pass, service: KubeObject, replicaSet: ReplicaSet): boolean {
  if (wantedOf(replicaSet) === 0 || !isCounted(replicaSet)) return false;
  const isEnough = managerOf(service) === undefined ? isFullyAvailable(replicaSet) : availableOf(replicaSet) >= 1;
  if (!isEnough || hasReadyPod(pass, replicaSet)) return isEnough;
  // Pods wake nobody.
  pass.wakeAt(pass.now + LOOK_AGAIN_MS);
  return false;
}

const LOOK_AGAIN_MS = 250;

/** What a ReplicaSet tells of its pods may be older than its size: those of a moment ago may be on their way out (INV-07). */
function hasReadyPod({ view }: Pass, { metadata }: ReplicaSet): boolean {
  return (view.pods.get(metadata.name) ?? []).some((pod) => isPodActive(pod) && isPodReady(pod));
}

/** Every ready endpoint is a pod of this version, and there is one. */
export function servesOnly({ endpointHashes }: ServiceView, hash: string): boolean {
  return endpointHashes.size === 1 && endpointHashes.has(hash);
}

export function serviceOf(pass: Pass, name: string | undefined): ServiceView | null {
  return name ? (pass.view.services.get(name) ?? null) : null;
}

/**
 * Stable and canary Service of a canary (ARC-201, ARC-202): one decision for each, so that no selector flaps (ARC-903).
 * The canary's Service moves on only while it gets no traffic (INV-04).
 */
export function switchCanaryServices(pass: Pass, { isCanaryIdle }: { isCanaryIdle: boolean }): void {
  const { canary, newRS, stableRS } = pass;
  switchPingPong(pass, isCanaryIdle);
  const stable = serviceOf(pass, canary?.stableService);
  if (stable && stableRS && mayReceive(pass, stable.service, stableRS)) {
    switchService(pass, stable.service, hashOf(stableRS));
  }
  const service = serviceOf(pass, canary?.canaryService)?.service;
  if (!service) return;
  const hasStable = stableRS !== null && stableRS !== newRS;
  // Nor does its name lead to a version that is to have no pods yet, as after a retry (INV-07).
  const goesBack = hasStable && (pass.isAborted || (pass.isRouted && desiredPair(pass).canary === 0));
  const target = goesBack ? stableRS : newRS;
  if (!target || (pass.isRouted && !isCanaryIdle)) {
    if (target && selectedHash(service) !== hashOf(target)) pass.trafficWait ??= WAITING_FOR_DATA_PLANE;
    return;
  }
  const isReady = goesBack && pass.isRouted ? true : mayReceive(pass, service, target);
  if (isReady) switchService(pass, service, hashOf(target));
}

/**
 * ARC-204: the Service in the canary's role follows the newest version, pods or not, for it has no share before they are
 * behind it. The other one keeps its version; the roles move at the promotion.
 */
function switchPingPong(pass: Pass, isCanaryIdle: boolean): void {
  const { newRS, stableRS } = pass;
  const roles = pingPongRoles(pass);
  if (!roles) return;
  const stable = serviceOf(pass, roles.stable)?.service;
  if (stable && stableRS && mayReceive(pass, stable, stableRS)) switchService(pass, stable, hashOf(stableRS));
  const canary = serviceOf(pass, roles.canary)?.service;
  if (!canary || !newRS || pass.isFullyPromoted || selectedHash(canary) === hashOf(newRS)) return;
  if (isCanaryIdle) switchService(pass, canary, hashOf(newRS));
  else pass.trafficWait ??= WAITING_FOR_DATA_PLANE;
}
