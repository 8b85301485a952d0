import type { HttpRoute, HttpRouteMatch } from "../../api/gateway-api.ts";
import { compareText } from "../age.ts";
import type { CompiledRoute } from "../virtual-service.ts";
import { compareHostnames } from "./attach.ts";

/** One match of one rule, with what its place among the others depends on. */
export interface RankedRoute {
  readonly route: CompiledRoute;
  readonly object: HttpRoute;
  readonly spec: HttpRouteMatch;
}

/** A route as it stands under one host: `own` is the hostname of the HTTPRoute that covers it. */
export interface HostedRoute extends RankedRoute {
  readonly own: string;
}

/** Istio's order of the kinds, where the API leaves regular expressions open. */
const PATH_RANK: Readonly<Record<string, number>> = { Exact: 0, PathPrefix: 1, RegularExpression: 2 };

/** MESH-361. Negative: `left` is tried first. Rules and matches of one object keep their order, as sorting is stable. */
export function comparePrecedence(left: HostedRoute, right: HostedRoute): number {
  return (
    compareHostnames(left.own, right.own) ||
    comparePaths(left.spec, right.spec) ||
    Number(right.spec.method !== undefined) - Number(left.spec.method !== undefined) ||
    (right.spec.headers?.length ?? 0) - (left.spec.headers?.length ?? 0) ||
    (right.spec.queryParams?.length ?? 0) - (left.spec.queryParams?.length ?? 0) ||
    compareObjects(left.object, right.object)
  );
}

function comparePaths({ path: left }: HttpRouteMatch, { path: right }: HttpRouteMatch): number {
  const rank = (type = "PathPrefix") => PATH_RANK[type] ?? 2;
  return rank(left?.type) - rank(right?.type) || (right?.value ?? "/").length - (left?.value ?? "/").length;
}

/** The oldest, then by `namespace/name`. */
function compareObjects({ metadata: left }: HttpRoute, { metadata: right }: HttpRoute): number {
  return (
    compareText(left.creationTimestamp ?? "", right.creationTimestamp ?? "") ||
    compareText(`${left.namespace}/${left.name}`, `${right.namespace}/${right.name}`)
  );
}
