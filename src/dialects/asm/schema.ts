import type { KubeObject } from "../../api/meta.ts";
import {
  ageColumn,
  anything,
  type CrdSchema,
  customResourceDefinition,
  flag,
  int32,
  list,
  mapOf,
  object,
  oneOfTexts,
  text,
} from "../../kube/crd.ts";

/** The CRDs of both kinds with every field of LANE-001…042. Meaning is checked in validate.ts and told in status. */

const stringMatch = object({ exact: text, prefix: text, regex: text });
const requestMatch = object({ uri: stringMatch, headers: mapOf(stringMatch) });
const cluster = object({ id: text, name: text, region: text });
const serviceRef = object(
  { name: text, namespace: text, cluster, trafficPolicyPatch: anything, httpRoutePatch: anything },
  ["name", "namespace"],
);
const destination = object({ host: text, portNum: int32 });
/** YAML's `key:` without a value is null; it stands for the empty text (LANE-059). */
const labels = mapOf({ type: "string", nullable: true });

const groupSpec = object({
  services: list(serviceRef),
  ingress: object({
    gateway: object({ name: text, namespace: text, type: text }),
    ingressRouting: object({
      ingressRoutingStrategy: text,
      weightedRoutingRule: object({ hosts: list(text), requestMatches: list(requestMatch) }),
    }),
  }),
  isPermissive: flag,
  permissiveModeConfiguration: object({
    fallbackTarget: text,
    serviceLevelFallbackTarget: mapOf(text),
    traceHeader: text,
    routeHeader: text,
  }),
  autoUpdate: flag,
  defaultTrafficPolicyPatch: anything,
  defaultHttpRoutePatch: anything,
});

const groupStatus = object({
  status: text,
  error: text,
  servicesInSwimLaneGroup: object({
    serviceSummaries: mapOf(object({ serviceSelector: mapOf(text), podLabels: mapOf(mapOf(text)) })),
    commonLabels: mapOf(list(text)),
  }),
  membership: mapOf(object({ lanes: list(text), since: text })),
  routesRemovedAt: text,
});

const laneSpec = object({
  labelSelector: labels,
  services: list(serviceRef),
  ingressRules: list(
    object({ name: text, hosts: list(text), match: requestMatch, online: flag, route: object({ destination }) }),
  ),
  ingressWeight: object({ destination, weight: int32 }),
});

const laneStatus = object({
  error: text,
  validationMessage: list(object({ code: text, level: oneOfTexts("info", "warning", "error"), message: text })),
});

function kind(
  name: string,
  plural: string,
  schemas: { spec: CrdSchema; status: CrdSchema },
  columns: readonly (readonly [name: string, jsonPath: string])[],
): KubeObject {
  return customResourceDefinition({
    group: "istio.alibabacloud.com",
    kind: name,
    plural,
    scope: "Cluster",
    versions: [
      {
        name: "v1",
        storage: true,
        ...schemas,
        columns: [
          ...columns.map(([title, jsonPath]) => ({ name: title, type: "string" as const, jsonPath })),
          ageColumn,
        ],
      },
    ],
  });
}

export const asmCrds: readonly KubeObject[] = [
  kind("ASMSwimLaneGroup", "asmswimlanegroups", { spec: groupSpec, status: groupStatus }, [
    ["Status", ".status.status"],
    ["Fallback", ".spec.permissiveModeConfiguration.fallbackTarget"],
    ["Route Header", ".spec.permissiveModeConfiguration.routeHeader"],
  ]),
  kind("ASMSwimLane", "asmswimlanes", { spec: laneSpec, status: laneStatus }, [
    ["Group", ".metadata.labels.swimlane-group"],
    ["Error", ".status.error"],
  ]),
];
