import type { HttpRouteSpec, TrafficPolicySpec } from "../../api/istio.ts";
import { isRecord } from "../../base/json.ts";
import { applyMergePatch } from "../../kube/patch.ts";
import { type ServiceReference, serviceKey } from "../../lanes/model.ts";
import type { ASMSwimLaneGroup, ServiceRef } from "./types.ts";

/**
 * What a group lays over its generated objects as JSON merge patches: first what it says for every service
 * (LANE-006), then what it says for one (LANE-004, LANE-005).
 */

/** The `spec.trafficPolicy` of the service's DestinationRule; null when nobody asks for one (LANE-004). */
export function trafficPolicyFor(group: ASMSwimLaneGroup, service: ServiceReference): TrafficPolicySpec | null {
  const patches = [group.spec?.defaultTrafficPolicyPatch, entryOf(group, service)?.trafficPolicyPatch];
  const policy = applyAll<TrafficPolicySpec>({}, patches);
  return Object.keys(policy).length === 0 ? null : policy;
}

/** A generated `spec.http[]` item of the service's mesh VirtualService, patched (LANE-005). */
export function patchHttpRoute(
  group: ASMSwimLaneGroup,
  service: ServiceReference,
  generated: HttpRouteSpec,
): HttpRouteSpec {
  return applyAll(generated, [group.spec?.defaultHttpRoutePatch, entryOf(group, service)?.httpRoutePatch]);
}

/** Fields of the group that hold something other than an object, which no merge patch can be. */
export function patchProblems({ spec }: ASMSwimLaneGroup): string[] {
  const patches: readonly (readonly [path: string, patch: unknown])[] = [
    ["spec.defaultTrafficPolicyPatch", spec?.defaultTrafficPolicyPatch],
    ["spec.defaultHttpRoutePatch", spec?.defaultHttpRoutePatch],
    ...(spec?.services ?? []).flatMap(({ trafficPolicyPatch, httpRoutePatch }, index) => [
      [`spec.services[${index}].trafficPolicyPatch`, trafficPolicyPatch] as const,
      [`spec.services[${index}].httpRoutePatch`, httpRoutePatch] as const,
    ]),
  ];
  return patches.flatMap(([path, patch]) =>
    isAbsent(patch) || isRecord(patch) ? [] : [`${path}: ${JSON.stringify(patch)} is no object to merge`],
  );
}

function entryOf({ spec }: ASMSwimLaneGroup, service: ServiceReference): ServiceRef | undefined {
  return spec?.services?.find((entry) => serviceKey(entry) === serviceKey(service));
}

function applyAll<T extends object>(generated: T, patches: readonly unknown[]): T {
  return patches.reduce<T>((result, patch) => (isAbsent(patch) ? result : applyMergePatch(result, patch)), generated);
}

function isAbsent(patch: unknown): patch is null | undefined {
  return patch === undefined || patch === null;
}
