import type { PodTemplate, ReplicaSet } from "../../api/apps.ts";
import type { DestinationRule, VirtualService } from "../../api/istio.ts";
import type { KubeObject, LabelSelector } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import { controllerOf } from "../../kube/owners.ts";
import { formatKey, keyOf, type ObjectKey, type ResourceType, resources } from "../../kube/resource.ts";
import { isEmptySelector, matchesLabelSelector } from "../../kube/selector.ts";
import { expandHost, serviceHost } from "../../routing/hosts.ts";
import type { CacheReader } from "../../runtime/controller.ts";
import { DATA_PLANE_KEY } from "../../traffic/data-plane.ts";
import { POD_TEMPLATE_HASH } from "./keys.ts";
import { byAge } from "./replica-sets/replica-sets.ts";
import { takesEveryRoute } from "./traffic/istio-routes.ts";
import { gatherRouteObjects, routeRivals } from "./traffic/route-objects.ts";
import type { AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, Rollout } from "./types.ts";
import type { RolloutView, ServiceView, TemporaryService, VirtualServiceView, Workload } from "./view.ts";

/** Reads everything that the Rollout reconciler decides on. */
export function gatherRollout(
  key: ObjectKey,
  cache: CacheReader,
  { now, assumedPropagationSeconds }: { now: Instant; assumedPropagationSeconds: number },
): RolloutView | null {
  const stored = cache.get<Rollout>(resources.argoRollouts, key);
  if (!stored || stored.metadata.deletionTimestamp) return null;
  const workload = workloadOf(stored, cache);
  const rollout = resolve(stored, workload);
  const uid = stored.metadata.uid ?? "";
  const selector = rollout.spec.selector ?? {};
  const owned = cache.ownedBy<ReplicaSet>(resources.replicaSets, uid);
  const experiments = cache.ownedBy<Experiment>(resources.experiments, uid);
  const routeObjects = gatherRouteObjects(rollout, cache, temporaryServices(experiments));
  const candidates = isEmptySelector(selector)
    ? []
    : cache.selectedBy<ReplicaSet>(resources.replicaSets, key.namespace, selector);
  return {
    rollout,
    now,
    assumedPropagationSeconds,
    workload,
    replicaSets: owned.filter((one) => matchesLabelSelector(selector, one.metadata.labels)).sort(byAge),
    orphans: candidates.filter(isOrphan),
    strangers: owned.filter(
      (one) => !isEmptySelector(selector) && !matchesLabelSelector(selector, one.metadata.labels),
    ),
    takenNames: new Set(
      cache
        .indexedBy<ReplicaSet>(resources.replicaSets, nameWithoutHash, formatKey(key))
        .filter((one) => controllerOf(one)?.uid !== uid)
        .map(({ metadata }) => metadata.name),
    ),
    foreignRunNames: foreignNames(rollout, cache, resources.analysisRuns),
    foreignExperimentNames: foreignNames(rollout, cache, resources.experiments),
    services: servicesOf(rollout, cache),
    temporary: new Map(
      temporaryServices(experiments).map((name) => [name, temporaryService({ namespace: key.namespace, name }, cache)]),
    ),
    virtualServices: virtualServicesOf(rollout, cache),
    destinationRule: destinationRuleOf(rollout, cache),
    routeObjects,
    ruleSlices: ruleSlicesOf(rollout, cache),
    dataPlane: cache.get(resources.configMaps, DATA_PLANE_KEY),
    analysisRuns: cache.ownedBy<AnalysisRun>(resources.analysisRuns, uid),
    experiments,
    templates: byName(cache.list<AnalysisTemplate>(resources.analysisTemplates, key.namespace)),
    clusterTemplates: byName(cache.list<ClusterAnalysisTemplate>(resources.clusterAnalysisTemplates)),
    pods: new Map(owned.map((one) => [one.metadata.name, cache.ownedBy(resources.pods, one.metadata.uid ?? "")])),
    rivals: rivalsOf(rollout, cache),
    routeRivals: routeRivals(rollout, routeObjects, { cache, isFirst: (other) => isOlder(other, rollout) }),
  };
}

function byName<T extends KubeObject>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}

/** Only a ReplicaSet that carries our label was ever one of a Rollout's (ARC-026). */
function isOrphan(replicaSet: ReplicaSet): boolean {
  const { metadata } = replicaSet;
  const isFree = controllerOf(replicaSet) === undefined && metadata.deletionTimestamp === undefined;
  return isFree && metadata.labels?.[POD_TEMPLATE_HASH] !== undefined;
}

// Workload reference --------------------------------------------------------------------------------------------------

const podTemplates: ResourceType = {
  group: "",
  version: "v1",
  plural: "podtemplates",
  kind: "PodTemplate",
  namespaced: true,
};

/** ARC-680. */
export function workloadType({
  apiVersion = "",
  kind = "",
}: {
  apiVersion?: string;
  kind?: string;
}): ResourceType | null {
  if (apiVersion.startsWith("apps/") && kind === "Deployment") return resources.deployments;
  if (apiVersion.startsWith("apps/") && kind === "ReplicaSet") return resources.replicaSets;
  if (apiVersion === "v1" && kind === "PodTemplate") return podTemplates;
  return null;
}

export { podTemplates };

function workloadOf({ spec, metadata }: Rollout, cache: CacheReader): RolloutView["workload"] {
  const { workloadRef } = spec;
  if (!workloadRef) return null;
  const type = workloadType(workloadRef);
  if (!type) return "unsupported";
  const object = cache.get(type, { namespace: metadata.namespace ?? "", name: workloadRef.name ?? "" });
  if (!object) return "missing";
  const template = (type === podTemplates ? object["template"] : specOf(object)["template"]) as PodTemplate;
  return { object, template };
}

/** The Rollout with the template and selector that it borrows; the stored object never shows them (ARC-680). */
function resolve(rollout: Rollout, workload: RolloutView["workload"]): Rollout {
  if (workload === null || typeof workload === "string") return rollout;
  const { metadata } = rollout.spec.template ?? {};
  if (metadata?.labels || metadata?.annotations) return rollout;
  const borrowed = specOf(workload.object)["selector"] as LabelSelector | undefined;
  const labels = workload.template.metadata?.labels;
  const selector = rollout.spec.selector ?? borrowed ?? (labels ? { matchLabels: labels } : undefined);
  return { ...rollout, spec: { ...rollout.spec, template: workload.template, ...(selector ? { selector } : {}) } };
}

function specOf(object: KubeObject): Record<string, unknown> {
  return (object["spec"] ?? {}) as Record<string, unknown>;
}

export function isWorkload(workload: RolloutView["workload"]): workload is Workload {
  return workload !== null && typeof workload !== "string";
}

function temporaryServices(experiments: readonly Experiment[]): readonly string[] {
  const templates = experiments.flatMap(({ status }) => status?.templateStatuses ?? []);
  return templates.flatMap(({ serviceName }) => serviceName || []);
}

// Services and Istio --------------------------------------------------------------------------------------------------

export function serviceNamesOf({ spec }: Rollout): readonly string[] {
  const { canary, blueGreen } = spec.strategy ?? {};
  const names = [
    canary?.canaryService,
    canary?.stableService,
    canary?.pingPong?.pingService,
    canary?.pingPong?.pongService,
    blueGreen?.activeService,
    blueGreen?.previewService,
  ];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ""))];
}

const SERVICE_NAME = "kubernetes.io/service-name";

function servicesOf(rollout: Rollout, cache: CacheReader): ReadonlyMap<string, ServiceView | null> {
  const namespace = rollout.metadata.namespace ?? "";
  return new Map(
    serviceNamesOf(rollout).map((name) => {
      const service = cache.get(resources.services, { namespace, name });
      const slices = slicesOf({ namespace, name }, cache);
      return [name, service && { service, slices, endpointHashes: endpointHashes(namespace, slices, cache) }];
    }),
  );
}

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly name?: string };
}

function slicesOf({ namespace, name }: ObjectKey, cache: CacheReader): readonly KubeObject[] {
  return cache.selectedBy(resources.endpointSlices, namespace, { matchLabels: { [SERVICE_NAME]: name } });
}

function temporaryService(key: ObjectKey, cache: CacheReader): TemporaryService {
  const slices = slicesOf(key, cache);
  const endpoints = slices.flatMap((slice) => (slice["endpoints"] ?? []) as Endpoint[]);
  const pods = endpoints.flatMap(
    ({ targetRef }) => cache.get(resources.pods, { namespace: key.namespace, name: targetRef?.name ?? "" }) ?? [],
  );
  return { slices, pods };
}

function endpointHashes(namespace: string, slices: readonly KubeObject[], cache: CacheReader): ReadonlySet<string> {
  const endpoints = slices.flatMap((slice) => (slice["endpoints"] ?? []) as Endpoint[]);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return new Set(
    ready.map(({ targetRef }) => {
      const pod = cache.get(resources.pods, { namespace, name: targetRef?.name ?? "" });
      return pod?.metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
    }),
  );
}

/** `name`, `name.namespace`, or a whole host name (ARC-300). */
export function virtualServiceKey(name: string, namespace: string): ObjectKey {
  const short = name.replace(/\.cluster\.local$/, "").replace(/\.svc$/, "");
  const dot = short.lastIndexOf(".");
  return dot < 0 ? { namespace, name: short } : { namespace: short.slice(dot + 1), name: short.slice(0, dot) };
}

/** Index: the keys of the VirtualServices that a Rollout manages. */
export function virtualServiceNames(rollout: Rollout): readonly string[] {
  const namespace = rollout.metadata.namespace ?? "";
  return [
    ...new Set(
      virtualServiceConfigs(rollout).map(({ config }) => formatKey(virtualServiceKey(config.name, namespace))),
    ),
  ];
}

/** Index: the keys of the DestinationRule that a Rollout manages. */
export function destinationRuleNames({ spec, metadata }: Rollout): readonly string[] {
  const rule = spec.strategy?.canary?.trafficRouting?.istio?.destinationRule;
  return rule ? [formatKey({ namespace: metadata.namespace ?? "", name: rule.name })] : [];
}

/** Index: the keys of the Services that a Rollout names. */
export function serviceKeys(rollout: Rollout): readonly string[] {
  const namespace = rollout.metadata.namespace ?? "";
  return serviceNamesOf(rollout).map((name) => formatKey({ namespace, name }));
}

/** Index: `namespace/name` of the Rollout after which a ReplicaSet is named, whoever owns it. */
function nameWithoutHash({ metadata }: ReplicaSet): readonly string[] {
  const end = metadata.name.lastIndexOf("-");
  return end < 0 ? [] : [formatKey({ namespace: metadata.namespace ?? "", name: metadata.name.slice(0, end) })];
}

/** Index: `namespace/prefix` for each part of a name that ends before a dash. */
function dashedPrefixes({ metadata }: KubeObject): readonly string[] {
  const { name, namespace = "" } = metadata;
  return [...name.matchAll(/-/g)].map(({ index }) => formatKey({ namespace, name: name.slice(0, index) }));
}

/** What is named after the Rollout without being its own: a name that we must not take (ARC-651, ARC-657). */
function foreignNames({ metadata }: Rollout, cache: CacheReader, type: ResourceType): ReadonlySet<string> {
  const foreign = cache
    .indexedBy(type, dashedPrefixes, formatKey(keyOf({ metadata })))
    .filter((object) => controllerOf(object)?.uid !== metadata.uid);
  return new Set(foreign.map((object) => object.metadata.name));
}

const ISTIO_PATH = "spec.strategy.canary.trafficRouting.istio";

export function virtualServiceConfigs({ spec }: Rollout): Pick<VirtualServiceView, "config" | "path">[] {
  const istio = spec.strategy?.canary?.trafficRouting?.istio;
  if (!istio) return [];
  if (istio.virtualService) return [{ config: istio.virtualService, path: `${ISTIO_PATH}.virtualService` }];
  return (istio.virtualServices ?? []).map((config) => ({ config, path: `${ISTIO_PATH}.virtualServices` }));
}

function virtualServicesOf(rollout: Rollout, cache: CacheReader): readonly VirtualServiceView[] {
  const namespace = rollout.metadata.namespace ?? "";
  return virtualServiceConfigs(rollout).map(({ config, path }) => ({
    config,
    path,
    object: cache.get<VirtualService>(resources.virtualServices, virtualServiceKey(config.name, namespace)),
  }));
}

function destinationRuleOf({ spec, metadata }: Rollout, cache: CacheReader): DestinationRule | null | undefined {
  const rule = spec.strategy?.canary?.trafficRouting?.istio?.destinationRule;
  if (!rule) return undefined;
  return cache.get<DestinationRule>(resources.destinationRules, {
    namespace: metadata.namespace ?? "",
    name: rule.name,
  });
}

/** Subsets choose among the pods of one Service; a rule for any other host tells nothing of ours. */
function ruleSlicesOf(rollout: Rollout, cache: CacheReader): readonly KubeObject[] | null {
  const rule = destinationRuleOf(rollout, cache);
  const key = rule ? ruledService(rule) : null;
  const service = key && cache.get(resources.services, key);
  const { selector = {} } = (service?.["spec"] ?? {}) as { selector?: Record<string, string> };
  return key === null || Object.keys(selector).length === 0 ? null : slicesOf(key, cache);
}

function ruledService({ spec, metadata }: DestinationRule): ObjectKey | null {
  const host = expandHost(spec?.host ?? "", metadata.namespace ?? "");
  const [name = "", namespace = ""] = host.split(".");
  return host === serviceHost(namespace, name) ? { namespace, name } : null;
}

/** Index: the key of the Service whose subsets a rule makes. */
export function ruledServiceKeys(rule: DestinationRule): readonly string[] {
  const key = ruledService(rule);
  return key === null ? [] : [formatKey(key)];
}

/** ARC-926: two Rollouts that set the weights of one route fight for ever. */
function rivalsOf(rollout: Rollout, cache: CacheReader): readonly string[] {
  const own = new Set(routeNames(rollout));
  if (own.size === 0) return [];
  const names = virtualServiceNames(rollout).flatMap((name) =>
    cache
      .indexedBy<Rollout>(resources.argoRollouts, virtualServiceNames, name)
      .filter((other) => other.metadata.uid !== rollout.metadata.uid && isOlder(other, rollout))
      .filter((other) => routeNames(other).some((route) => own.has(route)))
      .map((other) => formatKey(keyOf(other))),
  );
  return [...new Set(names)].sort();
}

function isOlder(left: Rollout, right: Rollout): boolean {
  const [a, b] = [left.metadata.creationTimestamp ?? "", right.metadata.creationTimestamp ?? ""];
  return a === b ? (left.metadata.uid ?? "") < (right.metadata.uid ?? "") : a < b;
}

function routeNames(rollout: Rollout): string[] {
  return virtualServiceConfigs(rollout).flatMap(({ config }) => {
    const { namespace, name } = virtualServiceKey(config.name, rollout.metadata.namespace ?? "");
    // Which routes these are depends on the Services, and those belong to one Rollout (ARC-725).
    if (!config.routes?.length && takesEveryRoute(rollout)) return [];
    return (config.routes?.length ? config.routes : [""]).map((route) => `${namespace}/${name}/${route}`);
  });
}
