import type { HttpRouteDestination, HttpRouteSpec, StringMatch } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { fallbackOf, type LaneGroupModel, type LaneModel, type ServiceReference } from "../../lanes/model.ts";
import { strategyOf } from "./model.ts";
import { patchHttpRoute, trafficPolicyFor } from "./patches.ts";
import {
  type ASMSwimLane,
  type ASMSwimLaneGroup,
  GROUP_LABEL,
  type IngressRule,
  type RequestMatch,
  type RouteDestinationRef,
} from "./types.ts";

/**
 * From a group, its lanes and their membership to the routing objects (LANE-100…118). Pure: the same input gives the
 * same objects, so that what differs in the cluster is drift.
 */
export interface Generated {
  readonly destinationRules: readonly KubeObject[];
  readonly meshRoutes: readonly KubeObject[];
  readonly ingressRoutes: readonly KubeObject[];
}

export interface GenerateInput {
  readonly group: ASMSwimLaneGroup;
  readonly model: LaneGroupModel;
  /** Lanes that are not being deleted, in the model's order. */
  readonly lanes: readonly ASMSwimLane[];
  /** Services to generate for, with the lanes that get a subset there. */
  readonly services: readonly { readonly service: ServiceReference; readonly present: readonly LaneModel[] }[];
  readonly rootNamespace: string;
}

export function generate(input: GenerateInput): Generated {
  const { group, model, services, rootNamespace } = input;
  return {
    destinationRules: services.map(({ service, present }) => {
      const trafficPolicy = trafficPolicyFor(group, service);
      return {
        apiVersion: API_VERSION,
        kind: "DestinationRule",
        metadata: metadataOf(group, destinationRuleName(model, service), rootNamespace),
        spec: {
          host: hostOf(service),
          ...(trafficPolicy === null ? {} : { trafficPolicy }),
          subsets: present.map(subsetOf),
        },
      };
    }),
    meshRoutes: services.map(({ service }) =>
      virtualService(
        group,
        { name: meshRouteName(model, service), namespace: rootNamespace },
        {
          hosts: [hostOf(service)],
          http: [patchHttpRoute(group, service, meshRule(model, service))],
        },
      ),
    ),
    ingressRoutes:
      strategyOf(group) === "weighted" ? weightedRoutes(input) : input.lanes.flatMap((lane) => laneRoutes(lane, input)),
  };
}

/** LANE-100. */
const API_VERSION = "networking.istio.io/v1alpha3";

export function destinationRuleName({ name }: LaneGroupModel, service: ServiceReference): string {
  return `trafficlabel-dr-${name}-${service.namespace}-${service.name}`;
}

function meshRouteName({ name }: LaneGroupModel, service: ServiceReference): string {
  return `trafficlabel-vs-${name}-${service.namespace}-${service.name}`;
}

/** Of LANE-101: what every ingress route's name begins with. */
const INGRESS_ROUTE_PREFIX = "swimlane-ingress-vs-";

export function isIngressRoute({ metadata }: KubeObject): boolean {
  return metadata.name.startsWith(INGRESS_ROUTE_PREFIX);
}

export function hostOf({ namespace, name }: ServiceReference): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

function metadataOf({ metadata }: ASMSwimLaneGroup, name: string, namespace: string): KubeObject["metadata"] {
  return {
    name,
    namespace,
    labels: { "asm-system": "true", provider: "asm", [GROUP_LABEL]: metadata.name },
    ownerReferences: [
      {
        apiVersion: "istio.alibabacloud.com/v1",
        kind: "ASMSwimLaneGroup",
        name: metadata.name,
        uid: metadata.uid ?? "",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}

function virtualService(
  group: ASMSwimLaneGroup,
  { name, namespace }: { name: string; namespace: string },
  spec: Record<string, unknown>,
): KubeObject {
  return { apiVersion: API_VERSION, kind: "VirtualService", metadata: metadataOf(group, name, namespace), spec };
}

/** LANE-111. */
function subsetOf({ name, labelSelector }: LaneModel): Record<string, unknown> {
  return { name, labels: { ...labelSelector } };
}

/** LANE-110: one rule that takes the lane from the request. */
function meshRule(model: LaneGroupModel, service: ServiceReference): HttpRouteSpec {
  const host = hostOf(service);
  return {
    name: "default",
    route: [withFallback({ destination: { host, subset: "$asm-label" } }, fallbackOf(model, service))],
  };
}

/** LANE-104: on every route of a permissive group, the base lane's own included. */
function withFallback(route: HttpRouteDestination, fallback: string): HttpRouteDestination {
  if (fallback === "") return route;
  const { host, port } = route.destination ?? {};
  const target = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }), subset: fallback };
  return { ...route, fallback: { target } };
}

/** LANE-103: one VirtualService per lane and distinct list of hosts. */
function laneRoutes(lane: ASMSwimLane, input: GenerateInput): KubeObject[] {
  const { name } = lane.metadata;
  const rules = (lane.spec?.ingressRules ?? []).filter(({ online }) => online);
  const hostLists: (readonly string[])[] = [];
  for (const rule of rules) {
    const hosts = hostsOf(rule.hosts);
    if (!hostLists.some((known) => deepEqual(known, hosts))) hostLists.push(hosts);
  }
  return hostLists.map((hosts, index) => {
    const http = rules
      .filter((rule) => deepEqual(hostsOf(rule.hosts), hosts))
      .map((rule) => ingressRule(rule, name, input.model));
    const suffix = index === 0 ? "" : `-${index}`;
    return ingressRoute(input, `${name}${suffix}`, { hosts, http });
  });
}

function hostsOf(hosts: readonly string[] | undefined): readonly string[] {
  return hosts && hosts.length > 0 ? hosts : ["*"];
}

function ingressRoute(
  { group, model }: GenerateInput,
  suffix: string,
  { hosts, http }: { hosts: readonly string[]; http: readonly HttpRouteSpec[] },
): KubeObject {
  const gateway = group.spec?.ingress?.gateway;
  const name = `${INGRESS_ROUTE_PREFIX}${model.name}${suffix === "" ? "" : `-${suffix}`}`;
  const namespace = gateway?.namespace ?? "";
  return virtualService(group, { name, namespace }, { gateways: [`${namespace}/${gateway?.name ?? ""}`], hosts, http });
}

function ingressRule(rule: IngressRule, lane: string, model: LaneGroupModel): HttpRouteSpec {
  const match = matchOf(rule.match);
  return {
    ...(match === null ? {} : { match: [match] }),
    ...(rule.name ? { name: rule.name } : {}),
    route: [laneDestination(rule.route?.destination ?? {}, lane, model)],
  };
}

/** A match without any condition is none: it would be the same, but read like a mistake. */
function matchOf(match: RequestMatch | undefined): RequestMatch | null {
  const headers = Object.entries(match?.headers ?? {}).filter(([, value]) => isSet(value));
  const result: RequestMatch = {
    ...(headers.length > 0 ? { headers: Object.fromEntries(headers) } : {}),
    ...(match?.uri && isSet(match.uri) ? { uri: match.uri } : {}),
  };
  return Object.keys(result).length === 0 ? null : result;
}

function isSet({ exact, prefix, regex }: StringMatch): boolean {
  return exact !== undefined || prefix !== undefined || regex !== undefined;
}

/** LANE-104, LANE-105: the header names the lane even when the request already carries it. */
function laneDestination(
  { host = "", portNum = 0 }: RouteDestinationRef,
  lane: string,
  model: LaneGroupModel,
): HttpRouteDestination {
  const destination = { host, subset: lane, ...(portNum > 0 ? { port: { number: portNum } } : {}) };
  if (!model.isPermissive) return { destination };
  const fallback = fallbackOf(model, serviceOfHost(host));
  const headers = { request: { set: { [model.routeHeader]: lane } } };
  return { ...withFallback({ destination }, fallback), headers };
}

export function serviceOfHost(host: string): ServiceReference {
  const [name = "", namespace = ""] = host.split(".");
  return { namespace, name };
}

/** LANE-108: one VirtualService for the group; the draw decides, the header makes it stick down the chain. */
function weightedRoutes(input: GenerateInput): KubeObject[] {
  const { group, model, lanes } = input;
  const weighted = lanes.filter(({ spec }) => (spec?.ingressWeight?.weight ?? 0) > 0);
  if (weighted.length === 0) return [];
  const rule = group.spec?.ingress?.ingressRouting?.weightedRoutingRule;
  const matches = (rule?.requestMatches ?? []).map(matchOf);
  // One entry without a condition lets everything in, whatever the others say.
  const match = matches.includes(null) ? [] : matches.filter((entry) => entry !== null);
  const route = weighted.map(({ metadata, spec }) => {
    const { destination = {}, weight = 0 } = spec?.ingressWeight ?? {};
    return { ...laneDestination(destination, metadata.name, model), weight };
  });
  const http = [{ ...(match.length > 0 ? { match } : {}), route }];
  return [ingressRoute(input, "", { hosts: hostsOf(rule?.hosts), http })];
}
