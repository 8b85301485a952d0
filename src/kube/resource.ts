/** How a kind is addressed: `/apis/<group>/<version>/…/<plural>`. The core group is the empty string. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Namespace and name; the namespace of a cluster-scoped object is the empty string. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export function apiVersionOf(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** `plural` or `plural.group`: how Kubernetes names a resource in messages (K8S-70), and our map key for a type. */
/** `apps/v1` as group and version; the core group is "". */
export function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

export function qualifiedPlural(type: { group: string; plural: string }): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}

export function keyOf(object: { metadata: { name: string; namespace?: string } }): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** `namespace/name`, or `name` where there is no namespace. */
export function formatKey(key: ObjectKey): string {
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}

export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return slash < 0 ? { namespace: "", name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

function type(group: string, version: string, kind: string, plural: string, namespaced = true): ResourceType {
  return { group, version, kind, plural, namespaced };
}

/** The kinds that our own code reads or writes, in the version that it speaks. */
export const resources = {
  pods: type("", "v1", "Pod", "pods"),
  services: type("", "v1", "Service", "services"),
  endpoints: type("", "v1", "Endpoints", "endpoints"),
  events: type("", "v1", "Event", "events"),
  namespaces: type("", "v1", "Namespace", "namespaces", false),
  nodes: type("", "v1", "Node", "nodes", false),
  configMaps: type("", "v1", "ConfigMap", "configmaps"),
  secrets: type("", "v1", "Secret", "secrets"),
  serviceAccounts: type("", "v1", "ServiceAccount", "serviceaccounts"),
  deployments: type("apps", "v1", "Deployment", "deployments"),
  replicaSets: type("apps", "v1", "ReplicaSet", "replicasets"),
  endpointSlices: type("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
  leases: type("coordination.k8s.io", "v1", "Lease", "leases"),
  priorityClasses: type("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false),
  customResourceDefinitions: type(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    false,
  ),
  gateways: type("networking.istio.io", "v1", "Gateway", "gateways"),
  virtualServices: type("networking.istio.io", "v1alpha3", "VirtualService", "virtualservices"),
  ingresses: type("networking.k8s.io", "v1", "Ingress", "ingresses"),
  ingressClasses: type("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false),
  /** Gateway API's; `gateways` are Istio's. */
  gatewayClasses: type("gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", false),
  apiGateways: type("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
  httpRoutes: type("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
  referenceGrants: type("gateway.networking.k8s.io", "v1beta1", "ReferenceGrant", "referencegrants"),
  destinationRules: type("networking.istio.io", "v1alpha3", "DestinationRule", "destinationrules"),
  serviceEntries: type("networking.istio.io", "v1", "ServiceEntry", "serviceentries"),
  podDisruptionBudgets: type("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  jobs: type("batch", "v1", "Job", "jobs"),
  horizontalPodAutoscalers: type("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  argoRollouts: type("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
  analysisTemplates: type("argoproj.io", "v1alpha1", "AnalysisTemplate", "analysistemplates"),
  clusterAnalysisTemplates: type(
    "argoproj.io",
    "v1alpha1",
    "ClusterAnalysisTemplate",
    "clusteranalysistemplates",
    false,
  ),
  analysisRuns: type("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns"),
  experiments: type("argoproj.io", "v1alpha1", "Experiment", "experiments"),
  kruiseRollouts: type("rollouts.kruise.io", "v1beta1", "Rollout", "rollouts"),
  batchReleases: type("rollouts.kruise.io", "v1beta1", "BatchRelease", "batchreleases"),
  swimLaneGroups: type("istio.alibabacloud.com", "v1", "ASMSwimLaneGroup", "asmswimlanegroups", false),
  swimLanes: type("istio.alibabacloud.com", "v1", "ASMSwimLane", "asmswimlanes", false),
} as const;
