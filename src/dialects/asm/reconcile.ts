import type { DestinationRuleSpec, VirtualServiceSpec } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, deepEqual } from "../../base/json.ts";
import { parseTime } from "../../base/time.ts";
import { formatKey, keyOf, type ResourceType, resources } from "../../kube/resource.ts";
import { presentLanes } from "../../lanes/membership.ts";
import type { LaneModel } from "../../lanes/model.ts";
import { emptyPlan, type Plan, type Write } from "../../runtime/plan.ts";
import type { GroupServiceView, GroupView, LaneView } from "./gather.ts";
import { destinationRuleName, type Generated, generate, isIngressRoute } from "./generate.ts";
import { modelOf, sortLanes } from "./model.ts";
import { groupStatus, laneStatus, observedMembership, settlesAt } from "./status.ts";
import { GROUP_LABEL } from "./types.ts";
import { groupProblems, missingServices, sharedServices, unfinishedReason } from "./validate.ts";

/** Held on groups and lanes until their routes are gone, in the order of LANE-115. */
export const FINALIZER = "fairway.dev/asm-swimlane";

/**
 * How long rules outlive the last route that named them when a group goes (LANE-115), where the data plane does not tell
 * what it runs. It watches each kind on its own and may see the rules go first; it has a new configuration within this
 * time (MESH-005).
 */
export const ROUTES_GONE_MS = 1000;

/**
 * One group: its rules and routes exist as generated, made in the order rules, mesh routes, ingress routes and removed
 * in the reverse (LANE-115, LANE-116), so that no route ever names a subset that is not there.
 */
export function reconcileGroup(view: GroupView): Plan {
  const { group } = view;
  if (group.metadata.deletionTimestamp) return removeGroup(view);
  if (!hasFinalizer(group)) return { ...emptyPlan, writes: [setFinalizer(resources.swimLaneGroups, group, true)] };

  const problems = groupProblems(group);
  // What works goes on working while the group's fields make no sense.
  if (problems.length > 0) return report(view, { failures: problems, notes: [], writes: [], requeueAt: null });

  const unfinished = unfinishedReason(view);
  if (unfinished !== null) return report(view, { failures: [unfinished], notes: [], ...removeRoutes(view) });

  const { generated, requeueAt } = desiredObjects(view);
  const failures = [...sharedServices(view), ...collisionsOf(view, generated)];
  return report(view, { failures, notes: missingServices(view), writes: writesOf(view, generated), requeueAt });
}

interface Outcome {
  readonly failures: readonly string[];
  /** Said in status, without making the group an error. */
  readonly notes: readonly string[];
  readonly writes: readonly Write[];
  readonly requeueAt: number | null;
}

function report(view: GroupView, { failures, notes, writes, requeueAt }: Outcome): Plan {
  const isSettled = writes.length === 0 && requeueAt === null;
  const status = groupStatus(view, { failures, notes, isSettled });
  return { writes, status: { type: resources.swimLaneGroups, object: view.group, status }, events: [], requeueAt };
}

/** What should exist now, and when to look again at a membership that is still changing. */
function desiredObjects(view: GroupView): { generated: Generated; requeueAt: number | null } {
  const model = modelOf(view.group, view.lanes);
  let requeueAt: number | null = null;
  const services = view.services.filter(({ olderGroup }) => olderGroup === null);
  const generated = generate({
    group: view.group,
    model,
    lanes: sortLanes(view.lanes, model.fallbackTarget).filter(({ metadata }) => !metadata.deletionTimestamp),
    services: services.map((service) => {
      const { present, settlesAt: at } = presentFor(view, service);
      if (at !== null && (requeueAt === null || at < requeueAt)) requeueAt = at;
      return { service: service.reference, present };
    }),
    rootNamespace: view.rootNamespace,
  });
  return { generated, requeueAt };
}

/** The lanes that get a subset; while a change is younger than the settling time, those that have one. */
function presentFor(
  view: GroupView,
  service: GroupServiceView,
): { present: readonly LaneModel[]; settlesAt: number | null } {
  const model = modelOf(view.group, view.lanes);
  const { reference } = service;
  const rule = currentRule(view, service);
  const subsets = subsetNames(rule);
  const membership = observedMembership(view, service);
  const present = presentLanes(model, reference, {
    active: membership.lanes,
    hadSubset: (lane) => subsets.includes(lane),
  });
  const names = present.map(({ name }) => name);
  // Lanes and groups change at once; only what follows the pods waits (LANE-133). So does nothing without a rule yet.
  const current = model.lanes.filter(({ name }) => subsets.includes(name));
  const isByPods =
    model.autoUpdate && rule !== null && !deepEqual([...names].sort(), current.map(({ name }) => name).sort());
  const at = settlesAt(membership);
  return isByPods && view.now < at ? { present: current, settlesAt: at } : { present, settlesAt: null };
}

function currentRule(view: GroupView, { reference }: GroupServiceView): KubeObject | null {
  const name = destinationRuleName(modelOf(view.group, view.lanes), reference);
  return (
    view.destinationRules.find(({ metadata }) => metadata.name === name && metadata.namespace === view.rootNamespace) ??
    null
  );
}

function subsetNames(rule: KubeObject | null): readonly string[] {
  const { subsets = [] } = (rule?.["spec"] ?? {}) as DestinationRuleSpec;
  return subsets.flatMap((subset) => (subset === null ? [] : [subset.name]));
}

/** All writes, in the order that never leaves a route without its subset. */
function writesOf(view: GroupView, generated: Generated): readonly Write[] {
  const isFree = (object: KubeObject) => view.foreign(object.kind, keyOf(object)) === null;
  const meshRoutes = generated.meshRoutes.filter(isFree);
  const ingressRoutes = generated.ingressRoutes.filter(isFree);
  const routeWrites = [
    ...matchWrites(resources.virtualServices, meshRoutes, view.virtualServices),
    ...matchWrites(resources.virtualServices, ingressRoutes, view.virtualServices),
  ];
  const superfluous = withoutNames(view.virtualServices, [...meshRoutes, ...ingressRoutes]);
  const routeRemovals = removals(resources.virtualServices, routesInRemovalOrder(superfluous));
  // While routes change, a subset that one of them still names stays; the next pass takes it away.
  const areRoutesSettled = routeWrites.length + routeRemovals.length === 0;
  const named = areRoutesSettled ? new Set<string>() : namedSubsets(view.virtualServices);
  const rules = generated.destinationRules.filter(isFree).map((rule) => keepSubsets(rule, view, named));
  const ruleRemovals = areRoutesSettled
    ? removals(resources.destinationRules, withoutNames(view.destinationRules, rules))
    : [];
  return [
    ...matchWrites(resources.destinationRules, rules, view.destinationRules),
    ...routeWrites,
    ...routeRemovals,
    ...ruleRemovals,
  ];
}

/** Creates what is missing and restores what differs; annotations of others stay (LANE-114). */
function matchWrites(
  type: ResourceType,
  desired: readonly KubeObject[],
  current: readonly KubeObject[],
): readonly Write[] {
  return desired.flatMap((object): Write[] => {
    const found = findSame(current, object);
    if (found === undefined) return [{ op: "create", type, object }];
    if (isAsDesired(found, object)) return [];
    const { labels, ownerReferences } = object.metadata;
    const metadata = {
      ...found.metadata,
      ...(labels ? { labels } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
    };
    return [{ op: "update", type, object: { ...deepCopy(found), metadata, spec: object["spec"] } }];
  });
}

function isAsDesired(found: KubeObject, desired: KubeObject): boolean {
  return (
    deepEqual(found["spec"], desired["spec"]) &&
    deepEqual(found.metadata.labels, desired.metadata.labels) &&
    deepEqual(found.metadata.ownerReferences, desired.metadata.ownerReferences)
  );
}

function findSame(objects: readonly KubeObject[], wanted: KubeObject): KubeObject | undefined {
  const key = formatKey(keyOf(wanted));
  return objects.find((object) => formatKey(keyOf(object)) === key);
}

function withoutNames(current: readonly KubeObject[], desired: readonly KubeObject[]): readonly KubeObject[] {
  return current.filter((object) => findSame(desired, object) === undefined);
}

function removals(type: ResourceType, objects: readonly KubeObject[]): readonly Write[] {
  return objects
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map((object) => ({ op: "delete", type, object, propagationPolicy: "Background" }));
}

function routesInRemovalOrder(routes: readonly KubeObject[]): readonly KubeObject[] {
  return [...routes.filter(isIngressRoute), ...routes.filter((route) => !isIngressRoute(route))];
}

/** `host subset` of every destination of the routes as they are. */
function namedSubsets(routes: readonly KubeObject[]): ReadonlySet<string> {
  const destinations = routes.flatMap(({ spec }) =>
    ((spec as VirtualServiceSpec | undefined)?.http ?? []).flatMap(({ route = [] }) =>
      route.flatMap(({ destination, fallback }) => [destination, fallback?.target]),
    ),
  );
  return new Set(destinations.map((destination) => `${destination?.host} ${destination?.subset}`));
}

function keepSubsets(rule: KubeObject, view: GroupView, named: ReadonlySet<string>): KubeObject {
  const current = findSame(view.destinationRules, rule);
  if (current === undefined || named.size === 0) return rule;
  const spec = rule["spec"] as DestinationRuleSpec;
  const { host = "", subsets = [] } = spec;
  const kept = ((current["spec"] as DestinationRuleSpec | undefined)?.subsets ?? []).filter(
    (subset) => subset !== null && named.has(`${host} ${subset.name}`) && !subsetNames(rule).includes(subset.name),
  );
  return kept.length === 0 ? rule : { ...rule, spec: { ...spec, subsets: [...subsets, ...kept] } };
}

/** LANE-057: a name that somebody else has is never taken over. */
function collisionsOf(view: GroupView, generated: Generated): string[] {
  const objects = [...generated.destinationRules, ...generated.meshRoutes, ...generated.ingressRoutes];
  return objects.flatMap((object) => {
    const found = view.foreign(object.kind, keyOf(object));
    if (found === null) return [];
    const owner = found.metadata.labels?.[GROUP_LABEL];
    const whose = owner ? `belongs to group ${owner}` : "was not made by a swim lane group";
    return [`${object.kind} ${formatKey(keyOf(object))} exists and ${whose}; it is left as it is`];
  });
}

/** Routes first; the rules follow once the view shows that no route is left and the data plane had time to see it. */
function removeRoutes(view: GroupView): { writes: readonly Write[]; requeueAt: number | null } {
  if (view.virtualServices.length > 0) {
    return { writes: removals(resources.virtualServices, routesInRemovalOrder(view.virtualServices)), requeueAt: null };
  }
  return { writes: removals(resources.destinationRules, view.destinationRules), requeueAt: null };
}

/** LANE-115: ingress routes, mesh routes, rules, lanes, and then the group itself. */
function removeGroup(view: GroupView): Plan {
  const { group, lanes, virtualServices, destinationRules, now } = view;
  if (!hasFinalizer(group)) return emptyPlan;
  if (virtualServices.length > 0) {
    return { ...emptyPlan, writes: removals(resources.virtualServices, routesInRemovalOrder(virtualServices)) };
  }
  // Its progress wakes us.
  if (destinationRules.length > 0 && view.areRoutesLive === false) return emptyPlan;
  if (destinationRules.length > 0 && view.areRoutesLive === null) {
    const routesRemovedAt = parseTime(group.status?.routesRemovedAt);
    if (routesRemovedAt === null) {
      const status = { ...group.status, status: "Progressing", routesRemovedAt: new Date(now).toISOString() };
      const write = { type: resources.swimLaneGroups, object: group, status };
      return { ...emptyPlan, status: write, requeueAt: now + ROUTES_GONE_MS };
    }
    const removableAt = routesRemovedAt + ROUTES_GONE_MS;
    if (now < removableAt) return { ...emptyPlan, requeueAt: removableAt };
  }
  return {
    ...emptyPlan,
    writes: [
      ...removals(resources.destinationRules, destinationRules),
      ...removals(resources.swimLanes, lanes),
      setFinalizer(resources.swimLaneGroups, group, false),
    ],
  };
}

/** One lane: its status; on deletion it stays until no generated object names it (LANE-115). */
export function reconcileLane(view: LaneView): Plan {
  const { lane, group } = view;
  const isHeld = hasFinalizer(lane);
  if (lane.metadata.deletionTimestamp) {
    // A group that makes no sense changes nothing, so waiting for it could take for ever.
    const isGroupStuck = group === null || groupProblems(group).length > 0;
    const mayGo = isHeld && (isGroupStuck || !isNamed(view));
    return mayGo ? { ...emptyPlan, writes: [setFinalizer(resources.swimLanes, lane, false)] } : emptyPlan;
  }
  if (!isHeld && group !== null) return { ...emptyPlan, writes: [setFinalizer(resources.swimLanes, lane, true)] };
  return { ...emptyPlan, status: { type: resources.swimLanes, object: lane, status: laneStatus(view) } };
}

function isNamed({ lane, generated }: LaneView): boolean {
  const { name } = lane.metadata;
  return generated.some((object) => {
    if (object.kind === "DestinationRule") return subsetNames(object).includes(name);
    return [...namedSubsets([object])].some((entry) => entry.endsWith(` ${name}`));
  });
}

function hasFinalizer({ metadata }: KubeObject): boolean {
  return metadata.finalizers?.includes(FINALIZER) ?? false;
}

function setFinalizer(type: ResourceType, object: KubeObject, isWanted: boolean): Write {
  const others = (object.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
  const finalizers = isWanted ? [...others, FINALIZER] : others;
  return {
    op: "patch",
    type,
    key: keyOf(object),
    patch: { kind: "merge", body: { metadata: { finalizers } } },
    basedOn: object,
  };
}
