import { isMember } from "../../lanes/membership.ts";
import { fallbackOf, serviceKey } from "../../lanes/model.ts";
import type { GroupView } from "./gather.ts";
import { modelOf } from "./model.ts";

/** What the console and the command line show of a group: services against lanes. */
export interface GroupSummary {
  readonly name: string;
  readonly mode: "permissive" | "strict";
  readonly routeHeader: string;
  readonly traceHeader: string;
  readonly lanes: readonly string[];
  readonly services: readonly ServiceRow[];
}

export interface ServiceRow {
  /** `namespace/name`. */
  readonly service: string;
  /** Where calls of lanes without pods go; "" in strict groups. */
  readonly fallback: string;
  /** Pod names by lane. */
  readonly pods: Readonly<Record<string, readonly string[]>>;
}

export function summarize(view: GroupView): GroupSummary {
  const model = modelOf(view.group, view.lanes);
  return {
    name: model.name,
    mode: model.isPermissive ? "permissive" : "strict",
    routeHeader: model.routeHeader,
    traceHeader: model.traceHeader,
    lanes: model.lanes.map(({ name }) => name),
    services: view.services.map(({ reference, pods }) => ({
      service: serviceKey(reference),
      fallback: fallbackOf(model, reference),
      pods: Object.fromEntries(
        model.lanes.map((lane) => [
          lane.name,
          pods.filter((pod) => isMember(lane, pod)).map(({ metadata }) => metadata.name),
        ]),
      ),
    })),
  };
}
