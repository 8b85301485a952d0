import type { KubeObject } from "../../api/meta.ts";
import { keyOf, resources } from "../../kube/resource.ts";
import type { AnyController, CacheReader, Controller, Watch } from "../../runtime/controller.ts";
import {
  type GroupView,
  gatherGroup,
  gatherLane,
  groupsOfPod,
  groupsOfService,
  type LaneView,
  lanesOf,
  leavingGroups,
} from "./gather.ts";
import { reconcileGroup, reconcileLane } from "./reconcile.ts";
import { groupNameOf } from "./types.ts";

export { asmAdmission } from "./admission.ts";
export { asmCrds } from "./schema.ts";

/**
 * Alibaba ASM's swim lanes. Two controllers: one writes the routing objects and the status of a group, the other the
 * status of a lane. Both wake on whatever their view reads.
 */
export function asmControllers({ rootNamespace }: { rootNamespace: string }): AnyController[] {
  const groups: Controller<GroupView> = {
    name: "asm-swimlane-group",
    watches: groupWatches,
    gather: (key, cache, now) => gatherGroup(key, cache, { now, rootNamespace }),
    reconcile: reconcileGroup,
  };
  const lanes: Controller<LaneView> = {
    name: "asm-swimlane",
    watches: groupWatches.map(({ type, keysOf }) => ({
      type,
      keysOf: (object, cache) => [...ownKey(object), ...lanesOfGroups(keysOf(object, cache), cache)],
    })),
    gather: (key, cache) => gatherLane(key, cache),
    reconcile: reconcileLane,
  };
  return [groups, lanes];
}

/** A kind, and the groups that an object of it concerns. */
const groupWatches: readonly Watch[] = [
  { type: resources.swimLaneGroups, keysOf: (group, cache) => [group.metadata.name, ...rivalsOf(group, cache)] },
  { type: resources.swimLanes, keysOf: (lane) => named(groupNameOf(lane)) },
  { type: resources.services, keysOf: (service, cache) => groupsOfService(keyOf(service), cache) },
  { type: resources.pods, keysOf: groupsOfPod },
  { type: resources.virtualServices, keysOf: (route) => named(groupNameOf(route)) },
  { type: resources.destinationRules, keysOf: (rule) => named(groupNameOf(rule)) },
  { type: resources.configMaps, keysOf: leavingGroups },
];

function named(name: string): readonly string[] {
  return name === "" ? [] : [name];
}

/** A group that comes or goes decides who keeps the services that it shares (LANE-053). */
function rivalsOf(group: KubeObject, cache: CacheReader): readonly string[] {
  const services = (group["spec"] as { services?: { namespace: string; name: string }[] } | undefined)?.services ?? [];
  return services.flatMap((service) => groupsOfService(service, cache));
}

function ownKey(object: KubeObject): readonly string[] {
  return object.kind === resources.swimLanes.kind ? [object.metadata.name] : [];
}

function lanesOfGroups(groups: readonly string[], cache: CacheReader): readonly string[] {
  return groups.flatMap((group) => lanesOf(group, cache).map(({ metadata }) => metadata.name));
}
