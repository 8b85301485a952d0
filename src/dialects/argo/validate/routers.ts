import type { Ingress } from "../../../api/networking.ts";
import { resources } from "../../../kube/resource.ts";
import { type Mapping, mappings } from "../../../traffic/ambassador/router.ts";
import { hasRuleFor } from "../../../traffic/ingress-rules.ts";
import type { Pass } from "../pass.ts";
import { GATEWAY_PLUGIN, gatewayConfig } from "../traffic/gateway-config.ts";
import type { CanaryStrategy, TrafficRouting } from "../types.ts";
import { type FieldError, type Found, invalid } from "./field-error.ts";

/** What is wrong with the configuration of traffic routers, and with the objects that they are to work on. */

const ROUTING = "spec.strategy.trafficRouting";
const DRIVEN = "istio, nginx, alb, smi, ambassador, traefik, apisix and plugins";

/** What nobody here can do is said, and the release stays as it is. */
export function validateRouters({ trafficRouting }: CanaryStrategy): Found[] {
  if (!trafficRouting) return [];
  const { managedRoutes: _, maxTrafficWeight, ...routers } = trafficRouting;
  const names = Object.keys(routers);
  const lacksTotal = maxTrafficWeight !== undefined && names.find((name) => name !== "nginx" && name !== "plugins");
  return [
    names.length === 0 && invalid(ROUTING, "", `no traffic router is set; supported are ${DRIVEN}`),
    trafficRouting.appMesh !== undefined &&
      invalid(`${ROUTING}.appMesh`, "appMesh", "Fairway does not drive App Mesh, which its vendor has withdrawn"),
    ...validatePlugins(trafficRouting),
    // Alone, the others get the original's own text for it (ARC-713).
    names.length > 1 &&
      lacksTotal &&
      invalid(
        `${ROUTING}.maxTrafficWeight`,
        maxTrafficWeight,
        `Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins, and ${lacksTotal} is set as well`,
      ),
    ...validateAlone(trafficRouting),
  ];
}

/** ARC-407, ARC-670. */
function validatePlugins(routing: TrafficRouting): Found[] {
  const { plugins } = routing;
  if (!plugins) return [];
  const unknown = Object.keys(plugins).find((name) => name !== GATEWAY_PLUGIN);
  const config = gatewayConfig(routing);
  return [
    Object.keys(plugins).length === 0 &&
      invalid(`${ROUTING}.plugins`, "", `no plugin is named; built in is ${GATEWAY_PLUGIN}`),
    unknown !== undefined &&
      invalid(
        `${ROUTING}.plugins`,
        unknown,
        `Fairway does not run plugins of other makers; built in is ${GATEWAY_PLUGIN}`,
      ),
    typeof config === "string" && invalid(`${ROUTING}.plugins[${GATEWAY_PLUGIN}]`, GATEWAY_PLUGIN, config),
  ];
}

function validateAlone({ ambassador, apisix, traefik }: TrafficRouting): Found[] {
  return [
    ambassador?.mappings.length === 0 &&
      invalid(`${ROUTING}.ambassador.mappings`, null, "must provide at least one mapping"),
    apisix && !apisix.route?.name && invalid(`${ROUTING}.apisix.route`, "", "must name an ApisixRoute"),
    traefik?.weightedTraefikServiceName === "" &&
      invalid(`${ROUTING}.traefik.weightedTraefikServiceName`, "", "must name a TraefikService"),
  ];
}

/** ARC-724. */
export function validatePingPong({ pingPong, trafficRouting, canaryService, stableService }: CanaryStrategy): Found[] {
  if (!pingPong) return [];
  const { pingService, pongService } = pingPong;
  const missing = "Ping service and Pong service must to be set to use Ping-Pong feature";
  const same =
    "This rollout uses the same service for the ping and pong services, but two different services are required.";
  const only = "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only";
  const { alb, istio, plugins } = trafficRouting ?? {};
  const path = "spec.strategy.pingPong";
  // Its Services would have other roles than those of the router beside it, and one status tells of both.
  const isMixed =
    alb !== undefined && (istio !== undefined || plugins !== undefined) && Boolean(canaryService || stableService);
  const mixed = "with ping-pong, canaryService and stableService must not be set for another router beside ALB";
  return [
    isMixed && invalid(path, pingService, mixed),
    trafficRouting !== undefined && !alb && !istio && !plugins && invalid(`${ROUTING}.alb`, null, only),
    !pingService && invalid(`${path}.pingService`, pingService, missing),
    !pongService && invalid(`${path}.pongService`, pongService, missing),
    pingService === pongService && invalid(`${path}.pingService`, pingService, same),
    alb !== undefined &&
      !alb.rootService &&
      invalid(
        `${ROUTING}.alb.rootService`,
        alb.rootService,
        "Root service field is required for the configuration with ALB and ping-pong feature enabled",
      ),
  ];
}

// Objects -------------------------------------------------------------------------------------------------------------

const CANARY_ROUTING = "spec.strategy.canary.trafficRouting";

/** ARC-404, ARC-727. */
export function validateRouteObjects(pass: Pass): FieldError | null {
  const routing = pass.canary?.trafficRouting;
  if (!routing) return null;
  for (const found of [
    validateChoice(`${CANARY_ROUTING}.nginx`, routing.nginx, "StableIngress", "StableIngresses"),
    validateChoice(`${CANARY_ROUTING}.alb`, routing.alb, "Ingress", "Ingresses"),
    ...validateIngresses(pass, routing),
    ...validateMappings(pass, routing),
    validateRivals(pass),
  ]) {
    if (found) return found;
  }
  return null;
}

/** ARC-926. */
function validateRivals({ view }: Pass): Found {
  const [rival] = view.routeRivals;
  if (!rival) return null;
  const path = rival.kind === resources.ingresses.kind ? `${CANARY_ROUTING}.alb` : `${CANARY_ROUTING}.plugins`;
  return invalid(path, rival.key, `the weights of the same ${rival.kind} are already set by this older Rollout`);
}

function validateChoice(path: string, config: Record<string, unknown> | undefined, one: string, many: string): Found {
  if (!config) return null;
  const isSet = (field: string) => Boolean(config[field.charAt(0).toLowerCase() + field.slice(1)]);
  if (isSet(one) !== isSet(many)) return null;
  const found = isSet(one) ? "Both are configured." : "Neither are configured.";
  return { path, kind: "internal", detail: `Either ${one} or ${many} must be configured. ${found}` };
}

function validateIngresses(pass: Pass, { nginx, alb }: TrafficRouting): Found[] {
  const stable = pass.canary?.stableService ?? "";
  const root = alb?.rootService || stable;
  return [
    nginx?.stableIngress ? validateIngress(pass, "nginx.stableIngress", nginx.stableIngress, stable) : null,
    ...(nginx?.stableIngresses ?? []).map((name) => validateIngress(pass, "nginx.stableIngresses", name, stable)),
    alb?.ingress ? validateIngress(pass, "alb.ingress", alb.ingress, root) : null,
    ...(alb?.ingresses ?? []).map((name) => validateIngress(pass, "alb.ingresses", name, root)),
  ];
}

function validateIngress(pass: Pass, field: string, name: string, service: string): Found {
  const path = `${CANARY_ROUTING}.${field}`;
  const found = pass.view.routeObjects.found.find(({ type, key }) => type === resources.ingresses && key.name === name);
  if (!found) return null;
  if (!found.object) return invalid(path, name, `ingress.networking.k8s.io "${name}" not found`);
  const detail = `ingress \`${name}\` has no rules using service ${service} backend`;
  return !hasRuleFor(found.object as Ingress, service) && invalid(path, name, detail);
}

function validateMappings({ view }: Pass, { ambassador }: TrafficRouting): Found[] {
  return (ambassador?.mappings ?? []).map((name): Found => {
    const found = view.routeObjects.found.filter(({ type, key }) => mappings.includes(type) && key.name === name);
    const mapping = found.find(({ object }) => object !== null)?.object as Mapping | undefined;
    // Without its kind nothing can be said of it: the router tells of that.
    const isServed = [...view.routeObjects.served].some((key) => key.startsWith("mappings.getambassador.io/"));
    if (!mapping && found.length > 0 && isServed) {
      return invalid(`${CANARY_ROUTING}.ambassador.mappings`, name, `mappings.getambassador.io "${name}" not found`);
    }
    const hasWeight = (mapping?.spec?.weight ?? 0) !== 0;
    return hasWeight && invalid("spec.weight", name, `Ambassador mapping "${name}" can not define weight`);
  });
}
