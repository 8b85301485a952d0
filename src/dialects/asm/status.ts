import { parseTime } from "../../base/time.ts";
import { serviceKey } from "../../lanes/model.ts";
import type { GroupServiceView, GroupView, LaneView } from "./gather.ts";
import type { ASMSwimLaneGroupStatus, ASMSwimLaneStatus, ServiceMembership, ServiceSummary } from "./types.ts";
import { laneError, laneMessages, membershipOf } from "./validate.ts";

/** The whole status of a group (LANE-019…021, LANE-136). */
export function groupStatus(
  view: GroupView,
  { failures, notes, isSettled }: { failures: readonly string[]; notes: readonly string[]; isSettled: boolean },
): ASMSwimLaneGroupStatus {
  const problems = [...failures, ...notes];
  const state = failures.length > 0 ? "Error" : isSettled ? "Ready" : "Progressing";
  const { routesRemovedAt } = view.group.status ?? {};
  return {
    status: state,
    ...(problems.length > 0 ? { error: problems.join("; ") } : {}),
    servicesInSwimLaneGroup: {
      serviceSummaries: Object.fromEntries(
        view.services.map((service) => [serviceKey(service.reference), summaryOf(service)]),
      ),
      commonLabels: commonLabels(view.services),
    },
    membership: Object.fromEntries(
      view.services.map((service) => [serviceKey(service.reference), observedMembership(view, service)]),
    ),
    ...(routesRemovedAt === undefined ? {} : { routesRemovedAt }),
  };
}

function summaryOf({ selector, pods }: GroupServiceView): ServiceSummary {
  const podLabels = pods.map(({ metadata }) => [metadata.name, { ...metadata.labels }] as const);
  return { serviceSelector: { ...selector }, podLabels: Object.fromEntries(podLabels) };
}

/** LANE-021: keys that pods of all services carry, with every value seen. */
export function commonLabels(services: readonly GroupServiceView[]): Record<string, string[]> {
  const valuesOf = (service: GroupServiceView, key: string) =>
    service.pods.flatMap(({ metadata }) => (metadata.labels?.[key] === undefined ? [] : [metadata.labels[key]]));
  const keys = new Set(
    services.flatMap(({ pods }) => pods.flatMap(({ metadata }) => Object.keys(metadata.labels ?? {}))),
  );
  const common = [...keys].sort().filter((key) => services.every((service) => valuesOf(service, key).length > 0));
  return Object.fromEntries(
    common.map((key) => [key, [...new Set(services.flatMap((service) => valuesOf(service, key)))].sort()]),
  );
}

/**
 * The lanes seen now. `since` stays while they stay the same; that a change is remembered here, and not in a timer,
 * lets a restarted controller go on where this one stopped.
 */
export function observedMembership(view: GroupView, service: GroupServiceView): ServiceMembership {
  const lanes = [...membershipOf(view, service)];
  const known = view.group.status?.membership?.[serviceKey(service.reference)];
  if (known && known.lanes.join() === lanes.join()) return known;
  return { lanes, since: new Date(view.now).toISOString() };
}

/** Pod events of one service that come within this time make one write (LANE-133). */
export const MEMBERSHIP_SETTLE_MS = 100;

/** When the membership of a service will have lasted long enough to be acted upon. */
export function settlesAt(membership: ServiceMembership): number {
  return (parseTime(membership.since) ?? 0) + MEMBERSHIP_SETTLE_MS;
}

/** The whole status of a lane (LANE-041). */
export function laneStatus(view: LaneView): ASMSwimLaneStatus {
  const error = laneError(view);
  const messages = laneMessages(view);
  return {
    ...(error === "" ? {} : { error }),
    ...(messages.length === 0 ? {} : { validationMessage: messages }),
  };
}
