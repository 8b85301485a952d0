import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { compareAge, compareText } from "./age.ts";
import { hasLabels } from "./match.ts";
import type { Facts, LaneContext, LateFailure } from "./types.ts";

/**
 * Lane groups as the data plane sees them: which headers carry the lane, who is in which lane, and the lane of one
 * outbound call (LANE section 4.2). Read from the ASM objects; nothing here depends on generated rules.
 */
export interface LaneGroup extends LaneContext {
  readonly isPermissive: boolean;
  /** Names of the group's lanes: tells an unknown lane from one that has no pods here (LANE-205 F1). */
  readonly lanes: ReadonlySet<string>;
  readonly fallbackTarget: string;
  /** LANE-220 source 4. */
  readonly usesPodLabels: boolean;
  /** LANE-264: what a trace value with open requests of several lanes means. */
  readonly onAmbiguous: "recent" | "base";
  /** LANE-205 F5: answers that count as "the lane cannot serve". Empty unless the group opts in. */
  readonly fallbackOn: readonly LateFailure[];
  /** `namespace/name` of the services that take part. */
  readonly services: readonly string[];
  readonly debugHeaders: boolean;
}

export const LANE_GROUP_LABEL = "swimlane-group"; // LANE-031

const LATE_FAILURES: readonly LateFailure[] = ["5xx", "gateway-error", "timeout"];

interface Lane {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function compileLaneGroups(
  groups: readonly KubeObject[],
  lanes: readonly KubeObject[],
): ReadonlyMap<string, LaneGroup> {
  const compiled = new Map<string, LaneGroup>();
  for (const group of [...groups].sort(compareAge)) {
    const { name } = group.metadata;
    const own = lanes.filter(({ metadata }) => metadata.labels?.[LANE_GROUP_LABEL] === name).sort(compareAge);
    compiled.set(name, compileLaneGroup(group, own));
  }
  return compiled;
}

function compileLaneGroup(group: KubeObject, laneObjects: readonly KubeObject[]): LaneGroup {
  const spec = record(group["spec"]);
  const permissive = record(spec["permissiveModeConfiguration"]);
  const annotations = group.metadata.annotations ?? {};
  const lanes = laneObjects.map(({ metadata, ["spec"]: laneSpec }): Lane => {
    return { name: metadata.name, labels: record(record(laneSpec)["labelSelector"]) as Record<string, string> };
  });
  const isPermissive = spec["isPermissive"] === true;
  const optedIn = (annotations["fairway.dev/fallback-on"] ?? "").split(",").map((part) => part.trim());
  const services = Array.isArray(spec["services"]) ? spec["services"].map(record) : [];
  return {
    group: group.metadata.name,
    traceHeader: isPermissive ? headerName(permissive["traceHeader"]) : "",
    routeHeader: isPermissive ? headerName(permissive["routeHeader"]) : "",
    isPermissive,
    lanes: new Set(lanes.map(({ name }) => name)),
    fallbackTarget: isPermissive ? String(permissive["fallbackTarget"] ?? "") : "",
    usesPodLabels: !isPermissive || annotations["fairway.dev/source-affinity"] !== "false",
    onAmbiguous: annotations["fairway.dev/on-ambiguous"] === "base" ? "base" : "recent",
    fallbackOn: LATE_FAILURES.filter((failure) => optedIn.includes(failure)),
    services: services.map(({ namespace, name }) => `${namespace}/${name}`).sort(compareText),
    debugHeaders: annotations["fairway.dev/debug-headers"] === "true",
    laneOfLabels(labels) {
      for (const lane of lanes) {
        if (Object.keys(lane.labels).length > 0 && hasLabels(labels, lane.labels)) return lane.name;
      }
      return "";
    },
  };
}

/** The lane that a call asks for, and where the value came from. */
export interface ResolvedLane {
  readonly lane: string;
  /** In the form of `LaneOutcome.source`. */
  readonly source: string;
  readonly ambiguous: boolean;
}

/** LANE-220: header, trace table, baggage, the pod's own lane; the first that has a value wins. */
export function resolveLane(group: LaneGroup, facts: Facts): ResolvedLane {
  if (group.isPermissive) {
    const carried = laneOfRequest(group, facts) ?? laneOfTrace(group, facts) ?? laneOfBaggage(group, facts);
    if (carried !== null) return carried;
  }
  const own = group.usesPodLabels ? group.laneOfLabels(facts.source.labels) : "";
  return own === "" ? noLane : { lane: own, source: "pod-label", ambiguous: false };
}

const noLane: ResolvedLane = { lane: "", source: "none", ambiguous: false };

function laneOfRequest({ routeHeader }: LaneGroup, facts: Facts): ResolvedLane | null {
  const lane = routeHeader === "" ? "" : firstValue(facts.header(routeHeader));
  return lane === "" ? null : { lane, source: `header:${routeHeader}`, ambiguous: false };
}

function laneOfTrace(group: LaneGroup, facts: Facts): ResolvedLane | null {
  if (!usesTraceTable(group)) return null;
  const traceValue = facts.header(group.traceHeader);
  if (traceValue === null || traceValue === "") return null;
  const known = facts.traceLane(group.group, traceValue);
  if (known === null) return null;
  const lane = known.ambiguous && group.onAmbiguous === "base" ? group.fallbackTarget : known.lane;
  return { lane, source: `trace-map:${group.traceHeader}`, ambiguous: known.ambiguous };
}

function laneOfBaggage({ routeHeader }: LaneGroup, facts: Facts): ResolvedLane | null {
  const lane = baggageMember(facts.header("baggage"), routeHeader);
  return lane === "" ? null : { lane, source: `baggage:${routeHeader}`, ambiguous: false };
}

/** Only a trace header of its own needs a table: the others carry the lane themselves (LANE-220, LANE-250…252). */
function usesTraceTable({ traceHeader, routeHeader }: LaneContext): boolean {
  return traceHeader !== "" && traceHeader !== routeHeader && traceHeader !== "baggage";
}

/**
 * What a pod's proxy has to remember of an inbound request (LANE-260): the lane under the trace value; the pod's own
 * lane when no route header came. Null: nothing to remember.
 */
export function inboundLane(
  context: LaneContext,
  labels: Readonly<Record<string, string>>,
  header: (name: string) => string | null,
): { readonly traceValue: string; readonly lane: string } | null {
  if (!usesTraceTable(context)) return null;
  const traceValue = header(context.traceHeader);
  if (traceValue === null || traceValue === "") return null;
  const lane = firstValue(header(context.routeHeader)) || context.laneOfLabels(labels);
  return lane === "" ? null : { traceValue, lane };
}

/** The first of repeated header lines, trimmed (LANE-211). */
function firstValue(value: string | null): string {
  if (value === null) return "";
  const comma = value.indexOf(",");
  return (comma < 0 ? value : value.slice(0, comma)).trim();
}

/** A member of a W3C baggage header; "" when absent. Properties after ";" do not count. */
function baggageMember(baggage: string | null, key: string): string {
  if (baggage === null || key === "") return "";
  for (const member of baggage.split(",")) {
    const [pair = ""] = member.split(";");
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim().toLowerCase() === key) return decode(pair.slice(equals + 1).trim());
  }
  return "";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Not percent-encoded: taken as written.
  }
}

function headerName(value: unknown): string {
  return typeof value === "string" ? value.toLowerCase() : "";
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
