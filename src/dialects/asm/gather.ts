import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import type { Instant } from "../../base/time.ts";
import { keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import { selects } from "../../lanes/membership.ts";
import type { ServiceReference } from "../../lanes/model.ts";
import type { CacheReader } from "../../runtime/controller.ts";
import { DATA_PLANE_KEY, isCaughtUp, isTold } from "../../traffic/data-plane.ts";
import { compareAge, modelOf } from "./model.ts";
import { type ASMSwimLane, type ASMSwimLaneGroup, GROUP_LABEL, groupNameOf } from "./types.ts";

/** A service of a group, with what the cluster has of it. */
export interface GroupServiceView {
  readonly reference: ServiceReference;
  /** Null: ServiceNotFound (LANE-002). */
  readonly service: KubeObject | null;
  readonly selector: Readonly<Record<string, string>>;
  /** The pods that the Service selects, in any state. */
  readonly pods: readonly KubeObject[];
  /** An older group that has the service too, and keeps its host (LANE-053). */
  readonly olderGroup: string | null;
}

export interface GroupView {
  readonly group: ASMSwimLaneGroup;
  /** All lanes of the group, those that are being deleted included. */
  readonly lanes: readonly ASMSwimLane[];
  readonly services: readonly GroupServiceView[];
  /** Generated objects as they are now, of any name that carries the group's label. */
  readonly virtualServices: readonly KubeObject[];
  readonly destinationRules: readonly KubeObject[];
  /** Objects under a name that we would generate, but of another group or of nobody (LANE-057). */
  readonly foreign: (kind: string, key: ObjectKey) => KubeObject | null;
  readonly rootNamespace: string;
  /** The data plane runs every change of routes that this view shows, deletions included; null: nobody tells. */
  readonly areRoutesLive: boolean | null;
  readonly now: Instant;
}

export function gatherGroup(
  { name }: ObjectKey,
  cache: CacheReader,
  { now, rootNamespace }: { now: Instant; rootNamespace: string },
): GroupView | null {
  const group = cache.get<ASMSwimLaneGroup>(resources.swimLaneGroups, { namespace: "", name });
  if (group === null) return null;
  const isOurs = (object: KubeObject) => groupNameOf(object) === name;
  return {
    group,
    lanes: lanesOf(name, cache),
    services: servicesOf(group, cache),
    virtualServices: cache.list(resources.virtualServices).filter(isOurs),
    destinationRules: cache.list(resources.destinationRules).filter(isOurs),
    foreign(kind, key) {
      const type = kind === "VirtualService" ? resources.virtualServices : resources.destinationRules;
      const found = cache.get(type, key);
      return found !== null && !isOurs(found) ? found : null;
    },
    rootNamespace,
    areRoutesLive: areRoutesLive(cache),
    now,
  };
}

function areRoutesLive(cache: CacheReader): boolean | null {
  const dataPlane = cache.get(resources.configMaps, DATA_PLANE_KEY);
  if (!isTold(dataPlane, resources.virtualServices)) return null;
  return isCaughtUp(dataPlane, resources.virtualServices, cache.revision(resources.virtualServices));
}

/** The groups that the data plane's progress concerns: those that go once it runs without their routes. */
export function leavingGroups(configMap: KubeObject, cache: CacheReader): readonly string[] {
  const { namespace, name } = keyOf(configMap);
  if (namespace !== DATA_PLANE_KEY.namespace || name !== DATA_PLANE_KEY.name) return [];
  const groups = cache.list<ASMSwimLaneGroup>(resources.swimLaneGroups);
  return groups.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).map(({ metadata }) => metadata.name);
}

export interface LaneView {
  readonly lane: ASMSwimLane;
  readonly groupName: string;
  readonly group: ASMSwimLaneGroup | null;
  /** The other lanes of the group that are not being deleted. */
  readonly siblings: readonly ASMSwimLane[];
  readonly services: readonly GroupServiceView[];
  /** Generated objects of the group: the lane may go when none of them names it. */
  readonly generated: readonly KubeObject[];
}

export function gatherLane({ name }: ObjectKey, cache: CacheReader): LaneView | null {
  const lane = cache.get<ASMSwimLane>(resources.swimLanes, { namespace: "", name });
  if (lane === null) return null;
  const groupName = groupNameOf(lane);
  const group = cache.get<ASMSwimLaneGroup>(resources.swimLaneGroups, { namespace: "", name: groupName });
  const isOfGroup = (object: KubeObject) => groupName !== "" && groupNameOf(object) === groupName;
  const siblings = lanesOf(groupName, cache).filter(
    ({ metadata }) => metadata.name !== name && !metadata.deletionTimestamp,
  );
  const generated = [...cache.list(resources.virtualServices), ...cache.list(resources.destinationRules)];
  return {
    lane,
    groupName,
    group,
    siblings,
    services: group === null ? [] : servicesOf(group, cache),
    generated: generated.filter(isOfGroup),
  };
}

export function lanesOf(groupName: string, cache: CacheReader): readonly ASMSwimLane[] {
  return cache
    .list<ASMSwimLane>(resources.swimLanes)
    .filter(({ metadata }) => groupName !== "" && metadata.labels?.[GROUP_LABEL] === groupName);
}

function servicesOf(group: ASMSwimLaneGroup, cache: CacheReader): readonly GroupServiceView[] {
  const older = cache
    .list<ASMSwimLaneGroup>(resources.swimLaneGroups)
    .filter((other) => !other.metadata.deletionTimestamp && compareAge(other, group) < 0)
    .filter(({ metadata }) => metadata.name !== group.metadata.name);
  return modelOf(group, []).services.map((reference) => {
    const service = cache.get(resources.services, reference);
    const selector = selectorOf(service);
    const owner = older.find((other) => modelOf(other, []).services.some((their) => isSame(their, reference)));
    return {
      reference,
      service,
      selector,
      pods:
        Object.keys(selector).length === 0
          ? []
          : cache.selectedBy(resources.pods, reference.namespace, { matchLabels: selector }),
      olderGroup: owner?.metadata.name ?? null,
    };
  });
}

function isSame(left: ServiceReference, right: ServiceReference): boolean {
  return left.namespace === right.namespace && left.name === right.name;
}

function selectorOf(service: KubeObject | null): Record<string, string> {
  const spec = service?.["spec"];
  return isRecord(spec) && isRecord(spec["selector"]) ? (spec["selector"] as Record<string, string>) : {};
}

/** The groups that a pod may change the membership of: those with a service that selects it. */
export function groupsOfPod(pod: KubeObject, cache: CacheReader): readonly string[] {
  const { namespace = "", labels = {} } = pod.metadata;
  return cache.list<ASMSwimLaneGroup>(resources.swimLaneGroups).flatMap((group) => {
    const candidates = modelOf(group, []).services.filter((service) => service.namespace === namespace);
    const isSelected = candidates.some((reference) => {
      const selector = selectorOf(cache.get(resources.services, reference));
      return Object.keys(selector).length > 0 && selects(selector, labels);
    });
    return isSelected ? [group.metadata.name] : [];
  });
}

/** The groups that list a service. */
export function groupsOfService(service: ServiceReference, cache: CacheReader): readonly string[] {
  return cache
    .list<ASMSwimLaneGroup>(resources.swimLaneGroups)
    .filter((group) => modelOf(group, []).services.some((reference) => isSame(reference, service)))
    .map(({ metadata }) => metadata.name);
}
