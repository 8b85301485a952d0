import { typeKey } from "../../../kube/cache.ts";
import type { ApiError } from "../../../kube/errors.ts";
import { resources } from "../../../kube/resource.ts";
import type { Refusal, Write } from "../../../runtime/plan.ts";
import type { Pass } from "../pass.ts";
import { routeObjectKinds } from "./route-objects.ts";

const ROUTES: ReadonlySet<string> = new Set(
  [resources.virtualServices, resources.destinationRules, ...routeObjectKinds].map(typeKey),
);

/** The server does not take a route as it should be, for example because of an admission webhook: the status says so. */
export function tellRefusedRoute({ rollout, status }: Pass, write: Write, { message }: ApiError): Refusal {
  if (!ROUTES.has(typeKey(write.type)) || status.message === message) return { status: null, events: [] };
  const told = { ...status, phase: "Progressing", message };
  return {
    status: { type: resources.argoRollouts, object: rollout, status: told },
    events: [{ regarding: rollout, type: "Warning", reason: "TrafficRoutingError", message }],
  };
}
