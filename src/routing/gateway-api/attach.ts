import type { ApiGateway, HttpRoute, ParentReference } from "../../api/gateway-api.ts";
import { formatKey, type ObjectKey } from "../../kube/resource.ts";
import { matchesLabelSelector } from "../../kube/selector.ts";
import { hostMatches, intersectHosts } from "../hosts.ts";
import { readService } from "../services.ts";
import { gatewayRefusal } from "./gateways.ts";
import { judgeListeners, type ListenerVerdict } from "./listeners.ts";
import { controllerOf, GATEWAY_API_GROUP, type GatewayApiObjects } from "./objects.ts";

/** What becomes of one parentRef of an HTTPRoute (MESH-360). */
export interface ParentVerdict {
  readonly ref: ParentReference;
  readonly controllerName: string;
  /** Null: the parent is a Service. */
  readonly gateway: ApiGateway | null;
  /** Listeners on which the route holds; empty when `refusal` says why, and for a Service. */
  readonly attachments: readonly Attachment[];
  /** The Service whose callers obey the route. */
  readonly service: ServiceParent | null;
  readonly refusal: Refusal | null;
}

export interface Attachment {
  readonly listener: ListenerVerdict;
  /** What route and listener have in common, with the route's own hostname that it comes from. */
  readonly hosts: readonly AttachedHost[];
}

export interface AttachedHost {
  readonly domain: string;
  /** `*` for a route without hostnames. */
  readonly own: string;
}

export interface Refusal {
  readonly reason: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname";
  readonly message: string;
}

/** A Service as a parent makes a mesh route: it holds for calls of pods, not at a gateway. */
export interface ServiceParent {
  readonly key: ObjectKey;
  /** Null: every port. */
  readonly port: number | null;
}

/** Verdicts about those parents that are Gateways of ours, or Services; others are their controllers' affair. */
export function judgeParents(route: HttpRoute, objects: GatewayApiObjects): readonly ParentVerdict[] {
  return (route.spec?.parentRefs ?? []).flatMap((ref): ParentVerdict[] => {
    if (isServiceRef(ref)) return [judgeServiceParent(ref, route, objects)];
    const gateway = gatewayOf(ref, route, objects);
    const controllerName = gateway && controllerOf(objects.gatewayClass(gateway.spec?.gatewayClassName ?? ""));
    if (gateway === null || controllerName === null) return [];
    const outcome = attach(route, { ref, gateway, objects });
    const isRefused = !Array.isArray(outcome);
    return [
      {
        ref,
        controllerName,
        gateway,
        attachments: isRefused ? [] : outcome,
        service: null,
        refusal: isRefused ? (outcome as Refusal) : null,
      },
    ];
  });
}

export function isGatewayRef({ group = GATEWAY_API_GROUP, kind = "Gateway" }: ParentReference): boolean {
  return group === GATEWAY_API_GROUP && kind === "Gateway";
}

export function isServiceRef({ group = GATEWAY_API_GROUP, kind }: ParentReference): boolean {
  return (group === "" || group === "core") && kind === "Service";
}

function judgeServiceParent(ref: ParentReference, route: HttpRoute, objects: GatewayApiObjects): ParentVerdict {
  const key = parentKeyOf(ref, route);
  const object = objects.service(key);
  const refuse = (message: string): ParentVerdict => ({
    ...{ ref, controllerName: MESH_CONTROLLER, gateway: null, attachments: [], service: null },
    refusal: { reason: "NoMatchingParent", message },
  });
  if (object === null) return refuse(`Service ${formatKey(key)} does not exist`);
  if (ref.sectionName) return refuse("sectionName is not supported for a Service: its port is chosen by port");
  const { ports } = readService(object);
  if (ref.port && !ports.some(({ number }) => number === ref.port)) {
    return refuse(`Service ${formatKey(key)} has no port ${ref.port}`);
  }
  const service = { key, port: ref.port ?? null };
  return { ref, controllerName: MESH_CONTROLLER, gateway: null, attachments: [], service, refusal: null };
}

/** A Service has no class; Istio tells of mesh routes under the same name as of its Gateways. */
const MESH_CONTROLLER = "istio.io/gateway-controller";

export function parentKeyOf(ref: ParentReference, { metadata }: HttpRoute): ObjectKey {
  return { namespace: ref.namespace ?? metadata.namespace ?? "", name: ref.name ?? "" };
}

function gatewayOf(ref: ParentReference, route: HttpRoute, objects: GatewayApiObjects): ApiGateway | null {
  return isGatewayRef(ref) ? objects.gateway(parentKeyOf(ref, route)) : null;
}

interface Candidate {
  readonly ref: ParentReference;
  readonly gateway: ApiGateway;
  readonly objects: GatewayApiObjects;
}

/** The checks in the order of their reasons: the listener is there, it lets the route in, a host is left over. */
function attach(route: HttpRoute, { ref, gateway, objects }: Candidate): Attachment[] | Refusal {
  const named = judgeListeners(gateway).filter(
    ({ name, port }) => (ref.sectionName ?? name) === name && (ref.port ?? port) === port,
  );
  if (named.length === 0) return { reason: "NoMatchingParent", message: noListener(ref) };
  const served = named.filter(({ problem }) => problem === null);
  if (served.length === 0) {
    const [first] = named;
    return { reason: "NoMatchingParent", message: `listener ${first!.name}: ${first!.problem!.message}` };
  }
  const unserved = gatewayRefusal(gateway);
  if (unserved !== null)
    return { reason: "NoMatchingParent", message: `the Gateway is not served: ${unserved.message}` };
  const allowing = served.filter((listener) => allows(listener, route, { ref, gateway, objects }));
  if (allowing.length === 0) {
    const { namespace = "" } = route.metadata;
    const names = served.map(({ name }) => name).join(", ");
    const message = `allowedRoutes of listener ${names} admits no HTTPRoute of namespace ${namespace}`;
    return { reason: "NotAllowedByListeners", message };
  }
  const attachments = allowing
    .map((listener) => ({ listener, hosts: hostsOf(route, listener) }))
    .filter(({ hosts }) => hosts.length > 0);
  if (attachments.length > 0) return attachments;
  const wanted = (route.spec?.hostnames ?? []).join(", ");
  const offered = allowing.map(({ hostname }) => hostname).join(", ");
  const message = `hostnames ${wanted} have nothing in common with the listener's ${offered}`;
  return { reason: "NoMatchingListenerHostname", message };
}

function noListener({ sectionName, port }: ParentReference): string {
  const wanted = [sectionName ? `named ${sectionName}` : "", port ? `with port ${port}` : ""].filter((part) => part);
  return `the Gateway has no listener ${wanted.join(" ")}`.trimEnd();
}

function allows({ spec, supportedKinds }: ListenerVerdict, route: HttpRoute, context: Candidate): boolean {
  if (!supportedKinds.some(({ kind }) => kind === "HTTPRoute")) return false;
  const { gateway, objects } = context;
  const { from = "Same", selector } = spec.allowedRoutes?.namespaces ?? {};
  const { namespace = "" } = route.metadata;
  if (from === "All") return true;
  if (from === "Same") return namespace === gateway.metadata.namespace;
  return selector !== undefined && matchesLabelSelector(selector, objects.namespaceLabels(namespace));
}

function hostsOf(route: HttpRoute, { hostname }: ListenerVerdict): readonly AttachedHost[] {
  const own = route.spec?.hostnames?.length ? route.spec.hostnames.map((host) => host.toLowerCase()) : ["*"];
  return own.flatMap((host) => {
    const domain = intersectHosts(hostname, host);
    return domain === null ? [] : [{ domain, own: host }];
  });
}

/** The listener that answers for a domain: of those that cover it, the one with the most specific hostname. */
export function listenerFor(domain: string, listeners: readonly ListenerVerdict[]): ListenerVerdict | null {
  let best: ListenerVerdict | null = null;
  for (const listener of listeners) {
    if (!hostMatches(listener.hostname, domain)) continue;
    if (best === null || compareHostnames(listener.hostname, best.hostname) < 0) best = listener;
  }
  return best;
}

/** MESH-361: names without wildcard first, then the longer one; `*` last. Negative: `left` comes first. */
export function compareHostnames(left: string, right: string): number {
  return Number(left.startsWith("*")) - Number(right.startsWith("*")) || right.length - left.length;
}
