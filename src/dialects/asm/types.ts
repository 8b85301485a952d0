import type { StringMatch } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";

/** Alibaba ASM's swim lanes (istio.alibabacloud.com/v1), both cluster-scoped. An absent field and its zero mean the same. */

export interface ServiceRef {
  name: string;
  namespace: string;
  /** Informational: a mismatch never matters (LANE-003). */
  cluster?: { id?: string; name?: string; region?: string };
  /** Merge patches over the service's generated objects (patches.ts). */
  trafficPolicyPatch?: unknown;
  httpRoutePatch?: unknown;
}

export interface RequestMatch {
  uri?: StringMatch;
  headers?: Record<string, StringMatch>;
}

export interface RouteDestinationRef {
  host?: string;
  portNum?: number;
}

export interface ASMSwimLaneGroupSpec {
  services?: ServiceRef[];
  ingress?: {
    gateway?: { name?: string; namespace?: string; type?: string };
    ingressRouting?: {
      ingressRoutingStrategy?: string;
      weightedRoutingRule?: { hosts?: string[]; requestMatches?: RequestMatch[] };
    };
  };
  isPermissive?: boolean;
  permissiveModeConfiguration?: {
    fallbackTarget?: string;
    serviceLevelFallbackTarget?: Record<string, string>;
    traceHeader?: string;
    routeHeader?: string;
  };
  autoUpdate?: boolean;
  defaultTrafficPolicyPatch?: unknown;
  defaultHttpRoutePatch?: unknown;
}

export interface ServiceSummary {
  serviceSelector: Record<string, string>;
  podLabels: Record<string, Record<string, string>>;
}

export interface ServiceMembership {
  /** Lanes that have pods of the service. */
  lanes: string[];
  /** When they were first seen so; a change is acted upon once it has lasted (LANE-133). */
  since: string;
}

export interface ASMSwimLaneGroupStatus {
  status?: string;
  error?: string;
  servicesInSwimLaneGroup?: {
    serviceSummaries: Record<string, ServiceSummary>;
    commonLabels: Record<string, string[]>;
  };
  /** Ours: the derived membership by `namespace/name` of the service (LANE-136). */
  membership?: Record<string, ServiceMembership>;
  /** Ours: when a group that is being deleted was first seen without routes (LANE-115). */
  routesRemovedAt?: string;
}

export interface IngressRule {
  name?: string;
  hosts?: string[];
  match?: RequestMatch;
  online?: boolean;
  route?: { destination?: RouteDestinationRef };
}

export interface ASMSwimLaneSpec {
  labelSelector?: Record<string, string | null>;
  services?: ServiceRef[];
  ingressRules?: IngressRule[];
  ingressWeight?: { destination?: RouteDestinationRef; weight?: number };
}

export interface ValidationMessage {
  code: string;
  level: "info" | "warning" | "error";
  message: string;
}

export interface ASMSwimLaneStatus {
  error?: string;
  /** A list in spite of its name (LANE-041). */
  validationMessage?: ValidationMessage[];
}

export interface ASMSwimLaneGroup extends KubeObject {
  spec?: ASMSwimLaneGroupSpec;
  status?: ASMSwimLaneGroupStatus;
}

export interface ASMSwimLane extends KubeObject {
  spec?: ASMSwimLaneSpec;
  status?: ASMSwimLaneStatus;
}

/** The only link from a lane to its group (LANE-031); generated objects carry it too (LANE-100). */
export const GROUP_LABEL = "swimlane-group";

export function groupNameOf({ metadata }: KubeObject): string {
  return metadata.labels?.[GROUP_LABEL] ?? "";
}
