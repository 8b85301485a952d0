import type { GatewayClass } from "../../api/gateway-api.ts";
import type { Condition } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { controllerOf } from "../../routing/gateway-api/objects.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { conditionsOf } from "./conditions.ts";
import type { ClassView, GatewayView, RouteView } from "./gather.ts";
import { gatewayStatus } from "./status-gateway.ts";
import { routeStatus } from "./status-route.ts";

/**
 * Gateway API's controllers write nothing but status: what the data plane makes of each object. The decisions are those of
 * `routing/gateway-api`, which the data plane itself asks, so that a status never promises what is not served.
 */
export function reconcileClass({ gatewayClass, now }: ClassView): Plan {
  if (controllerOf(gatewayClass) === null) return emptyPlan;
  const { generation } = gatewayClass.metadata;
  const before = (gatewayClass["status"] as { conditions?: Condition[] } | undefined)?.conditions ?? [];
  const verdict = {
    type: "Accepted",
    status: "True",
    reason: "Accepted",
    message: classMessage(gatewayClass),
  } as const;
  const status = { conditions: conditionsOf([verdict], { before, generation, now }) };
  return { ...emptyPlan, status: { type: resources.gatewayClasses, object: gatewayClass, status } };
}

function classMessage({ spec }: GatewayClass): string {
  const message = "Gateways of this class are served by the gateway proxy";
  return (spec as { parametersRef?: unknown })?.parametersRef ? `${message}; parametersRef has no effect` : message;
}

export function reconcileGateway(view: GatewayView): Plan {
  const { gateway, objects } = view;
  if (controllerOf(objects.gatewayClass(gateway.spec?.gatewayClassName ?? "")) === null) return emptyPlan;
  return { ...emptyPlan, status: { type: resources.apiGateways, object: gateway, status: gatewayStatus(view) } };
}

export function reconcileRoute(view: RouteView): Plan {
  const status = routeStatus(view);
  if (status === null) return emptyPlan;
  return { ...emptyPlan, status: { type: resources.httpRoutes, object: view.route, status } };
}
