import type { KubeObject, LabelSelector } from "../../api/meta.ts";
import {
  formatKey,
  keyOf,
  type ObjectKey,
  qualifiedPlural,
  type ResourceType,
  resources,
} from "../../kube/resource.ts";
import type { CacheReader } from "../../runtime/controller.ts";
import type { ASMSwimLane, ASMSwimLaneGroup, IngressRule, ServiceRef } from "./types.ts";

/** The objects of seed 000 (its lanes, mended), and a cache made of a list. For tests only. */

export const rootNamespace = "istio-system";
export const services: readonly ServiceRef[] = ["mockb", "mocka", "mockc"].map((name) => ({
  name,
  namespace: "default",
}));

export function aGroup(spec: Partial<NonNullable<ASMSwimLaneGroup["spec"]>> = {}, name = "rollout"): ASMSwimLaneGroup {
  return {
    apiVersion: "istio.alibabacloud.com/v1",
    kind: "ASMSwimLaneGroup",
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: "1",
      creationTimestamp: "2030-01-01T00:00:00Z",
      finalizers: ["fairway.dev/asm-swimlane"],
    },
    spec: {
      ingress: {
        gateway: { name: "ingressgateway", namespace: rootNamespace, type: "ASM" },
        ingressRouting: {
          ingressRoutingStrategy: "rule_based",
          weightedRoutingRule: { hosts: ["*"], requestMatches: [{ uri: { exact: "/mock" } }] },
        },
      },
      isPermissive: true,
      permissiveModeConfiguration: {
        fallbackTarget: "base",
        routeHeader: "x-asm-prefer-tag",
        traceHeader: "my-request-id",
      },
      autoUpdate: true,
      services: services.map((service) => ({ ...service })),
      ...spec,
    },
  };
}

export function aLane(
  name: string,
  spec: Partial<NonNullable<ASMSwimLane["spec"]>> = {},
  metadata: Partial<KubeObject["metadata"]> = {},
): ASMSwimLane {
  return {
    apiVersion: "istio.alibabacloud.com/v1",
    kind: "ASMSwimLane",
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: "1",
      // Lanes are made in the order of their names here.
      creationTimestamp: `2030-01-01T00:01:${String(name.charCodeAt(0) - 90).padStart(2, "0")}Z`,
      labels: { "swimlane-group": "rollout" },
      finalizers: ["fairway.dev/asm-swimlane"],
      ...metadata,
    },
    spec: {
      ingressRules: [ingressRule(name)],
      labelSelector: { ASM_TRAFFIC_TAG: name },
      services: name === "base" ? services.map((service) => ({ ...service })) : [],
      ...spec,
    },
  };
}

export function ingressRule(lane: string, rest: Partial<IngressRule> = {}): IngressRule {
  return {
    hosts: ["*"],
    match: { headers: { "x-asm-prefer-tag": { exact: lane } }, uri: { exact: "/mock" } },
    name: lane,
    online: true,
    route: { destination: { host: "mocka.default.svc.cluster.local" } },
    ...rest,
  };
}

export function aService(name: string, selector: Record<string, string> = { app: name }): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", resourceVersion: "1" },
    spec: { ports: [{ port: 8000, name: "http" }], selector },
  };
}

/** A pod of a service: `aPod("mocka", "canary")`. */
export function aPod(
  app: string,
  lane: string,
  metadata: Partial<KubeObject["metadata"]> = {},
  phase = "Running",
): KubeObject {
  const labels: Record<string, string> = { app, version: "v1", ...(lane === "" ? {} : { ASM_TRAFFIC_TAG: lane }) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${app}-${lane}`, namespace: "default", resourceVersion: "1", labels, ...metadata },
    status: { phase },
  };
}

/** Seed 000 after its applications are up: every service has a base pod. */
export function seedObjects(): KubeObject[] {
  const apps = ["mocka", "mockb", "mockc"];
  return [
    aGroup(),
    aLane("base"),
    aLane("canary"),
    ...apps.map((app) => aService(app)),
    ...apps.map((app) => aPod(app, "base")),
  ];
}

const TYPES: readonly ResourceType[] = Object.values(resources);

export function cacheOf(objects: readonly KubeObject[]): CacheReader {
  const typeOf = (object: KubeObject) => TYPES.find(({ kind }) => kind === object.kind)!;
  const list = (type: ResourceType, namespace?: string) =>
    objects
      .filter((object) => qualifiedPlural(typeOf(object)) === qualifiedPlural(type))
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
      .sort((left, right) => (formatKey(keyOf(left)) < formatKey(keyOf(right)) ? -1 : 1));
  const reader = {
    get: (type: ResourceType, key: ObjectKey) =>
      list(type).find((object) => formatKey(keyOf(object)) === formatKey(key)) ?? null,
    list: (type: ResourceType, namespace?: string) => list(type, namespace),
    ownedBy: (type: ResourceType, uid: string) =>
      list(type).filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid)),
    selectedBy: (type: ResourceType, namespace: string, { matchLabels = {} }: LabelSelector) =>
      list(type, namespace).filter(({ metadata }) =>
        Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value),
      ),
  };
  // The rest of the interface is not read by this dialect.
  return reader as unknown as CacheReader;
}
