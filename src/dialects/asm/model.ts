import { parseTime } from "../../base/time.ts";
import type { LaneGroupModel, LaneModel, ServiceReference } from "../../lanes/model.ts";
import type { ASMSwimLane, ASMSwimLaneGroup, ServiceRef } from "./types.ts";

/** From ASM's objects to the shared lane model. Lanes that are being deleted no longer count. */
export function modelOf(group: ASMSwimLaneGroup, lanes: readonly ASMSwimLane[]): LaneGroupModel {
  const {
    services = [],
    isPermissive = false,
    permissiveModeConfiguration = {},
    autoUpdate = false,
  } = group.spec ?? {};
  const fallbackTarget = isPermissive ? (permissiveModeConfiguration.fallbackTarget ?? "") : "";
  return {
    name: group.metadata.name,
    services: distinct(services),
    lanes: sortLanes(lanes, fallbackTarget)
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map(laneModelOf),
    isPermissive,
    fallbackTarget,
    serviceFallbacks: permissiveModeConfiguration.serviceLevelFallbackTarget ?? {},
    traceHeader: permissiveModeConfiguration.traceHeader ?? "",
    routeHeader: permissiveModeConfiguration.routeHeader ?? "",
    autoUpdate,
  };
}

export function laneModelOf({ metadata, spec }: ASMSwimLane): LaneModel {
  const pairs = Object.entries(spec?.labelSelector ?? {}).map(([key, value]) => [key, value ?? ""] as const);
  return { name: metadata.name, labelSelector: Object.fromEntries(pairs), services: distinct(spec?.services ?? []) };
}

/** LANE-112: the fallback lane, then by age, then by name. */
export function sortLanes(lanes: readonly ASMSwimLane[], fallbackTarget: string): readonly ASMSwimLane[] {
  const rank = ({ metadata }: ASMSwimLane) => (metadata.name === fallbackTarget ? 0 : 1);
  return [...lanes].sort((left, right) => rank(left) - rank(right) || compareAge(left, right));
}

/** Oldest first, then by name. */
export function compareAge(left: ASMSwimLane | ASMSwimLaneGroup, right: ASMSwimLane | ASMSwimLaneGroup): number {
  const age = (parseTime(left.metadata.creationTimestamp) ?? 0) - (parseTime(right.metadata.creationTimestamp) ?? 0);
  return age || (left.metadata.name < right.metadata.name ? -1 : 1);
}

function distinct(services: readonly ServiceRef[]): readonly ServiceReference[] {
  const byKey = new Map(services.map(({ namespace, name }) => [`${namespace}/${name}`, { namespace, name }]));
  return [...byKey.values()];
}

/** The API's two spellings of a strategy are one (LANE-009). */
export function strategyOf({ spec }: ASMSwimLaneGroup): string {
  const strategy = spec?.ingress?.ingressRouting?.ingressRoutingStrategy;
  return (strategy || "rule_based").replaceAll("-", "_");
}
