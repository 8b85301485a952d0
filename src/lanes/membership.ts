import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { fallbackOf, type LaneGroupModel, type LaneModel, lists, type ServiceReference } from "./model.ts";

/** Which lanes a service has pods of, and hence which subsets it needs (LANE section 3). */

/** Labels written as null in manifests are empty texts (LANE-059). */
export function selects(
  selector: Readonly<Record<string, string | null>>,
  labels: Readonly<Record<string, string | null>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => (labels[key] ?? null) === (value ?? ""));
}

/** A finished or leaving pod makes no lane; one that is not ready yet does (LANE-130). */
export function counts(pod: KubeObject): boolean {
  const phase = isRecord(pod["status"]) ? pod["status"]["phase"] : undefined;
  return !pod.metadata.deletionTimestamp && phase !== "Succeeded" && phase !== "Failed";
}

/** `pods` are those that the Service selects. */
function isActive(lane: LaneModel, pods: readonly KubeObject[]): boolean {
  return pods.some((pod) => counts(pod) && isMember(lane, pod));
}

/** An empty selector selects nothing here: it would make every pod a member of the lane (LANE-032). */
export function isMember({ labelSelector }: LaneModel, pod: KubeObject): boolean {
  return Object.keys(labelSelector).length > 0 && selects(labelSelector, pod.metadata.labels ?? {});
}

/** Lanes of the group that have counting pods of the service, in the group's order. */
export function activeLanes(group: LaneGroupModel, pods: readonly KubeObject[]): readonly string[] {
  return group.lanes.filter((lane) => isActive(lane, pods)).map(({ name }) => name);
}

/**
 * The lanes that get a subset for the service (LANE-130…135). With autoUpdate they are those that have pods; the lane
 * to fall back to stays even without, as long as it lists the service or `hadSubset` of it.
 */
export function presentLanes(
  group: LaneGroupModel,
  service: ServiceReference,
  { active, hadSubset }: { active: readonly string[]; hadSubset: (lane: string) => boolean },
): readonly LaneModel[] {
  if (!group.autoUpdate) return group.lanes.filter((lane) => lists(lane, service));
  const fallback = fallbackOf(group, service);
  return group.lanes.filter(
    (lane) => active.includes(lane.name) || (lane.name === fallback && (lists(lane, service) || hadSubset(lane.name))),
  );
}
