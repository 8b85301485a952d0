import type { HttpBackendRef } from "../../../api/gateway-api.ts";
import { resources } from "../../../kube/resource.ts";
import { carriesSplit } from "../../../traffic/gateway-api/backends.ts";
import { routeKinds } from "../../../traffic/gateway-api/kinds.ts";
import type { ServiceParties } from "../../../traffic/parties.ts";
import type { Rollout } from "../types.ts";
import type { RouteObject } from "./route-objects.ts";

/**
 * Whether two Rollouts would set the same weights, each against the other (ARC-926). Behind nginx they cannot: each has
 * Ingresses of its own, for the paths to its own Service, and a Service has one Rollout (ARC-725).
 */
export function isContested(rollout: Rollout, other: Rollout, { type, object }: RouteObject): boolean {
  if (object === null || rollout.metadata.namespace !== other.metadata.namespace) return false;
  const all = [rollout, other];
  if (type === resources.ingresses) {
    const [own, theirs] = all.map(albAction);
    return own !== undefined && own === theirs;
  }
  if (!Object.values(routeKinds).includes(type)) return false;
  const { rules = [] } = (object["spec"] ?? {}) as { rules?: { backendRefs?: HttpBackendRef[] }[] };
  return rules.some(({ backendRefs }) => all.every((one) => carriesSplit(backendRefs, partiesOf(one))));
}

/** The Service that the annotation with the weights is named after. */
function albAction({ spec }: Rollout): string | undefined {
  const { stableService, trafficRouting } = spec.strategy?.canary ?? {};
  return trafficRouting?.alb && (trafficRouting.alb.rootService || stableService);
}

function partiesOf({ spec }: Rollout): ServiceParties {
  const { canaryService = "", stableService = "", pingPong } = spec.strategy?.canary ?? {};
  if (canaryService !== "" || stableService !== "") return { canary: canaryService, stable: stableService };
  return { canary: pingPong?.pingService ?? "", stable: pingPong?.pongService ?? "" };
}
