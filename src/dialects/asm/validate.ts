import { deepEqual } from "../../base/json.ts";
import { activeLanes, isMember, selects } from "../../lanes/membership.ts";
import { lists, serviceKey } from "../../lanes/model.ts";
import type { GroupServiceView, GroupView, LaneView } from "./gather.ts";
import { serviceOfHost } from "./generate.ts";
import { compareAge, laneModelOf, modelOf, strategyOf } from "./model.ts";
import { patchProblems } from "./patches.ts";
import {
  type ASMSwimLane,
  type ASMSwimLaneGroup,
  GROUP_LABEL,
  type IngressRule,
  type ValidationMessage,
} from "./types.ts";

/** What is wrong with a group or lane (LANE-050…056), as messages for its status. */

/** Headers that carry a trace, or much else: none can name a lane (LANE-051). */
const RESERVED_ROUTE_HEADERS = new Set(["baggage", "x-request-id", "traceparent", "x-b3-traceid", "sw8"]);

/**
 * Lanes and generated objects name their group in a label (LANE-031, LANE-100), and a label's value has a limit. It
 * also keeps every generated name below 253 characters (LANE-057): 16 + 3 × 63 + 2 at most.
 */
const MAX_LABEL_VALUE = 63;

const STRATEGIES = new Set(["rule_based", "weighted"]);

/** Mistakes in the group's own fields. Nothing is generated or changed while there is one. */
export function groupProblems(group: ASMSwimLaneGroup): string[] {
  const problems: string[] = [];
  const { services = [], ingress, isPermissive, permissiveModeConfiguration: mode = {} } = group.spec ?? {};
  if (group.metadata.name.length > MAX_LABEL_VALUE) {
    problems.push(
      `metadata.name: must be no more than ${MAX_LABEL_VALUE} characters, as the value of label ${GROUP_LABEL}`,
    );
  }
  if (services.length === 0) problems.push("spec.services: at least one service is required");
  const keys = services.map(serviceKey);
  for (const key of new Set(keys.filter((candidate, index) => keys.indexOf(candidate) !== index))) {
    problems.push(`spec.services: service ${key} is listed more than once`);
  }
  const gateway = ingress?.gateway;
  if (!gateway?.name || !gateway.namespace) problems.push("spec.ingress.gateway: name and namespace are required");
  if (gateway?.type && gateway.type !== "ASM") {
    problems.push(`spec.ingress.gateway.type: ${JSON.stringify(gateway.type)} is not supported, only "ASM" is`);
  }
  const strategy = strategyOf(group);
  if (!STRATEGIES.has(strategy)) {
    const found = JSON.stringify(ingress?.ingressRouting?.ingressRoutingStrategy);
    problems.push(`spec.ingress.ingressRouting.ingressRoutingStrategy: ${found} is neither rule_based nor weighted`);
  }
  problems.push(...patchProblems(group));
  if (!isPermissive) return problems;
  const path = "spec.permissiveModeConfiguration";
  if (!mode.traceHeader) problems.push(`${path}.traceHeader is required in permissive mode`);
  if (!mode.routeHeader) problems.push(`${path}.routeHeader is required in permissive mode`);
  if (RESERVED_ROUTE_HEADERS.has((mode.routeHeader ?? "").toLowerCase())) {
    problems.push(`${path}.routeHeader: ${mode.routeHeader} carries traces and cannot name a lane`);
  }
  return problems;
}

/**
 * Why a valid group generates nothing yet, null when it does (LANE-014, LANE-117): an unfinished group must not break
 * traffic.
 */
export function unfinishedReason({ group, lanes }: GroupView): string | null {
  const model = modelOf(group, lanes);
  if (!model.isPermissive) return model.lanes.length === 0 ? "the group has no lanes" : null;
  if (model.lanes.some(({ name }) => name === model.fallbackTarget)) return null;
  return model.fallbackTarget === ""
    ? "FallbackTargetMissing: spec.permissiveModeConfiguration.fallbackTarget is not set"
    : `FallbackTargetMissing: no lane named ${model.fallbackTarget} is in the group`;
}

/** LANE-053: two routes for one host, of which the data plane takes the older one only. */
export function sharedServices({ services }: GroupView): string[] {
  return services.flatMap(({ reference, olderGroup }) =>
    olderGroup === null
      ? []
      : [`service ${serviceKey(reference)} belongs to the older group ${olderGroup}, which keeps its routes`],
  );
}

/** LANE-002: nothing fails, the routes wait for the service. */
export function missingServices({ services }: GroupView): string[] {
  return services.flatMap(({ reference, service }) =>
    service === null ? [`ServiceNotFound: service ${serviceKey(reference)} does not exist`] : [],
  );
}

/** The first reason why the lane does nothing at all; "" when it works. */
export function laneError(view: LaneView): string {
  const { lane, groupName, group, siblings } = view;
  const { spec, metadata } = lane;
  if (groupName === "") return "the label swimlane-group is required: it names the lane's group";
  if (group === null) return `swim lane group ${groupName} does not exist`;
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata.name)) {
    return `the name ${metadata.name} is not a DNS-1123 label, so it cannot name a subset`;
  }
  if (Object.keys(spec?.labelSelector ?? {}).length === 0) return "spec.labelSelector must not be empty";
  const foreign = (spec?.services ?? []).find(
    (service) => !view.services.some(({ reference }) => serviceKey(reference) === serviceKey(service)),
  );
  if (foreign) return `service ${serviceKey(foreign)} is not in the group ${groupName}`;
  const overlap = siblings.find((other) => overlaps(lane, other));
  if (overlap) return `spec.labelSelector can match the same pods as lane ${overlap.metadata.name}`;
  return strictGap(view);
}

/** LANE-052: equal selectors, or one that contains the other, meet on a pod. Others meet only on unusual pods. */
function overlaps(left: ASMSwimLane, right: ASMSwimLane): boolean {
  const [first, second] = [laneModelOf(left).labelSelector, laneModelOf(right).labelSelector];
  if (Object.keys(first).length === 0 || Object.keys(second).length === 0) return false;
  return selects(first, second) || selects(second, first);
}

/** LANE-056: a strict lane needs every service of the group; the objects are generated all the same. */
function strictGap({ lane, group, services }: LaneView): string {
  if (group?.spec?.isPermissive) return "";
  const model = laneModelOf(lane);
  const missing = services.filter(({ reference, pods }) =>
    group?.spec?.autoUpdate ? !pods.some((pod) => isMember(model, pod)) : !lists(model, reference),
  );
  if (missing.length === 0) return "";
  return `a lane of a strict group needs every service of the group; missing: ${missing.map(({ reference }) => serviceKey(reference)).join(", ")}`;
}

/** Findings that leave the lane working. */
export function laneMessages(view: LaneView): ValidationMessage[] {
  return [...uneffected(view), ...pinnedServices(view), ...shadowedRules(view), ...weightMessages(view)];
}

/** LANE-042, word for word. */
function uneffected({ lane, group, services }: LaneView): ValidationMessage[] {
  if (group === null) return [];
  const model = laneModelOf(lane);
  if (services.some(({ pods }) => pods.some((pod) => isMember(model, pod)))) return [];
  return [
    {
      code: "CODE_UNEFFECTED_SWIMLANE_LABEL",
      level: "warning",
      message: "The label selector defined in the ASMSwimLane has no effect on any workload instance.",
    },
  ];
}

/** LANE-137: such a service can only ever have pods of one lane. */
function pinnedServices({ lane, services }: LaneView): ValidationMessage[] {
  const keys = Object.keys(lane.spec?.labelSelector ?? {});
  return services.flatMap(({ reference, selector }): ValidationMessage[] => {
    const key = keys.find((label) => selector[label] !== undefined);
    if (key === undefined) return [];
    const message = `Service ${serviceKey(reference)} selects on ${key}, so it cannot have pods of another lane.`;
    return [{ code: "CODE_SERVICE_SELECTS_LANE_LABEL", level: "warning", message }];
  });
}

/** LANE-054: of equal rules the one of the oldest VirtualService wins, so the lane created first. */
function shadowedRules({ lane, siblings, group }: LaneView): ValidationMessage[] {
  if (group === null || strategyOf(group) !== "rule_based") return [];
  const older = siblings.filter((other) => compareAge(other, lane) < 0);
  return onlineRules(lane).flatMap((rule): ValidationMessage[] => {
    const winner = older.find((other) => onlineRules(other).some((theirs) => shadows(theirs, rule)));
    if (!winner) return [];
    const message = `Ingress rule ${rule.name ?? ""} is shadowed by a rule of lane ${winner.metadata.name}, which wins.`;
    return [{ code: "CODE_INGRESS_RULE_SHADOWED", level: "warning", message }];
  });
}

function onlineRules({ spec }: ASMSwimLane): readonly IngressRule[] {
  return (spec?.ingressRules ?? []).filter(({ online }) => online);
}

/** Every condition of `theirs` also stands in `ours`, so that they take whatever we would. */
function shadows(theirs: IngressRule, ours: IngressRule): boolean {
  if (!deepEqual(theirs.hosts ?? ["*"], ours.hosts ?? ["*"])) return false;
  if (theirs.match?.uri !== undefined && !deepEqual(theirs.match.uri, ours.match?.uri)) return false;
  return Object.entries(theirs.match?.headers ?? {}).every(([name, value]) =>
    deepEqual(value, ours.match?.headers?.[name]),
  );
}

/** LANE-055. */
function weightMessages({ lane, siblings, group }: LaneView): ValidationMessage[] {
  if (group === null || strategyOf(group) !== "weighted") return [];
  const weightOf = ({ spec }: ASMSwimLane) => spec?.ingressWeight?.weight ?? 0;
  const all = [lane, ...siblings];
  const total = all.reduce((sum, each) => sum + weightOf(each), 0);
  if (total === 0) {
    return [{ code: "CODE_WEIGHTS_SUM_ZERO", level: "error", message: "The weights of all lanes sum to 0." }];
  }
  const hosts = new Set(all.filter(weightOf).map(({ spec }) => spec?.ingressWeight?.destination?.host ?? ""));
  if (hosts.size < 2) return [];
  const names = [...hosts]
    .map((host) => serviceKey(serviceOfHost(host)))
    .sort()
    .join(", ");
  const message = `The lanes' weights lead to different services: ${names}.`;
  return [{ code: "CODE_WEIGHT_DESTINATIONS_DIFFER", level: "warning", message }];
}

/** Lanes with pods of the service, as membership in status. */
export function membershipOf(view: GroupView, service: GroupServiceView): readonly string[] {
  return activeLanes(modelOf(view.group, view.lanes), service.pods);
}
